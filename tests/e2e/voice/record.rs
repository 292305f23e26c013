//! What stays of a call: how far it is, what it cost, what was recorded.

use serde_json::{Value, json};

use super::{person, walk};
use crate::world::flows::count;
use crate::world::{Line, World, aws, eventually, fresh, seconds};

#[tokio::test]
async fn what_was_recorded_is_on_the_call_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let deeds = json!([{"press": "2"}, {"say": fresh::text()}]);
    let (message, _) = walk(&world, &person(), &deeds, &json!({})).await;
    let id = message["id"].as_str().unwrap();
    // The action and the status callback both told of it.
    let told = eventually("both tell", seconds(10), async || {
        let told = world.called_back("RecordingSid").await;
        let of_it: Vec<Value> =
            told.into_iter().filter(|told| told["url"].as_str().unwrap_or_default().contains(id)).collect();
        if of_it.len() == 2 { Ok(of_it) } else { Err(format!("{of_it:?}")) }
    })
    .await;
    assert!(told.iter().all(|told| told["status"] == 200), "{told:#?}");
    let message = world.message(id).await;
    let recordings = message["recordings"].as_array().expect("recordings");
    assert_eq!((recordings.len(), count(&message, "recorded")), (1, 1), "{message}");
    assert_eq!((&recordings[0]["seconds"], recordings[0]["id"].as_str().unwrap().len()), (&json!(2), 34), "{message}");
    let status = world.get(&format!("/api/v1/twilio/call-status/{id}")).send().await.ok();
    assert_eq!((&status["recordings"], &status["progress"]), (&message["recordings"], &json!("completed")), "{status}");
}

/// A call of which nothing is told but by the test.
async fn silent(world: &World) -> (String, String) {
    let body = json!({"to": person(), "message": fresh::text()});
    let answer = world.post("/api/v1/twilio/initiate-call", &body).send().await.ok();
    let id = answer["message_id"].as_str().unwrap().to_owned();
    let message = world.until(&id, "sent").await;
    (id, message["provider_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn progress_goes_by_sequence_number_and_the_end_has_its_cost() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let _workers = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.delivered"]).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let (id, sid) = silent(&world).await;
    let minute = world.message(&id).await["cost"].as_f64().unwrap();
    let path = format!("/twilio/call-status?message={id}");
    let progress = async |status: &str, sequence: &str| {
        world
            .twilio_tells(&path, &[("CallSid", &sid), ("CallStatus", status), ("SequenceNumber", sequence)])
            .await
            .is(200);
        world.message(&id).await["call"]["progress"].clone()
    };
    assert_eq!(progress("initiated", "0").await, "initiated");
    assert_eq!(progress("in-progress", "2").await, "in-progress");
    assert_eq!(progress("ringing", "1").await, "in-progress", "what was told before comes later");
    assert_eq!(progress("in-progress", "2").await, "in-progress");
    assert_eq!(world.message(&id).await["status"], "sent");
    let end =
        [("CallSid", sid.as_str()), ("CallStatus", "completed"), ("CallDuration", "125"), ("SequenceNumber", "3")];
    for _ in 0..2 {
        world.twilio_tells(&path, &end).await.is(200);
    }
    assert_eq!(progress("in-progress", "2").await, "completed");
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["call"]["seconds"]), (&json!("delivered"), &json!(125)), "{message}");
    let three = eventually("three minutes are charged", seconds(30), async || {
        let cost = world.message(&id).await["cost"].as_f64().unwrap();
        if cost > minute { Ok(cost) } else { Err(cost.to_string()) }
    })
    .await;
    assert!((three - 3.0 * minute).abs() < 1e-9 && minute > 0.0, "{three} of {minute} a minute");
    let told = hook.listener.until(1, &id).await;
    assert_eq!((told.len(), &told[0].json["data"]["cost"]), (1, &json!(three)), "it is told once that is known");
    drop(silence);
}

#[tokio::test]
async fn a_recording_told_before_its_call_is_known_waits_for_it_and_others_have_their_place() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let (id, _) = silent(&world).await;
    let sid = format!("CA{}", fresh::word());
    for (number, seconds) in [(1, "7"), (2, "9"), (1, "7")] {
        let recording = format!("RE{number:032}");
        let url = format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{recording}");
        let form = [
            ("CallSid", sid.as_str()),
            ("RecordingSid", &recording),
            ("RecordingUrl", &url),
            ("RecordingDuration", seconds),
            ("RecordingStatus", "completed"),
        ];
        world.twilio_tells("/twilio/recording-complete", &form).await.is(200);
    }
    world.rewrite(&id, "SET provider_id = :p", &[(":p", aws::text(&sid))]).await;
    let seconds = eventually("both are there", seconds(90), async || {
        let message = world.message(&id).await;
        let mut seconds: Vec<i64> =
            message["recordings"].as_array().into_iter().flatten().filter_map(|one| one["seconds"].as_i64()).collect();
        seconds.sort_unstable();
        if seconds.len() == 2 { Ok(seconds) } else { Err(message.to_string()) }
    })
    .await;
    assert_eq!(seconds, [7, 9]);
    drop(silence);
}
