//! What was recorded of somebody who wants to be forgotten goes where it is kept, too; and what was recorded in a call that
//! expires.

use serde_json::{Value, json};

use super::walk;
use crate::world::flows::Person;
use crate::world::{Line, World, eventually, fresh, seconds};

/// Somebody is called, leaves a message, and it is known of: the call and the recording's id.
async fn records(world: &World, of: &Person) -> (String, String) {
    let deeds = json!([{"press": "2"}, {"say": fresh::text()}]);
    let (message, _) = walk(world, &of.phone, &deeds, &json!({})).await;
    let id = message["id"].as_str().expect("an id").to_owned();
    let recording = eventually("the recording is told", seconds(20), async || {
        let message = world.message(&id).await;
        message["recordings"][0]["id"].as_str().map(str::to_owned).ok_or_else(|| message.to_string())
    })
    .await;
    (id, recording)
}

#[tokio::test]
async fn recordings_of_whoever_is_erased_are_deleted_at_the_provider() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let (person, other) = (world.person().await, world.person().await);
    let (call, recording) = records(&world, &person).await;
    let (_, others) = records(&world, &other).await;
    let inbound = world.calls_us(&person.phone, &json!([{"say": "agent"}, {"say": fresh::text()}])).await;
    let status = format!("/api/v1/twilio/call-status/{}", inbound["id"].as_str().expect("an id"));
    let second = eventually("the second recording is told", seconds(20), async || {
        let status = world.get(&status).send().await;
        status.json["recordings"][0]["id"].as_str().map(str::to_owned).ok_or(status.text)
    })
    .await;
    assert_eq!(world.recording(&recording).await, 200);

    // The provider's bad hour: what was not deleted is not forgotten.
    let refusing =
        json!({"provider": "twilio", "channel": "voice", "kind": "status", "status": 503, "operation": "read"});
    let refusing = world.fault(refusing).await;
    world.asks_to_erase(person.id).await;
    world.until_walked(person.id, 1).await;
    let kept = world.message(&call).await;
    assert_eq!((&kept["recordings"][0]["id"], &kept["erased_at"]), (&json!(recording), &Value::Null), "{kept}");
    drop(refusing);

    let done = world.until_erased(person.id).await;
    assert!(done["erased"]["messages"].as_u64() >= Some(2), "{done}");
    assert_eq!((world.recording(&recording).await, world.recording(&second).await), (404, 404));
    assert_eq!(world.recording(&others).await, 200, "somebody else's stays");
    let left = world.message(&call).await;
    assert_eq!((&left["recordings"], &left["user_id"]), (&Value::Null, &Value::Null), "{left}");

    // What is told of the call only now is deleted, too.
    let sid = left["provider_id"].as_str().expect("the provider's id");
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{others}");
    let form = [("CallSid", sid), ("RecordingSid", &others), ("RecordingUrl", &url), ("RecordingStatus", "completed")];
    let path = format!("/twilio/recording-complete?message={call}");
    world.twilio_tells(&path, &form).await.is(200);
    eventually("it is deleted", seconds(60), async || {
        world.sweep().await;
        let (there, left) = (world.recording(&others).await, world.message(&call).await);
        if (there, &left["recordings"]) == (404, &Value::Null) { Ok(()) } else { Err(format!("{there} {left}")) }
    })
    .await;
}

#[tokio::test]
async fn recordings_of_a_call_that_expires_are_deleted_at_the_provider() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let (person, other) = (world.person().await, world.person().await);
    let (call, recording) = records(&world, &person).await;
    let (_, others) = records(&world, &other).await;
    // As the table does it when its time has come; and the provider has its bad hour.
    let refusing = json!({"provider": "twilio", "channel": "voice", "kind": "status", "status": 503, "operation": "read", "count": 1});
    let refusing = world.fault(refusing).await;
    world.expires(&call).await;
    refusing.used_up(&world).await;
    eventually("it is deleted", seconds(60), async || match world.recording(&recording).await {
        404 => Ok(()),
        status => Err(status.to_string()),
    })
    .await;
    assert_eq!(world.recording(&others).await, 200, "another call's stays");
}
