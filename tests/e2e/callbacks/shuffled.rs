//! However a message's callbacks are mixed and repeated, it ends as they say in order. `CALLBACKS=10000` makes it many.

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};
use switchboard::message::{Address, Channel, Message, MessageId, Status};
use switchboard::testing::sample_message;
use tests::fuzz::chance::Chance;

use crate::world::{World, fresh};

/// What Twilio says of one message, in order.
const STORIES: [&[(&str, &str)]; 5] = [
    &[("queued", ""), ("sent", ""), ("delivered", "")],
    &[("queued", ""), ("sending", ""), ("sent", ""), ("delivered", ""), ("read", "")],
    &[("sent", ""), ("undelivered", "30003")],
    &[("queued", ""), ("sent", ""), ("undelivered", "30006")],
    &[("queued", ""), ("failed", "30007")],
];

/// Callbacks in this test, unless the environment says otherwise.
const USUAL: usize = 120;
const AT_A_TIME: usize = 16;

struct Told {
    id: MessageId,
    sid: String,
    story: &'static [(&'static str, &'static str)],
}

#[tokio::test]
async fn shuffled_and_tripled_they_end_as_in_order() {
    let world = World::new();
    let wanted = std::env::var("CALLBACKS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    let (mut pairs, mut callbacks) = (Vec::new(), 0);
    for story in STORIES.into_iter().cycle() {
        pairs.push((made(&world, story).await, made(&world, story).await));
        callbacks += story.len();
        if callbacks >= wanted {
            break;
        }
    }
    // In order: message by message, one after the other.
    let in_order = pairs.iter().map(|(first, _)| async {
        for step in first.story {
            told(&world, first, *step).await;
        }
    });
    stream::iter(in_order).buffer_unordered(AT_A_TIME).collect::<()>().await;
    let mut mixed: Vec<_> =
        pairs.iter().flat_map(|(_, other)| other.story.iter().map(move |step| (other, *step))).collect();
    mixed = [mixed.as_slice(); 3].concat();
    let mut chance = Chance::new(u64::try_from(Timestamp::now().as_second()).unwrap_or(1));
    for place in (1..mixed.len()).rev() {
        mixed.swap(place, chance.below(place + 1));
    }
    let all = mixed.iter().map(|(other, step)| told(&world, other, *step));
    stream::iter(all).buffer_unordered(AT_A_TIME).collect::<()>().await;
    for (first, other) in &pairs {
        let (expected, found) = (ended(&world, first).await, ended(&world, other).await);
        assert_eq!(found, expected, "{:?} of {} and {}", first.story, first.id, other.id);
    }
    eprintln!("{callbacks} callbacks in order, {} shuffled and tripled, {} messages", mixed.len(), 2 * pairs.len());
}

/// A message the provider has, and of which it has said nothing yet.
async fn made(world: &World, story: &'static [(&'static str, &'static str)]) -> Told {
    let (id, sid) = (MessageId::new(), fresh::sid());
    let now = Timestamp::now();
    let message = Message {
        id,
        task: id,
        to: Address::stored(Channel::Sms, fresh::phone()),
        status: Status::Sending,
        provider_id: Some(sid.clone()),
        ..sample_message(now)
    };
    world.store().await.create(&[message]).await.expect("DynamoDB answers");
    Told { id, sid, story }
}

async fn told(world: &World, message: &Told, (status, code): (&str, &str)) {
    let mut form = vec![("MessageSid", message.sid.as_str()), ("MessageStatus", status)];
    if !code.is_empty() {
        form.push(("ErrorCode", code));
    }
    let token = world.stack.secret("twilio_auth_token");
    world.twilio_form(&format!("/twilio/sms-status?message={}", message.id), &form, token, None).await.is(200);
}

/// What is left of the order: how it ended, why, and whether it was opened.
async fn ended(world: &World, message: &Told) -> Value {
    let message = world.message(&message.id.to_string()).await;
    let has = |name: &str| !message[name].is_null();
    json!({
        "status": message["status"], "reason": message["reason"], "code": message["provider_code"],
        "sent": has("sent_at"), "delivered": has("delivered_at"), "ended": has("ended_at"), "opened": has("opened_at"),
    })
}
