//! What happens between a worker's look and its write: the store refuses what was true only before.

use jiff::Timestamp;
use serde_json::json;
use switchboard::clock::plus_seconds;
use switchboard::event::delivery::Dropped;
use switchboard::event::{Delivery, DeliveryState};
use switchboard::store::Events;
use switchboard::store::events::{Held, Tables};

use super::listener::Reply;
use super::{Hook, WEBHOOKS, known_everywhere};
use crate::world::{Line, World};

#[tokio::test]
async fn nothing_of_before_ends_or_delays_what_is_replayed_and_one_record_of_two_puts_it_off() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let (hook, id) = failed_and_disabled(&world).await;
    let store = world.events().await;
    let read = async || store.delivery(parsed(&hook.id), parsed(&id)).await.expect("a store").expect("a delivery");
    let now = Timestamp::now();
    let later = plus_seconds(now, 60);
    let seen: Delivery = read().await;
    store.replay(seen.subscriber, seen.id, now).await.expect("a store").expect("it begins anew");
    assert!(!store.dropped(&seen, Dropped::WebhookDisabled).await.expect("a store"), "as it was seen it is no more");
    assert!(store.claim(&seen, now).await.expect("a store").is_none(), "its schedule would be the one of before");
    assert!(!store.waits(&seen, now, later, later).await.expect("a store"));
    let anew = read().await;
    assert_eq!((anew.state, anew.tries, anew.not_before), (DeliveryState::Pending, 0, None), "{anew:?}");
    // The same again: the count of tries was 0 already.
    store.replay(anew.subscriber, anew.id, plus_seconds(now, 1)).await.expect("a store").expect("it begins anew");
    assert!(!store.dropped(&anew, Dropped::WebhookDisabled).await.expect("a store"));
    let anew = read().await;
    assert!(store.waits(&anew, now, later, later).await.expect("a store"));
    assert!(!store.waits(&anew, now, later, later).await.expect("a store"), "another record of it comes to nothing");
    let waits = read().await;
    assert_eq!((waits.attempts, waits.tries), (anew.attempts, 0), "it counts as no try");
}

#[tokio::test]
async fn of_all_workers_one_tries_a_subscriber_that_is_held() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let (hook, _) = failed_and_disabled(&world).await;
    let store = world.events().await;
    let now = Timestamp::now();
    let (id, until) = (parsed(&hook.id), plus_seconds(now, 60));
    let hold = async |now: Timestamp| store.hold(id, now, plus_seconds(now, 60)).await.expect("a store");
    assert_eq!(hold(now).await, Held::Mine);
    let Held::Until(told) = hold(plus_seconds(now, 59)).await else { panic!("it is held") };
    assert_eq!(told.as_millisecond(), until.as_millisecond());
    assert_eq!(hold(plus_seconds(now, 61)).await, Held::Mine, "the next minute's");
    store.took(id, now).await.expect("a store");
    assert_eq!(hold(plus_seconds(now, 200)).await, Held::ByNobody, "it takes things again");
}

/// A subscriber that failed, which no worker touches any more, and its delivery, which waits.
async fn failed_and_disabled(world: &World) -> (Hook, String) {
    let hook = world.hook(&["message.expired"]).await;
    hook.listener.otherwise(Some(Reply::Status(500)));
    let id = world.test_hook(&hook).await;
    world.delivery_until(&hook, &id, |one| one["attempts"] == 2 && one["response_code"] == 500).await;
    let off = json!({"url": hook.listener.url, "events": ["message.expired"], "state": "disabled"});
    world.put(&format!("{WEBHOOKS}/{}", hook.id), &off).send().await.ok();
    known_everywhere().await;
    (hook, id)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(id: &str) -> T {
    id.parse().expect("an id")
}

impl World {
    /// The subscribers and deliveries as the functions have them.
    async fn events(&self) -> Events {
        let table = |name: &str| self.stack.tables[name].clone();
        let tables = Tables {
            catalog: table("catalog"),
            deliveries: table("deliveries"),
            ledger: table("ledger"),
            people: table("people"),
        };
        let keys = self.keys().await.ledger().expect("keys");
        Events::new(self.dynamodb(), tables, keys, self.seal().await)
    }
}
