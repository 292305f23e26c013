//! A sign-in begins: a code goes to the enrolled phone, unless the device is trusted. Somebody without a second factor
//! gets the same answer, and no code.

use std::net::IpAddr;

use crate::ledger::Record;
use crate::message::{Address, Channel, Locale, MessageId};
use crate::otp::{Start, StartError, Started};
use crate::person::PersonId;
use crate::store::StoreError;
use crate::store::twofactor::{Applied, Change};

use super::check::Target;
use super::{Action, Audience, DeviceToken, Factor, Locked, Method, Passed, Trouble, TwoFactor, events};

/// A sign-in begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The code's message, and the keyed hash of the request where it carries an idempotency key.
    pub id: MessageId,
    pub request_hash: Option<String>,
    pub caller: String,
    pub person: PersonId,
    pub channel: Channel,
    pub locale: Option<Locale>,
    pub ip: Option<IpAddr>,
    /// What the code is for, where it is for an action here.
    pub action: Option<Action>,
    /// What a device that may be trusted brought along, and for whom the assertion would be.
    pub device: Option<(DeviceToken, Audience)>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Begun {
    /// A code is on its way, if there is somewhere to send it.
    Sent(Started),
    /// The device is trusted: no code is needed.
    Trusted(Passed),
}

/// Why no code is sent.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error("locked")]
    Locked(Locked),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

impl TwoFactor {
    /// Begins a sign-in.
    pub async fn start(&self, begin: Begin) -> Result<Begun, BeginError> {
        self.no_sooner(self.begin(begin)).await
    }

    async fn begin(&self, begin: Begin) -> Result<Begun, BeginError> {
        let now = self.clock.now();
        let factor = self.store.factor(&begin.person).await?;
        // A lock is against guessing, and nobody guesses 256 bits: whoever keeps a person locked locks out no device of theirs.
        if let Some((token, audience)) = &begin.device
            && let Some(factor) = &factor
            && let Some(passed) = self.trusted(&begin, factor, token, audience).await?
        {
            return Ok(Begun::Trusted(passed));
        }
        let epoch = self.store.lock(&begin.person).await?.epoch(now).map_err(BeginError::Locked)?;
        let nobody = self.keys.nobody(&begin.person);
        let (enrolment, address) = match &factor {
            Some(factor) => (factor.enrolment, Address::Phone(factor.phone.clone())),
            None => nobody.clone(),
        };
        let action = begin.action;
        let purpose = enrolment.proving(epoch, &begin.caller, action);
        // No other channel instead: the assertion says which one it was.
        let caller = begin.caller.clone();
        let start = Start {
            id: begin.id,
            request_hash: begin.request_hash,
            channel: begin.channel,
            instead: Vec::new(),
            locale: begin.locale,
            person: Some(begin.person),
            ip: begin.ip,
            ..Start::new(address, purpose.clone(), begin.caller)
        };
        let started = match factor {
            Some(_) => match self.otp.start(start.clone()).await {
                // No code goes to this kind of number. To say so would tell that there is one.
                Err(StartError::Refused(refusal)) if refusal.until().is_none() => {
                    let (enrolment, address) = nobody;
                    self.otp
                        .pretend(Start { address, purpose: enrolment.proving(epoch, &caller, action), ..start })
                        .await?
                }
                started => started?,
            },
            None => self.otp.pretend(start).await?,
        };
        if !started.replayed {
            self.store.note_way(&purpose, started.channel, started.expires).await?;
        }
        Ok(Begun::Sent(started))
    }

    /// The assertion for a trusted device, if it is one. It is only given if the device is
    /// still trusted at the moment it is written down.
    async fn trusted(
        &self,
        begin: &Begin,
        factor: &Factor,
        token: &DeviceToken,
        audience: &Audience,
    ) -> Result<Option<Passed>, Trouble> {
        let now = self.clock.now();
        let Some(device) = token.find(&self.keys, factor.enrolment, &factor.devices, now) else { return Ok(None) };
        let method = Method::TrustedDevice;
        let signer = self.signer().await?;
        let (assertion, expires) = self.assert(&signer, &begin.person, audience, (method, device.proved), now)?;
        let events =
            [events::passed(method, &Target::Portal(audience.clone())).with("device_id", device.id.to_string())];
        let record = Record { caller: &begin.caller, at: now, events: &events };
        let still = Change::OnlyDevice(factor.enrolment, device.id);
        match self.store.apply(&begin.person, still, &record).await? {
            Applied::Done => {
                Ok(Some(Passed { assertion, expires, method, device: None, recovery_left: factor.recovery_left }))
            }
            Applied::Refused => Ok(None),
        }
    }
}
