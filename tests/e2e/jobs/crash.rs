//! Workers die in the middle of a job, again and again. Every row is one message all the same, and every message arrives
//! once.

use std::time::Duration;

use serde_json::json;

use super::Job;
use crate::world::processes::kill;
use crate::world::{Line, World, eventually, seconds};

const ROWS: usize = 400;
const KILLS: usize = 6;

#[tokio::test]
async fn a_job_whose_workers_are_killed_sends_every_row_once() {
    let world = World::new();
    let _lines = world.own(&Line::ALL).await;
    let job = world.texts(ROWS).await;
    let mut killed = 0;
    for round in 0..KILLS {
        // Time to get somewhere: what dies before its first row proves nothing.
        tokio::time::sleep(Duration::from_millis(700 + 150 * u64::try_from(round).expect("small"))).await;
        killed += kill(if round % 2 == 0 { "bulk" } else { "deliver" });
    }
    assert!(killed > 0, "somebody was at work");
    eventually("every row is one delivered message", seconds(300), async || {
        recover(&world, &job).await;
        let seen = world.job(&job.id).await;
        let delivered = world.delivered(&job).await;
        let done = seen["status"] == "completed" && delivered == ROWS;
        if done { Ok(()) } else { Err(format!("{delivered} delivered; {seen}")) }
    })
    .await;
    let seen = world.job(&job.id).await;
    assert_eq!(seen["counts"], json!({"pending": 0, "accepted": ROWS, "refused": 0, "invalid": 0}));
    world.until_each_got_one(&job.numbers).await;
}

/// The sweep, as often as it takes: it finds messages whose lease ran out or whose record was lost, and the job whose
/// chunk nobody has any more. (The job's two minutes are spared; the messages' seconds are not: a worker may have one.)
async fn recover(world: &World, job: &Job) {
    tokio::time::sleep(seconds(3)).await;
    world.age_job(&job.id, 120).await;
    world.sweep().await;
}

impl World {
    async fn delivered(&self, job: &Job) -> usize {
        let mut delivered = 0;
        for row in 0..job.numbers.len() {
            delivered += usize::from(self.status_of(&job.message(row)).await.as_deref() == Some("delivered"));
        }
        delivered
    }
}
