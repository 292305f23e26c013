//! The Anchors bucket: digests of the ledger's entries, as their stream brought them. An object is one batch of the stream,
//! `entries/DATE/HOUR/FIRST-LAST`, the sequence numbers of its first and last record; it is written once and never changed.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::batch_get::batch_get;
use super::{Files, Item, StoreError, number, text};
use crate::ledger::anchor::{Anchored, Broken, How, Image};

/// How many entries are read at a time; more is refused.
const AT_A_TIME: usize = 100;

/// The bucket, and the table it vouches for.
#[derive(Clone, Debug)]
pub struct Anchors {
    client: Client,
    table: String,
    bucket: Files,
}

/// Which records of the stream a batch was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// When the first was written.
    pub at: Timestamp,
    /// The sequence numbers of the first and the last.
    pub first: String,
    pub last: String,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "anchors", cause: error.to_string() }
}

/// The folder of an hour.
fn folder(hour: Timestamp) -> String {
    hour.strftime("entries/%Y-%m-%d/%H/").to_string()
}

impl Anchors {
    pub fn new(client: Client, table: String, bucket: Files) -> Self {
        Self { client, table, bucket }
    }

    /// Keeps the entries of a batch. Done again it is as done once; a batch that comes again with other records is another.
    pub async fn keep(&self, batch: &Batch, entries: &[Anchored]) -> Result<(), StoreError> {
        // As wide as the longest there are, so that names sort as numbers do.
        let key = format!("{}{:0>40}-{:0>40}", folder(batch.at), batch.first, batch.last);
        let lines = serde_json::to_vec(entries).map_err(unreadable)?;
        self.bucket.put_once(&key, lines).await
    }

    /// The next batch of an hour, after the one with this key.
    pub async fn next(
        &self,
        hour: Timestamp,
        after: Option<&str>,
    ) -> Result<Option<(String, Vec<Anchored>)>, StoreError> {
        let (keys, _) = self.bucket.list(&folder(hour), after, 1).await?;
        let Some(key) = keys.into_iter().next() else { return Ok(None) };
        let bytes = self.bucket.get(&key).await?.ok_or_else(|| unreadable("an anchor is not there"))?;
        Ok(Some((key, serde_json::from_slice(&bytes).map_err(unreadable)?)))
    }

    /// Those of the entries that are not in the table as they were anchored.
    pub async fn compare(&self, entries: &[Anchored]) -> Result<Vec<Broken>, StoreError> {
        let mut broken = Vec::new();
        for entries in entries.chunks(AT_A_TIME) {
            let present = self.read(entries).await?;
            for entry in entries {
                match present.get(&(entry.subject.clone(), entry.sequence)) {
                    Some(there) if there == entry => {}
                    Some(_) => broken.push(Broken::of(entry.clone(), How::Changed)),
                    None => broken.push(Broken::of(entry.clone(), How::Missing)),
                }
            }
        }
        Ok(broken)
    }

    async fn read(&self, entries: &[Anchored]) -> Result<HashMap<(String, u64), Anchored>, StoreError> {
        let key = |entry: &Anchored| {
            Item::from([("subject".to_owned(), text(&entry.subject)), ("sequence".to_owned(), number(entry.sequence))])
        };
        let mut found = HashMap::new();
        let keys = entries.iter().map(key).collect();
        for item in batch_get(&self.client, &self.table, keys, true, "anchors.read").await? {
            let entry = image(item)?.anchored().map_err(unreadable)?;
            found.insert((entry.subject.clone(), entry.sequence), entry);
        }
        Ok(found)
    }
}

/// A row as the stream shows it. Entries hold texts and numbers only.
fn image(item: Item) -> Result<Image, StoreError> {
    let attribute = |(name, value): (String, AttributeValue)| -> Result<_, StoreError> {
        if let AttributeValue::S(text) = value {
            return Ok((name, "S", text));
        }
        let number = value.as_n().map_err(|_| unreadable("an attribute is neither text nor number"))?;
        Ok((name, "N", number.clone()))
    };
    Ok(Image::of(item.into_iter().map(attribute).collect::<Result<Vec<_>, _>>()?))
}
