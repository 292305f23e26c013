//! A provider that refuses, breaks off, falls silent, repeats itself and tells things in the wrong order, all at once, and
//! many messages of the same words to the same few people. However it behaves, the final counts are those of a good day.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds};

const MESSAGES: usize = 40;
const PEOPLE: usize = 8;

/// What goes wrong, how often. A call whose answer is lost (`hang_after`, `reset`) is found again by asking.
fn faults() -> Vec<Value> {
    let whatsapp = |fault: Value| {
        let mut all = json!({"provider": "twilio", "channel": "whatsapp"});
        for (name, value) in fault.as_object().expect("a fault") {
            all[name] = value.clone();
        }
        all
    };
    [
        json!({"kind": "status", "status": 429, "rate": 0.15}),
        json!({"kind": "status", "status": 503, "rate": 0.06}),
        json!({"kind": "reset", "rate": 0.06}),
        json!({"kind": "hang_after", "delay_ms": 11_000, "rate": 0.06}),
        json!({"kind": "drop_callback", "rate": 0.15}),
        json!({"kind": "duplicate_callback", "rate": 0.3}),
        json!({"kind": "reorder_callback", "rate": 0.3}),
    ]
    .into_iter()
    .map(whatsapp)
    .collect()
}

#[tokio::test]
async fn a_faulty_provider_changes_no_final_count() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let people: Vec<String> = (0..PEOPLE).map(|_| fresh::phone()).collect();
    let text = fresh::text();
    let mut active = Vec::new();
    for fault in faults() {
        active.push(world.fault(fault).await);
    }
    let mut ids = BTreeSet::new();
    for place in 0..MESSAGES {
        ids.insert(world.whatsapp(&people[place % PEOPLE], &text).await);
    }
    // What was accepted is under way; from here on the provider behaves, so that there is an end.
    eventually("every message was tried", seconds(120), async || {
        let mut waiting = 0;
        for id in &ids {
            waiting += usize::from(world.message(id).await["status"] == "accepted");
        }
        if waiting == 0 { Ok(()) } else { Err(format!("{waiting} not tried")) }
    })
    .await;
    drop(active);
    let (mut left, mut asked) = (ids.clone(), BTreeSet::new());
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    eventually("every message ends", seconds(300), async || {
        // Whose callback was dropped is asked about in five minutes; asking now is the same step.
        world.sweep().await;
        for id in left.clone() {
            let message = world.message(&id).await;
            let status = message["status"].as_str().unwrap_or_default().to_owned();
            match status.as_str() {
                "delivered" | "failed" | "undelivered" => {
                    *ends.entry(status).or_default() += 1;
                    left.remove(&id);
                }
                "sent" if asked.insert(id.clone()) => world.age(&id, 301).await,
                _ => {}
            }
        }
        if left.is_empty() { Ok(()) } else { Err(format!("{} under way", left.len())) }
    })
    .await;
    assert_eq!(ends, BTreeMap::from([("delivered".to_owned(), MESSAGES)]));
    for (place, to) in people.iter().enumerate() {
        let arrived = world.arrived(to).await;
        let expected = MESSAGES / PEOPLE;
        assert_eq!(arrived.len(), expected, "person {place}: {arrived:?}");
    }
}
