//! Two planners of one job, each with another version of its file.

use jiff::Timestamp;
use serde_json::json;
use switchboard::job::{Failure, JobState, Plan};
use switchboard::message::JobId;
use switchboard::store::Jobs;
use switchboard::store::jobs::{Chunk, Counted, Step};

use crate::world::World;

fn plan(etag: &str, rows: u32) -> (Plan, Vec<Chunk>) {
    let chunk = Chunk { number: 0, start: 0, end: u64::from(rows) * 10, first_row: 0, first_line: 2, rows, done: 0 };
    (Plan { etag: etag.to_owned(), columns: vec!["to".to_owned()], rows, chunks: 1 }, vec![chunk])
}

#[tokio::test]
async fn slow_planner_of_a_replaced_file_cannot_touch_the_running_job() {
    let world = World::new();
    let made = world.make_job(&json!({"channel": "sms", "class": "transactional", "message": "Hello"})).await;
    let id: JobId = made["job_id"].as_str().expect("an id").parse().expect("an id");
    let jobs = Jobs::new(world.dynamodb(), world.stack.tables["catalog"].clone(), world.seal().await);
    let now = Timestamp::now();
    let (first, first_chunks) = plan("\"first\"", 300);
    let (second, second_chunks) = plan("\"second\"", 50);

    assert!(jobs.begin_planning(id, &first.etag).await.expect("an answer"));
    assert!(jobs.begin_planning(id, &second.etag).await.expect("an answer"));
    let job = jobs.get(id).await.expect("an answer").expect("a job");
    jobs.put_chunks(&job, &second.etag, &second_chunks).await.expect("written");
    assert!(jobs.planned(&job, &second, now).await.expect("an answer"));
    let step = Step { rows: 50, accepted: 50, ..Step::default() };
    let counted = jobs.count(&job, &second, &second_chunks[0], &step, now).await.expect("counted");
    assert_eq!(counted, Counted::Yes);

    // The one that read the first file comes to its end only now, whatever that is.
    jobs.put_chunks(&job, &first.etag, &first_chunks).await.expect("written");
    assert!(!jobs.planned(&job, &first, now).await.expect("an answer"));
    let failure = Failure::new("bad_header", "It has no column to or user_id");
    assert!(!jobs.fail_planning(id, &first.etag, &failure, now).await.expect("an answer"));

    let job = jobs.get(id).await.expect("an answer").expect("a job");
    assert_eq!((job.state, job.plan.as_ref()), (JobState::Running, Some(&second)));
    assert_eq!((job.counts.accepted, job.counts.chunks_done, job.pending()), (50, 1, Some(0)));
    let chunk = jobs.chunk(id, &second, 0).await.expect("an answer").expect("a chunk");
    assert!(chunk.is_done(), "what was done of the second file's chunk is done: {chunk:?}");
    assert!(jobs.complete(&job, now).await.expect("an answer"));
}

#[tokio::test]
async fn steps_of_a_job_do_not_write_the_row_that_pauses_it() {
    let world = World::new();
    let made = world.make_job(&json!({"channel": "sms", "class": "transactional", "message": "Hello"})).await;
    let id: JobId = made["job_id"].as_str().expect("an id").parse().expect("an id");
    let jobs = Jobs::new(world.dynamodb(), world.stack.tables["catalog"].clone(), world.seal().await);
    let now = Timestamp::now();
    let (plan, chunks) = plan("\"e\"", 100);
    assert!(jobs.begin_planning(id, &plan.etag).await.expect("an answer"));
    let job = jobs.get(id).await.expect("an answer").expect("a job");
    jobs.put_chunks(&job, &plan.etag, &chunks).await.expect("written");
    assert!(jobs.planned(&job, &plan, now).await.expect("an answer"));
    let before = world.catalog_row((&format!("job#{id}"), "job")).await;
    let step = Step { rows: 50, accepted: 20, refused: 30, ..Step::default() };
    jobs.count(&job, &plan, &chunks[0], &step, now).await.expect("counted");
    assert_eq!(world.catalog_row((&format!("job#{id}"), "job")).await, before);
    let job = jobs.get(id).await.expect("an answer").expect("a job");
    assert_eq!((job.counts.accepted, job.counts.refused, job.pending()), (20, 30, Some(50)));
    // The same step, counted before, is told so.
    let again = jobs.count(&job, &plan, &chunks[0], &step, now).await.expect("an answer");
    assert_eq!(again, Counted::Overtaken);
}
