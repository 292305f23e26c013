//! Finding what is stored under an earlier generation's fingerprint of an address, and carrying it to the active one: page by
//! page, in segments. A row whose key has a fingerprint moves in one transaction, on the condition that it is still what was
//! read: who changed it meanwhile is not overwritten, and it is looked at again.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::checkpoint::{key_from, key_text};
use super::sealed::Part;
use super::unreadable;
use crate::person::Suppression;
use crate::privacy::reseal::{Place, ResealCounts};
use crate::seal::Seal;
use crate::store::messages::LAST_REPORT;
use crate::store::update::{Applied, Update};
use crate::store::{Item, StoreError, again, text, unavailable};

/// How many rows a page looks at, and how many of them are written at a time.
const PAGE: i32 = 500;
const AT_A_TIME: usize = 8;
/// How often a row is looked at again that somebody changed meanwhile.
const TRIES: u32 = 8;
/// What may be added to a row later on, so that it is another one although nothing that was read of it changed.
const ADDED_LATER: [&str; 2] = ["used_at", "verification"];
/// Of two rows of one address the one with the greater of these counts: the later wish, the longer window, the later expiry.
const RANKS: [&str; 3] = ["rank", "ends", "expires"];

/// The names of the tables with fingerprints.
#[derive(Clone, Debug)]
pub struct Tables {
    pub messages: String,
    pub people: String,
    pub ephemera: String,
}

/// Everything that is found by a fingerprint.
#[derive(Clone, Debug)]
pub struct Indexed {
    client: Client,
    tables: Tables,
    seal: Arc<Seal>,
}

/// What became of a row.
enum Moved {
    Done,
    /// It was gone, or changed too often.
    Overtaken,
    /// What is sealed for its old key does not open.
    Unopened,
}

/// A table with rows whose key holds a fingerprint.
struct Keyed<'a> {
    table: &'a str,
    /// The parts of its key, the one with the fingerprint first.
    key: &'static [&'static str],
}

impl Moved {
    fn count(&self) -> ResealCounts {
        let one = |is: bool| u64::from(is);
        ResealCounts {
            resealed: one(matches!(self, Self::Done)),
            overtaken: one(matches!(self, Self::Overtaken)),
            unopened: one(matches!(self, Self::Unopened)),
        }
    }
}

impl Indexed {
    pub fn new(client: Client, tables: Tables, seal: Arc<Seal>) -> Self {
        Self { client, tables, seal }
    }

    /// Carries a page of a place forward: what was found, and the last key it has behind it (none: that was the last page).
    pub async fn page(
        &self,
        place: Place,
        part: Part,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<(ResealCounts, Option<String>), StoreError> {
        let table = match place {
            Place::Messages => &self.tables.messages,
            Place::People => &self.tables.people,
            Place::Ephemera => &self.tables.ephemera,
            Place::Ledger | Place::Catalog | Place::Content => return Ok((ResealCounts::default(), None)),
        };
        let number = |number: u32| i32::try_from(number).map_err(unreadable);
        let scan = self.client.scan().table_name(table).consistent_read(true).limit(PAGE);
        let scan = scan.segment(number(part.segment)?).total_segments(number(part.of)?);
        let scan = scan.set_exclusive_start_key(after.map(key_from).transpose()?);
        let answer = scan.send().await.map_err(unavailable("reindex.scan"))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| self.row(place, item, now));
        let counts = stream::iter(rows)
            .buffer_unordered(AT_A_TIME)
            .try_fold(ResealCounts::default(), async |counts, row: ResealCounts| Ok(counts.plus(row)))
            .await?;
        Ok((counts, answer.last_evaluated_key.as_ref().map(key_text).transpose()?))
    }

    async fn row(&self, place: Place, item: Item, now: Timestamp) -> Result<ResealCounts, StoreError> {
        let moved = match place {
            Place::Messages => self.message(&item).await?,
            Place::People => self.keyed(&Keyed { table: &self.tables.people, key: &["pk", "sk"] }, item, now).await?,
            Place::Ephemera => self.keyed(&Keyed { table: &self.tables.ephemera, key: &["key"] }, item, now).await?,
            Place::Ledger | Place::Catalog | Place::Content => None,
        };
        Ok(moved.map_or(ResealCounts::default(), |moved| moved.count()))
    }

    /// A message's recipient; and the last report, which names one and of which nothing follows any more: the table's stream has
    /// brought it.
    async fn message(&self, item: &Item) -> Result<Option<Moved>, StoreError> {
        let Some(id) = word(item, "id") else { return Ok(None) };
        let carried = |name: &str| {
            let text = word(item, name)?;
            Some((text, self.seal.carried_forward(text)?))
        };
        let recipient = carried("recipient")
            .map(|(old, new)| Update::default().only_if_equal("recipient", text(old)).set("recipient", text(new)));
        let report = carried(LAST_REPORT)
            .map(|(old, _)| Update::default().only_if_equal(LAST_REPORT, text(old)).remove(LAST_REPORT));
        let mut moved = None;
        for update in recipient.into_iter().chain(report) {
            moved =
                Some(match update.apply(&self.client, &self.tables.messages, ("id", id), "reindex.message").await? {
                    Applied::Done(_) => Moved::Done,
                    Applied::Refused(_) => Moved::Overtaken,
                });
        }
        Ok(moved)
    }

    /// A row whose key has the fingerprint; `None`: it has none of an earlier generation.
    async fn keyed(&self, of: &Keyed<'_>, item: Item, now: Timestamp) -> Result<Option<Moved>, StoreError> {
        let mut seen = item;
        for attempt in 0..TRIES {
            again(attempt).await;
            let Some(name) = of.key.first().and_then(|first| word(&seen, first)) else { return Ok(None) };
            let Some(new_name) = self.seal.carried_forward(name) else { return Ok(None) };
            let Some(new) = self.carried(of, &seen, &new_name)? else {
                tracing::error!(reindex.table = of.table, "something sealed cannot be moved to another key");
                return Ok(Some(Moved::Unopened));
            };
            let there = self.read(of, &new).await?;
            let put = match &there {
                None => Some(unwritten(of.key)),
                Some(there) if outranks(&seen, there, now) => Some(unchanged_put(there)),
                Some(_) => None,
            };
            let put = put.map(|put| put.table_name(of.table).set_item(Some(new)).build()).transpose();
            let put = put.map_err(unreadable)?.map(|put| TransactWriteItem::builder().put(put).build());
            let delete = unchanged_delete(&seen).table_name(of.table).set_key(Some(key_of(of.key, &seen)));
            let delete = TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build();
            let writes = put.into_iter().chain([delete]).collect();
            let error = match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
                Ok(_) => return Ok(Some(Moved::Done)),
                Err(error) => error,
            };
            if !matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionCanceledException(_))) {
                return Err(unavailable("reindex.move")(error));
            }
            match self.read(of, &seen).await? {
                Some(present) => seen = present,
                // Who changed it moved it as well, or took it away.
                None => return Ok(Some(Moved::Overtaken)),
            }
        }
        Err(StoreError::Contended { operation: "reindex.move" })
    }

    /// The row under its new key; `None`: what it has sealed does not open.
    fn carried(&self, of: &Keyed<'_>, item: &Item, new_name: &str) -> Result<Option<Item>, StoreError> {
        let mut new = item.clone();
        for (name, value) in &mut new {
            if let Ok(old) = value.as_s()
                && name != "sealed"
                && let Some(carried) = self.seal.carried_forward(old)
            {
                *value = text(carried);
            }
        }
        let name = of.key.first().and_then(|first| word(item, first));
        if let (Some(name), Some(sealed)) = (name, word(item, "sealed")) {
            let Ok(plain) = self.seal.open(name, sealed) else { return Ok(None) };
            new.insert("sealed".to_owned(), text(self.seal.seal(new_name, &plain)?));
        }
        Ok(Some(new))
    }

    async fn read(&self, of: &Keyed<'_>, item: &Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(of.table).set_key(Some(key_of(of.key, item))).consistent_read(true);
        Ok(get.send().await.map_err(unavailable("reindex.read"))?.item)
    }
}

fn word<'a>(item: &'a Item, name: &str) -> Option<&'a String> {
    item.get(name).and_then(|value| value.as_s().ok())
}

fn key_of(names: &[&str], item: &Item) -> Item {
    names.iter().filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect()
}

/// Whether the row under the old key counts, where there is one under the new key, too. Of two suppressions for one reason the one
/// that says more counts.
fn outranks(old: &Item, new: &Item, now: Timestamp) -> bool {
    let suppression = |item: &Item| serde_dynamo::from_item::<_, Suppression>(item.clone()).ok();
    if let (Some(old), Some(new)) = (suppression(old), suppression(new)) {
        return !old.is_said_by(&new, now);
    }
    let rank = |item: &Item, name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let differing = RANKS.iter().find_map(|name| {
        let (old, new) = (rank(old, name)?, rank(new, name)?);
        (old != new).then_some(old > new)
    });
    differing.unwrap_or(false)
}

fn unwritten(key: &[&str]) -> PutBuilder {
    let put = Put::builder();
    put.condition_expression("attribute_not_exists(#k)")
        .expression_attribute_names("#k", key.first().copied().unwrap_or("pk"))
}

/// That a row is still what was read.
struct Unchanged {
    expression: String,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Unchanged {
    fn since(item: &Item) -> Self {
        let mut unchanged = Self { expression: String::new(), names: Vec::new(), values: Vec::new() };
        let mut parts = Vec::new();
        for (at, (name, value)) in item.iter().enumerate() {
            parts.push(format!("#a{at} = :a{at}"));
            unchanged.names.push((format!("#a{at}"), name.clone()));
            unchanged.values.push((format!(":a{at}"), value.clone()));
        }
        let present: HashSet<&str> = item.keys().map(String::as_str).collect();
        for name in ADDED_LATER.iter().filter(|name| !present.contains(*name)) {
            parts.push(format!("attribute_not_exists({name})"));
        }
        unchanged.expression = parts.join(" AND ");
        unchanged
    }
}

fn unchanged_put(item: &Item) -> PutBuilder {
    let Unchanged { expression, names, values } = Unchanged::since(item);
    Put::builder()
        .condition_expression(expression)
        .set_expression_attribute_names(Some(names.into_iter().collect()))
        .set_expression_attribute_values(Some(values.into_iter().collect()))
}

fn unchanged_delete(item: &Item) -> DeleteBuilder {
    let Unchanged { expression, names, values } = Unchanged::since(item);
    Delete::builder()
        .condition_expression(expression)
        .set_expression_attribute_names(Some(names.into_iter().collect()))
        .set_expression_attribute_values(Some(values.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::message::Channel;
    use crate::person::Reason;
    use crate::store::number;

    #[test]
    fn later_wish_and_longer_window_count_wherever_they_stand() {
        let row = |name: &str, value: i64| Item::from([(name.to_owned(), number(value))]);
        let now = from_millis(0);
        assert!(outranks(&row("rank", 3), &row("rank", 2), now) && !outranks(&row("rank", 2), &row("rank", 3), now));
        assert!(outranks(&row("ends", 3), &row("ends", 2), now) && !outranks(&row("ends", 2), &row("ends", 2), now));
        assert!(!outranks(&Item::new(), &Item::new(), now), "the newer row stays");
    }

    #[test]
    fn suppression_that_says_more_counts_wherever_it_stands() {
        let now = from_millis(0);
        let row = |suppression: &Suppression| serde_dynamo::to_item::<_, Item>(suppression).unwrap();
        let all = Suppression::new(Channel::Email, Reason::Unsubscribe, "test", now);
        let marketing = all.clone().of_marketing();
        assert!(outranks(&row(&all), &row(&marketing), now));
        assert!(!outranks(&row(&marketing), &row(&all), now) && !outranks(&row(&all), &row(&all), now));
    }

    #[test]
    fn row_that_was_used_meanwhile_is_no_longer_what_was_read() {
        let item = Item::from([("key".to_owned(), text("otp#x")), ("checks".to_owned(), number(1))]);
        let unchanged = Unchanged::since(&item);
        assert!(unchanged.expression.contains("attribute_not_exists(used_at)"), "{}", unchanged.expression);
        assert_eq!((unchanged.names.len(), unchanged.values.len()), (2, 2));
    }
}
