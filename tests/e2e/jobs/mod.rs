//! Bulk jobs: rows by upload or in the request, each of them one message; watched, paused, resumed, cancelled, and worked
//! through although workers die.

mod crash;
mod long;
mod owner;
mod planners;
mod refused;
mod request;
mod steer;
mod upload;

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard::message::JobId;
use switchboard::seal::Seal;

use crate::world::{World, eventually, fresh, seconds};

const PATH: &str = "/api/v2/communications/jobs";

/// A job and whom it is for.
struct Job {
    id: String,
    numbers: Vec<String>,
    /// What the ids of its messages are derived under.
    seal: Arc<Seal>,
}

impl Job {
    /// The id of the message row `row` makes.
    fn message(&self, row: usize) -> String {
        let id: JobId = self.id.parse().expect("a job's id");
        id.row(self.seal.ids(), u32::try_from(row).expect("small")).to_string()
    }
}

impl World {
    async fn job(&self, id: &str) -> Value {
        self.get(&format!("{PATH}/{id}")).send().await.ok()
    }

    async fn make_job(&self, body: &Value) -> Value {
        self.post(PATH, body).send().await.is(202).json
    }

    /// A job of texts in the request, to so many fresh numbers.
    async fn texts(&self, count: usize) -> Job {
        let numbers = numbers(count);
        let recipients: Vec<Value> = numbers.iter().map(|to| json!({"to": to})).collect();
        let body =
            json!({"channel": "sms", "class": "transactional", "message": fresh::text(), "recipients": recipients});
        let job = self.make_job(&body).await;
        Job { id: job["job_id"].as_str().expect("a job's id").to_owned(), numbers, seal: self.seal().await }
    }

    /// Puts a file of rows where a job's answer says.
    async fn upload(&self, job: &Value, csv: &str) {
        let upload = &job["upload"];
        let mut request = self.http.put(upload["url"].as_str().expect("an address")).body(csv.to_owned());
        assert_eq!(upload["method"], "PUT");
        for (name, value) in upload["headers"].as_object().expect("headers") {
            request = request.header(name, value.as_str().expect("a text"));
        }
        let answer = request.send().await.expect("S3 answers");
        assert!(answer.status().is_success(), "upload: {}", answer.text().await.unwrap_or_default());
    }

    /// The job, once it is in this state.
    async fn until_job(&self, id: &str, state: &str) -> Value {
        eventually(&format!("job {id} is {state}"), seconds(120), async || {
            let job = self.job(id).await;
            let ended = ["completed", "cancelled", "failed"].contains(&job["status"].as_str().unwrap_or_default());
            assert!(job["status"] == state || !ended, "job {id} ended otherwise than {state}: {job}");
            if job["status"] == state { Ok(job) } else { Err(job.to_string()) }
        })
        .await
    }

    /// Waits until each of these numbers got one text, and none got more.
    async fn until_each_got_one(&self, numbers: &[String]) {
        for to in numbers {
            eventually("the text arrives", seconds(120), async || {
                if self.arrived(to).await.is_empty() { Err("nothing".to_owned()) } else { Ok(()) }
            })
            .await;
        }
        for to in numbers {
            self.the_one(to, "sms").await;
        }
    }
}

/// Numbers nobody else has, all different.
fn numbers(count: usize) -> Vec<String> {
    let mut numbers = std::collections::BTreeSet::new();
    while numbers.len() < count {
        numbers.insert(fresh::phone());
    }
    numbers.into_iter().collect()
}
