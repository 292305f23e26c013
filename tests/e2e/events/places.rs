//! One subscriber takes calls and never answers, or answers slowly. The others go on, and what is for it waits.

use serde_json::json;

use super::listener::Reply;
use super::retries::enable;
use super::{Hook, WEBHOOKS, known_everywhere};
use crate::world::{Line, World, eventually, fresh, seconds};

const EVENTS: [&str; 2] = ["message.sent", "message.delivered"];
const MESSAGES: usize = 40;

impl World {
    /// Sends messages, and waits until a subscriber was told of all that came of them.
    async fn messages_told_to(&self, well: &Hook) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..MESSAGES {
            ids.push(self.sms(&fresh::phone(), &fresh::text()).await);
        }
        for id in &ids {
            for kind in EVENTS {
                self.delivery_of(well, id, kind).await;
            }
        }
        ids
    }
}

#[tokio::test]
async fn a_subscriber_that_hangs_keeps_no_other_waiting_and_is_spared_until_it_is_well() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _workers = world.own(&[Line::Events]).await;
    let hangs = world.hook(&EVENTS).await;
    let well = world.hook(&EVENTS).await;
    hangs.listener.otherwise(Some(Reply::Hang));
    let ids = world.messages_told_to(&well).await;
    // Whatever there is for the one that hangs: it was called for a part of it only, and the rest is not lost.
    let called = |id: &String| hangs.listener.received(id).len();
    let tries: usize = ids.iter().map(called).sum();
    assert!(tries < MESSAGES, "{tries} tries of {} events", 2 * MESSAGES);
    let spared = eventually("an event waits without a try", seconds(60), async || {
        let path = format!("{WEBHOOKS}/{}/deliveries?limit=100", hangs.id);
        let listed = world.get(&path).send().await.ok();
        let all = listed["deliveries"].as_array().expect("a list");
        let found = all.iter().find(|one| one["attempts"] == 0 && one["next_attempt_at"].is_string());
        found.cloned().ok_or_else(|| listed.to_string())
    })
    .await;
    assert_eq!((&spared["status"], &spared["tried"]), (&json!("pending"), &json!([])), "{spared}");
    // It is well again, and its owner says so: what waited comes, as its first try.
    hangs.listener.otherwise(None);
    enable(&world, &hangs, &EVENTS).await;
    known_everywhere().await;
    let id = spared["id"].as_str().expect("an id");
    world.make_due(&hangs, id).await;
    let done = world.delivery_until(&hangs, id, |one| one["status"] == "delivered").await;
    assert_eq!(done["attempts"], 1, "{done}");
    for id in &ids {
        assert!(well.listener.received(id).iter().all(|one| one.is_signed_with(&well.secret)));
    }
}

#[tokio::test]
async fn slow_subscriber_is_told_apart_and_keeps_no_other_waiting() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _workers = world.own(&[Line::Events]).await;
    let slow = world.hook(&EVENTS).await;
    let well = world.hook(&EVENTS).await;
    slow.listener.otherwise(Some(Reply::Slow));
    let ids = world.messages_told_to(&well).await;
    let told: usize = ids.iter().map(|id| slow.listener.received(id).len()).sum();
    assert!(
        told < 2 * MESSAGES,
        "the one that is well was told all of them while the other still has some to come: {told}"
    );
    let row = world.catalog_row(("webhooks", &slow.id)).await;
    assert!(row.contains_key("apart_until"), "{row:?}");
    assert!(!world.catalog_row(("webhooks", &well.id)).await.contains_key("apart_until"));
    // Nothing of its own is lost, and it is called once for each.
    slow.listener.otherwise(None);
    for id in &ids[..5] {
        for kind in EVENTS {
            let delivery = world.delivery_of(&slow, id, kind).await;
            assert_eq!(slow.listener.received(&delivery).len(), 1, "{delivery}");
        }
    }
}
