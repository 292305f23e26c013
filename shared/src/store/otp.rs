//! One-time codes in the Ephemera table: the challenge of an address and purpose, and how much was sent and entered. No
//! row holds a code or an address. [`verified`]: what is remembered of codes Twilio Verify makes; [`lookups`]: what was
//! looked up of numbers.

pub mod lookups;
pub mod verified;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::ephemera::{Ephemera, Window};
use super::update::{Applied, Update};
use super::write_token::put_once;
use super::{Item, StoreError, number, text, unavailable};
use crate::clock::from_millis;
use crate::message::{Address, MessageId};
use crate::otp::Purpose;
use crate::otp::challenge::{Challenge, MOST_CHECKS};
use crate::person::PersonId;
use crate::seal::Seal;

/// The codes' part of the table.
#[derive(Clone, Debug)]
pub struct OtpStore {
    client: Client,
    table: String,
    windows: Ephemera,
}

/// What came of counting one more check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It may be compared: this check is one of the few.
    May(Challenge),
    /// All checks of a challenge that is still running are used up.
    Exhausted(Challenge),
    /// There is no challenge, or it has expired, or its code was used.
    Nothing,
}

/// A code for nobody, as it is remembered: what a message's row is to a code that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pretended {
    /// Empty where the request carried no idempotency key.
    pub request_hash: String,
    /// Until when it could be entered, if there were one.
    pub expires: Timestamp,
    pub at: Timestamp,
}

/// How long a code for nobody is remembered, in seconds.
const PRETENDED_KEPT_SECONDS: i64 = 86_400;

/// How long a grant that sent nothing is remembered, in seconds: as long as most messages.
const GRANT_KEPT_SECONDS: i64 = 90 * 86_400;

/// Rows that only exist to be written, so that a wrong code costs the same work as a right one.
const DECOYS: usize = 64;

impl OtpStore {
    pub fn new(client: Client, table: String) -> Self {
        let windows = Ephemera::new(client.clone(), table.clone());
        Self { client, table, windows }
    }

    /// The fingerprint that an address's challenge for a purpose is stored under. One that is under way stays where it began.
    pub async fn form_of_challenge(
        &self,
        seal: &Seal,
        address: &Address,
        purpose: &Purpose,
    ) -> Result<String, StoreError> {
        self.form(seal, address, |form| row(&challenge_key(form, purpose))).await
    }

    /// The fingerprint that is stored under which says whose an address is at Twilio Verify.
    pub async fn form_of_holder(&self, seal: &Seal, address: &Address) -> Result<String, StoreError> {
        self.form(seal, address, verified::holder).await
    }

    async fn form(&self, seal: &Seal, address: &Address, row: impl Fn(&str) -> String) -> Result<String, StoreError> {
        let (forms, to_store) = (seal.forms(&seal.fingerprint(address)), seal.fingerprint_to_store(address));
        self.windows.standing(forms, to_store, row).await
    }

    /// The challenge of a key that is running at `now`: not expired and not used.
    pub async fn running(&self, key: &str, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(row(key))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("otp.running"))?;
        Ok(answer.item().and_then(|item| read(item, now)))
    }

    /// Begins a challenge where none is running. `false`: one was begun in between.
    pub async fn begin(&self, key: &str, challenge: &Challenge, now: Timestamp) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(row(key)))
            .item("challenge", text(challenge.id.to_string()))
            .item("digits", number(u8::from(challenge.digits)))
            .item("expires_at", number(challenge.expires.as_millisecond()))
            .item("checks", number(challenge.checks))
            .item("expires", number(challenge.expires.as_second() + 60))
            .condition_expression("attribute_not_exists(#k) OR expires_at <= :now OR attribute_exists(used_at)")
            .expression_attribute_names("#k", "key")
            .expression_attribute_values(":now", number(now.as_millisecond()));
        Ok(matches!(put_once(put, "otp.begin").await?, Applied::Done(_)))
    }

    /// Counts one check, in one step: of any number of checks at the same time no more than [`MOST_CHECKS`] may be
    /// compared.
    pub async fn count_check(&self, key: &str, now: Timestamp) -> Result<Counted, StoreError> {
        let update = Update::default()
            .increment("checks")
            .only_if_after("expires_at", number(now.as_millisecond()))
            .only_if_absent(&["used_at"])
            .only_if_under("checks", number(MOST_CHECKS))
            .whole();
        match update.apply(&self.client, &self.table, ("key", &row(key)), "otp.count_check").await? {
            Applied::Done(item) => Ok(read(&item, now).map_or(Counted::Nothing, Counted::May)),
            Applied::Refused(Some(item)) => Ok(read(&item, now).map_or(Counted::Nothing, Counted::Exhausted)),
            Applied::Refused(None) => Ok(Counted::Nothing),
        }
    }

    /// Uses the code of a challenge up. `false`: it was used in between.
    pub async fn use_up(&self, key: &str, challenge: &Challenge, now: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .set("used_at", number(now.as_millisecond()))
            .only_if_equal("challenge", text(challenge.id.to_string()))
            .only_if_absent(&["used_at"]);
        let applied = update.apply(&self.client, &self.table, ("key", &row(key)), "otp.use_up").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    /// The work of [`OtpStore::use_up`] where there is nothing to use up.
    pub async fn pretend(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let decoy =
            key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % DECOYS;
        let update = Update::default()
            .set("used_at", number(now.as_millisecond()))
            .set("expires", number(now.as_second() + 86_400));
        update.apply(&self.client, &self.table, ("key", &format!("otp-decoy#{decoy}")), "otp.pretend").await?;
        Ok(())
    }

    /// Remembers a code for nobody.
    pub async fn remember_pretended(&self, id: MessageId, pretended: &Pretended) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(pretended_row(id)))
            .item("request_hash", text(&pretended.request_hash))
            .item("expires_at", number(pretended.expires.as_millisecond()))
            .item("at", number(pretended.at.as_millisecond()))
            .item("expires", number(pretended.at.as_second() + PRETENDED_KEPT_SECONDS));
        put.send().await.map_err(unavailable("otp.remember_pretended"))?;
        Ok(())
    }

    /// The code for nobody of this id, if there was one.
    pub async fn pretended(&self, id: MessageId) -> Result<Option<Pretended>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(pretended_row(id)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("otp.pretended"))?;
        Ok(answer.item().and_then(|item| {
            let time = |name: &str| item.get(name)?.as_n().ok()?.parse().ok().map(from_millis);
            let request_hash = item.get("request_hash")?.as_s().ok()?.clone();
            Some(Pretended { request_hash, expires: time("expires_at")?, at: time("at")? })
        }))
    }

    /// Remembers a grant that sent nothing, by its request's id and the keyed hash of its body.
    pub async fn remember_grant(&self, id: MessageId, request_hash: &str, now: Timestamp) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).item("key", text(granted_row(id)));
        let put = put.item("request_hash", text(request_hash));
        let put = put.item("expires", number(now.as_second() + GRANT_KEPT_SECONDS));
        put.send().await.map_err(unavailable("otp.remember_grant"))?;
        Ok(())
    }

    /// The keyed hash of the request of this id that granted something and sent nothing.
    pub async fn grant(&self, id: MessageId) -> Result<Option<String>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(granted_row(id)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("otp.grant"))?;
        Ok(answer.item().and_then(|item| item.get("request_hash")?.as_s().ok()).cloned())
    }

    /// Counts one send in a window of the guard (see [`Ephemera::count`]).
    pub async fn count_send(&self, key: &str, seconds: i64, now: Timestamp) -> Result<Window, StoreError> {
        self.windows.count(&sends(key), seconds, now).await
    }

    /// The rows that are about an address (by its fingerprint), with those about these purposes. Those of other purposes end by
    /// themselves, ten minutes after the code was sent; none of them holds the address.
    pub fn keys(address: &str, purposes: &[Purpose]) -> Vec<String> {
        let mut keys = vec![
            verified::holder(address),
            lookups::row(address),
            sends(&format!("address#{address}")),
            sends(&format!("link-day#address#{address}")),
        ];
        for purpose in purposes {
            let key = challenge_key(address, purpose);
            keys.extend([row(&key), sends(&key)]);
        }
        keys
    }

    /// The windows of what is sent to a person.
    pub fn keys_of_person(person: &PersonId) -> [String; 3] {
        ["", "link-day#", "erasure-day#"].map(|window| sends(&format!("{window}person#{person}")))
    }

    /// Begins a window of the guard anew.
    pub async fn forget_sends(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("key", text(sends(key)));
        delete.send().await.map_err(unavailable("otp.forget_sends"))?;
        Ok(())
    }
}

/// The table's time to live is late by up to two days: what has expired is not read.
fn is_fresh(item: &Item, now: Timestamp) -> bool {
    let expires = item.get("expires").and_then(|at| at.as_n().ok()).and_then(|at| at.parse::<i64>().ok());
    expires.is_some_and(|expires| expires > now.as_second())
}

fn unreadable(error: serde_dynamo::Error) -> StoreError {
    StoreError::Unreadable { table: "ephemera", cause: error.to_string() }
}

/// Under which key the challenge of an address (by the fingerprint it is stored under) and purpose is stored.
pub fn challenge_key(form: &str, purpose: &Purpose) -> String {
    format!("{form}#{purpose}")
}

fn sends(key: &str) -> String {
    format!("otp-sends#{key}")
}

fn granted_row(id: MessageId) -> String {
    format!("otp-granted#{id}")
}

fn pretended_row(id: MessageId) -> String {
    format!("otp-pretended#{id}")
}

fn row(key: &str) -> String {
    format!("otp#{key}")
}

/// A stored challenge, if it is running.
fn read(item: &Item, now: Timestamp) -> Option<Challenge> {
    if item.contains_key("used_at") {
        return None;
    }
    let field = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
    let challenge = Challenge {
        id: item.get("challenge")?.as_s().ok()?.parse().ok()?,
        digits: u8::try_from(field("digits")?).ok()?.try_into().ok()?,
        expires: from_millis(field("expires_at")?),
        verification: item.get("verification").and_then(|sid| sid.as_s().ok()).cloned(),
        checks: u32::try_from(field("checks")?).ok()?,
    };
    (challenge.expires > now).then_some(challenge)
}
