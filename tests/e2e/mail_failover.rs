//! An e-mail either provider may send: one that fails loses its share to the other, and nobody gets anything twice.

use serde_json::{Value, json};

use crate::world::flows::{count, in_an_hour, trail};
use crate::world::{Line, World, eventually, fresh, seconds};

const BOTH: [Line; 2] = [Line::Sendgrid, Line::Resend];

async fn accepted(world: &World, body: &Value) -> String {
    let answer = world.post("/api/v2/communications/email", body).send().await.ok();
    answer["message_id"].as_str().expect("an id").to_owned()
}

/// An e-mail either may send.
async fn any(world: &World) -> (String, String) {
    let to = fresh::email();
    let body = json!({"to": to, "subject": "A mail", "text": fresh::text(), "priority": "high"});
    (accepted(world, &body).await, to)
}

/// An e-mail that tries this provider first, while that is well.
async fn first_by(world: &World, provider: &str) -> (String, String) {
    let to = fresh::email();
    let body = json!({"to": to, "subject": "A mail", "text": fresh::text(), "scheduled_time": in_an_hour()});
    let id = accepted(world, &body).await;
    world.release(&id, provider, "preferred").await;
    (id, to)
}

/// What the decision's record says of the providers: `resend (50.00 of 50), sendgrid (1.00 of 50)`.
fn why(message: &Value) -> &str {
    let checks = message["decision"]["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["rule"] == "provider").and_then(|check| check["reason"].as_str()).expect("it says")
}

/// What is left of SendGrid's weight, as the message's choice saw it.
fn sendgrids_weight(message: &Value) -> f64 {
    let said = why(message).split("sendgrid (").nth(1).and_then(|rest| rest.split(' ').next());
    said.and_then(|weight| weight.parse().ok()).unwrap_or_else(|| panic!("{}", why(message)))
}

/// Both are well again, in every worker's eyes.
async fn healed(world: &World) {
    world.forget_loads().await;
    eventually("both have their whole share", seconds(60), async || {
        let (id, _) = any(world).await;
        let message = world.until(&id, "delivered").await;
        let whole = why(&message).matches("(50.00 of 50)").count() == 2;
        if whole { Ok(()) } else { Err(why(&message).to_owned()) }
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_turns_everything_away_loses_its_share_and_gets_it_back_when_it_mends() {
    let world = World::new();
    let _lines = world.own(&BOTH).await;
    healed(&world).await;
    let fault = world.fault(json!({"provider": "sendgrid", "kind": "status", "status": 429})).await;
    let (mut all, mut moved) = (Vec::new(), 0);
    for _ in 0..4 {
        for _ in 0..15 {
            all.push(any(&world).await);
        }
        for (id, _) in &all {
            world.until(id, "delivered").await;
        }
    }
    let mut least = f64::MAX;
    for (id, to) in &all {
        let message = world.message(id).await;
        assert_eq!(message["provider"], "resend", "{message}");
        least = least.min(sendgrids_weight(&message));
        moved += usize::from(count(&message, "retrying") > 0);
        assert_eq!(world.the_one(to, "email").await["provider"], "resend");
    }
    assert!(moved > 0, "some tried SendGrid first");
    assert!(least < 25.0, "under half of its weight: {least}");
    let log = std::fs::read_to_string(world.stack.logs.join(format!("{}.log", world.stack.functions["deliver"])));
    assert!(log.unwrap_or_default().contains("a provider gets less than half of its share"), "it is told");

    drop(fault);
    healed(&world).await;
    let mut by_sendgrid = 0;
    for _ in 0..30 {
        let (id, to) = any(&world).await;
        world.until(&id, "delivered").await;
        by_sendgrid += usize::from(world.the_one(&to, "email").await["provider"] == "sendgrid");
    }
    // Of thirty even chances, fewer than three come once in two million times.
    assert!(by_sendgrid >= 3, "{by_sendgrid} of 30");
}

#[tokio::test]
async fn refused_credentials_of_one_provider_send_the_message_through_the_other() {
    let world = World::new();
    let _lines = world.own(&BOTH).await;
    healed(&world).await;
    // The credentials are read anew and tried once more before they count as refused.
    let fault = world.fault(json!({"provider": "sendgrid", "kind": "status", "status": 401, "count": 2})).await;
    let (id, to) = first_by(&world, "sendgrid").await;
    fault.used_up(&world).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!((&message["provider"], &message["attempts"]), (&json!("resend"), &json!(2)), "{message}");
    assert_eq!(world.the_one(&to, "email").await["provider"], "resend");
    assert!((message["cost"].as_f64().expect("a cost") - 0.0004).abs() < 1e-9, "the price of who sent it: {message}");
}

#[tokio::test]
async fn a_mail_sendgrid_failed_on_goes_through_resend_once_it_is_known_not_to_be_taken() {
    let world = World::new();
    let _lines = world.own(&BOTH).await;
    healed(&world).await;
    let fault = world.fault(json!({"provider": "sendgrid", "kind": "status", "status": 500, "count": 1})).await;
    let (id, to) = first_by(&world, "sendgrid").await;
    fault.used_up(&world).await;
    let message = world.until(&id, "uncertain").await;
    assert_eq!(message["provider"], "sendgrid", "it stays there until that is known: {message}");
    // The events of another one come, so that the missing ones of this one mean something.
    eventually("another goes through SendGrid", seconds(60), async || {
        let (other, _) = any(&world).await;
        let message = world.until(&other, "delivered").await;
        if message["provider"] == "sendgrid" { Ok(()) } else { Err(message.to_string()) }
    })
    .await;
    world.age(&id, 301).await;
    let message = world.until_swept(seconds(60), &id, "delivered").await;
    assert_eq!((&message["provider"], &message["attempts"]), (&json!("resend"), &json!(2)), "{message}");
    assert_eq!(world.the_one(&to, "email").await["provider"], "resend");
}

#[tokio::test]
async fn a_mail_resend_may_have_taken_is_never_given_to_another() {
    let world = World::new();
    let _lines = world.own(&BOTH).await;
    healed(&world).await;
    let fault = world.fault(json!({"provider": "resend", "kind": "status", "status": 500, "count": 1})).await;
    let (id, to) = first_by(&world, "resend").await;
    fault.used_up(&world).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!((&message["provider"], &message["attempts"]), (&json!("resend"), &json!(2)), "{message}");
    assert!(trail(&message).contains(&"retrying"), "{message}");
    let there = world.the_one(&to, "email").await;
    assert_eq!((&there["provider"], &there["requests"]), (&json!("resend"), &json!(2)), "{there}");
}
