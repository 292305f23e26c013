//! What a call costs in the end, where it ends otherwise than in a talk: nobody answers, or whoever was called is erased meanwhile.

use serde_json::{Value, json};

use crate::spending::{caller, set};
use crate::world::{Line, World, eventually, fresh, seconds};

/// A caller of its own with a budget to be counted against: its token, and where the budget is.
pub(crate) async fn with_budget(world: &World) -> (String, String) {
    let (subject, token) = caller();
    set(world, &token, &subject, json!({"daily": 5})).await;
    (token, format!("/api/v2/communications/budgets/{subject}"))
}

async fn spent(world: &World, (token, path): &(String, String)) -> f64 {
    world.get(path).token(token).send().await.ok()["daily"]["spent"].as_f64().expect("a sum")
}

pub(crate) async fn until_spent(world: &World, budget: &(String, String), expected: f64) {
    eventually("it is counted so", seconds(60), async || {
        let spent = spent(world, budget).await;
        if (spent - expected).abs() < 1e-9 { Ok(()) } else { Err(format!("{spent} instead of {expected}")) }
    })
    .await;
}

/// A call to a number, of which nothing is told but by the test: its id, the provider's, and what a minute costs.
async fn silent(world: &World, budget: &(String, String), to: &str) -> (String, String, f64) {
    let call = json!({"to": to, "message": fresh::text()});
    let answer = world.post("/api/v1/twilio/initiate-call", &call).token(&budget.0).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    let message = world.until(&id, "sent").await;
    let sid = message["provider_id"].as_str().expect("an id").to_owned();
    (id, sid, message["cost"].as_f64().expect("a cost"))
}

#[tokio::test]
async fn a_call_that_nobody_took_costs_nothing_and_its_budget_has_it_back_once() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let hook = world.hook(&["message.undelivered"]).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let budget = with_budget(&world).await;
    let (id, sid, minute) = silent(&world, &budget, &fresh::phone()).await;
    let (_, _, _) = silent(&world, &budget, &fresh::phone()).await;
    until_spent(&world, &budget, 2.0 * minute).await;
    let end = [("CallSid", sid.as_str()), ("CallStatus", "busy"), ("CallDuration", "0"), ("SequenceNumber", "3")];
    for _ in 0..3 {
        world.twilio_tells(&format!("/twilio/call-status?message={id}"), &end).await.is(200);
    }
    until_spent(&world, &budget, minute).await;
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["cost"]), (&json!("undelivered"), &json!(0.0)), "{message}");
    let told = hook.listener.until(1, &id).await;
    assert_eq!((told.len(), &told[0].json["data"]["cost"]), (1, &json!(0.0)), "{:?}", told[0].json);
    // Whoever comes again gives nothing back again, and nothing waits any more.
    eventually("nothing is due", seconds(30), async || {
        let row = world.row(&id).await;
        if row.contains_key("due_at") || row.contains_key("refund") { Err(format!("{row:?}")) } else { Ok(()) }
    })
    .await;
    world.enqueue("standard", &id).await;
    world.sweep().await;
    until_spent(&world, &budget, minute).await;
    drop(silence);
}

#[tokio::test]
async fn a_text_that_its_provider_refused_costs_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let budget = with_budget(&world).await;
    // A number that Twilio knows to be none.
    let body = json!({"to": fresh::magic_phone("01"), "body": fresh::text()});
    let answer = world.post("/api/v1/twilio/send-sms", &body).token(&budget.0).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    let message = world.until(&id, "failed").await;
    assert_eq!(message["cost"], json!(0.0), "{message}");
    until_spent(&world, &budget, 0.0).await;
}

#[tokio::test]
async fn what_is_recorded_of_somebody_who_was_erased_is_deleted_though_their_call_ends_meanwhile_and_that_is_charged() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let hook = world.hook(&["message.delivered"]).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let budget = with_budget(&world).await;
    let person = world.person().await;
    let (id, sid, minute) = silent(&world, &budget, &person.phone).await;
    world.asks_to_erase(person.id).await;
    world.until_erased(person.id).await;
    assert!(world.row(&id).await.contains_key("erased_at"));

    // The provider does not delete anything just now.
    let refusing =
        json!({"provider": "twilio", "channel": "voice", "kind": "status", "status": 503, "operation": "read"});
    let refusing = world.fault(refusing).await;
    let recording = format!("RE{}", &fresh::sid()[2..]);
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{recording}");
    let recorded =
        [("CallSid", &*sid), ("RecordingSid", &recording), ("RecordingUrl", &url), ("RecordingStatus", "completed")];
    world.twilio_tells(&format!("/twilio/recording-complete?message={id}"), &recorded).await.is(200);
    let end = [("CallSid", &*sid), ("CallStatus", "completed"), ("CallDuration", "200"), ("SequenceNumber", "3")];
    world.twilio_tells(&format!("/twilio/call-status?message={id}"), &end).await.is(200);
    let row = world.row(&id).await;
    assert!(row.contains_key("recordings") && row.contains_key("due_at"), "it is still to be deleted: {row:?}");
    drop(refusing);
    let gone = async || {
        let message: Value = world.message(&id).await;
        let cost = message["cost"].as_f64().expect("a cost");
        let done = message["recordings"].is_null() && (cost - 4.0 * minute).abs() < 1e-9;
        if done { Ok(()) } else { Err(message.to_string()) }
    };
    eventually("it is deleted, and the call is charged", seconds(90), async || {
        world.age(&id, 600).await;
        world.sweep().await;
        gone().await
    })
    .await;
    until_spent(&world, &budget, 4.0 * minute).await;
    eventually("nothing is due", seconds(30), async || {
        let row = world.row(&id).await;
        if row.contains_key("due_at") { Err(format!("{row:?}")) } else { Ok(()) }
    })
    .await;
    let told_of = hook.listener.until(1, &id).await;
    let cost = told_of[0].json["data"]["cost"].as_f64().expect("a cost");
    assert!(told_of.len() == 1 && (cost - 4.0 * minute).abs() < 1e-9, "{:?}", told_of[0].json);

    // What is told late of it goes at once, with nobody to sweep, and it is charged no second time.
    let late = format!("RE{}", &fresh::sid()[2..]);
    let recorded =
        [("CallSid", &*sid), ("RecordingSid", &late), ("RecordingUrl", &url), ("RecordingStatus", "completed")];
    world.twilio_tells(&format!("/twilio/recording-complete?message={id}"), &recorded).await.is(200);
    eventually("it is deleted too", seconds(30), gone).await;
    until_spent(&world, &budget, 4.0 * minute).await;
    drop(silence);
}
