//! Jobs that wait for long, or for ever: their rows are kept as long as they can matter, and what cannot go on ends with a reason.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::PATH;
use crate::world::{Line, World, fresh, seconds};

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl World {
    /// A job of one text that waits for a time so many days ahead.
    async fn waiting_job(&self, days: i64) -> String {
        let later = Timestamp::now() + SignedDuration::from_hours(24 * days);
        let body = json!({
            "channel": "sms", "class": "transactional", "message": fresh::text(), "scheduled_time": later.to_string(),
            "recipients": [{"to": fresh::phone()}],
        });
        let id = self.make_job(&body).await["job_id"].as_str().expect("an id").to_owned();
        self.until_job(&id, "scheduled").await;
        id
    }

    async fn rewrite_job(&self, id: &str, name: &str, value: AttributeValue) {
        let update = self.dynamodb().update_item().table_name(&self.stack.tables["catalog"]);
        let update =
            update.key("pk", AttributeValue::S(format!("job#{id}"))).key("sk", AttributeValue::S("job".to_owned()));
        let update = update.update_expression("SET #n = :v").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_names("#n", name).expression_attribute_values(":v", value);
        update.send().await.expect("DynamoDB takes it");
    }

    /// The keys and the ends, in epoch seconds, of a job's rows whose keys begin so.
    async fn job_rows(&self, id: &str, prefix: &str) -> Vec<(String, i64)> {
        let query = self.dynamodb().query().table_name(&self.stack.tables["catalog"]).consistent_read(true);
        let query = query.key_condition_expression("pk = :p AND begins_with(sk, :s)");
        let query = query.expression_attribute_values(":p", AttributeValue::S(format!("job#{id}")));
        let answer = query.expression_attribute_values(":s", AttributeValue::S(prefix.to_owned())).send().await;
        let items = answer.expect("DynamoDB answers").items.unwrap_or_default();
        let end = |item: &std::collections::HashMap<String, AttributeValue>| {
            (
                item["sk"].as_s().expect("a text").clone(),
                item["expires"].as_n().expect("a number").parse().expect("whole"),
            )
        };
        items.iter().map(end).collect()
    }

    async fn delete_job_row(&self, id: &str, sk: &str) {
        let delete = self.dynamodb().delete_item().table_name(&self.stack.tables["catalog"]);
        let delete =
            delete.key("pk", AttributeValue::S(format!("job#{id}"))).key("sk", AttributeValue::S(sk.to_owned()));
        delete.send().await.expect("DynamoDB takes it");
    }

    async fn job_looked_after(&self, id: &str) {
        self.age_job(id, 1_000 * 86_400).await;
        self.sweep().await;
    }
}

#[tokio::test]
async fn job_scheduled_next_year_keeps_its_rows_and_chunks_until_its_deadline() {
    let world = World::new();
    let id = world.waiting_job(360).await;
    let deadline = Timestamp::now().as_second() + (360 + 90) * 86_400;
    for prefix in ["chunk#", "job"] {
        let rows = world.job_rows(&id, prefix).await;
        assert!(!rows.is_empty(), "{prefix}");
        assert!(rows.iter().all(|(_, end)| *end >= deadline - 60), "{rows:?} before {deadline}");
    }
    assert_eq!(world.objects(&format!("jobs/{id}/")).await.len(), 1, "its rows lie where they were put");
    world.post(&format!("{PATH}/{id}/cancel"), &json!({})).send().await.ok();
    world.until_job(&id, "cancelled").await;
    crate::world::eventually("its rows are deleted", seconds(30), async || {
        let left = world.objects(&format!("jobs/{id}/")).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test]
async fn job_whose_chunks_are_gone_fails_with_a_reason() {
    let world = World::new();
    let id = world.waiting_job(1).await;
    for (sk, _) in world.job_rows(&id, "chunk#").await {
        world.delete_job_row(&id, &sk).await;
    }
    world.rewrite_job(&id, "state", AttributeValue::S("running".to_owned())).await;
    world.job_looked_after(&id).await;
    let failed = world.until_job(&id, "failed").await;
    assert_eq!(failed["reason"], "chunks_gone", "{failed}");
}

#[tokio::test]
async fn job_that_is_not_done_by_its_deadline_fails_with_a_reason() {
    let world = World::new();
    let job = world.make_job(&json!({"channel": "sms", "class": "transactional", "message": "Hello"})).await;
    let id = job["job_id"].as_str().expect("an id").to_owned();
    world.rewrite_job(&id, "state", AttributeValue::S("paused".to_owned())).await;
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 91);
    world.rewrite_job(&id, "created_at", number(long_ago.as_millisecond())).await;
    world.job_looked_after(&id).await;
    let failed = world.until_job(&id, "failed").await;
    assert_eq!(failed["reason"], "deadline_passed", "{failed}");
}

#[tokio::test]
async fn job_whose_planning_breaks_off_again_and_again_fails_with_a_reason() {
    let world = World::new();
    let job = world.make_job(&json!({"channel": "sms", "class": "transactional", "message": "Hello"})).await;
    let id = job["job_id"].as_str().expect("an id").to_owned();
    world.rewrite_job(&id, "plannings", number(20)).await;
    world.upload(&job, &format!("to\n{}\n", fresh::phone())).await;
    let failed = world.until_job(&id, "failed").await;
    assert_eq!((&failed["reason"], &failed["rows"]), (&json!("planning_failed"), &Value::Null), "{failed}");
}

#[tokio::test]
async fn job_whose_rows_are_done_is_paused_and_cancelled_while_its_messages_wait() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let body = json!({
        "channel": "email", "class": "marketing", "subject": "An offer", "text": fresh::text(),
        "recipients": [{"user_id": person.id}],
    });
    let made = world.make_job(&body).await;
    let id = made["job_id"].as_str().expect("an id").to_owned();
    world.until_job(&id, "completed").await;
    let job = super::Job { id: id.clone(), numbers: Vec::new(), seal: world.seal().await };
    let message = job.message(0);
    assert_eq!(world.message(&message).await["held_because"], "quiet_hours");
    assert_eq!(world.job(&id).await["held"], json!({"quiet_hours": 1}));

    let step = async |step: &str| world.post(&format!("{PATH}/{id}/{step}"), &json!({})).send().await.ok();
    assert_eq!(step("pause").await["status"], "paused");
    // Their morning comes, and nothing goes.
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(12)})).await;
    crate::world::eventually("it waits for its job", seconds(60), async || {
        world.age(&message, 6 * 3_600).await;
        world.sweep().await;
        let seen = world.message(&message).await;
        if seen["held_because"] == "job_paused" { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    assert_eq!(world.job(&id).await["held"], json!({"job_paused": 1}));
    // Night again, and later than every record that is still in a queue: what is resumed waits for its morning.
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    assert_eq!(step("resume").await["status"], "completed");
    assert_eq!(step("cancel").await["status"], "cancelled");
    // A worker may believe for two seconds that the job goes on, and have it wait for the morning once more.
    let ended = crate::world::eventually("it is cancelled", seconds(60), async || {
        world.age(&message, 6 * 3_600).await;
        world.sweep().await;
        let seen = world.message(&message).await;
        if seen["status"] == "cancelled" { Ok(seen) } else { Err(seen.to_string()) }
    })
    .await;
    assert_eq!(ended["reason"], "job_cancelled");
    assert_eq!(world.job(&id).await["held"], json!({}));
    assert!(world.arrived(&person.email).await.is_empty(), "nothing was sent");
}

#[tokio::test]
async fn held_messages_of_a_job_are_counted_by_reason_until_each_has_left() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let mut people = Vec::new();
    for _ in 0..12 {
        let person = world.person().await;
        world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
        people.push(person);
    }
    let body = json!({
        "channel": "email", "class": "marketing", "subject": "An offer", "text": fresh::text(),
        "recipients": people.iter().map(|person| json!({"user_id": person.id})).collect::<Vec<_>>(),
    });
    let made = world.make_job(&body).await;
    let id = made["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(made["held"], json!({}), "{made}");
    world.until_job(&id, "completed").await;
    assert_eq!(world.job(&id).await["held"], json!({"quiet_hours": 12}));
    let job = super::Job { id: id.clone(), numbers: Vec::new(), seal: world.seal().await };
    let messages: Vec<String> = (0..12).map(|row| job.message(row)).collect();
    // One is cancelled, one moved, one erased with its person, and four see their morning come.
    let cancel = format!("/api/communication/cancel/{}", messages[0]);
    world.post(&cancel, &json!({})).send().await.ok();
    let later = json!({"scheduled_time": crate::world::flows::in_an_hour()});
    let moved = world.post(&format!("/api/communication/reschedule/{}", messages[1]), &later).send().await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    for place in 2..6 {
        world.prefers(people[place].id, &json!({"time_zone": fresh::zone_at(12)})).await;
        world.age(&messages[place], 12 * 3_600).await;
        world.until_swept(seconds(60), &messages[place], "delivered").await;
    }
    assert_eq!(world.job(&id).await["held"], json!({"quiet_hours": 6}));
    let erase = format!("/api/communication/privacy/{}/erase", people[6].id);
    world.post(&erase, &json!({})).send().await.is(202);
    crate::world::eventually("it is erased", seconds(120), async || {
        let held = world.job(&id).await["held"].clone();
        if held == json!({"quiet_hours": 5}) { Ok(()) } else { Err(held.to_string()) }
    })
    .await;
}
