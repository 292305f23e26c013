//! A phone is enrolled: a code is sent to it, and when that is entered the phone is the person's second factor.
//!
//! The enrolment waits before the code is sent, so a code never arrives for an enrolment that is not there. Asked again
//! for the same phone it is the same enrolment and the same code; for another phone, another. A worker that dies
//! before the code is sent leaves an enrolment without a code, which is asked for again; one that dies after the code was
//! used up and before the phone is confirmed leaves the person without a second factor, and they enrol again.

use std::net::IpAddr;

use crate::clock::plus_seconds;
use crate::ledger::Record;
use crate::message::{Address, Channel, Locale, MessageId, PhoneNumber, Trigger};
use crate::otp::{CheckError, Checked, Code, Start, StartError, Started};
use crate::person::PersonId;
use crate::store::StoreError;
use crate::store::twofactor::{Applied, Change};

use super::factor::{EnrolmentId, PENDING_SECONDS, Pending};
use super::{Locked, RecoveryCode, Trouble, Try, TwoFactor, events};

/// How often it is tried to wait where others begin and end at the same time.
const TRIES: usize = 4;

/// A phone is to be enrolled.
#[derive(Clone, Debug)]
pub struct Enrol {
    /// The code's message, and the keyed hash of the request where it carries an idempotency key.
    pub id: MessageId,
    pub request_hash: Option<String>,
    pub caller: String,
    pub person: PersonId,
    pub phone: PhoneNumber,
    pub channel: Channel,
    pub locale: Option<Locale>,
    pub ip: Option<IpAddr>,
}

/// Why a phone is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// They have a second factor. It is removed first, by somebody who may.
    #[error("already enrolled")]
    AlreadyEnrolled,
    #[error("locked")]
    Locked(Locked),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<CheckError> for EnrolError {
    fn from(error: CheckError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<StoreError> for EnrolError {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

/// What became of a code that was entered to confirm a phone.
#[derive(Debug)]
pub enum Confirmed {
    /// The phone is their second factor. These are its recovery codes, told this once.
    Enrolled(Vec<RecoveryCode>),
    Denied(Try),
}

impl TwoFactor {
    /// Sends a code to a phone that is to be enrolled.
    pub async fn enrol(&self, enrol: Enrol) -> Result<Started, EnrolError> {
        let now = self.clock.now();
        let epoch = self.store.lock(&enrol.person).await?.epoch(now).map_err(EnrolError::Locked)?;
        if self.store.factor(&enrol.person).await?.is_some() {
            return Err(EnrolError::AlreadyEnrolled);
        }
        let pending = self.waiting(&enrol).await?;
        let start = Start {
            id: enrol.id,
            request_hash: enrol.request_hash,
            trigger: Trigger::PhoneVerification,
            channel: enrol.channel,
            instead: Vec::new(),
            locale: enrol.locale,
            person: Some(enrol.person.clone()),
            ip: enrol.ip,
            ..Start::new(Address::Phone(enrol.phone), pending.enrolment.enrolling(epoch), enrol.caller.clone())
        };
        let started = self.otp.start(start).await?;
        if !started.replayed {
            let events = [events::enrolling(started.channel)];
            let record = Record { caller: &enrol.caller, at: now, events: &events };
            self.store.apply(&enrol.person, Change::Nothing, &record).await?;
        }
        Ok(started)
    }

    /// The enrolment that waits for this phone, or a new one in the place of another's.
    async fn waiting(&self, enrol: &Enrol) -> Result<Pending, StoreError> {
        for _ in 0..TRIES {
            let now = self.clock.now();
            let seen = self.store.pending(&enrol.person, now).await?;
            if let Some(same) = seen.clone().filter(|pending| pending.phone == enrol.phone) {
                return Ok(same);
            }
            let pending = Pending {
                enrolment: EnrolmentId::random(),
                phone: enrol.phone.clone(),
                expires: plus_seconds(now, PENDING_SECONDS),
            };
            if self.store.wait(&enrol.person, &pending, seen.as_ref(), now).await? {
                return Ok(pending);
            }
        }
        Err(StoreError::Contended { operation: "two_factor.wait" })
    }

    /// Confirms a phone by the code that was sent to it.
    pub async fn confirm(&self, caller: &str, person: &PersonId, code: &Code) -> Result<Confirmed, EnrolError> {
        let now = self.clock.now();
        let tried = self.store.attempt(person, now).await?.map_err(EnrolError::Locked)?;
        let pending = self.store.pending(person, now).await?;
        let right = match &pending {
            Some(pending) => {
                let (address, purpose) =
                    (Address::Phone(pending.phone.clone()), pending.enrolment.enrolling(tried.epoch));
                self.otp.check(&address, &purpose, code).await? == Checked::Approved
            }
            None => {
                let (enrolment, nowhere) = self.keys.nobody(person);
                self.otp.check_pretended(&nowhere, &enrolment.enrolling(tried.epoch), code).await?;
                false
            }
        };
        let Some(pending) = pending.filter(|_| right) else {
            self.failed(person, caller, "enrolment_code", tried).await?;
            return Ok(Confirmed::Denied(tried));
        };
        let codes = RecoveryCode::set().map_err(Trouble::from)?;
        let hashes = codes.iter().map(|code| code.hash(&self.keys, pending.enrolment)).collect();
        let events = [events::enrolled()];
        let record = Record { caller, at: now, events: &events };
        if self.store.apply(person, Change::Confirm(pending, hashes), &record).await? == Applied::Done {
            self.forget_failures(person).await;
            return Ok(Confirmed::Enrolled(codes));
        }
        if self.store.factor(person).await?.is_some() {
            return Err(EnrolError::AlreadyEnrolled);
        }
        // Removed, or replaced by another phone's, in this very moment.
        self.failed(person, caller, "enrolment_code", tried).await?;
        Ok(Confirmed::Denied(tried))
    }
}
