//! A record nobody can read does not block its batch, and is put aside.

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::json;

use crate::sweep::stored_only;
use crate::world::{Line, World, eventually, seconds};

/// This test has the bulk lane to itself.
const LANE: &str = "bulk";

async fn hidden_for(world: &World, seconds: &str) {
    let set = world.sqs().set_queue_attributes().queue_url(&world.stack.queues[LANE]);
    set.attributes(QueueAttributeName::VisibilityTimeout, seconds).send().await.expect("SQS takes it");
}

fn entry(id: &str, body: String) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().expect("an entry")
}

#[tokio::test]
async fn a_poison_record_blocks_no_other_and_ends_in_the_dead_letter_queue() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _lane = world.own(&[Line::BulkLane]).await;
    let (before, after) = (world.person().await, world.person().await);
    let first = stored_only(&world, &before, "low").await;
    let last = stored_only(&world, &after, "low").await;
    let work = |id: &str| json!({"kind": "message", "id": id}).to_string();

    // Failed tries follow each other soon instead of every three minutes.
    hidden_for(&world, "8").await;
    let batch = world.sqs().send_message_batch().queue_url(&world.stack.queues[LANE]);
    let batch = batch.entries(entry("first", work(&first))).entries(entry("poison", "no work of ours".to_owned()));
    let batch =
        batch.entries(entry("unknown", json!({"kind": "nothing"}).to_string())).entries(entry("last", work(&last)));
    let sent = batch.send().await.expect("SQS takes it");
    assert!(sent.failed().is_empty(), "{sent:?}");

    for (task, person) in [(&first, &before), (&last, &after)] {
        world.until(task, "delivered").await;
        world.the_one(&person.phone, "sms").await;
    }
    let dead = &world.stack.queues[&format!("{LANE}_dead")];
    let mut bodies = Vec::new();
    eventually("both records are in the dead-letter queue", seconds(90), async || {
        let receive =
            world.sqs().receive_message().queue_url(dead).max_number_of_messages(10).send().await.expect("SQS answers");
        for message in receive.messages() {
            bodies.push(message.body().unwrap_or_default().to_owned());
            let receipt = message.receipt_handle().expect("a receipt");
            world.sqs().delete_message().queue_url(dead).receipt_handle(receipt).send().await.expect("it is deleted");
        }
        if bodies.len() == 2 { Ok(()) } else { Err(format!("{bodies:?}")) }
    })
    .await;
    hidden_for(&world, "180").await;
    bodies.sort();
    assert_eq!(bodies, ["no work of ours".to_owned(), json!({"kind": "nothing"}).to_string()]);
}
