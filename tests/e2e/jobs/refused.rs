//! What a job's steps refuse.

use serde_json::json;

use super::PATH;
use crate::world::{World, fresh};

#[tokio::test]
async fn a_job_cannot_take_a_step_from_where_it_is_not() {
    let world = World::new();
    let job = world.make_job(&json!({"channel": "sms", "message": "Hello"})).await;
    let id = job["job_id"].as_str().expect("an id");
    let step = |step: &str| world.post(&format!("{PATH}/{id}/{step}"), &json!({})).send();
    step("pause").await.refused(409, "A job that is waiting for its rows cannot be paused");
    step("resume").await.refused(409, "A job that is waiting for its rows cannot be resumed");
    assert_eq!(step("cancel").await.ok()["status"], "cancelled");
    step("cancel").await.refused(409, "A job that is cancelled cannot be cancelled");
    // Rows that come now are too late.
    world.upload(&job, &format!("to\n{}\n", fresh::phone())).await;
    let job = world.job(id).await;
    assert_eq!((&job["status"], &job["rows"]), (&json!("cancelled"), &json!(null)));
    world.get(&format!("{PATH}/{}", uuid::Uuid::new_v4())).send().await.refused(404, "Job not found");
}
