//! What a record of the jobs queue asks for: a record of our own, or S3's word that a job's rows are there.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use serde::Deserialize;
use switchboard::message::JobId;
use switchboard::queue::JobWork;
use switchboard::store::jobs::JobFiles;

use crate::job::{self, Asked};
use crate::{App, Budget, StepError, chunk};

/// A record's body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Body {
    Ours(JobWork),
    /// S3's event notification (its message structure 2.x).
    Uploaded {
        #[serde(rename = "Records")]
        records: Vec<Created>,
    },
    /// What S3 sends once, when the notification is set up.
    Test {
        #[serde(rename = "Event")]
        event: String,
    },
}

#[derive(Debug, Deserialize)]
struct Created {
    s3: CreatedObject,
}

#[derive(Debug, Deserialize)]
struct CreatedObject {
    object: ObjectKey,
}

#[derive(Debug, Deserialize)]
struct ObjectKey {
    key: String,
}

impl Body {
    /// What is to be done.
    fn work(self) -> Vec<JobWork> {
        match self {
            Self::Ours(work) => vec![work],
            Self::Uploaded { records } => {
                // A key of ours has no character that S3 would escape.
                let ids = records.into_iter().filter_map(|created| JobFiles::job_of(&created.s3.object.key));
                ids.map(|id: JobId| JobWork::Job { id }).collect()
            }
            Self::Test { event } => {
                tracing::info!(s3.event = event, "the bucket's notification is set up");
                Vec::new()
            }
        }
    }
}

pub(crate) async fn record(app: &App, record: &SqsMessage, budget: Budget) -> Result<(), StepError> {
    let body: Body = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    for work in body.work() {
        match work {
            JobWork::Job { id } => job::take(app, id, Asked::Now, budget).await?,
            JobWork::Look { id } => job::take(app, id, Asked::BySweep, budget).await?,
            JobWork::Chunk { id, number } => chunk::take(app, id, number, budget).await?,
        }
    }
    Ok(())
}

/// Asks for work that comes after this. What is asked for and not queued the sweep finds.
pub(crate) async fn ask(app: &App, work: JobWork, delay: Duration) -> Result<(), StepError> {
    Ok(app.road.queues.enqueue_job(work, delay).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(text: &str) -> Vec<JobWork> {
        serde_json::from_str::<Body>(text).unwrap().work()
    }

    #[test]
    fn an_upload_asks_for_its_job_and_nothing_else_does() {
        let id: JobId = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11".parse().unwrap();
        let event = |key: &str| {
            format!(
                r#"{{"Records":[{{"eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"b"}},"object":{{"key":"{key}","size":3}}}}}}]}}"#
            )
        };
        assert_eq!(work(&event(&format!("jobs/{id}/rows.csv"))), [JobWork::Job { id }]);
        assert_eq!(work(&event(&format!("jobs/{id}/errors.csv"))), []);
        assert_eq!(work(&event("content/x")), []);
        assert_eq!(work(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#), []);
        assert_eq!(work(&format!(r#"{{"kind":"chunk","id":"{id}","number":3}}"#)), [JobWork::Chunk { id, number: 3 }]);
        assert!(serde_json::from_str::<Body>(r#"{"kind":"other"}"#).is_err());
    }
}
