use std::time::UNIX_EPOCH;

use serde_json::json;

use super::*;
use crate::provider::stub::{self, Script, Stub};
use crate::testing::aws_at;

const DAY: u64 = 24 * 3_600;

/// Secrets Manager's answer: a version of this value, made so many seconds ago.
fn version(value: &str, age: u64) -> Script {
    let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - age;
    let (id, arn) = ("00000000-0000-0000-0000-000000000000", "arn:aws:secretsmanager:us-east-1:0:secret:s-a");
    stub::reply(
        200,
        json!({"ARN": arn, "Name": "s", "VersionId": id, "CreatedDate": made, "SecretString": json!(value).to_string()}),
    )
}

fn secret(stub: &Stub, overlap: Duration) -> Secret<String> {
    let client = Client::new(&aws_at(&stub.base_url));
    Secret::overlapping(client, "s".to_owned(), overlap)
}

#[tokio::test]
async fn previous_webhook_secret_dies_after_a_day() {
    let stub = Stub::new(vec![version("new", DAY - 60), version("old", 30 * DAY)]).await;
    let versions = secret(&stub, CALLBACK_OVERLAP).get().await.unwrap();
    assert_eq!(versions.iter().collect::<Vec<_>>(), ["new", "old"], "a callback may still be on its way");

    let stub = Stub::new(vec![version("new", DAY + 60), version("old", 30 * DAY)]).await;
    let versions = secret(&stub, CALLBACK_OVERLAP).get().await.unwrap();
    assert_eq!(versions.iter().collect::<Vec<_>>(), ["new"]);
}

#[tokio::test]
async fn secret_without_overlap_never_reads_its_previous_version() {
    let stub = Stub::new(vec![version("new", 0), version("old", 1)]).await;
    let client = Client::new(&aws_at(&stub.base_url));
    let versions = Secret::<String>::new(client, "s".to_owned()).get().await.unwrap();
    assert_eq!((versions.current.as_str(), versions.previous.as_deref()), ("new", None));
}

#[test]
fn version_without_a_date_overlaps_nothing() {
    let now = UNIX_EPOCH + Duration::from_secs(10 * DAY);
    let ago = |seconds| Some(now - Duration::from_secs(seconds));
    assert!(overlaps(ago(DAY), CALLBACK_OVERLAP, now));
    assert!(!overlaps(ago(DAY + 1), CALLBACK_OVERLAP, now));
    assert!(!overlaps(None, CALLBACK_OVERLAP, now));
    assert!(!overlaps(Some(now + Duration::from_secs(1)), CALLBACK_OVERLAP, now));
    assert!(!overlaps(ago(1), Duration::ZERO, now));
}
