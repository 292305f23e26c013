//! Working through a batch that a queue brings: each record for itself, whatever becomes of the others.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures::FutureExt;
use futures::stream::{self, StreamExt};

/// A record could not be worked through now: SQS will bring it again, and in the end put it aside.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// Does the steps, each named by its record's id, so many `at_a_time`; answers which records must come again.
pub async fn each<F>(steps: impl IntoIterator<Item = (Option<String>, F)>, at_a_time: usize) -> SqsBatchResponse
where
    F: Future<Output = Result<(), StepError>>,
{
    let all = steps.into_iter().map(|(id, step)| async { (id.unwrap_or_default(), unpanicked(step).await) });
    let mut done = stream::iter(all).buffer_unordered(at_a_time);
    let mut response = SqsBatchResponse::default();
    while let Some((id, done)) = done.next().await {
        let Err(cause) = done else { continue };
        tracing::error!(queue.record = id, error = %cause, "record not worked through, it will come again");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

/// A step whose panic is an error like any other.
pub async fn unpanicked(step: impl Future<Output = Result<(), StepError>>) -> Result<(), StepError> {
    AssertUnwindSafe(step).catch_unwind().await.unwrap_or_else(|_| Err("panicked".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_fails_or_panics_comes_again_and_nothing_else_does() {
        let steps = ["good", "bad", "panics", "good too"].map(|kind| {
            let step = async move {
                match kind {
                    "bad" => Err("no".into()),
                    "panics" => panic!("on purpose"),
                    _ => Ok(()),
                }
            };
            (Some(kind.to_owned()), step)
        });
        let response = each(steps, 1).await;
        let again: Vec<_> = response.batch_item_failures.into_iter().map(|one| one.item_identifier).collect();
        assert_eq!(again, ["bad", "panics"]);
    }
}
