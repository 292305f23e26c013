//! What those may do who administer second factors: see where one stands and what happened, give new recovery codes,
//! take a device's trust away, remove it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::device::TrustedDevice;
use super::policy::Role;
use super::{DeviceId, Factor, RecoveryCode, Trouble, TwoFactor, events};
use crate::ledger::Record;
use crate::person::PersonId;
use crate::store::StoreError;
use crate::store::ledger::Page;
use crate::store::twofactor::{Applied, Change};

/// How often a change is tried that others get in the way of.
const TRIES: usize = 8;

/// Where somebody's second factor stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub required: bool,
    /// The confirmed one, with the devices that are trusted now.
    pub factor: Option<Factor>,
    /// Until when a phone waits for its code.
    pub pending: Option<Timestamp>,
    /// Until when nothing is checked.
    pub locked: Option<Timestamp>,
}

impl TwoFactor {
    /// Where somebody's second factor stands. `roles`: what they are, as far as the caller says.
    pub async fn standing(&self, person: &PersonId, roles: &BTreeSet<Role>) -> Result<Standing, Trouble> {
        let now = self.clock.now();
        let (factor, pending, lock) =
            futures::try_join!(self.store.factor(person), self.store.pending(person, now), self.store.lock(person))?;
        let trusted = |devices: Vec<TrustedDevice>| devices.into_iter().filter(|device| device.expires > now).collect();
        Ok(Standing {
            required: self.settings.policy.requires(roles),
            factor: factor.map(|factor| Factor { devices: trusted(factor.devices), ..factor }),
            pending: pending.map(|pending| pending.expires),
            locked: lock.epoch(now).err().map(|locked| locked.until),
        })
    }

    /// What happened, the newest first.
    pub async fn history(&self, person: &PersonId, before: Option<u64>, limit: u8) -> Result<Page, Trouble> {
        Ok(self.store.history(person, before, limit).await?)
    }

    /// New recovery codes in the place of all that are left; `None`: there is no second factor.
    pub async fn renew_recovery(&self, caller: &str, person: &PersonId) -> Result<Option<Vec<RecoveryCode>>, Trouble> {
        let Some(factor) = self.store.factor(person).await? else { return Ok(None) };
        let codes = RecoveryCode::set()?;
        let hashes = codes.iter().map(|code| code.hash(&self.keys, factor.enrolment)).collect();
        let events = [events::recovery_renewed()];
        let record = Record { caller, at: self.clock.now(), events: &events };
        let applied = self.store.apply(person, Change::RenewRecovery(factor.enrolment, hashes), &record).await?;
        Ok((applied == Applied::Done).then_some(codes))
    }

    /// Takes a device's trust away. `false`: it is not trusted, or there is no second factor.
    pub async fn revoke(&self, caller: &str, person: &PersonId, device: DeviceId) -> Result<bool, Trouble> {
        let events = [events::device_revoked(device)];
        for _ in 0..TRIES {
            let now = self.clock.now();
            let Some(factor) = self.store.factor(person).await? else { return Ok(false) };
            let (gone, rest): (Vec<_>, Vec<_>) = factor.devices.iter().cloned().partition(|one| one.id == device);
            if gone.is_empty() {
                return Ok(false);
            }
            let record = Record { caller, at: now, events: &events };
            if self.store.apply(person, Change::Devices(factor, rest), &record).await? == Applied::Done {
                return Ok(true);
            }
        }
        Err(StoreError::Contended { operation: "two_factor.revoke" }.into())
    }

    /// Removes a second factor with everything bound to it, and a phone that waits. `false`: there is neither.
    pub async fn remove(&self, caller: &str, person: &PersonId) -> Result<bool, Trouble> {
        let events = [events::removed()];
        for _ in 0..TRIES {
            let now = self.clock.now();
            let factor = self.store.factor(person).await?.map(|factor| factor.enrolment);
            let pending = self.store.pending(person, now).await?.map(|pending| pending.enrolment);
            if factor.is_none() && pending.is_none() {
                return Ok(false);
            }
            let record = Record { caller, at: now, events: &events };
            if self.store.apply(person, Change::Remove(factor, pending), &record).await? == Applied::Done {
                return Ok(true);
            }
        }
        Err(StoreError::Contended { operation: "two_factor.remove" }.into())
    }
}
