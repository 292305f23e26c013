//! The row of a second factor. Every change of it is one transaction with the entries that tell of it, on the condition
//! that the enrolment is still the one it was decided about.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem};
use jiff::Timestamp;

use super::super::ledger::Committed;
use super::super::update::Update;
use super::super::{Item, StoreError, number, text, unavailable};
use super::{TwoFactorStore, count, field, pending, subject, unreadable};
use crate::clock::from_millis;
use crate::ledger::Record;
use crate::message::{Address, Channel};
use crate::person::PersonId;
use crate::twofactor::device::{DeviceId, TrustedDevice};
use crate::twofactor::factor::{EnrolmentId, Factor, Pending};

const SORT: &str = "two_factor";

/// A change of a person's second factor.
#[derive(Clone, Debug)]
pub enum Change {
    /// None: something happened that changes nothing.
    Nothing,
    /// None either, but it only happened if the enrolment is still there.
    Only(EnrolmentId),
    /// The same, if the device is still one of its trusted ones.
    OnlyDevice(EnrolmentId, DeviceId),
    /// The waiting enrolment becomes theirs, with the hashes of its recovery codes. They must not have one.
    Confirm(Pending, Vec<String>),
    /// A recovery code is used up. It must be one of those left.
    UseRecovery(EnrolmentId, String),
    /// The recovery codes are others from now on.
    RenewRecovery(EnrolmentId, Vec<String>),
    /// The trusted devices are these from now on. Nobody must have changed them since this state of the factor was read.
    Devices(Factor, Vec<TrustedDevice>),
    /// The enrolments, confirmed or waiting, are gone, and everything bound to them.
    Remove(Option<EnrolmentId>, Option<EnrolmentId>),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Done,
    /// Things are not what the change says they must be. Nothing was written.
    Refused,
}

/// Apart from the rest of the person, so that only functions of the second factor may read it (`dynamodb:LeadingKeys`).
fn partition(person: &PersonId) -> String {
    format!("two_factor#{person}")
}

fn key(person: &PersonId) -> Item {
    Item::from([("pk".to_owned(), text(partition(person))), ("sk".to_owned(), text(SORT))])
}

/// What the phone is sealed for: this row of this person.
fn row(person: &PersonId) -> String {
    format!("{}/{SORT}", partition(person))
}

impl TwoFactorStore {
    /// A person's second factor, as of now.
    pub async fn factor(&self, person: &PersonId) -> Result<Option<Factor>, StoreError> {
        let get = self.client.get_item().table_name(&self.people).set_key(Some(key(person))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("two_factor.factor"))?;
        answer.item().map(|item| self.read_factor(person, item)).transpose()
    }

    /// Changes it and writes down what happened: both, or nothing.
    pub async fn apply(&self, person: &PersonId, change: Change, record: &Record<'_>) -> Result<Applied, StoreError> {
        let writes = self.writes(person, change, record.at)?;
        // On the heap: a check's future holds it in several places.
        Ok(match Box::pin(self.ledger.commit(&subject(person), record, &writes)).await? {
            Committed::Done => Applied::Done,
            Committed::Refused => Applied::Refused,
        })
    }

    fn writes(&self, person: &PersonId, change: Change, now: Timestamp) -> Result<Vec<TransactWriteItem>, StoreError> {
        let update = |update: Update| update.in_transaction(&self.people, key(person)).map_err(unreadable);
        let of = |enrolment: EnrolmentId| Update::default().only_if_equal("enrolment", text(enrolment.to_string()));
        Ok(match change {
            Change::Nothing => Vec::new(),
            Change::Only(enrolment) => vec![self.still(person, enrolment, None)?],
            Change::OnlyDevice(enrolment, device) => vec![self.still(person, enrolment, Some(device))?],
            Change::Confirm(pending, hashes) => {
                vec![self.put_factor(person, &pending, hashes, now)?, self.delete_pending(person, pending.enrolment)?]
            }
            Change::UseRecovery(enrolment, hash) => vec![update(of(enrolment).take_out_of_set("recovery", &hash))?],
            Change::RenewRecovery(enrolment, hashes) => {
                vec![update(of(enrolment).set("recovery", AttributeValue::Ss(hashes)))?]
            }
            Change::Devices(factor, devices) => {
                let change = of(factor.enrolment)
                    .set("devices", stored(&devices)?)
                    .set("version", number(factor.version + 1))
                    .only_if_equal("version", number(factor.version));
                vec![update(change)?]
            }
            Change::Remove(confirmed, waiting) => {
                let confirmed = confirmed.map(|enrolment| self.delete_factor(person, enrolment)).transpose()?;
                let waiting = waiting.map(|enrolment| self.delete_pending(person, enrolment)).transpose()?;
                confirmed.into_iter().chain(waiting).collect()
            }
        })
    }

    /// That the enrolment, and a device of it, are still there.
    fn still(
        &self,
        person: &PersonId,
        enrolment: EnrolmentId,
        device: Option<DeviceId>,
    ) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.people)
            .set_key(Some(key(person)))
            .expression_attribute_values(":e", text(enrolment.to_string()));
        let check = match device {
            Some(device) => check
                .condition_expression("enrolment = :e AND attribute_exists(devices.#d)")
                .expression_attribute_names("#d", device.to_string()),
            None => check.condition_expression("enrolment = :e"),
        };
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(unreadable)?).build())
    }

    fn put_factor(
        &self,
        person: &PersonId,
        pending: &Pending,
        hashes: Vec<String>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.people)
            .set_item(Some(key(person)))
            .item("enrolment", text(pending.enrolment.to_string()))
            .item("sealed", text(self.seal.seal(&row(person), pending.phone.as_str().as_bytes())?))
            .item("confirmed_at", number(now.as_millisecond()))
            .item("recovery", AttributeValue::Ss(hashes))
            .item("devices", stored(&[])?)
            .item("version", number(1))
            .condition_expression("attribute_not_exists(pk)");
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }

    fn delete_factor(&self, person: &PersonId, enrolment: EnrolmentId) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.people)
            .set_key(Some(key(person)))
            .condition_expression("enrolment = :e")
            .expression_attribute_values(":e", text(enrolment.to_string()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build())
    }

    fn delete_pending(&self, person: &PersonId, enrolment: EnrolmentId) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.ephemera)
            .key("key", text(pending::row(person)))
            .condition_expression("enrolment = :e")
            .expression_attribute_values(":e", text(enrolment.to_string()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build())
    }

    fn read_factor(&self, person: &PersonId, item: &Item) -> Result<Factor, StoreError> {
        let absent = || unreadable("a part is missing");
        let phone = self.seal.open(&row(person), &field(item, "sealed").ok_or_else(absent)?)?;
        let devices = item.get("devices").cloned().ok_or_else(absent)?;
        let devices: BTreeMap<String, TrustedDevice> =
            serde_dynamo::from_attribute_value(devices).map_err(unreadable)?;
        Ok(Factor {
            enrolment: field(item, "enrolment").and_then(|id| id.parse().ok()).ok_or_else(absent)?,
            phone: phone_number(phone)?,
            confirmed: from_millis(count(item, "confirmed_at").ok_or_else(absent)?),
            // A set whose last member is taken out is gone.
            recovery_left: item.get("recovery").and_then(|set| set.as_ss().ok()).map_or(0, Vec::len),
            devices: devices.into_values().collect(),
            version: count(item, "version").ok_or_else(absent)?,
        })
    }
}

/// A sealed phone number, opened.
pub(super) fn phone_number(bytes: Vec<u8>) -> Result<crate::message::PhoneNumber, StoreError> {
    let text = String::from_utf8(bytes).map_err(|_| unreadable("no text"))?;
    match Address::stored(Channel::Sms, text) {
        Address::Phone(phone) => Ok(phone),
        Address::Email(_) => Err(unreadable("no phone")),
    }
}

fn stored(devices: &[TrustedDevice]) -> Result<AttributeValue, StoreError> {
    let devices: BTreeMap<String, &TrustedDevice> =
        devices.iter().map(|device| (device.id.to_string(), device)).collect();
    serde_dynamo::to_attribute_value(devices).map_err(unreadable)
}
