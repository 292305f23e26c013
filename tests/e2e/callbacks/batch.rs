//! The largest batch that SendGrid posts (768 kB) is acknowledged in time, and all of it counts once.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds, signing};

const MESSAGES: usize = 60;
/// Of each message; its trail has room for them.
const EVENTS: usize = 25;
/// SendGrid posts "up to 768 kB, or 1,000 events" (Event Webhook reference, "Batching"); 1,500 small ones are more than it does.
const BYTES: usize = 768_000;

#[tokio::test]
async fn sendgrid_batch_of_768_kb_is_applied_in_time_and_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let from = "hello@mailbox.example";
    let text = "A paragraph of a newsletter. ".repeat(400);
    let sent: Vec<String> = stream::iter(0..MESSAGES)
        .map(async |_| {
            let body = json!({"to": "silent@simulator.example", "from": from, "subject": fresh::text(), "text": text});
            let id = world.direct("send-email", &body).await;
            world.until(&id, "sent").await;
            id
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let now = Timestamp::now().as_second();
    let word = fresh::word();
    let events: Vec<Value> = (0..MESSAGES * EVENTS)
        .map(|number| {
            json!({
                "event": "deferred", "message_id": sent[number % MESSAGES], "sg_event_id": format!("{word}-{number}"),
                "timestamp": now, "email": "silent@simulator.example", "response": "4".repeat(BYTES / (MESSAGES * EVENTS) - 210),
            })
        })
        .collect();
    let body = format!("{}\r\n", Value::Array(events));
    assert!((BYTES * 9 / 10..=BYTES).contains(&body.len()), "{} bytes", body.len());
    for round in ["new", "repeated"] {
        let begun = Instant::now();
        world.sendgrid_events(now, &signing::sendgrid(now, &body), &body).await.is(200);
        let took = begun.elapsed();
        eprintln!("{round}: {} events, {} bytes, {took:?}", MESSAGES * EVENTS, body.len());
        // The API's own limit. What a batch takes here says how busy the emulator is; the function parks the rest after 4 s.
        assert!(took < Duration::from_secs(29), "{took:?}");
        for id in &sent {
            eventually("all of it is noted", seconds(60), async || {
                let message = world.message(id).await;
                let noted = message["trail"].as_array().expect("a trail").iter();
                let noted = noted.filter(|step| step["event"] == "deferred").count();
                if noted == EVENTS { Ok(()) } else { Err(noted.to_string()) }
            })
            .await;
        }
    }
}
