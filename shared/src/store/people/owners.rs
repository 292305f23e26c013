//! Whose an address is, in its own partition: `owner#ID` for who proved it, with the time; `past#ID#TIME` for who had it until
//! a time; `filed#ID` for who is reached there without proof, because an administrator put it on file; `claim#ID` for who says so without
//! proof. Read downwards, owners and who is reached there come before claims: however many claim an address, they are found.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::{AddressFacts, AddressRow, People, address_key, unreadable};
use crate::message::{Address, Channel};
use crate::person::ownership::{Holding, Span};
use crate::person::{Holders, Person, PersonId, ProvenAddress};
use crate::store::{Item, StoreError, text, unavailable};

const OWNER: &str = "owner#";
const PAST: &str = "past#";
const FILED: &str = "filed#";
const CLAIM: &str = "claim#";

/// The kinds of address a person has.
const KINDS: [Channel; 2] = [Channel::Sms, Channel::Email];

/// The rows of a person in the partitions of their addresses, by fingerprint and sort key; owners with their time.
type Rows = BTreeMap<(String, String), Option<Span>>;

fn item(fingerprint: &str, sort: &str, span: Option<&Span>) -> Result<Item, StoreError> {
    let mut item: Item = span.map(serde_dynamo::to_item).transpose().map_err(unreadable)?.unwrap_or_default();
    item.insert("pk".to_owned(), text(address_key(fingerprint)));
    item.insert("sk".to_owned(), text(sort));
    Ok(item)
}

/// A row of somebody who had the address; without a person, of somebody who was erased.
fn past(person: Option<&PersonId>, span: &Span) -> String {
    let whose = person.map_or_else(|| format!("#{}", uuid::Uuid::new_v4().simple()), ToString::to_string);
    format!("{PAST}{whose}#{}", span.since.as_millisecond())
}

impl People {
    fn rows(&self, person: &Person) -> Rows {
        let mut rows = Rows::new();
        let fingerprint = |address: &Address| self.seal.fingerprint(address);
        for channel in KINDS {
            let unproven = [(FILED, person.address(channel)), (CLAIM, person.claim(channel))];
            for (kind, address) in unproven {
                if let Some(address) = address.filter(|address| !person.has_proven(address)) {
                    rows.insert((fingerprint(&address), format!("{kind}{}", person.id)), None);
                }
            }
            if let Some(proven) = ProvenAddress::of(person, channel) {
                let key = (fingerprint(proven.address()), format!("{OWNER}{}", person.id));
                rows.insert(key, Some(proven.span()));
            }
        }
        rows
    }

    /// What a change of a person changes in the partitions of their addresses. Who has an address no more had it until then.
    pub(super) async fn owner_writes(
        &self,
        before: Option<&Person>,
        person: &Person,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (old, new) = (before.map(|before| self.rows(before)).unwrap_or_default(), self.rows(person));
        let mut writes = Vec::new();
        for (key @ (fingerprint, sort), span) in &new {
            if old.get(key) != Some(span) {
                writes.extend(self.put_owner(fingerprint, sort, span.as_ref()).await?);
            }
        }
        for (key @ (fingerprint, sort), span) in &old {
            let stays = new.get(key);
            if stays.is_none() {
                for form in self.seal.forms(fingerprint) {
                    writes.push(self.delete_owner(&form, sort)?);
                }
            }
            let lost = span.filter(|span| stays.copied().flatten().is_none_or(|stays| stays.since != span.since));
            if let Some(span) = lost {
                let span = span.ended(person.updated);
                writes.extend(self.put_owner(fingerprint, &past(Some(&person.id), &span), Some(&span)).await?);
            }
        }
        Ok(writes)
    }

    /// Puts a row of an address under the active generation's fingerprint, or under a newer one if it stands there (rows never
    /// move back: whoever reads the older ones first misses none), and takes it away under the others.
    async fn put_owner(
        &self,
        fingerprint: &str,
        sort: &str,
        span: Option<&Span>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let written = self.seal.form_to_store(fingerprint);
        let forms = self.seal.forms(fingerprint);
        let mut at = written.clone();
        for newer in forms.iter().skip_while(|form| **form != written).skip(1) {
            let get = self.client.get_item().table_name(&self.table).set_key(Some(item(newer, sort, None)?));
            let answer = get.consistent_read(true).send().await.map_err(unavailable("people.put_owner"))?;
            if answer.item.is_some() {
                at.clone_from(newer);
            }
        }
        let put = Put::builder().table_name(&self.table).set_item(Some(item(&at, sort, span)?));
        let put = TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build();
        let others = forms.iter().filter(|form| **form != at).map(|form| self.delete_owner(form, sort));
        std::iter::once(Ok(put)).chain(others).collect()
    }

    fn delete_owner(&self, form: &str, sort: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(item(form, sort, None)?));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build())
    }

    /// Adds a row of an address to what is known of it.
    pub(super) fn read_owner(
        holdings: &mut Vec<Holding>,
        facts: &mut AddressFacts,
        sort: &str,
        item: Item,
    ) -> Result<(), StoreError> {
        for (prefix, people) in [(FILED, &mut facts.filed), (CLAIM, &mut facts.claimants)] {
            if let Some(person) = sort.strip_prefix(prefix) {
                people.extend(PersonId::text(person));
                return Ok(());
            }
        }
        let person = match (sort.strip_prefix(OWNER), sort.strip_prefix(PAST)) {
            (Some(person), _) => person,
            (None, Some(past)) => past.rsplit_once('#').map_or("", |(person, _)| person),
            (None, None) => return Ok(()),
        };
        // Of somebody who was erased: `#` and what tells two of them apart.
        let person = Some(person).filter(|person| !person.starts_with('#')).and_then(PersonId::text);
        holdings.push(Holding { person, span: serde_dynamo::from_item(item).map_err(unreadable)? });
        Ok(())
    }

    /// Whose an address is and was.
    pub async fn holders(&self, fingerprint: &str) -> Result<Holders, StoreError> {
        Ok(self.facts(fingerprint).await?.holders)
    }

    /// Takes away that an address was a person's. Where it was others' too, it stays written that it was somebody's: what was said to
    /// it then is not the others' alone.
    pub async fn forget_holder(&self, fingerprint: &str, person: &PersonId) -> Result<(), StoreError> {
        let prefix = format!("{PAST}{person}#");
        for AddressRow { form, sort, item: row } in self.address_rows(fingerprint).await? {
            // Another id may begin with this one.
            let since = sort.strip_prefix(&prefix).filter(|since| since.parse::<i64>().is_ok());
            if since.is_none() {
                continue;
            }
            let span: Span = serde_dynamo::from_item(row).map_err(unreadable)?;
            let AddressFacts { holders, .. } = self.facts(fingerprint).await?;
            if !holders.with(person, &[]).is_empty() {
                let put = self.client.put_item().table_name(&self.table);
                let put = put.set_item(Some(item(&form, &past(None, &span), Some(&span))?));
                put.send().await.map_err(unavailable("people.forget_holder"))?;
            }
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete.set_key(Some(item(&form, &sort, None)?));
            delete.send().await.map_err(unavailable("people.forget_holder"))?;
        }
        Ok(())
    }
}
