//! What people do with a message once they have it.

mod actions;
mod mail;
mod short_links;

use jiff::Timestamp;
use serde_json::{Value, json};
use switchboard::provider::ProviderName;

use crate::world::{World, fresh};

/// The counts of a message: openings by people and by programs, clicks, previews, replies.
fn counts(message: &Value) -> Value {
    let engagement = &message["engagement"];
    json!(["opens", "machine_opens", "clicks", "previews", "replies"].map(|name| engagement[name].clone()))
}

#[tokio::test]
async fn a_text_that_answers_a_message_is_counted_once() {
    let world = World::new();
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
    assert!(
        !store
            .count_reply(switchboard::message::MessageId::new(), ProviderName::Twilio, "SM1", late)
            .await
            .expect("an answer")
    );
}
