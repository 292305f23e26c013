//! Changes at the same moment: none is lost, each is written down once.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, fresh};

#[tokio::test]
async fn concurrent_changes_of_one_person_lose_none_and_write_each_down() {
    let world = World::new();
    let user = fresh::user();
    let path = format!("/api/communication/preferences/{user}");
    let kinds = [
        "financial_alert",
        "payment_reminder",
        "booking_reminder",
        "refund_notification",
        "document_request",
        "task_assignment",
    ];
    let preferences = kinds.map(|kind| world.put(&path, &json!({"alert_types_sms": {kind: false}})).send());
    let refusals = kinds.map(|kind| {
        let body = json!({"user_id": user, "channel": "email", "message_type": kind, "reason": kind});
        world.post("/api/communication/opt-out", &body).send()
    });
    let (preferences, refusals) = futures::join!(join_all(preferences), join_all(refusals));
    for answer in preferences.into_iter().chain(refusals) {
        answer.ok();
    }
    let kept = world.get(&path).send().await.ok();
    for kind in kinds {
        assert_eq!(kept["preferences"]["alert_types_sms"][kind], false, "{kind}: {kept}");
    }
    let ledger = world.get(&format!("/api/communication/ledger/{user}?limit=100")).send().await.ok();
    assert_eq!(ledger["intact"], true);
    let entries = ledger["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 12, "{ledger}");
    let sequences: Vec<u64> = entries.iter().filter_map(|entry| entry["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=12).rev().collect::<Vec<_>>());
    let refused: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["personal"]["reason"].as_str()).collect();
    assert_eq!(refused, kinds.into_iter().collect());
    let verified = world.get(&format!("/api/communication/ledger/{user}/verify")).send().await.ok();
    assert_eq!((&verified["status"], &verified["entries"]), (&json!("intact"), &json!(12)), "{verified}");
}

/// Two people who take over one number at the same moment both have it; a message to it asks both.
#[tokio::test]
async fn a_number_that_two_people_give_at_once_is_both_of_theirs() {
    let world = World::new();
    let (one, other, phone) = (fresh::user(), fresh::user(), fresh::phone());
    let grants = [one, other].map(|user| {
        let body = json!({"user_id": user, "phone_number": phone, "send_code": false});
        world.post("/api/communication/consent/sms", &body).send()
    });
    for answer in join_all(grants).await {
        answer.ok();
    }
    world.post("/api/communication/opt-out", &json!({"user_id": other, "channel": "sms"})).send().await.ok();
    let refused = world.post("/api/v1/twilio/send-sms", &json!({"to": phone, "body": fresh::text()})).send().await;
    assert_eq!(refused.is(403).json["reason"], Value::from("opted_out"));
}
