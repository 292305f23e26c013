//! Suppressions: rows of an address's partition, `suppression#CHANNEL#REASON`. Each holds its address, sealed, where that was
//! at hand; and its place in the index `by_suppression`, the newest first: `listed` is one partition a reason, `listed_at`
//! unique.
//!
//! A row and its entry in the ledger (`address#FINGERPRINT`) are one transaction, made on what was read; who was overtaken
//! reads again. Nothing is written where the list says as much already.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use strum::IntoEnumIterator;

use super::{AddressFacts, Committed, Item, People, TRIES, address_key, again, text, unavailable, unreadable};
use crate::ledger::{Event, Record, Witness};
use crate::message::{Address, Channel, Trigger};
use crate::person::{Holders, Reason, Suppression, SuppressionId};
use crate::store::StoreError;

/// An address was put on the list for a reason.
pub const ADDRESS_SUPPRESSED: &str = "address_suppressed";
/// It was taken off again, for that reason.
pub const ADDRESS_RELEASED: &str = "address_released";

const INDEX: &str = "by_suppression";

/// An address: its fingerprint, and itself where it is at hand (a callback may name no more than the fingerprint).
#[derive(Clone, Debug)]
pub struct Target {
    pub fingerprint: String,
    pub address: Option<Address>,
}

/// A suppression as it stands on the list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: SuppressionId,
    pub suppression: Suppression,
    /// `None`: nobody told us more than the fingerprint, or it was erased.
    pub address: Option<Address>,
}

/// What else an entry about a suppression says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details<'a> {
    /// The provider's id of what told us.
    pub provider_id: Option<&'a str>,
    /// The kind of message it was said to.
    pub message_type: Option<Trigger>,
    /// What somebody of ours wrote to it: it may speak of people.
    pub note: Option<&'a str>,
}

impl Details<'_> {
    fn beside(&self, event: Event) -> Event {
        let event = self.provider_id.iter().fold(event, |event, id| event.with("provider_id", *id));
        let event = self.message_type.iter().fold(event, |event, kind| event.with("message_type", kind.as_str()));
        self.note.iter().fold(event, |event, note| event.with_personal("note", *note))
    }
}

/// Some of the list, the newest first.
#[derive(Clone, Debug)]
pub struct ListPage {
    pub listed: Vec<Listed>,
    /// What comes next is before this place.
    pub next: Option<String>,
}

fn sort_key(channel: Channel, reason: Reason) -> String {
    format!("suppression#{channel}#{}", reason.as_str())
}

fn partition(reason: Reason) -> String {
    format!("suppression#{}", reason.as_str())
}

/// Its place on the list: the time, so that the newest is the last, and what makes it the only one there.
fn place(id: &SuppressionId, at: Timestamp) -> String {
    format!("{:015}#{id}", at.as_millisecond())
}

/// Whether a text is a place on the list.
pub fn is_place(text: &str) -> bool {
    text.split_once('#').is_some_and(|(at, id)| {
        at.len() == 15 && at.bytes().all(|byte| byte.is_ascii_digit()) && id.parse::<SuppressionId>().is_ok()
    })
}

impl People {
    /// An address by itself.
    pub fn target(&self, address: &Address) -> Target {
        Target { fingerprint: self.seal.fingerprint(address), address: Some(address.clone()) }
    }

    /// What is known of an address.
    pub async fn facts(&self, fingerprint: &str) -> Result<AddressFacts, StoreError> {
        let (mut facts, mut holdings) = (AddressFacts::default(), Vec::new());
        for (sk, item) in self.address_rows(fingerprint).await? {
            if sk.starts_with("suppression#") {
                facts.suppressions.push(serde_dynamo::from_item(item).map_err(unreadable)?);
            } else {
                Self::read_owner(&mut holdings, &mut facts.claimants, &sk, item)?;
            }
        }
        facts.holders = Holders::new(holdings);
        Ok(facts)
    }

    /// The rows of an address, by their sort keys, the last ones first: suppressions, owners, then claims. However many
    /// claim it, the others are among them.
    pub(super) async fn address_rows(&self, fingerprint: &str) -> Result<Vec<(String, Item)>, StoreError> {
        let query = self.client.query().table_name(&self.table).scan_index_forward(false);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(address_key(fingerprint)));
        let answer = query.consistent_read(true).send().await.map_err(unavailable("people.address"))?;
        let keyed = |item: Item| Some((item.get("sk")?.as_s().ok()?.clone(), item));
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(keyed).collect())
    }

    /// Puts an address on the list. Gives what was not there yet: a reason that is known already, for as much and as long,
    /// stays as it is.
    pub async fn suppress(
        &self,
        target: &Target,
        wanted: &[Suppression],
        witness: &Witness,
        details: &Details<'_>,
    ) -> Result<Vec<Suppression>, StoreError> {
        for attempt in 0..TRIES {
            again(attempt).await;
            let known = self.facts(&target.fingerprint).await?.suppressions;
            let same = |wanted: &Suppression| {
                known.iter().find(|known| (known.channel, known.reason) == (wanted.channel, wanted.reason))
            };
            let new: Vec<&Suppression> = wanted
                .iter()
                .filter(|wanted| !same(wanted).is_some_and(|known| wanted.is_said_by(known, witness.at)))
                .collect();
            if new.is_empty() {
                return Ok(Vec::new());
            }
            let writes =
                new.iter().map(|new| self.put_suppression(target, new, same(new))).collect::<Result<Vec<_>, _>>()?;
            let events: Vec<Event> =
                new.iter().map(|new| told(ADDRESS_SUPPRESSED, new, target, witness, details)).collect();
            if self.written(target, &events, &writes, witness).await? {
                return Ok(new.into_iter().cloned().collect());
            }
        }
        Err(StoreError::Contended { operation: "people.suppress" })
    }

    /// Takes an address off the list where `which` says so. Gives what was there.
    pub async fn release(
        &self,
        target: &Target,
        which: impl Fn(&Suppression) -> bool,
        witness: &Witness,
        details: &Details<'_>,
    ) -> Result<Vec<Suppression>, StoreError> {
        for attempt in 0..TRIES {
            again(attempt).await;
            let known = self.facts(&target.fingerprint).await?.suppressions;
            let released: Vec<Suppression> = known.into_iter().filter(&which).collect();
            if released.is_empty() {
                return Ok(released);
            }
            let writes =
                released.iter().map(|known| self.delete_suppression(target, known)).collect::<Result<Vec<_>, _>>()?;
            let events: Vec<Event> =
                released.iter().map(|known| told(ADDRESS_RELEASED, known, target, witness, details)).collect();
            if self.written(target, &events, &writes, witness).await? {
                return Ok(released);
            }
        }
        Err(StoreError::Contended { operation: "people.release" })
    }

    /// Writes down something about an address that changed nothing.
    pub async fn note_of_address(&self, target: &Target, event: Event, witness: &Witness) -> Result<(), StoreError> {
        self.written(target, &[witness.attest(with_address(event, target))], &[], witness).await?;
        Ok(())
    }

    async fn written(
        &self,
        target: &Target,
        events: &[Event],
        writes: &[TransactWriteItem],
        witness: &Witness,
    ) -> Result<bool, StoreError> {
        let record = Record { caller: &witness.caller, at: witness.at, events };
        let committed = self.ledger()?.commit(&address_key(&target.fingerprint), &record, writes).await?;
        Ok(committed == Committed::Done)
    }

    /// The suppressions of an address, those that are over included.
    pub async fn suppressions_of(&self, target: &Target) -> Result<Vec<Listed>, StoreError> {
        let rows = self.address_rows(&target.fingerprint).await?;
        let ours = rows.into_iter().filter(|(sk, _)| sk.starts_with("suppression#"));
        let mut listed = ours.map(|(_, item)| self.read_listed(item)).collect::<Result<Vec<_>, _>>()?;
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.suppression.at));
        Ok(listed)
    }

    /// A page of the list: those before a place, or the newest; of one reason, or of all.
    pub async fn suppressions(
        &self,
        reason: Option<Reason>,
        before: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, StoreError> {
        let reasons: Vec<Reason> = reason.map_or_else(|| Reason::iter().collect(), |reason| vec![reason]);
        // Of each reason as many as there may be on the page, and one more: that tells whether there are more.
        let pages = reasons.into_iter().map(|reason| self.of_reason(reason, before, limit + 1));
        let pages: Vec<Vec<Item>> = stream::iter(pages).buffered(Reason::iter().len()).try_collect().await?;
        let mut items: Vec<(String, Item)> = pages.into_iter().flatten().filter_map(placed).collect();
        items.sort_by(|(one, _), (other, _)| other.cmp(one));
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(place, _)| place.clone());
        let listed = items.into_iter().map(|(_, item)| self.read_listed(item)).collect::<Result<_, _>>()?;
        Ok(ListPage { listed, next })
    }

    async fn of_reason(&self, reason: Reason, before: Option<&str>, limit: usize) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).index_name(INDEX).scan_index_forward(false);
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let query = query.expression_attribute_values(":r", text(partition(reason)));
        let query = match before {
            None => query.key_condition_expression("listed = :r"),
            Some(before) => query
                .key_condition_expression("listed = :r AND listed_at < :b")
                .expression_attribute_values(":b", text(before)),
        };
        let answer = query.send().await.map_err(unavailable("people.suppressions"))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Only if what is known of the same reason is still what was read.
    fn put_suppression(
        &self,
        target: &Target,
        new: &Suppression,
        known: Option<&Suppression>,
    ) -> Result<TransactWriteItem, StoreError> {
        let pk = address_key(&target.fingerprint);
        let id = SuppressionId { fingerprint: target.fingerprint.clone(), channel: new.channel, reason: new.reason };
        let mut item: Item = serde_dynamo::to_item(new).map_err(unreadable)?;
        if let Some(address) = &target.address {
            item.insert("sealed".to_owned(), text(self.seal.seal(&pk, address.as_str().as_bytes())?));
        }
        item.insert("listed".to_owned(), text(partition(new.reason)));
        item.insert("listed_at".to_owned(), text(place(&id, new.at)));
        item.insert("pk".to_owned(), text(pk));
        item.insert("sk".to_owned(), text(sort_key(new.channel, new.reason)));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match known {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(known) => {
                put.condition_expression("listed_at = :l").expression_attribute_values(":l", text(place(&id, known.at)))
            }
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }

    fn delete_suppression(&self, target: &Target, known: &Suppression) -> Result<TransactWriteItem, StoreError> {
        let id =
            SuppressionId { fingerprint: target.fingerprint.clone(), channel: known.channel, reason: known.reason };
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(address_key(&target.fingerprint)))
            .key("sk", text(sort_key(known.channel, known.reason)))
            .condition_expression("listed_at = :l")
            .expression_attribute_values(":l", text(place(&id, known.at)));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build())
    }

    fn read_listed(&self, item: Item) -> Result<Listed, StoreError> {
        let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let pk = part("pk").unwrap_or_default();
        let fingerprint = pk.strip_prefix("address#").ok_or_else(|| unreadable("a suppression of no address"))?;
        let (fingerprint, sealed) = (fingerprint.to_owned(), part("sealed"));
        let suppression: Suppression = serde_dynamo::from_item(item).map_err(unreadable)?;
        let open = |sealed: String| {
            let plain = String::from_utf8(self.seal.open(&pk, &sealed)?).map_err(|_| unreadable("no address"))?;
            Ok::<_, StoreError>(Address::stored(suppression.channel, plain))
        };
        let address = sealed.map(open).transpose()?;
        let id = SuppressionId { fingerprint, channel: suppression.channel, reason: suppression.reason };
        Ok(Listed { id, suppression, address })
    }
}

fn placed(item: Item) -> Option<(String, Item)> {
    Some((item.get("listed_at")?.as_s().ok()?.clone(), item))
}

fn told(
    name: &'static str,
    suppression: &Suppression,
    target: &Target,
    witness: &Witness,
    details: &Details<'_>,
) -> Event {
    let event = Event::new(name)
        .with("channel", suppression.channel.as_str())
        .with("reason", suppression.reason.as_str())
        .with("scope", suppression.scope.as_str());
    let event = match suppression.until {
        Some(until) => event.with("until", until.to_string()),
        None => event,
    };
    witness.attest(details.beside(with_address(event, target)))
}

fn with_address(event: Event, target: &Target) -> Event {
    match &target.address {
        Some(address) => event.with_personal("address", address.as_str()),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn places_sort_by_time_and_no_two_are_one() {
        let id = |reason| SuppressionId { fingerprint: "A".repeat(43), channel: Channel::Email, reason };
        let (early, late) = (from_millis(999), from_millis(1_000_000));
        let mut places = [
            place(&id(Reason::Manual), late),
            place(&id(Reason::HardBounce), early),
            place(&id(Reason::HardBounce), late),
        ];
        assert!(places.iter().all(|place| is_place(place)));
        places.sort();
        assert_eq!(places[0], place(&id(Reason::HardBounce), early));
        assert_ne!(places[1], places[2]);
        for text in ["", "1#x", "000000000000999", "00000000000099x#A.email.manual"] {
            assert!(!is_place(text), "{text}");
        }
    }
}
