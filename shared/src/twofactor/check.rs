//! What was entered is checked, and if it is right, asserted.
//!
//! The steps, and what a worker that dies after one of them leaves: the try is counted (it stays counted); the code is
//! used up (nobody was let in, and another code is needed); in one transaction, on the condition that the enrolment is
//! still there, it is written down that it passed, the recovery code is used up, the device is trusted (all of it or
//! nothing); the failures are forgotten (or stay counted). Only then the assertion leaves.
//!
//! Without a second factor everything is computed, read and written as for a wrong code.

use jiff::Timestamp;

use super::device::{DeviceToken, with_one_more};
use super::{
    Action, Audience, EnrolmentId, Factor, Locked, Method, Passed, RecoveryCode, Trouble, Try, TwoFactor, events,
};
use crate::ledger::{Event, Record};
use crate::message::Address;
use crate::otp::{Checked, Code};
use crate::person::PersonId;
use crate::store::StoreError;
use crate::store::twofactor::{Applied, Change};

/// How often a device is added to devices that others change at the same time.
const TRIES: usize = 8;

/// Something was entered.
#[derive(Clone, Debug)]
pub struct Check {
    pub caller: String,
    pub person: PersonId,
    pub proof: Proof,
    pub target: Target,
}

/// Where the proof counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// At a portal, which verifies a signed assertion.
    Portal(Audience),
    /// Here, for one action. A code that was sent for something else does not count.
    Action(Action),
}

impl Target {
    pub(super) fn action(&self) -> Option<Action> {
        match self {
            Self::Portal(_) => None,
            Self::Action(action) => Some(*action),
        }
    }
}

/// What was entered.
#[derive(Clone, Debug)]
pub enum Proof {
    Code(Code, Trust),
    /// It is for getting in once, so it makes no device a trusted one.
    RecoveryCode(RecoveryCode),
}

/// Whether the device is to be trusted from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    ThisTime,
    Device,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Verdict {
    Passed(Passed),
    /// It was wrong, or there was nothing it could be right for. Which of them is not told.
    Denied(Try),
    /// It was not looked at.
    Locked(Locked),
}

impl TwoFactor {
    /// Checks what was entered.
    pub async fn check(&self, check: &Check) -> Result<Verdict, Trouble> {
        self.no_sooner(self.look_at(check)).await
    }

    async fn look_at(&self, check: &Check) -> Result<Verdict, Trouble> {
        // Asked for before anything is used up.
        let signer = match check.target {
            Target::Portal(_) => Some(self.signer().await?),
            Target::Action(_) => None,
        };
        let now = self.clock.now();
        let tried = match self.store.attempt(&check.person, now).await? {
            Ok(tried) => tried,
            Err(locked) => return Ok(Verdict::Locked(locked)),
        };
        let factor = self.store.factor(&check.person).await?;
        let accepted = match &check.proof {
            Proof::Code(code, trust) => self.code(check, factor.as_ref(), (code, *trust), tried, now).await?,
            Proof::RecoveryCode(code) => self.recovery_code(check, factor.as_ref(), code, now).await?,
        };
        let Some(accepted) = accepted else {
            let what = match check.proof {
                Proof::Code(..) => "code",
                Proof::RecoveryCode(_) => "recovery_code",
            };
            self.failed(&check.person, &check.caller, what, tried).await?;
            return Ok(Verdict::Denied(tried));
        };
        self.forget_failures(&check.person).await;
        let Accepted { enrolment, method, device, recovery_left } = accepted;
        let (assertion, expires) = match (&check.target, signer) {
            (Target::Portal(audience), Some(signer)) => {
                self.assert(&signer, &check.person, audience, (method, now), now)?
            }
            (Target::Action(action), _) => self.actions.make(&check.person, *action, enrolment, now),
            (Target::Portal(_), None) => return Err(super::assertion::UnusableKey.into()),
        };
        Ok(Verdict::Passed(Passed { assertion, expires, method, device, recovery_left }))
    }

    /// The enrolment of somebody and where its codes go, or one nobody has.
    fn enrolment(&self, person: &PersonId, factor: Option<&Factor>) -> (EnrolmentId, Address) {
        match factor {
            Some(factor) => (factor.enrolment, Address::Phone(factor.phone.clone())),
            None => self.keys.nobody(person),
        }
    }

    async fn code(
        &self,
        check: &Check,
        factor: Option<&Factor>,
        (code, trust): (&Code, Trust),
        tried: Try,
        now: Timestamp,
    ) -> Result<Option<Accepted>, Trouble> {
        let (enrolment, address) = self.enrolment(&check.person, factor);
        let purpose = enrolment.proving(tried.epoch, &check.caller, check.target.action());
        let ways = self.store.ways(&purpose, now).await?;
        let Some(factor) = factor else {
            self.otp.check_pretended(&address, &purpose, code).await?;
            return Ok(None);
        };
        if self.otp.check(&address, &purpose, code).await? != Checked::Approved {
            return Ok(None);
        }
        let method = Method::of_code(&ways);
        let passed = events::passed(method, &check.target);
        match trust {
            Trust::Device => self.trust(check, factor, (method, passed), now).await,
            Trust::ThisTime => {
                let record = Record { caller: &check.caller, at: now, events: &[passed] };
                let applied = self.store.apply(&check.person, Change::Only(enrolment), &record).await?;
                let recovery_left = factor.recovery_left;
                let accepted = Accepted { enrolment, method, device: None, recovery_left };
                Ok((applied == Applied::Done).then_some(accepted))
            }
        }
    }

    /// Passes, and trusts the device from now on.
    async fn trust(
        &self,
        check: &Check,
        factor: &Factor,
        (method, passed): (Method, Event),
        now: Timestamp,
    ) -> Result<Option<Accepted>, Trouble> {
        let token = DeviceToken::new()?;
        let device = token.trusted(&self.keys, factor.enrolment, now);
        let until = device.expires;
        let events = [passed, events::device_trusted(device.id, until)];
        let record = Record { caller: &check.caller, at: now, events: &events };
        let mut factor = factor.clone();
        for _ in 0..TRIES {
            let devices = with_one_more(&factor.devices, device.clone(), now);
            let (enrolment, recovery_left) = (factor.enrolment, factor.recovery_left);
            if self.store.apply(&check.person, Change::Devices(factor, devices), &record).await? == Applied::Done {
                return Ok(Some(Accepted { enrolment, method, device: Some((token, until)), recovery_left }));
            }
            match self.store.factor(&check.person).await?.filter(|factor| factor.enrolment == enrolment) {
                Some(changed) => factor = changed,
                None => return Ok(None),
            }
        }
        Err(StoreError::Contended { operation: "two_factor.trust" }.into())
    }

    async fn recovery_code(
        &self,
        check: &Check,
        factor: Option<&Factor>,
        code: &RecoveryCode,
        now: Timestamp,
    ) -> Result<Option<Accepted>, Trouble> {
        let (enrolment, _) = self.enrolment(&check.person, factor);
        let method = Method::RecoveryCode;
        let recovery_left = factor.map_or(0, |factor| factor.recovery_left.saturating_sub(1));
        let events = [events::recovery_used(recovery_left), events::passed(method, &check.target)];
        let record = Record { caller: &check.caller, at: now, events: &events };
        for hash in code.hashes(&self.keys, enrolment) {
            let change = Change::UseRecovery(enrolment, hash);
            if self.store.apply(&check.person, change, &record).await? == Applied::Done {
                return Ok(Some(Accepted { enrolment, method, device: None, recovery_left }));
            }
        }
        Ok(None)
    }
}

/// It was right, and is written down.
struct Accepted {
    enrolment: EnrolmentId,
    method: Method,
    device: Option<(DeviceToken, Timestamp)>,
    recovery_left: usize,
}
