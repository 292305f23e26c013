//! The People table. A person's partition holds their profile; an address's partition (named by its fingerprint) holds
//! whose it is and was ([`owners`]), why it must not be used ([`suppressions`]) and where its ledger is ([`subjects`]). Any may hold the head of its ledger ([`super::ledger`]).

mod suppressions;

mod engagement;
mod erasure;
mod owners;
mod subjects;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ledger::{Committed, Ledger};
use super::{Item, StoreError, again, number, text, unavailable};
use crate::ledger::{Event, Record, Witness};
use crate::message::{Address, Channel, EmailAddress, Locale, PhoneNumber};
use crate::person::profile::Replaced;
use crate::person::{ChannelConsent, Claims, ContactPoint, Holders, Person, PersonId, Preferences, Proof, Suppression};
use crate::seal::Seal;
use crate::seal::purpose::LedgerKeys;

pub use suppressions::{
    ADDRESS_RELEASED, ADDRESS_SUPPRESSED, Details, ListPage, Listed, SHARDS as SUPPRESSION_SHARDS, Target, is_place,
};

const PROFILE: &str = "profile";

/// The table.
#[derive(Clone, Debug)]
pub struct People {
    client: Client,
    table: String,
    /// None where nothing about people is changed.
    ledger: Option<Ledger>,
    seal: Arc<Seal>,
}

/// How often a change is made anew because others were made meanwhile.
const TRIES: u32 = 20;

/// What is known of an address.
#[derive(Clone, Debug, Default)]
pub struct AddressFacts {
    /// Whose it is and was, by proof.
    pub holders: Holders,
    /// Who is reached there without proof: it is on file as theirs. They have no say over the address.
    pub filed: Vec<PersonId>,
    /// Who says that it is theirs, without proof. Nothing goes there for them, and nothing that happens there concerns them.
    pub claimants: Vec<PersonId>,
    pub suppressions: Vec<Suppression>,
}

/// A row in the partition of an address.
#[derive(Debug)]
struct AddressRow {
    /// The fingerprint it is stored under.
    form: String,
    sort: String,
    item: Item,
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    id: PersonId,
    sealed: String,
    consents: BTreeMap<Channel, ChannelConsent>,
    #[serde(default)]
    preferences: Preferences,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    version: u64,
    #[serde(with = "crate::clock::millis")]
    created_at: Timestamp,
    #[serde(with = "crate::clock::millis")]
    updated_at: Timestamp,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    erasing_since: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    phone: Option<ContactPoint<PhoneNumber>>,
    email: Option<ContactPoint<EmailAddress>>,
    #[serde(default)]
    claims: Claims,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<StoredReplaced>,
}

/// A replaced address, as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredReplaced {
    channel: Channel,
    address: String,
    proof: Proof,
}

impl From<&Replaced> for StoredReplaced {
    fn from(replaced: &Replaced) -> Self {
        let Replaced { address, proof } = replaced;
        let channel = match address {
            Address::Phone(_) => Channel::Sms,
            Address::Email(_) => Channel::Email,
        };
        Self { channel, address: address.as_str().to_owned(), proof: *proof }
    }
}

impl From<StoredReplaced> for Replaced {
    fn from(stored: StoredReplaced) -> Self {
        Self { address: Address::stored(stored.channel, stored.address), proof: stored.proof }
    }
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "people", cause: error.to_string() }
}

fn person_key(id: &PersonId) -> String {
    format!("person#{id}")
}

/// A person in the ledger: what became of their consents, preferences, addresses and data.
pub fn subject(id: &PersonId) -> String {
    person_key(id)
}

fn address_key(fingerprint: &str) -> String {
    format!("address#{fingerprint}")
}

impl People {
    /// Without the ledger's keys people are only read.
    pub fn new(client: Client, table: String, ledger: String, keys: Option<LedgerKeys>, seal: Arc<Seal>) -> Self {
        let ledger = keys.map(|keys| Ledger::new(client.clone(), ledger, table.clone(), keys, seal.clone()));
        Self { client, table, ledger, seal }
    }

    /// A person, as of now.
    pub async fn get(&self, id: &PersonId) -> Result<Option<Person>, StoreError> {
        let get =
            self.client.get_item().table_name(&self.table).key("pk", text(person_key(id))).key("sk", text(PROFILE));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("people.get"))?;
        answer.item.map(|item| self.read(item)).transpose()
    }

    /// Changes a person (or makes them) and writes down what happened, in one transaction: reads, applies `change`, writes if
    /// nobody wrote meanwhile, else starts again. `change` gives the entries of what it did; what changed nothing has none.
    pub async fn change(
        &self,
        id: &PersonId,
        witness: &Witness,
        change: impl Fn(&mut Person) -> Vec<Event>,
    ) -> Result<Person, StoreError> {
        for attempt in 0..TRIES {
            again(attempt).await;
            let before = self.get(id).await?;
            let mut person = before.clone().unwrap_or_else(|| Person::new(id.clone(), witness.at));
            let events: Vec<Event> = change(&mut person).into_iter().map(|event| witness.attest(event)).collect();
            if events.is_empty() && before.as_ref() == Some(&person) {
                return Ok(person);
            }
            if before.as_ref().is_some_and(|before| before.erasing.is_some()) {
                return Err(StoreError::BeingErased);
            }
            person.version += 1;
            person.updated = witness.at;
            let record = Record { caller: &witness.caller, at: witness.at, events: &events };
            let writes = self.writes(before.as_ref(), &person).await?;
            // On the heap: it is large, and so is what awaits a change.
            match Box::pin(self.ledger()?.commit(&subject(id), &record, &writes)).await? {
                Committed::Done => return Ok(person),
                Committed::Refused => {}
            }
        }
        Err(StoreError::Contended { operation: "people.change" })
    }

    /// The entries about people, and about addresses.
    pub fn ledger(&self) -> Result<&Ledger, StoreError> {
        self.ledger.as_ref().ok_or(StoreError::NoLedgerKeys)
    }

    /// A person and who owns which address, to be written together, if the person is still as `before`.
    async fn writes(&self, before: Option<&Person>, person: &Person) -> Result<Vec<TransactWriteItem>, StoreError> {
        let profile = Put::builder().table_name(&self.table).set_item(Some(self.to_item(person)?));
        let profile = match before {
            Some(before) => profile
                .condition_expression("version = :seen")
                .expression_attribute_values(":seen", number(before.version)),
            None => profile.condition_expression("attribute_not_exists(pk)"),
        };
        let mut writes = vec![TransactWriteItem::builder().put(profile.build().map_err(unreadable)?).build()];
        writes.extend(self.owner_writes(before, person).await?);
        Ok(writes)
    }

    /// What is known of an address: one query.
    pub async fn address(&self, address: &Address) -> Result<AddressFacts, StoreError> {
        self.facts(&self.seal.fingerprint(address)).await
    }

    fn to_item(&self, person: &Person) -> Result<Item, StoreError> {
        let pk = person_key(&person.id);
        let sealed = Sealed {
            phone: person.phone.clone(),
            email: person.email.clone(),
            claims: person.claims.clone(),
            replaced: person.replaced.iter().map(StoredReplaced::from).collect(),
        };
        let plain = serde_json::to_vec(&sealed).map_err(unreadable)?;
        let row = Row {
            sealed: self.seal.seal(&pk, &plain)?,
            pk,
            sk: PROFILE.to_owned(),
            id: person.id.clone(),
            consents: person.consents.clone(),
            preferences: person.preferences.clone(),
            locale: person.locale.clone(),
            version: person.version,
            created_at: person.created,
            updated_at: person.updated,
            erasing_since: person.erasing,
        };
        serde_dynamo::to_item(row).map_err(unreadable)
    }

    fn read(&self, item: Item) -> Result<Person, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let plain = self.seal.open(&row.pk, &row.sealed)?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| unreadable("unknown profile"))?;
        Ok(Person {
            id: row.id,
            phone: sealed.phone,
            email: sealed.email,
            claims: sealed.claims,
            replaced: sealed.replaced.into_iter().map(Replaced::from).collect(),
            consents: row.consents,
            preferences: row.preferences,
            locale: row.locale,
            created: row.created_at,
            updated: row.updated_at,
            version: row.version,
            erasing: row.erasing_since,
        })
    }
}
