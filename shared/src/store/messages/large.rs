//! Content that is too large for a row (DynamoDB: 400 kB an item, and a write unit a kilobyte at every step): it stands in
//! the Files bucket, and the row keeps its key.
//!
//! It is put there before the row is: a row without its content would be a message nobody can send, an object without its
//! row is what a crash in between leaves, and the bucket's lifecycle removes it. The key holds a keyed hash of the content
//! besides the message's id, so the same request made again writes the same object, and another request under the same
//! idempotency key can never change what was accepted. Sealed like the row, and bound to its key. Its key begins with its
//! consent class, because the bucket's lifecycle deletes it when the row goes, and that depends on the class; what waits
//! for longer than a week stands apart, and is kept for a year longer.

use super::compact::{decision_attribute, sealed_attribute};
use super::row::{Sealed, unreadable};
use super::{Messages, Update};
use crate::clock::plus_seconds;
use crate::message::record::Fallback;
use crate::message::{Content, Message};
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

/// What fits a row, in bytes before sealing. Just above it, a message's five writes would cost $100 a million (a write unit
/// a kilobyte, $0.625 a million); a put and a get of an object cost $5.40. Below it, no request waits for a second store.
const MOST_IN_ROW: usize = 32 * 1024;

/// Where the content of what waits for long stands.
pub(super) const KEPT_FOR_LATER: &str = "content/later/";
/// What waits for longer than this does.
const LONG_SECONDS: i64 = 7 * 86_400;

impl Messages {
    /// Seals what is private of a message: what the row holds, and the key of the rest, if the row cannot hold it.
    pub(super) async fn put_away(
        &self,
        message: &Message,
        sealed: &Sealed,
    ) -> Result<(String, Option<String>), StoreError> {
        let plain = serde_json::to_vec(sealed).map_err(unreadable)?;
        let (id, class) = (message.id, message.class);
        let name = Self::seal_name(id);
        if plain.len() <= MOST_IN_ROW {
            return Ok((self.seal.seal(&name, &plain)?, None));
        }
        let shelf = self.shelf.as_ref().ok_or_else(|| unreadable("content too large, and no place for it"))?;
        let later = message.times.scheduled.is_some_and(|at| at > plus_seconds(message.times.created, LONG_SECONDS));
        let place = if later { KEPT_FOR_LATER.to_owned() } else { format!("content/{class}/") };
        let key = format!("{place}{id}/{}", self.seal.keyed_hash(&plain));
        shelf.keep(&key, self.seal.seal(&key, &plain)?).await?;
        let outline = serde_json::to_vec(&outline(sealed)).map_err(unreadable)?;
        Ok((self.seal.seal(&name, &outline)?, Some(key)))
    }

    /// Writes what is sealed of a message anew, its decision, and what `update` says, if nothing happened to the message since it was
    /// read.
    pub(super) async fn replace_content(
        &self,
        seen: &Message,
        changed: &Message,
        update: Update,
    ) -> Result<bool, StoreError> {
        let id = seen.id.to_string();
        let Some(before) = self.item(seen.id).await? else { return Ok(true) };
        let Some(sealed) = before.get("sealed").cloned() else { return Ok(true) };
        let old_key = before.get("content_key").and_then(|key| key.as_s().ok()).cloned();
        let (new, new_key) = self.put_away(changed, &Self::private(changed)).await?;
        let update = update
            .only_if_equal("sealed", sealed)
            .only_if_equal("status", text(seen.status.as_str()))
            .only_if_equal("attempts", number(seen.attempts))
            .set("sealed", sealed_attribute(&new)?)
            .set("decision", decision_attribute(&changed.decision));
        let update = match &new_key {
            Some(key) => update.set("content_key", text(key)),
            None => update.remove("content_key"),
        };
        let applied = update.apply(&self.client, &self.table, ("id", &id), "messages.replace_content").await?;
        let done = matches!(applied, Applied::Done(_));
        // The one nobody points to goes: the old one if it was replaced, else the new one.
        let (left, kept) = if done { (old_key, new_key) } else { (new_key, old_key) };
        if let (Some(shelf), Some(left)) = (&self.shelf, left.filter(|left| Some(left) != kept.as_ref())) {
            shelf.remove(&left).await?;
        }
        Ok(done)
    }

    /// The content under this key.
    pub(super) async fn fetch(&self, key: &str) -> Result<Sealed, StoreError> {
        let shelf = self.shelf.as_ref().ok_or_else(|| unreadable("its content is stored apart"))?;
        self.open(key, &shelf.fetch(key).await?)
    }
}

/// What of it stays in the row: everything but the contents.
fn outline(sealed: &Sealed) -> Sealed {
    let fallback = |fallback: &Fallback| Fallback { content: fallback.content.outline(), ..fallback.clone() };
    Sealed {
        to: sealed.to.clone(),
        address_source: sealed.address_source,
        from: sealed.from.clone(),
        content: Content::outline(&sealed.content),
        fallbacks: sealed.fallbacks.iter().map(fallback).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;

    use jiff::Timestamp;

    use super::*;
    use crate::message::content::{Attachment, Email, Place, Recipient};
    use crate::message::record::AddressSource;
    use crate::message::{EmailAddress, MessageId};
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
}
