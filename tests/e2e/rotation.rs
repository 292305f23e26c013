//! Secrets are rotated while callbacks signed with the old one are on their way.

use serde_json::json;

use crate::world::rotation::Previous;
use crate::world::{Line, World, eventually, fresh, seconds};

/// The provider keeps to itself what became of messages to this number: they stay `sent` until somebody says more.
const SILENT: &str = "40";

#[tokio::test]
async fn callbacks_signed_with_the_token_of_before_the_rotation_are_accepted() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let old_token = fresh::word();
    let old = json!({"twilio": {"auth_tokens": [old_token]}});
    let id = world.sms(&fresh::magic_phone(SILENT), &fresh::text()).await;
    let sid = world.until(&id, "sent").await["provider_id"].as_str().expect("an id").to_owned();
    let path = format!("/twilio/sms-status?message={id}");
    let form = [("MessageSid", sid.as_str()), ("MessageStatus", "delivered")];
    world.twilio_form(&path, &form, &old_token, None).await.is(403);

    let rotation = Previous::set(&world, "webhook_keys", &old).await;
    // A signature that does not match makes the function read its keys anew, at most every ten seconds.
    eventually("the old token's signature is accepted", seconds(20), async || {
        let answer = world.twilio_form(&path, &form, &old_token, None).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    world.until(&id, "delivered").await;
    // The present token goes on working, and no other does.
    world.twilio_says(&path, &sid, "delivered").await.is(200);
    world.twilio_form(&path, &form, &fresh::word(), None).await.is(403);
    rotation.undo(&world).await;
}
