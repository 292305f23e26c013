//! Finding what is sealed with another key than the present one, and sealing it anew: page by page, in segments, each row on
//! the condition that it still holds what was read.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::unreadable;
use crate::privacy::reseal::{Place, ResealCounts};
use crate::seal::{Seal, SealError};
use crate::store::files::Replaced;
use crate::store::ledger;
use crate::store::update::{Applied, Update};
use crate::store::{Files, Item, StoreError, text, unavailable};

/// How many rows a page looks at, and how many of them are written at a time.
const PAGE: i32 = 500;
const OBJECTS: i32 = 50;
const AT_A_TIME: usize = 8;

/// The names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    pub messages: String,
    pub people: String,
    pub ledger: String,
    pub ephemera: String,
    pub catalog: String,
}

/// Everything that is sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    client: Client,
    tables: Tables,
    files: Files,
    seal: Arc<Seal>,
}

/// A part of the walk: which segment of how many.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub segment: u32,
    pub of: u32,
}

/// What became of one sealed text.
enum Became {
    Resealed,
    Overtaken,
    Unopened,
}

impl Became {
    fn count(&self) -> ResealCounts {
        let one = |is: bool| u64::from(is);
        ResealCounts {
            resealed: one(matches!(self, Self::Resealed)),
            overtaken: one(matches!(self, Self::Overtaken)),
            unopened: one(matches!(self, Self::Unopened)),
        }
    }
}

impl Sealed {
    pub fn new(client: Client, tables: Tables, files: Files, seal: Arc<Seal>) -> Self {
        Self { client, tables, files, seal }
    }

    /// Seals a page of a place anew: what was found, and the last key it has behind it (none: that was the last page).
    pub async fn page(
        &self,
        place: Place,
        part: Part,
        after: Option<&str>,
    ) -> Result<(ResealCounts, Option<String>), StoreError> {
        match place {
            Place::Messages => self.table_page(&self.tables.messages, place, part, after).await,
            Place::People => self.table_page(&self.tables.people, place, part, after).await,
            Place::Ledger => self.table_page(&self.tables.ledger, place, part, after).await,
            Place::Ephemera => self.table_page(&self.tables.ephemera, place, part, after).await,
            Place::Catalog => self.table_page(&self.tables.catalog, place, part, after).await,
            Place::Content => self.bucket_page(after).await,
        }
    }

    async fn table_page(
        &self,
        table: &str,
        place: Place,
        part: Part,
        after: Option<&str>,
    ) -> Result<(ResealCounts, Option<String>), StoreError> {
        let number = |number: u32| i32::try_from(number).map_err(unreadable);
        let scan = self
            .client
            .scan()
            .table_name(table)
            .segment(number(part.segment)?)
            .total_segments(number(part.of)?)
            .limit(PAGE)
            .filter_expression("attribute_exists(#s) AND NOT begins_with(#s, :present)")
            .expression_attribute_names("#s", attribute(place))
            .expression_attribute_values(":present", text(format!("{}.", self.seal.active())))
            .set_exclusive_start_key(after.map(key_from).transpose()?);
        let answer = scan.send().await.map_err(unavailable("reseal.scan"))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| self.row(table, place, item));
        let counts = stream::iter(rows)
            .buffer_unordered(AT_A_TIME)
            .try_fold(ResealCounts::default(), async |counts, became: Became| Ok(counts.plus(became.count())))
            .await?;
        Ok((counts, answer.last_evaluated_key.as_ref().map(key_text).transpose()?))
    }

    async fn row(&self, table: &str, place: Place, item: Item) -> Result<Became, StoreError> {
        let attribute = attribute(place);
        let Some(sealed) = item.get(attribute).and_then(|sealed| sealed.as_s().ok()).cloned() else {
            return Ok(unopened(place, "no text"));
        };
        let Some(new) = names(place, &item).iter().find_map(|name| self.anew(name, &sealed)) else {
            return Ok(unopened(place, "no key opens it"));
        };
        let key = key_of(place, &item);
        let update = Update::default().only_if_equal(attribute, text(&sealed)).set(attribute, text(new));
        Ok(match update.apply_at(&self.client, table, key, "reseal.row").await? {
            Applied::Done(_) => Became::Resealed,
            Applied::Refused(_) => Became::Overtaken,
        })
    }

    /// The same under the present key; `None`: it does not open for this row.
    fn anew(&self, name: &str, sealed: &str) -> Option<String> {
        let plain = self.seal.open(name, sealed).ok()?;
        self.seal.seal(name, &plain).ok()
    }

    async fn bucket_page(&self, after: Option<&str>) -> Result<(ResealCounts, Option<String>), StoreError> {
        let (keys, more) = self.files.list("content/", after, OBJECTS).await?;
        let last = keys.last().cloned().filter(|_| more);
        let counts = stream::iter(keys.into_iter().map(|key| self.object(key)))
            .buffer_unordered(2) // each may be 4 MB, held a few times over
            .try_fold(ResealCounts::default(), async |counts, became: Option<Became>| {
                Ok(became.map_or(counts, |became| counts.plus(became.count())))
            })
            .await?;
        Ok((counts, last))
    }

    /// `None`: it is sealed with the present key, or gone.
    async fn object(&self, key: String) -> Result<Option<Became>, StoreError> {
        let Some((bytes, etag)) = self.files.get_tagged(&key).await? else { return Ok(None) };
        let Ok(sealed) = String::from_utf8(bytes.into()) else {
            return Ok(Some(unopened(Place::Content, "no text")));
        };
        match self.seal.reseal(&key, &sealed) {
            Ok(None) => Ok(None),
            Ok(Some(new)) => Ok(Some(match self.files.replace(&key, &etag, new.into_bytes()).await? {
                Replaced::Yes => Became::Resealed,
                Replaced::Overtaken => Became::Overtaken,
            })),
            Err(SealError::UnknownKey(_) | SealError::Broken | SealError::BadKey(_)) => {
                Ok(Some(unopened(Place::Content, "no key opens it")))
            }
        }
    }
}

fn unopened(place: Place, why: &str) -> Became {
    tracing::error!(reseal.place = %place, why, "something sealed cannot be sealed anew");
    Became::Unopened
}

/// The attribute that is sealed.
fn attribute(place: Place) -> &'static str {
    match place {
        Place::Ledger => "personal",
        Place::Messages | Place::People | Place::Ephemera | Place::Catalog | Place::Content => "sealed",
    }
}

/// The names of the key's parts.
fn key_names(place: Place) -> &'static [&'static str] {
    match place {
        Place::Messages => &["id"],
        Place::Ephemera => &["key"],
        Place::Ledger => &["subject", "sequence"],
        Place::People | Place::Catalog => &["pk", "sk"],
        Place::Content => &[],
    }
}

fn key_of(place: Place, item: &Item) -> Item {
    let part = |name: &&str| Some(((*name).to_owned(), item.get(*name)?.clone()));
    key_names(place).iter().filter_map(part).collect()
}

/// What the text may be sealed for: its row, as whoever seals it names that.
fn names(place: Place, item: &Item) -> Vec<String> {
    let word = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        Some(_) | None => String::new(),
    };
    match place {
        Place::Messages => vec![format!("messages/{}", word("id"))],
        Place::Ephemera => vec![word("key")],
        Place::Ledger => vec![ledger::row(&word("subject"), word("sequence").parse().unwrap_or_default())],
        Place::People => vec![word("pk"), format!("{}/{}", word("pk"), word("sk"))],
        Place::Catalog => vec![format!("jobs/{}", word("id")), format!("{}/{}", word("pk"), word("sk"))],
        Place::Content => Vec::new(),
    }
}

/// A key's part, as a checkpoint keeps it.
#[derive(Serialize, Deserialize)]
enum KeyPart {
    S(String),
    N(String),
}

fn key_text(key: &Item) -> Result<String, StoreError> {
    let part = |(name, value): (&String, &AttributeValue)| {
        let word = value.as_s().ok().map(|text| KeyPart::S(text.clone()));
        let part = word.or_else(|| value.as_n().ok().map(|text| KeyPart::N(text.clone())));
        Some((name.clone(), part?))
    };
    let parts: HashMap<String, KeyPart> = key.iter().filter_map(part).collect();
    serde_json::to_string(&parts).map_err(unreadable)
}

fn key_from(text: &str) -> Result<Item, StoreError> {
    let parts: HashMap<String, KeyPart> = serde_json::from_str(text).map_err(unreadable)?;
    let value = |part| match part {
        KeyPart::S(text) => AttributeValue::S(text),
        KeyPart::N(text) => AttributeValue::N(text),
    };
    Ok(parts.into_iter().map(|(name, part)| (name, value(part))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::number;

    #[test]
    fn a_checkpoint_is_the_key_it_was_made_of() {
        let key = Item::from([("subject".to_owned(), text("person#1")), ("sequence".to_owned(), number(7))]);
        assert_eq!(key_from(&key_text(&key).unwrap()).unwrap(), key);
        assert!(key_from("x").is_err());
    }
}
