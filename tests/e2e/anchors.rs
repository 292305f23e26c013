//! The ledger's writers hold its keys, and one that was taken over could overwrite an entry and mark it anew: it shows all the same.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::json;
use switchboard::ledger::{Event, Witness};
use switchboard::person::PersonId;

use crate::world::{World, eventually, fresh, seconds};

#[tokio::test]
async fn overwritten_ledger_entry_shows_against_its_anchor() {
    let world = World::new();
    let person = PersonId::text(&fresh::word()).expect("an id");
    let (now, subject) = (Timestamp::now(), format!("person#{person}"));
    let witness = Witness::new("e2e", "test", now);
    world.people().await.note(&person, &witness, Event::new("consent_revoked")).await.expect("an entry");
    let (key, version) = eventually("the entry is anchored", seconds(60), async || {
        for (key, version) in world.anchors().await {
            if world.anchor(&key).await.contains(&subject) {
                return Ok((key, version));
            }
        }
        Err("it is not".to_owned())
    })
    .await;
    assert!(!world.delete_anchor(&key, &version).await, "it is locked");
    let hour = json!({"check": now}).to_string();
    let before = world.invoke("anchor", &hour).await;
    assert!(before["checked"].as_u64() >= Some(1), "{before}");

    let update = world.dynamodb().update_item().table_name(&world.stack.tables["ledger"]);
    let update = update.key("subject", AttributeValue::S(subject)).key("sequence", AttributeValue::N("1".to_owned()));
    let update = update.update_expression("SET event = :e");
    let forged = AttributeValue::S("consent_granted".to_owned());
    update.expression_attribute_values(":e", forged).send().await.expect("DynamoDB takes it");
    let after = world.invoke("anchor", &hour).await;
    assert!(after["broken"].as_u64() > before["broken"].as_u64(), "{before} {after}");
}
