//! Content that is too large for a row (DynamoDB: 400 kB an item, and a write unit a kilobyte at every step): it stands in
//! the Files bucket, and the row keeps its key.
//!
//! It is put there before the row is: a row without its content would be a message nobody can send, an object without its
//! row is what a crash in between leaves, and the bucket's lifecycle removes it. The key holds a keyed hash of the content
//! besides the message's id, so the same request made again writes the same object, and another request under the same
//! idempotency key can never change what was accepted. Sealed like the row, and bound to its key. Its key begins with its
//! consent class, because the bucket's lifecycle deletes it when the row goes, and that depends on the class; what waits
//! for longer than a week stands apart, and is kept for a year longer.

use jiff::Timestamp;
use uuid::Uuid;

use super::compact::{decision_attribute, sealed_attribute};
use super::row::{Sealed, unreadable};
use super::{Messages, Update};
use crate::clock::plus_seconds;
use crate::message::record::Fallback;
use crate::message::{Content, Message};
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text};

/// What fits a row, in bytes before sealing. Just above it, a message's five writes would cost $100 a million (a write unit
/// a kilobyte, $0.625 a million); a put and a get of an object cost $5.40. Below it, no request waits for a second store.
const MOST_IN_ROW: usize = 32 * 1024;

/// Where the content of what waits for long stands.
pub(super) const KEPT_FOR_LATER: &str = "content/later/";
/// What waits for longer than this does.
const LONG_SECONDS: i64 = 7 * 86_400;
/// How long it is there for certain before its message is sent.
const LATER_SECONDS: i64 = 365 * 86_400;

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
        let goes = message.times.scheduled.max(message.times.not_before);
        let later = goes.is_some_and(|at| at > plus_seconds(message.times.created, LONG_SECONDS));
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
        let old_key = content_key(&before).cloned();
        // It is changed from what was read: what somebody else changed meanwhile stays.
        if plain(&self.read_whole(before).await?)? != plain(seen)? {
            return Ok(false);
        }
        let (new, new_key) = self.put_away(changed, &Self::private(changed)).await?;
        let update = update
            .only_if_equal("sealed", sealed)
            .only_with_content(old_key.as_ref())
            .only_if_equal("status", text(seen.status.as_str()))
            .only_if_equal("attempts", number(seen.attempts))
            .set("sealed", sealed_attribute(&new)?)
            .set("decision", decision_attribute(&changed.decision));
        let update = match &new_key {
            Some(key) => update.set("content_key", text(key)),
            None => update.remove("content_key"),
        };
        let applied = update.apply(&self.client, &self.table, ("id", &id), "messages.replace_content").await?;
        // The one nobody points to goes: the old one if it was replaced, else the new one. Another worker may have put the same.
        let (done, left, kept) = match applied {
            Applied::Done(_) => (true, old_key, new_key),
            Applied::Refused(row) => (false, new_key, row.as_ref().and_then(content_key).cloned()),
        };
        if let (Some(shelf), Some(left)) = (&self.shelf, left.filter(|left| Some(left) != kept.as_ref())) {
            shelf.remove(&left).await?;
        }
        Ok(done)
    }

    /// Content that is stored apart, put where the bucket keeps it for long, if its message now waits until `until`: the bucket deletes
    /// an object so many days after it was put there, and a hold may follow another. `None`: it stays where it is.
    ///
    /// The row names the new object once its write is done ([`Self::remove_left`]); until then it names the old one.
    pub(super) async fn keep_until(
        &self,
        seen: &Message,
        until: Timestamp,
    ) -> Result<Option<MovedContent>, StoreError> {
        if until <= plus_seconds(seen.times.created, LONG_SECONDS) {
            return Ok(None);
        }
        let item = self.item(seen.id).await?;
        let Some(from) = item.as_ref().and_then(content_key) else { return Ok(None) };
        let Some(to) = key_until(from, seen.times.created, until, Uuid::new_v4()) else { return Ok(None) };
        let shelf = self.shelf.as_ref().ok_or_else(|| unreadable("its content is stored apart"))?;
        let plain = self.seal.open(from, &shelf.fetch(from).await?)?;
        shelf.keep(&to, self.seal.seal(&to, &plain)?).await?;
        Ok(Some(MovedContent { from: from.clone(), to }))
    }

    /// Removes the object that no row names after the write that was to name the new one.
    pub(super) async fn remove_left(&self, content: Option<MovedContent>, applied: &Applied) -> Result<(), StoreError> {
        let (Some(MovedContent { from, to }), Some(shelf)) = (content, &self.shelf) else { return Ok(()) };
        match applied {
            Applied::Done(_) => shelf.remove(&from).await,
            // It was done after all, and something else since.
            Applied::Refused(Some(row)) if content_key(row) == Some(&to) => Ok(()),
            Applied::Refused(_) => shelf.remove(&to).await,
        }
    }

    /// The content under this key.
    pub(super) async fn fetch(&self, key: &str) -> Result<Sealed, StoreError> {
        let shelf = self.shelf.as_ref().ok_or_else(|| unreadable("its content is stored apart"))?;
        self.open(key, &shelf.fetch(key).await?)
    }
}

/// Content that has another key.
#[derive(Debug)]
pub(super) struct MovedContent {
    pub(super) from: String,
    pub(super) to: String,
}

/// What is private of a message, as it is sealed.
fn plain(message: &Message) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Messages::private(message)).map_err(unreadable)
}

impl Update {
    /// Only if its content is still stored there.
    pub(super) fn only_with_content(self, key: Option<&String>) -> Self {
        match key {
            Some(key) => self.only_if_equal("content_key", text(key)),
            None => self.only_if_absent(&["content_key"]),
        }
    }
}

pub(super) fn content_key(row: &Item) -> Option<&String> {
    row.get("content_key").and_then(|key| key.as_s().ok())
}

/// The key under which the content of a message, made at `created`, is kept long enough for a wait until `until`; `None`: it is under one.
/// What waits for longer than a year is put anew with every hold. `mark`: of two workers, none removes what the other put.
fn key_until(from: &str, created: Timestamp, until: Timestamp, mark: Uuid) -> Option<String> {
    let (is_later, rest) = match from.strip_prefix(KEPT_FOR_LATER) {
        Some(rest) => (true, rest),
        None => (false, from.strip_prefix("content/")?.split_once('/')?.1),
    };
    if is_later && until <= plus_seconds(created, LATER_SECONDS) {
        return None;
    }
    let hash = rest.split_once('~').map_or(rest, |(hash, _)| hash);
    Some(format!("{KEPT_FOR_LATER}{hash}~{}", mark.simple()))
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
mod tests;
