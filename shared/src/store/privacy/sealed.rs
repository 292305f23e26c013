//! Finding what is sealed with another key than the present one, and sealing it anew: page by page, in segments, each row on
//! the condition that it still holds what was read.

use std::sync::Arc;

use super::checkpoint::{key_from, key_text};
use super::unreadable;
use crate::privacy::reseal::{Place, ResealCounts};
use crate::seal::{self, Seal, SealError};
use crate::store::files::Replaced;
use crate::store::ledger;
use crate::store::messages::action_name;
use crate::store::update::{Applied, Update};
use crate::store::{Files, Item, StoreError, text, unavailable};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::{self, StreamExt, TryStreamExt};

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
            .filter_expression(filter(place))
            .expression_attribute_names("#s", attribute(place))
            .set_expression_attribute_values(self.compared(place))
            .set_exclusive_start_key(after.map(key_from).transpose()?);
        let answer = scan.send().await.map_err(unavailable("reseal.scan"))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| self.row(table, place, item));
        let counts = stream::iter(rows)
            .buffer_unordered(AT_A_TIME)
            .try_fold(ResealCounts::default(), async |counts, row: ResealCounts| Ok(counts.plus(row)))
            .await?;
        Ok((counts, answer.last_evaluated_key.as_ref().map(key_text).transpose()?))
    }

    /// What [`filter`] compares with.
    fn compared(&self, place: Place) -> Option<Item> {
        let present = || Item::from([(":present".to_owned(), text(format!("{}.", self.seal.active())))]);
        (place != Place::Messages).then(present)
    }

    async fn row(&self, table: &str, place: Place, item: Item) -> Result<ResealCounts, StoreError> {
        let itself = self.itself(table, place, &item).await?.map_or(ResealCounts::default(), |became| became.count());
        match place {
            Place::Messages => Ok(itself.plus(self.actions(table, &item).await?)),
            Place::People | Place::Ledger | Place::Ephemera | Place::Catalog | Place::Content => Ok(itself),
        }
    }

    /// What clients told of actions, each sealed for itself within its message's row.
    async fn actions(&self, table: &str, item: &Item) -> Result<ResealCounts, StoreError> {
        let mut counts = ResealCounts::default();
        let Some(id) = item.get("id").and_then(|id| id.as_s().ok()) else { return Ok(counts) };
        let actions = item.get("actions").and_then(|actions| actions.as_m().ok()).into_iter().flatten();
        for (name, action) in actions {
            let metadata = action.as_m().ok().and_then(|action| action.get("metadata")?.as_s().ok());
            let Some(sealed) = metadata.filter(|sealed| !self.seal.is_current(sealed)) else { continue };
            let became = match self.anew(&action_name(id, name), sealed) {
                Some(new) => {
                    let path = ["actions", name, "metadata"];
                    let update = Update::default().only_if_equal_in(&path, text(sealed)).set_in(&path, text(new));
                    match update.apply(&self.client, table, ("id", id), "reseal.action").await? {
                        Applied::Done(_) => Became::Resealed,
                        Applied::Refused(_) => Became::Overtaken,
                    }
                }
                None => unopened(Place::Messages, "no key opens an action"),
            };
            counts = counts.plus(became.count());
        }
        Ok(counts)
    }

    /// What a row keeps sealed; `None`: nothing, or nothing with another key.
    async fn itself(&self, table: &str, place: Place, item: &Item) -> Result<Option<Became>, StoreError> {
        let attribute = attribute(place);
        let Some(value) = item.get(attribute) else { return Ok(None) };
        let Some(sealed) = sealed_text(value) else { return Ok(Some(unopened(place, "no text"))) };
        if self.seal.is_current(&sealed) {
            return Ok(None);
        }
        let Some(new) = names(place, item).iter().find_map(|name| self.anew(name, &sealed)) else {
            return Ok(Some(unopened(place, "no key opens it")));
        };
        let key = key_of(place, item);
        let new = match place {
            Place::Messages => AttributeValue::B(Blob::new(seal::to_bytes(&new)?)),
            Place::People | Place::Ledger | Place::Ephemera | Place::Catalog | Place::Content => text(new),
        };
        let update = Update::default().only_if_equal(attribute, value.clone()).set(attribute, new);
        let update = match place {
            // An anchor has everything of an entry but its personal part, and the role may change nothing else of it.
            Place::Ledger => update.unmarked(),
            Place::Messages | Place::People | Place::Ephemera | Place::Catalog | Place::Content => update,
        };
        Ok(Some(match update.apply_at(&self.client, table, key, "reseal.row").await? {
            Applied::Done(_) => Became::Resealed,
            Applied::Refused(_) => Became::Overtaken,
        }))
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

/// What is sealed in an attribute, as text.
fn sealed_text(value: &AttributeValue) -> Option<String> {
    let of_bytes = || value.as_b().ok().and_then(|bytes| seal::from_bytes(bytes.as_ref()).ok());
    value.as_s().ok().cloned().or_else(of_bytes)
}

fn unopened(place: Place, why: &str) -> Became {
    tracing::error!(reseal.place = %place, why, "something sealed cannot be sealed anew");
    Became::Unopened
}

/// What is looked at: what another key sealed, and all messages: theirs is stored as bytes, whose beginning no filter compares.
fn filter(place: Place) -> &'static str {
    match place {
        Place::Messages => "attribute_exists(#s) OR attribute_exists(acts)",
        Place::People | Place::Ledger | Place::Ephemera | Place::Catalog | Place::Content => {
            "attribute_exists(#s) AND NOT begins_with(#s, :present)"
        }
    }
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
