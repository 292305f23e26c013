//! SendGrid cannot be asked what became of a send: its events tell, or nobody does.

use serde_json::json;

use crate::world::aws::number;
use crate::world::flows::count;
use crate::world::{Line, World, fresh, seconds};

async fn mail(world: &World) -> (String, String) {
    let to = fresh::email();
    // A named sender is SendGrid's: no other provider takes over.
    let from = "hello@mailbox.example";
    let body = json!({"to": to, "from": from, "subject": "A mail", "text": fresh::text()});
    (world.direct("send-email", &body).await, to)
}

#[tokio::test]
async fn a_mail_sendgrid_failed_on_is_sent_again_when_others_events_came_and_its_own_did_not() {
    let world = World::new();
    let _lines = world.own(&[Line::Sendgrid]).await;
    let fault = world.fault(json!({"provider": "sendgrid", "kind": "status", "status": 500, "count": 1})).await;
    let (id, to) = mail(&world).await;
    fault.used_up(&world).await;
    world.until(&id, "uncertain").await;
    let (other, _) = mail(&world).await;
    world.until(&other, "delivered").await;

    // Not before its events have had their time.
    let now = jiff::Timestamp::now().as_millisecond();
    let values = [(":c", number(now - 200_000)), (":d", number(now))];
    world.rewrite(&id, "SET claimed_at = :c, due_at = :d", &values).await;
    world.sweep().await;
    world.until_stepped(&id, 2).await;
    assert_eq!(world.message(&id).await["status"], "uncertain");

    world.age(&id, 300).await;
    let message = world.until_swept(seconds(40), &id, "delivered").await;
    assert_eq!((&message["attempts"], count(&message, "retrying")), (&json!(2), 1), "{message}");
    world.the_one(&to, "email").await;
}

#[tokio::test]
async fn a_mail_sendgrid_took_in_silence_is_never_sent_twice_and_ends_with_that_as_its_reason() {
    let world = World::new();
    let _lines = world.own(&[Line::Sendgrid]).await;
    let silent = world.fault(json!({"provider": "sendgrid", "kind": "drop_callback"})).await;
    let hang = world.fault(json!({"provider": "sendgrid", "kind": "hang_after", "delay_ms": 12_000, "count": 1})).await;
    let (id, to) = mail(&world).await;
    hang.used_up(&world).await;
    world.until(&id, "uncertain").await;
    drop(silent);
    let (other, _) = mail(&world).await;
    world.until(&other, "delivered").await;

    world.age(&id, 600).await;
    world.sweep().await;
    world.until_stepped(&id, 2).await;
    assert_eq!(world.message(&id).await["status"], "uncertain");
    world.age(&id, 23 * 3_600).await;
    let message = world.until_swept(seconds(40), &id, "failed").await;
    assert_eq!((&message["reason"], &message["attempts"]), (&json!("outcome_unknown"), &json!(1)), "{message}");
    assert_eq!(world.the_one(&to, "email").await["requests"], 1);
}
