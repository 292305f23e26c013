use serde_json::json;
use switchboard::store::Files;
use switchboard::testing::dead_aws;

use super::*;
use crate::record::anchor_of;

fn app() -> App {
    let dynamo = aws_sdk_dynamodb::Client::new(&dead_aws());
    let anchors = Anchors::new(dynamo, "ledger".to_owned(), Files::new(&dead_aws(), "anchors".to_owned()));
    App::new(Clock::system(), anchors)
}

fn image(facts: &str, personal: Option<&str>) -> Value {
    let mut image = json!({
        "subject": {"S": "person#1"}, "sequence": {"N": "3"}, "at": {"N": "5"}, "caller": {"S": "portal"},
        "event": {"S": "consent_granted"}, "facts": {"S": facts}, "previous": {"S": "l1.A"},
        "personal_mark": {"S": "l1.B"},
    });
    if let Some(personal) = personal {
        image["personal"] = json!({"S": personal});
    }
    image
}

fn change(name: &str, old: Option<Value>, new: Option<Value>) -> Value {
    let mut change = json!({"ApproximateCreationDateTime": 1_795_255_200, "SequenceNumber": "100"});
    if let Some(old) = old {
        change["OldImage"] = old;
    }
    if let Some(new) = new {
        change["NewImage"] = new;
    }
    json!({"Records": [{"eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}]})
}

async fn ask(event: Value) -> Result<Done, lambda_runtime::Error> {
    handle(&app(), LambdaEvent::new(event, lambda_runtime::Context::default())).await
}

#[tokio::test]
async fn rewritten_ledger_entry_is_reported() {
    let (was, forged) = (image("{}", None), image(r#"{"channel":"sms"}"#, None));
    let done = ask(change("MODIFY", Some(was.clone()), Some(forged))).await.unwrap();
    assert_eq!(done, Done { broken: 1, ..Done::default() });
    let done = ask(change("REMOVE", Some(was), None)).await.unwrap();
    assert_eq!(done, Done { broken: 1, ..Done::default() });
}

#[tokio::test]
async fn erased_personal_part_breaks_nothing() {
    let done = ask(change("MODIFY", Some(image("{}", Some("k1.A"))), Some(image("{}", None)))).await.unwrap();
    assert_eq!(done, Done::default());
    assert_eq!(anchor_of(&image("{}", Some("k1.A"))), anchor_of(&image("{}", Some("k2.B"))));
    assert_ne!(anchor_of(&image("{}", None)), anchor_of(&image("{ }", None)));
}

/// What cannot be kept must come again: an entry without an anchor could be rewritten unseen.
#[tokio::test]
async fn unkept_anchor_fails_the_batch() {
    assert!(ask(change("INSERT", None, Some(image("{}", None)))).await.is_err());
    assert!(ask(change("INSERT", None, None)).await.is_err());
}

#[test]
fn hours_are_compared_after_a_day_a_month_and_a_year() {
    let now: Timestamp = "2026-11-28T05:30:00Z".parse().unwrap();
    let due = check::due(now).map(|hour| hour.to_string());
    assert_eq!(due, ["2026-11-27T05:30:00Z", "2026-10-29T05:30:00Z", "2025-11-28T05:30:00Z"]);
}
