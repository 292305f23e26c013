//! Pausing, resuming and cancelling a job while its rows become messages.

use serde_json::{Value, json};

use super::{Job, PATH};
use crate::world::flows::trail;
use crate::world::{Line, World, eventually, seconds};

const ROWS: usize = 250;

impl World {
    async fn step(&self, job: &Job, step: &str) -> Value {
        self.post(&format!("{PATH}/{}/{step}", job.id), &json!({})).send().await.ok()
    }

    /// A job that was paused while some of its messages waited in the lane: those wait on, held.
    async fn paused(&self) -> (Job, Vec<String>) {
        let job = eventually("a job is paused before its end", seconds(120), async || {
            let job = self.texts(ROWS).await;
            eventually("rows become messages", seconds(60), async || {
                let seen = self.job(&job.id).await;
                if seen["counts"]["accepted"].as_u64() > Some(0) { Ok(()) } else { Err(seen.to_string()) }
            })
            .await;
            // While the request is on its way it may come to its end.
            let answer = self.post(&format!("{PATH}/{}/pause", job.id), &json!({})).send().await;
            if answer.status == 409 {
                return Err(answer.text);
            }
            assert_eq!(answer.ok()["status"], "paused");
            Ok(job)
        })
        .await;
        // Two seconds a worker may not know yet; then everything that waits is held.
        let held = eventually("nothing moves", seconds(60), async || {
            let statuses = self.statuses(&job).await;
            let moving =
                statuses.iter().filter(|(_, status)| ["accepted", "sending", "sent"].contains(&status.as_str()));
            let moving = moving.count();
            if moving > 0 {
                return Err(format!("{moving} move"));
            }
            Ok(statuses.into_iter().filter(|(_, status)| status == "held").map(|(id, _)| id).collect::<Vec<_>>())
        })
        .await;
        (job, held)
    }

    /// Its messages with their states.
    async fn statuses(&self, job: &Job) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for row in 0..job.numbers.len() {
            let id = job.message(row);
            if let Some(status) = self.status_of(&id).await {
                found.push((id, status));
            }
        }
        found
    }
}

#[tokio::test]
async fn a_paused_job_sends_nothing_and_goes_on_where_it_stood() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _lane = world.own(&[Line::BulkLane]).await;
    let (job, held) = world.paused().await;
    let before = world.job(&job.id).await;
    assert_eq!(before["status"], "paused");
    for id in held.iter().take(3) {
        let message = world.message(id).await;
        assert_eq!((&message["status"], &message["decision"]["reason"]), (&json!("held"), &json!("job_paused")));
    }
    assert_eq!(world.step(&job, "resume").await["status"], "running");
    let job_now = world.until_job(&job.id, "completed").await;
    assert_eq!(job_now["counts"], json!({"pending": 0, "accepted": ROWS, "refused": 0, "invalid": 0}));
    for id in &held {
        world.age(id, 900).await;
        world.enqueue("bulk", id).await;
    }
    world.until_each_got_one(&job.numbers).await;
}

#[tokio::test]
async fn a_cancelled_job_ends_what_was_not_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _lane = world.own(&[Line::BulkLane]).await;
    let (job, held) = world.paused().await;
    let mut arrived = 0;
    for to in &job.numbers {
        arrived += world.arrived(to).await.len();
    }
    assert_eq!(world.step(&job, "cancel").await["status"], "cancelled");
    for id in &held {
        world.age(id, 900).await;
        world.enqueue("bulk", id).await;
    }
    for id in &held {
        let message = world.until(id, "cancelled").await;
        assert_eq!(message["reason"], "job_cancelled");
        assert!(!trail(&message).contains(&"sending"), "{message}");
    }
    let mut after = 0;
    for to in &job.numbers {
        after += world.arrived(to).await.len();
    }
    assert_eq!(after, arrived, "nothing was sent after the end");
    let now = world.job(&job.id).await;
    assert_eq!((&now["status"], &now["estimated_end"]), (&json!("cancelled"), &json!(null)));
}

#[tokio::test]
async fn a_job_for_later_waits_and_can_be_paused_and_cancelled_while_it_does() {
    let world = World::new();
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let body = json!({
        "channel": "sms", "class": "transactional", "message": "Later", "scheduled_time": later.to_string(),
        "recipients": [{"to": crate::world::fresh::phone()}],
    });
    let made = world.make_job(&body).await;
    let job =
        Job { id: made["job_id"].as_str().expect("an id").to_owned(), numbers: Vec::new(), seal: world.seal().await };
    let seen = world.until_job(&job.id, "scheduled").await;
    assert_eq!((&seen["rows"], &seen["counts"]["pending"], &seen["started_at"]), (&json!(1), &json!(1), &json!(null)));
    assert_eq!(world.step(&job, "pause").await["status"], "paused");
    assert_eq!(world.step(&job, "resume").await["status"], "scheduled");
    assert_eq!(world.step(&job, "cancel").await["status"], "cancelled");
    assert_eq!(world.status_of(&job.message(0)).await, None, "no row became a message");
}
