//! Suppressions: rows of an address's partition, `suppression#CHANNEL#REASON`. Each holds its address, sealed, where that was
//! at hand; and its place in the index `by_suppression`, the newest first: `listed` is one of [`SHARDS`] partitions a reason,
//! `listed_at` unique.
//!
//! A row and its entry in the address's ledger are one transaction, made on what was read; who was overtaken
//! reads again. Nothing is written where the list says as much already.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use strum::IntoEnumIterator;

use super::{
    AddressFacts, AddressRow, Committed, Item, People, TRIES, address_key, again, text, unavailable, unreadable,
};
use crate::ledger::{Event, Record, Witness};
use crate::message::{Address, Channel, Trigger};
use crate::person::{Holders, Reason, Suppression, SuppressionId};
use crate::store::StoreError;
use crate::store::newest::{Piece, newest as newest_of_all};

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

/// Over how many partitions of the index the suppressions of a reason are spread.
pub const SHARDS: u32 = 8;

fn partition(reason: Reason, shard: u32) -> String {
    format!("suppression#{}#{shard}", reason.as_str())
}

/// Which shard a suppression is in.
fn shard(id: &SuppressionId) -> u32 {
    let hash = digest(&SHA256, id.to_string().as_bytes());
    u32::from(hash.as_ref()[0]) % SHARDS
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
        for (sk, item) in newest(self.address_rows(fingerprint).await?) {
            if sk.starts_with("suppression#") {
                facts.suppressions.push(serde_dynamo::from_item(item).map_err(unreadable)?);
            } else {
                Self::read_owner(&mut holdings, &mut facts, &sk, item)?;
            }
        }
        facts.holders = Holders::new(holdings);
        Ok(facts)
    }

    /// The rows of an address, under each fingerprint that they may be stored under, the oldest first: rows move from an older
    /// to a newer one, so none is missed.
    pub(super) async fn address_rows(&self, fingerprint: &str) -> Result<Vec<AddressRow>, StoreError> {
        let mut rows = Vec::new();
        for form in self.seal.forms(fingerprint) {
            rows.extend(self.rows_under(&form).await?);
        }
        Ok(rows)
    }

    /// Those under one fingerprint, by their sort keys, the last ones first: suppressions, owners, who is on file, then claims. However many
    /// claim it, the others are among them.
    async fn rows_under(&self, form: &str) -> Result<Vec<AddressRow>, StoreError> {
        let query = self.client.query().table_name(&self.table).scan_index_forward(false);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(address_key(form)));
        let answer = query.consistent_read(true).send().await.map_err(unavailable("people.address"))?;
        let row = |item: Item| {
            let sort = item.get("sk")?.as_s().ok()?.clone();
            Some(AddressRow { form: form.to_owned(), sort, item })
        };
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(row).collect())
    }

    /// The suppressions of an address with the fingerprint each is stored under.
    async fn known(&self, target: &Target) -> Result<Vec<(String, Suppression)>, StoreError> {
        let rows = self.address_rows(&target.fingerprint).await?;
        let ours = rows.into_iter().filter(|row| row.sort.starts_with("suppression#"));
        ours.map(|row| Ok((row.form, serde_dynamo::from_item(row.item).map_err(unreadable)?))).collect()
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
            let known = self.known(target).await?;
            let same = |wanted: &Suppression| {
                let is_same = |known: &Suppression| (known.channel, known.reason) == (wanted.channel, wanted.reason);
                known.iter().filter(|(_, known)| is_same(known)).cloned().collect::<Vec<_>>()
            };
            let new: Vec<&Suppression> = wanted
                .iter()
                .filter(|wanted| !same(wanted).iter().any(|(_, known)| wanted.is_said_by(known, witness.at)))
                .collect();
            if new.is_empty() {
                return Ok(Vec::new());
            }
            let mut writes = Vec::new();
            for new in &new {
                writes.extend(self.put_suppression(target, new, &same(new))?);
            }
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
            let mut known = self.known(target).await?;
            known.retain(|(_, known)| which(known));
            if known.is_empty() {
                return Ok(Vec::new());
            }
            let writes = known
                .iter()
                .map(|(form, known)| self.delete_suppression(form, known))
                .collect::<Result<Vec<_>, _>>()?;
            let mut released: Vec<Suppression> = Vec::new();
            for (_, known) in known {
                if !released.iter().any(|one| (one.channel, one.reason) == (known.channel, known.reason)) {
                    released.push(known);
                }
            }
            let events: Vec<Event> =
                released.iter().map(|known| told(ADDRESS_RELEASED, known, target, witness, details)).collect();
            if self.written(target, &events, &writes, witness).await? {
                return Ok(released);
            }
        }
        Err(StoreError::Contended { operation: "people.release" })
    }

    /// Writes down something about an address that changed nothing, in one transaction with `once`. If that is refused, it was written
    /// down before.
    pub async fn note_of_address(
        &self,
        target: &Target,
        event: Event,
        witness: &Witness,
        once: Option<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let events = [witness.attest(with_address(event, target))];
        let once: Vec<TransactWriteItem> = once.into_iter().collect();
        for attempt in 0..TRIES {
            again(attempt).await;
            match self.committed(target, &events, &once, witness).await? {
                Committed::Done => return Ok(()),
                Committed::Refused if attempt > 0 && !once.is_empty() => return Ok(()),
                // Perhaps the address got its ledger meanwhile.
                Committed::Refused => {}
            }
        }
        Err(StoreError::Contended { operation: "people.note_of_address" })
    }

    async fn written(
        &self,
        target: &Target,
        events: &[Event],
        writes: &[TransactWriteItem],
        witness: &Witness,
    ) -> Result<bool, StoreError> {
        Ok(self.committed(target, events, writes, witness).await? == Committed::Done)
    }

    async fn committed(
        &self,
        target: &Target,
        events: &[Event],
        writes: &[TransactWriteItem],
        witness: &Witness,
    ) -> Result<Committed, StoreError> {
        let record = Record { caller: &witness.caller, at: witness.at, events };
        let (subject, first) = self.subject_to_write(&target.fingerprint).await?;
        let writes: Vec<TransactWriteItem> = writes.iter().cloned().chain(first).collect();
        self.ledger()?.commit(&subject, &record, &writes).await
    }

    /// The suppressions of an address, those that are over included.
    pub async fn suppressions_of(&self, target: &Target) -> Result<Vec<Listed>, StoreError> {
        let rows = newest(self.address_rows(&target.fingerprint).await?);
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
        let partitions: Vec<String> =
            reasons.into_iter().flat_map(|reason| (0..SHARDS).map(move |shard| partition(reason, shard))).collect();
        // One more than there may be on the page tells whether there are more.
        let mut items = newest_of_all(partitions.len(), limit + 1, |number, read: Option<String>, limit| {
            let partition = partitions.get(number).cloned().unwrap_or_default();
            self.listed_in(partition, read.or_else(|| before.map(str::to_owned)), limit)
        })
        .await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(place, _)| place.clone());
        let listed = items.into_iter().map(|(_, item)| self.read_listed(item)).collect::<Result<_, _>>()?;
        Ok(ListPage { listed, next })
    }

    async fn listed_in(
        &self,
        partition: String,
        before: Option<String>,
        limit: usize,
    ) -> Result<Piece<String, Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).index_name(INDEX).scan_index_forward(false);
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let query = query.expression_attribute_values(":p", text(partition));
        let query = match before {
            None => query.key_condition_expression("listed = :p"),
            Some(before) => query
                .key_condition_expression("listed = :p AND listed_at < :b")
                .expression_attribute_values(":b", text(before)),
        };
        let answer = query.send().await.map_err(unavailable("people.suppressions"))?;
        let goes_on = answer.last_evaluated_key.is_some();
        Ok(Piece { rows: answer.items.unwrap_or_default().into_iter().filter_map(placed).collect(), goes_on })
    }

    /// Only if what is known of the same reason is still what was read. It is put under the active generation's fingerprint, or
    /// a newer one if it stands there: rows never move back.
    fn put_suppression(
        &self,
        target: &Target,
        new: &Suppression,
        known: &[(String, Suppression)],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let written = self.seal.form_to_store(&target.fingerprint);
        let newer = self.seal.forms(&target.fingerprint).into_iter().skip_while(|form| *form != written);
        let form = newer.filter(|form| known.iter().any(|(at, _)| at == form)).last().unwrap_or(written);
        let pk = address_key(&form);
        let id = SuppressionId { fingerprint: form.clone(), channel: new.channel, reason: new.reason };
        let mut item: Item = serde_dynamo::to_item(new).map_err(unreadable)?;
        if let Some(address) = &target.address {
            item.insert("sealed".to_owned(), text(self.seal.seal(&pk, address.as_str().as_bytes())?));
        }
        item.insert("listed".to_owned(), text(partition(new.reason, shard(&id))));
        item.insert("listed_at".to_owned(), text(place(&id, new.at)));
        item.insert("pk".to_owned(), text(pk));
        item.insert("sk".to_owned(), text(sort_key(new.channel, new.reason)));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match known.iter().find(|(at, _)| *at == form) {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some((_, known)) => {
                put.condition_expression("listed_at = :l").expression_attribute_values(":l", text(place(&id, known.at)))
            }
        };
        let put = TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build();
        let others = known.iter().filter(|(at, _)| *at != form);
        let others = others.map(|(at, known)| self.delete_suppression(at, known));
        std::iter::once(Ok(put)).chain(others).collect()
    }

    fn delete_suppression(&self, form: &str, known: &Suppression) -> Result<TransactWriteItem, StoreError> {
        let id = SuppressionId { fingerprint: form.to_owned(), channel: known.channel, reason: known.reason };
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(address_key(form)))
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

/// The rows by their sort keys, of those under several fingerprints the one under the newest.
fn newest(rows: Vec<AddressRow>) -> Vec<(String, Item)> {
    let mut newest: Vec<(String, Item)> = Vec::new();
    for row in rows {
        match newest.iter_mut().find(|(sort, _)| *sort == row.sort) {
            Some((_, item)) => *item = row.item,
            None => newest.push((row.sort, row.item)),
        }
    }
    newest
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
        let id =
            |reason| SuppressionId { fingerprint: format!("1~{}", "A".repeat(43)), channel: Channel::Email, reason };
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
