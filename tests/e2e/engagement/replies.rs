//! Texts that answer a message of ours are counted on it.

use jiff::Timestamp;
use serde_json::json;
use switchboard::message::MessageId;
use switchboard::provider::ProviderName;

use super::counts;
use crate::inbound::{brought, sms, written};
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn what_somebody_writes_back_is_counted_on_the_last_message_they_got() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let phone = fresh::phone();
    let first = world.sms(&phone, &fresh::text()).await;
    world.until(&first, "delivered").await;
    let last = world.sms(&phone, &fresh::text()).await;
    world.until(&last, "delivered").await;

    let mut thanks = sms(&phone, &fresh::text());
    thanks["id"] = json!(fresh::sid());
    let answer = written(&world, &thanks).await;
    // Brought again, and once more by somebody else.
    brought(&world, &thanks).await;
    written(&world, &sms(&fresh::phone(), &fresh::text())).await;
    let message = world.message(&last).await;
    assert_eq!(counts(&message), json!([0, 0, 0, 0, 1]), "{message}");
    assert_eq!(message["engagement"]["replied_at"], answer["created_at"], "{message}");
    assert_eq!(counts(&world.message(&first).await), json!([0, 0, 0, 0, 0]));

    written(&world, &sms(&phone, &fresh::text())).await;
    // It is about all texts, not about this one.
    written(&world, &sms(&phone, "STOP")).await;
    assert_eq!(counts(&world.message(&last).await), json!([0, 0, 0, 0, 2]));
}

#[tokio::test]
async fn the_first_answer_is_the_earliest_in_whatever_order_they_come() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let id = world.sms(&fresh::phone(), &fresh::text()).await;
    world.until(&id, "delivered").await;
    let (store, message) = (world.store().await, id.parse().expect("an id"));
    let (late, early) = (Timestamp::now(), Timestamp::from_second(1_700_000_000).expect("a time"));
    for (sid, at, counts) in [("SM1", late, true), ("SM2", early, true), ("SM1", late, false)] {
        let counted = store.count_reply(message, ProviderName::Twilio, sid, at).await.expect("the table answers");
        assert_eq!(counted, counts, "{sid}");
    }
    let message = world.message(&id).await;
    assert_eq!(counts(&message), json!([0, 0, 0, 0, 2]), "{message}");
    assert_eq!(message["engagement"]["replied_at"], early.to_string());
    assert!(!store.count_reply(MessageId::new(), ProviderName::Twilio, "SM1", late).await.expect("an answer"));
}
