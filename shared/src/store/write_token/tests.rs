//! The SDK repeats a write whose answer was lost: whoever made it is told that it was done.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::{Clock, plus_seconds};
use crate::message::{Message, Micros, Status};
use crate::otp::challenge::Challenge;
use crate::provider::stub::{Script, Stub, reply};
use crate::provider::{Event, ProviderName, Report};
use crate::road::Road;
use crate::store::OtpStore;
use crate::store::messages::{Costs, Created, Look, Reported, Settled, Then, Untaken};
use crate::testing::{persistent_road_on, sample_message};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Runs a write whose first answer is lost, and whose second is a refusal with this row, as the first had left it.
async fn repeated<T>(row: Value, write: impl AsyncFn(&Road) -> T) -> T {
    let table = Stub::new([Script::Reset, Script::RefusedByItself(row)]).await;
    let road = persistent_road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
    let done = write(&road).await;
    let requests = table.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(requests[0].json(), requests[1].json(), "a repetition is the same request");
    done
}

#[tokio::test]
async fn message_write_with_a_lost_answer_is_its_own() {
    let row = |status: &str, attempts: u32| json!({"status": {"S": status}, "attempts": {"N": attempts.to_string()}});
    let message = sample_message(NOW);
    let later = plus_seconds(NOW, 60);
    let claimed = repeated(row("sending", 1), async |road: &Road| {
        road.messages.claim(&message, &message.decision, later, NOW).await.unwrap()
    });
    assert!(claimed.await, "a claim");
    let all = [
        Settled::Sent { provider_id: "SM1".to_owned(), look: Look::AsClaimed },
        Settled::Retry {
            at: later,
            due: later,
            provider_code: "http_429".to_owned(),
            detail: "too many".to_owned(),
            because: Untaken::Busy,
        },
        Settled::Uncertain { due: later, provider_code: None, detail: "no answer".to_owned() },
        Settled::Failed {
            reason: "rejected".to_owned(),
            provider_code: None,
            detail: "no".to_owned(),
            costs: Costs::Nothing,
            then: Then::Nothing,
        },
    ];
    for settled in all {
        let status = settled.status();
        let done = repeated(row(status.as_str(), 1), async |road: &Road| {
            road.messages.settle(message.id, 1, &settled, NOW).await.unwrap()
        });
        assert!(done.await, "{settled:?}");
    }
    let held = repeated(row("held", 0), async |road: &Road| {
        road.messages.hold(&message, &message.decision, later, later, NOW).await.unwrap()
    });
    assert!(held.await, "a hold");
    let ended = repeated(row("blocked", 0), async |road: &Road| {
        road.messages.end(&message, Status::Blocked, "opted_out", None, &Then::Nothing, NOW).await.unwrap()
    });
    assert!(ended.await, "an end");
    let over = Message { status: Status::Failed, ..message.clone() };
    assert!(
        repeated(row("failed", 1), async |road: &Road| road.messages.done_with(&over).await.unwrap()).await,
        "what follows was done"
    );
    let call = Message { status: Status::Delivered, ..message.clone() };
    assert!(
        repeated(row("delivered", 1), async |road: &Road| {
            road.messages.charged(&call, Micros::new(7)).await.unwrap()
        })
        .await,
        "a call charged for"
    );
    let created = repeated(row("accepted", 0), async |road: &Road| {
        road.messages.create(std::slice::from_ref(&message)).await.unwrap()
    });
    assert_eq!(created.await, Created::New);
}

#[tokio::test]
async fn report_with_a_lost_answer_is_its_own() {
    let id = sample_message(NOW).id;
    let report = Report {
        provider: ProviderName::Twilio,
        message_id: Some(id),
        provider_id: Some("SM1".to_owned()),
        key: "delivered".to_owned(),
        event: Event::Delivered,
        at: NOW,
        recipient: None,
        provider_code: None,
        call: None,
        recording: None,
    };
    let moved = repeated(
        json!({"status": {"S": "delivered"}, "trail": {"M": {"delivered": {"M": {}}}}}),
        async |road: &Road| road.messages.report(id, &report).await.unwrap(),
    );
    assert_eq!(moved.await, Reported::Moved(Status::Delivered));
}

#[tokio::test]
async fn right_code_with_a_lost_answer_is_right() {
    let challenge = Challenge::new(6.try_into().unwrap(), NOW);
    let store = |road: &Road| OtpStore::new(road.ephemera.client.clone(), "ephemera".to_owned());
    let used = repeated(json!({"used_at": {"N": "0"}}), async |road: &Road| {
        store(road).use_up("key", &challenge, NOW).await.unwrap()
    });
    assert!(used.await);
    let row = json!({
        "challenge": {"S": challenge.id.to_string()}, "digits": {"N": "6"}, "checks": {"N": "1"},
        "expires_at": {"N": challenge.expires.as_millisecond().to_string()},
    });
    let counted = repeated(row, async |road: &Road| store(road).count_check("key", NOW).await.unwrap()).await;
    assert!(matches!(counted, crate::store::otp::Counted::May(_)), "{counted:?}");
    let begun = repeated(json!({}), async |road: &Road| store(road).begin("key", &challenge, NOW).await.unwrap());
    assert!(begun.await);
}

#[tokio::test]
async fn sum_with_a_lost_answer_is_added_to_once() {
    let window = json!({"count": {"N": "4"}, "resets": {"N": "60000"}});
    let counted = repeated(window, async |road: &Road| road.ephemera.count("rate", 60, NOW).await.unwrap()).await;
    assert_eq!(counted.count, 4);
}

fn conflict() -> Script {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
    reply(400, json!({"__type": kind, "message": "Transaction is ongoing for the item"}))
}

/// A write on a road whose table is in a transaction of somebody else's for so many tries. Gives how often it was tried.
async fn conflicted<T>(conflicts: usize, write: impl AsyncFn(&Road) -> T) -> (T, usize) {
    let script = (0..conflicts).map(|_| conflict()).chain([reply(200, json!({}))]);
    let table = Stub::new(script).await;
    let road = persistent_road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
    let done = write(&road).await;
    let requests = table.requests();
    assert!(requests.iter().all(|request| request.json() == requests[0].json()), "{requests:?}");
    (done, requests.len())
}

#[tokio::test]
async fn write_in_conflict_with_a_transaction_is_repeated_in_place() {
    let message = sample_message(NOW);
    let claim = async |road: &Road| road.messages.claim(&message, &message.decision, NOW, NOW).await;
    let create = async |road: &Road| road.messages.create(std::slice::from_ref(&message)).await;
    let (claimed, tries) = conflicted(1, claim).await;
    assert_eq!((claimed.unwrap(), tries), (true, 2), "UpdateItem");
    let (created, tries) = conflicted(1, create).await;
    assert_eq!((created.unwrap(), tries), (Created::New, 2), "PutItem");
    let (claimed, tries) = conflicted(20, claim).await;
    assert!(claimed.is_err() && tries == 6, "UpdateItem, {tries} tries");
    let (created, tries) = conflicted(20, create).await;
    assert!(created.is_err() && tries == 6, "PutItem, {tries} tries");
}

/// The stores' files, without their tests.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                into.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// Writes that read a refusal themselves, and why a repetition does no harm there. Transactions carry a token of the SDK's.
const OTHERS: &[(&str, usize, &str)] = &[
    ("store/update.rs", 2, "recognises itself; a transaction"),
    ("store/write_token.rs", 1, "recognises itself"),
    ("provider/stub.rs", 1, "a test's answer"),
    ("store/catalog/links.rs", 1, "refused or done, the link is there"),
    ("store/catalog/templates.rs", 1, "a transaction"),
    ("store/ephemera.rs", 1, "the owner is named in the condition"),
    ("store/ephemera/places.rs", 3, "the place is named in the condition"),
    ("store/jobs/chunks.rs", 2, "refused or done, the chunk is there; a transaction"),
    ("store/ledger.rs", 2, "a transaction"),
    ("store/open.rs", 1, "refused or done, the row is not there for this id"),
    ("store/privacy/erasures.rs", 1, "a version that has moved is read anew"),
    ("store/privacy/tally.rs", 2, "a transaction"),
    ("store/twofactor/ways.rs", 1, "refused, it is tried as an update, which is idempotent"),
];

#[test]
fn every_conditional_write_recognises_itself_or_need_not() {
    let mut known = BTreeSet::new();
    for (path, text) in sources() {
        let count = text.matches("ConditionalCheckFailed").count() + text.matches("conditional_check_failed").count();
        if count == 0 {
            continue;
        }
        let row = OTHERS.iter().find(|(file, ..)| path.ends_with(file));
        let (file, most, _) =
            row.unwrap_or_else(|| panic!("{} reads refusals itself: use Update or put_once", path.display()));
        assert!(count <= *most, "{file} reads {count} refusals itself: use Update or put_once");
        known.insert(*file);
    }
    let stale: Vec<_> = OTHERS.iter().map(|(file, ..)| *file).filter(|file| !known.contains(file)).collect();
    assert!(stale.is_empty(), "{stale:?} need not be listed any more");
}

/// A proxy that is to lose the answer of every conditional write knows them by their names.
#[test]
fn every_conditional_write_says_its_name() {
    for (path, text) in sources() {
        let refusals = text.matches("is_conditional_check_failed_exception").count();
        let names = text.matches("named(").count();
        assert!(names >= refusals, "{} reads {refusals} refusals of writes and names {names}", path.display());
    }
}
