//! Callbacks come again, in any order, and before anyone knows what they are about.

use serde_json::json;

use super::{SILENT, sent_sms, steps};
use crate::world::flows::{count, trail};
use crate::world::{Line, World, aws, eventually, fresh, seconds};

#[tokio::test]
async fn a_replayed_callback_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let id = world.sms(&to, &fresh::text()).await;
    world.until(&id, "delivered").await;
    let callbacks = eventually("every callback is answered", seconds(20), async || {
        let callbacks = world.called_back(&id).await;
        if callbacks.len() >= 3 { Ok(callbacks) } else { Err(format!("{callbacks:?}")) }
    })
    .await;
    let before = world.message(&id).await;
    for callback in callbacks.iter().chain(callbacks.iter().rev()) {
        let path =
            callback["url"].as_str().and_then(|url| url.strip_prefix(&world.stack.api_url)).expect("our address");
        let mut call = world.call("POST", path).no_token().body(callback["body"].as_str().expect("a body"));
        for (name, value) in callback["headers"].as_object().expect("headers") {
            call = call.header(name, value.as_str().expect("text"));
        }
        call.send().await.is(200);
    }
    let after = world.message(&id).await;
    assert_eq!(steps(&after), steps(&before));
    assert_eq!(after, before);
}

#[tokio::test]
async fn callbacks_in_the_wrong_order_end_with_the_message_delivered() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    // The provider's own say nothing: each comes when the one before was answered.
    let silence = world.fault(json!({"provider": "twilio", "channel": "whatsapp", "kind": "drop_callback"})).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    let sent = world.until(&id, "sent").await;
    let sid = sent["provider_id"].as_str().expect("an id");
    for status in ["delivered", "sent", "sending", "queued"] {
        world.twilio_says(&format!("/twilio/whatsapp-status?message={id}"), sid, status).await.is(200);
        assert_eq!(world.message(&id).await["status"], "delivered", "after {status}");
    }
    drop(silence);
    let message = world.message(&id).await;
    assert_eq!(message["status"], "delivered", "{message}");
    assert_eq!(world.status(&id).await["status"], "SUCCESS");
    world.the_one(&to, "whatsapp").await;
}

#[tokio::test]
async fn callbacks_that_come_twice_count_once() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let twice = world.fault(json!({"provider": "twilio", "channel": "whatsapp", "kind": "duplicate_callback"})).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    world.until(&id, "delivered").await;
    eventually("all of them come", seconds(20), async || match world.called_back(&id).await.len() {
        6 => Ok(()),
        others => Err(format!("{others} came")),
    })
    .await;
    drop(twice);
    let message = world.message(&id).await;
    // One that says `delivered` may overtake what says `sent`.
    let mut trail = trail(&message);
    trail.retain(|step| *step != "sent");
    assert_eq!(trail, ["accepted", "sending", "delivered"], "{message}");
    assert!(count(&message, "sent") <= 1, "{message}");
}

#[tokio::test]
async fn a_callback_that_comes_before_its_message_is_known_waits_for_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let id = world.sms(&fresh::magic_phone(SILENT), &fresh::text()).await;
    world.until(&id, "sent").await;
    // It carries the provider's id only, and no message has that id yet.
    let sid = fresh::sid();
    world.twilio_says("/api/communication/webhooks/twilio", &sid, "delivered").await.is(200);
    // Now one gets it: as when the worker records the provider's answer after the callback.
    world.rewrite(&id, "SET provider_id = :p", &[(":p", aws::text(&sid))]).await;
    // A report that still finds nothing at its second look comes back after minutes.
    world.until_within(seconds(90), &id, "delivered").await;
}

#[tokio::test]
async fn a_callback_of_a_message_that_is_not_ours_breaks_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    world.twilio_says("/api/communication/webhooks/twilio", &fresh::sid(), "delivered").await.is(200);
    // One that names a message that does not exist is no better.
    let nobody = format!("/twilio/sms-status?message={}", uuid::Uuid::now_v7());
    world.twilio_says(&nobody, &fresh::sid(), "delivered").await.is(200);
    eventually("they wait for their messages", seconds(20), async || match world.depth("callbacks").await {
        few @ 0..2 => Err(format!("{few}")),
        _ => Ok(()),
    })
    .await;
    let (id, sid) = sent_sms(&world).await;
    world.twilio_says(&format!("/twilio/sms-status?message={id}"), &sid, "delivered").await.is(200);
    world.until(&id, "delivered").await;
}
