use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::message::content::{Attachment, Email, Place, Recipient};
use crate::message::record::AddressSource;
use crate::message::trigger::Class;
use crate::message::{EmailAddress, MessageId};
use crate::provider::stub::{Stub, reply};
use crate::seal::tests::test_seal;
use crate::store::files::Shelf;
use crate::testing::{dead_aws, sample_message};

#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<String, String>>);

#[async_trait]
impl Shelf for Memory {
    async fn keep(&self, key: &str, sealed: String) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(key.to_owned(), sealed);
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    async fn fetch(&self, key: &str) -> Result<String, StoreError> {
        self.0.lock().unwrap().get(key).cloned().ok_or_else(|| unreadable("not there"))
    }
}

fn made() -> Message {
    Message { id: MessageId::new(), ..sample_message(Timestamp::UNIX_EPOCH) }
}

fn messages() -> Messages {
    Messages::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "messages".to_owned(), Arc::new(test_seal()))
}

fn with_file(bytes: usize) -> Sealed {
    let other = Recipient { place: Place::Cc, address: EmailAddress::parse("bob@example.com").unwrap() };
    let file = Attachment {
        filename: "a.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        content: "A".repeat(bytes),
        content_id: None,
    };
    let email = Email {
        subject: "Hi".to_owned(),
        text: Some("hello".to_owned()),
        others: vec![other],
        attachments: vec![file],
        ..Email::default()
    };
    Sealed {
        to: "ada@example.com".to_owned(),
        address_source: AddressSource::Given,
        from: None,
        content: Content::Email(email),
        fallbacks: Vec::new(),
    }
}

#[tokio::test]
async fn what_fits_the_row_stays_in_it() {
    let (messages, message) = (messages(), made());
    let id = message.id;
    let (row, key) = messages.put_away(&message, &with_file(1_000)).await.unwrap();
    assert_eq!(key, None);
    assert!(messages.open(&Messages::seal_name(id), &row).unwrap().content == with_file(1_000).content);
}

#[tokio::test]
async fn what_does_not_fit_is_put_apart_sealed_and_the_row_keeps_who_gets_it() {
    let shelf = Arc::new(Memory::default());
    let (messages, message) = (messages().with_shelf(shelf.clone()), made());
    let (row, key) = messages.put_away(&message, &with_file(2_000_000)).await.unwrap();
    let key = key.expect("a key");
    assert!(
        key.starts_with(&format!("content/transactional/{}/", message.id)) && row.len() < 1_000,
        "{} bytes",
        row.len()
    );
    let outline = messages.open(&Messages::seal_name(message.id), &row).unwrap();
    let Content::Email(email) = outline.content else { panic!("no e-mail") };
    assert_eq!((email.text.is_none(), email.attachments.is_empty(), email.others.len()), (true, true, 1));
    assert!(!shelf.0.lock().unwrap()[&key].contains("AAAAAAAA"), "not in clear");
    assert!(messages.fetch(&key).await.unwrap().content == with_file(2_000_000).content);
}

#[tokio::test]
async fn what_waits_for_long_stands_where_it_is_kept_for_longer() {
    let messages = messages().with_shelf(Arc::new(Memory::default()));
    for (days, place) in [(7, "content/transactional/"), (8, "content/later/")] {
        let mut message = made();
        message.times.scheduled = Some(plus_seconds(message.times.created, days * 86_400));
        let (_, key) = messages.put_away(&message, &with_file(40_000)).await.unwrap();
        assert!(key.as_deref().is_some_and(|key| key.starts_with(place)), "{days}: {key:?}");
    }
}

#[test]
fn content_is_kept_for_as_long_as_its_message_waits() {
    const DAY: i64 = 86_400;
    let day = |number: i64| plus_seconds(Timestamp::UNIX_EPOCH, number * DAY);
    let key = |from: &str, until| key_until(from, day(0), day(until), Uuid::nil());
    let later = format!("content/later/ID/HASH~{}", "0".repeat(32));
    assert_eq!(key("content/security/ID/HASH", 8).as_ref(), Some(&later));
    assert_eq!(key("content/later/ID/HASH", 365), None);
    // A hold after another, for longer than the bucket keeps it.
    assert_eq!(key("content/later/ID/HASH", 366).as_ref(), Some(&later));
    assert_eq!(key("content/later/ID/HASH~1", 400).as_ref(), Some(&later));
}

/// What a hold until so many days after it was made leaves of a message's content, whose row is held or not.
async fn held(days: i64, is_done: bool) -> (Vec<String>, Option<String>, Vec<String>) {
    let shelf = Arc::new(Memory::default());
    let large = with_file(40_000);
    let message = Message { content: large.content.clone(), class: Class::Security, ..made() };
    let until = plus_seconds(message.times.created, days * 86_400);
    let (_, key) = messages().with_shelf(shelf.clone()).put_away(&message, &large).await.unwrap();
    let row = serde_json::json!({"Item": {"content_key": {"S": key.as_deref().unwrap()}}});
    let mut script = Vec::new();
    if days > 7 {
        script.push(reply(200, row));
    }
    let refused = serde_json::json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"});
    script.push(if is_done { reply(200, serde_json::json!({})) } else { reply(400, refused) });
    let table = Stub::new(script).await;
    let aws = crate::testing::aws_at(&table.base_url);
    let messages = Messages::new(aws_sdk_dynamodb::Client::new(&aws), "messages".to_owned(), Arc::new(test_seal()));
    let messages = messages.with_shelf(shelf.clone());
    let done = messages.hold(&message, &message.decision, until, until, message.times.created).await.unwrap();
    assert_eq!(done, is_done);
    let written = table.requests().last().unwrap().body.clone();
    let left: Vec<String> = shelf.0.lock().unwrap().keys().cloned().collect();
    for key in &left {
        assert!(messages.fetch(key).await.unwrap().content == large.content, "{key}");
    }
    (left, key, vec![written])
}

#[tokio::test]
async fn content_of_message_held_for_long_moves_with_its_row() {
    let (left, key, written) = held(30, true).await;
    let [only] = &left[..] else { panic!("{left:?}") };
    assert!(only.starts_with(KEPT_FOR_LATER) && Some(only) != key.as_ref(), "{only}");
    assert!(written[0].contains(only.as_str()), "the row names it: {written:?}");
}

#[tokio::test]
async fn content_stays_where_its_row_is_not_held_or_not_for_long() {
    for (days, is_done) in [(30, false), (7, true)] {
        let (left, key, _) = held(days, is_done).await;
        assert_eq!(left, Vec::from_iter(key), "{days} {is_done}");
    }
}

#[tokio::test]
async fn another_content_under_the_same_id_replaces_nothing() {
    let shelf = Arc::new(Memory::default());
    let (messages, message) = (messages().with_shelf(shelf.clone()), made());
    let (_, first) = messages.put_away(&message, &with_file(40_000)).await.unwrap();
    let (_, again) = messages.put_away(&message, &with_file(40_000)).await.unwrap();
    let (_, other) = messages.put_away(&message, &with_file(50_000)).await.unwrap();
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(messages.fetch(&first.unwrap()).await.unwrap().content == with_file(40_000).content);
    assert_eq!(shelf.0.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_object_cannot_be_passed_off_as_another_messages() {
    let shelf = Arc::new(Memory::default());
    let messages = messages().with_shelf(shelf.clone());
    let (_, key) = messages.put_away(&made(), &with_file(40_000)).await.unwrap();
    let sealed = shelf.0.lock().unwrap()[&key.unwrap()].clone();
    let theirs = format!("content/{}/x", MessageId::new());
    shelf.keep(&theirs, sealed).await.unwrap();
    assert!(matches!(messages.fetch(&theirs).await, Err(StoreError::Seal(_))));
}

#[tokio::test]
async fn a_function_without_the_bucket_takes_no_large_content() {
    assert!(messages().put_away(&made(), &with_file(40_000)).await.is_err());
    assert!(messages().fetch("content/x").await.is_err());
}
