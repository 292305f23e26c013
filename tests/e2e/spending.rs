//! What may be spent, and how fast a sender may be used: both make messages wait, and neither loses one.

use serde_json::{Value, json};

use crate::world::flows::trail;
use crate::world::{Line, World, eventually, fresh, seconds, tokens};

/// A caller of its own, with all the scopes a test needs and no rate limit to speak of.
pub(crate) fn caller() -> (String, String) {
    let subject = format!("budget-{}", fresh::word());
    let scopes = "communication:send communication:read analytics:read settings:manage";
    let mut claims = tokens::claims(&subject, scopes);
    claims["limits"] = json!({"general": 10_000, "send": 10_000});
    (subject, tokens::signed(&claims))
}

pub(crate) async fn set(world: &World, token: &str, scope: &str, budget: Value) -> Value {
    let path = format!("/api/v2/communications/budgets/{scope}");
    world.put(&path, &budget).token(token).send().await.ok()
}

#[tokio::test]
async fn what_is_not_urgent_waits_when_a_budget_is_used_up_and_goes_when_it_is_raised() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (scope, token) = caller();
    let person = world.person().await;
    // One US text costs 0.0083: the first is within the budget, and takes it past its mark.
    let view = set(&world, &token, &scope, json!({"daily": 0.0083})).await;
    assert_eq!((&view["daily"]["state"], &view["monthly"]["state"]), (&json!("within"), &json!("unlimited")), "{view}");
    let send = async |trigger: &str| {
        let body = json!({"user_id": person.id, "trigger_type": trigger, "data": {}, "channel": "sms"});
        let answer = world.post("/api/communication/send", &body).token(&token).send().await.ok();
        answer["task_id"].as_str().expect("a task").to_owned()
    };
    let first = send("payment_confirmation").await;
    world.until(&first, "delivered").await;
    let path = format!("/api/v2/communications/budgets/{scope}");
    let view = world.get(&path).token(&token).send().await.ok();
    assert_eq!((&view["daily"]["spent"], &view["daily"]["state"]), (&json!(0.0083), &json!("exhausted")), "{view}");
    eventually("deliver knows that it is used up", seconds(60), async || {
        let next = send("payment_confirmation").await;
        let message = eventually("it is held or sent", seconds(40), async || {
            let message = world.message(&next).await;
            let settled = ["held", "delivered"].iter().any(|status| message["status"] == *status);
            if settled { Ok(message) } else { Err(message.to_string()) }
        })
        .await;
        if message["status"] != "held" {
            return Err(message.to_string());
        }
        assert_eq!(message["decision"]["reason"], "budget_exhausted", "{message}");
        assert!(message["not_before"].is_string(), "{message}");
        Ok(())
    })
    .await;
    // What is urgent goes whatever it costs.
    let urgent = send("financial_alert").await;
    world.until(&urgent, "delivered").await;
    let answer = set(&world, &token, &scope, json!({"daily": null, "monthly": 100})).await;
    assert_eq!(answer["daily"]["state"], "unlimited", "{answer}");
}

#[tokio::test]
async fn a_budget_is_set_by_administrators_in_amounts_that_make_sense() {
    let world = World::new();
    let path = format!("/api/v2/communications/budgets/{}", fresh::word());
    for (field, budget) in
        [("daily", json!({"daily": -1})), ("monthly", json!({"monthly": 1e12})), ("daily", json!({"daily": "much"}))]
    {
        world.put(&path, &budget).send().await.refused(400, &format!("Invalid value for field: {field}"));
    }
    world.put(&path, &json!({"daily": 1})).token(&tokens::sender("someone")).send().await.is(403);
    world.get(&path).token(&tokens::sender("someone")).send().await.is(403);
    let view = world.get(&path).send().await.ok();
    assert_eq!((&view["daily"]["limit"], &view["daily"]["state"]), (&Value::Null, &json!("unlimited")), "{view}");
}

#[tokio::test]
async fn a_sender_is_used_no_faster_than_its_pace_and_waiting_uses_up_no_attempt() {
    let world = World::new();
    let _lines = world.own(&[Line::Sendgrid, Line::Resend]).await;
    let person = world.person().await;
    // However slow the machine is, they come faster than Resend's line moves.
    world.stand_still("pace#resend#email##standard", 90).await;
    let one = json!({"user_id": person.id, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    let batch = json!({"communications": vec![one; 60]});
    let answer = world.post("/api/communication/batch", &batch).send().await.ok();
    let results = answer["results"].as_array().expect("results");
    let (mut waited, mut by_resend) = (0, 0);
    for result in results {
        let message = world.until_within(seconds(90), result["task_id"].as_str().expect("a task"), "delivered").await;
        assert_eq!(message["attempts"], 1, "{message}");
        waited += usize::from(trail(&message).contains(&"held"));
        by_resend += usize::from(message["provider"] == "resend");
    }
    assert!(waited > 0, "{by_resend} went through Resend, which takes 5 a second, and none waited");
}

#[tokio::test]
async fn a_long_call_is_charged_to_its_budget_by_the_minute() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let (scope, token) = caller();
    set(&world, &token, &scope, json!({"daily": 5})).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let call = json!({"to": fresh::phone(), "message": fresh::text()});
    let answer = world.post("/api/v1/twilio/initiate-call", &call).token(&token).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    let message = world.until(&id, "sent").await;
    let minute = message["cost"].as_f64().expect("a cost");
    let path = format!("/api/v2/communications/budgets/{scope}");
    let spent = async || world.get(&path).token(&token).send().await.ok()["daily"]["spent"].as_f64().expect("a sum");
    assert!((spent().await - minute).abs() < 1e-9, "the first minute is counted when it begins");
    let sid = message["provider_id"].as_str().expect("an id");
    let end = [("CallSid", sid), ("CallStatus", "completed"), ("CallDuration", "200"), ("SequenceNumber", "3")];
    let webhook = format!("/twilio/call-status?message={id}");
    for _ in 0..3 {
        world.twilio_tells(&webhook, &end).await.is(200);
    }
    eventually("four minutes are counted", seconds(30), async || {
        let spent = spent().await;
        if (spent - 4.0 * minute).abs() < 1e-9 { Ok(()) } else { Err(format!("{spent} of {minute} a minute")) }
    })
    .await;
    assert!((world.message(&id).await["cost"].as_f64().expect("a cost") - 4.0 * minute).abs() < 1e-9);
    drop(silence);
}
