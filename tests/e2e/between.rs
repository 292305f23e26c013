//! What happens between two steps of a worker: somebody says no after it has decided, a table does not answer once the provider has.

use std::time::Duration;

use serde_json::{Value, json};
use tests::fault_proxy::{Fault, Rule};

use crate::world::aws::number;
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, eventually, fresh, seconds};

/// The last digits of a number that opted out at the provider.
const OPTED_OUT: &str = "04";

fn rule(fault: Fault, operation: &str, resource: Option<&str>, count: usize) -> Rule {
    Rule { fault, operation: Some(operation.to_owned()), resource: resource.map(str::to_owned), count }
}

impl World {
    /// Lets the time of a scheduled message come, and tells nobody.
    async fn is_time(&self, id: &str) {
        let now = jiff::Timestamp::now().as_millisecond();
        self.rewrite(id, "SET not_before = :n", &[(":n", number(now - 1))]).await;
    }

    async fn is_suppressed(&self, address: &str) -> bool {
        let answer = self.post("/api/communication/suppressions/check", &json!({"address": address})).send().await.ok();
        answer["suppressed"] == true
    }
}

#[tokio::test]
async fn stop_between_decision_and_claim_is_heard() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let behind = world.behind("deliver").await;
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "trigger_type": "weekly_checkin", "channel": "email", "data": {}, "scheduled_time": in_an_hour(),
        "priority": "critical",
    });
    let id = world.trigger(&body).await;
    world.is_time(&id).await;
    // What is written between decision and claim takes its time: a place in a quota. (What is urgent waits in no line of others.)
    behind.proxy.set(rule(
        Fault::Delay(Duration::from_secs(15)),
        "UpdateItem",
        Some(&world.stack.tables["ephemera"]),
        1,
    ));
    let say_no = async {
        eventually("the worker has decided", seconds(40), async || {
            let seen = behind.proxy.seen_so_far();
            let waits = seen.iter().any(|seen| matches!(seen.struck, Some(Fault::Delay(_))));
            if waits { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
        let added = world.post("/api/communication/suppressions", &json!({"address": person.email})).send().await;
        assert!(added.status < 300, "{}", added.text);
    };
    futures::join!(world.step_behind(&behind, &id), say_no);
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("blocked"), &json!(0)), "{message}");
    assert_eq!(message["reason"], "address_suppressed", "{message}");
    assert_eq!(world.arrived(&person.email).await, Vec::<Value>::new());
}

#[tokio::test]
async fn refusal_is_recorded_though_people_does_not_answer() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let behind = world.behind("deliver").await;
    let to = fresh::magic_phone(OPTED_OUT);
    let body = json!({"to": to, "message": fresh::text(), "scheduled_time": in_an_hour()});
    let answer = world.post("/api/v2/communications/sms", &body).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    world.is_time(&id).await;
    // What a refusal says of an address is one transaction of People and its ledger. And the worker dies before it can ask for
    // another try: its records do not reach the queue.
    behind.proxy.set(rule(Fault::Throttle, "TransactWriteItems", None, 1_000));
    behind.proxy.set(rule(Fault::Throttle, "SendMessage", None, 1_000));
    world.step_behind(&behind, &id).await;
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("failed"), &json!("opted_out")), "{message}");
    let seen = behind.proxy.take_seen();
    assert!(seen.iter().any(|seen| seen.operation == "TransactWriteItems" && seen.struck.is_some()), "{seen:?}");
    assert!(!world.is_suppressed(&to).await, "nothing was learned yet");
    assert!(world.row(&id).await.contains_key("due_at"), "what follows is due");

    world.age(&id, 300).await;
    eventually("what follows is done", seconds(60), async || {
        world.sweep().await;
        let done = !world.row(&id).await.contains_key("due_at");
        if done { Ok(()) } else { Err("it is due".to_owned()) }
    })
    .await;
    assert!(world.is_suppressed(&to).await);
    assert_eq!(world.message(&id).await["attempts"], 1);
}
