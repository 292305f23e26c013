//! One-time codes: somebody proves that they read what was sent to an address.
//!
//! [`Otp::start`] sends a code, [`Otp::check`] says whether it was entered. In reading order: [`purpose`] · [`challenge`]
//! (what is remembered) · [`code`] (how a code follows from it) · [`guard`] (what is not sent; [`links`]: the same of mails with a confirmation link) · [`delivery`] (how the code
//! gets into its message; [`keypress`]: a spoken one is for a person who presses a key). The codes are our own (`own`: an urgent message of class `security` on the same road as every
//! other) or Twilio Verify's (`verified`), as the [`Backend`] says.

mod backend;
pub mod challenge;
pub mod code;
pub mod delivery;
pub mod guard;
pub mod keypress;
pub mod links;
mod own;
mod pretend;
pub mod purpose;
mod verified;

use std::net::IpAddr;

use jiff::Timestamp;

pub use backend::Backend;
pub use challenge::{CodeRef, VALID_SECONDS};
pub use code::{Code, Codes, Digits};
pub use delivery::MASK;
pub use guard::{Guard, Refusal};
pub use purpose::Purpose;

use crate::config::{Invalid, optional};
use crate::message::{Address, Channel, Locale, MessageId, PhoneNumber, Trigger};
use crate::person::PersonId;
use crate::road::{AcceptError, NotAdmitted, RenderError, Road};
use crate::seal::purpose::CodeKeys;
use crate::store::otp::challenge_key;
use crate::store::{OtpStore, StoreError};

/// How long a client should let people wait before it offers to send again.
const RESEND_SECONDS: i64 = 30;

/// The engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Otp {
    road: Road,
    store: OtpStore,
    codes: Codes,
    settings: Settings,
    backend: Backend,
}

/// How this deployment sends codes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub guard: Guard,
    pub digits: Digits,
    /// Who the messages say the code is from.
    pub organization: Option<String>,
}

/// A code is asked for.
#[derive(Clone, Debug)]
pub struct Start {
    /// The message's id; a repeated request has the same.
    pub id: MessageId,
    /// Set where the request carries an idempotency key: the keyed hash of its body.
    pub request_hash: Option<String>,
    /// Who asks (the token's subject).
    pub caller: String,
    pub address: Address,
    pub purpose: Purpose,
    /// Whose template says the code: [`Trigger::OneTimeCode`], or one that verifies an address.
    pub trigger: Trigger,
    pub channel: Channel,
    /// On which channels it is sent, in this order, if it cannot arrive on the first. They lead to the same address.
    pub instead: Vec<Channel>,
    pub locale: Option<Locale>,
    /// Whom the client sends it to, as far as it says; limited with everything else sent to them.
    pub person: Option<PersonId>,
    /// Where the person is, as far as the client says.
    pub ip: Option<IpAddr>,
}

/// A code is on its way, or would be: nothing in it tells whether the address may be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub channel: Channel,
    /// Until when the code can be entered.
    pub expires: Timestamp,
    /// When another may be asked for.
    pub resend_at: Timestamp,
    /// The same request was made before; nothing more was sent.
    pub replayed: bool,
}

/// Why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the guard refused it: {}", .0.as_str())]
    Refused(Refusal),
    #[error("the idempotency key was used with another body")]
    OtherBody,
    #[error(transparent)]
    NotAdmitted(NotAdmitted),
    /// The template in force does not print its code, or wants what we do not have.
    #[error("{0}")]
    Template(String),
    /// The provider did not answer, or cannot do its work: a code may have been sent. Asking again sends the same one.
    #[error("{0}")]
    Provider(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a code could not be looked at. The check may have been counted.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("{0}")]
    Provider(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a code that was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It was right, and is used up by this.
    Approved,
    /// It was wrong; so many more may be entered.
    Wrong { left: u32 },
    /// So many were entered that no more is looked at before the challenge ends.
    TooMany { until: Timestamp },
    /// There is nothing to check: never sent, expired, or used. Which of them is not told.
    Nothing,
}

impl Start {
    /// A code for an address, in its usual way: a text, or an e-mail.
    pub fn new(address: Address, purpose: Purpose, caller: String) -> Self {
        let channel = match &address {
            Address::Phone(_) => Channel::Sms,
            Address::Email(_) => Channel::Email,
        };
        Self {
            id: MessageId::new(),
            request_hash: None,
            caller,
            address,
            purpose,
            trigger: Trigger::OneTimeCode,
            channel,
            instead: usual(channel).to_vec(),
            locale: None,
            person: None,
            ip: None,
        }
    }

    fn phone(&self) -> Option<&PhoneNumber> {
        match &self.address {
            Address::Phone(number) => Some(number),
            Address::Email(_) => None,
        }
    }
}

/// Where a code is sent instead: to the same address, because it is to prove that one.
pub fn usual(channel: Channel) -> &'static [Channel] {
    match channel {
        Channel::Sms => &[Channel::Voice],
        Channel::Whatsapp => &[Channel::Sms, Channel::Voice],
        Channel::Voice => &[Channel::Sms],
        Channel::Email => &[],
    }
}

impl Settings {
    /// The guard's settings, `OTP_DIGITS` and `OTP_ORGANIZATION`.
    pub fn from_env() -> Result<Self, Invalid> {
        let digits = match optional("OTP_DIGITS", "").as_str() {
            "" => Digits::default(),
            text => text.parse().ok().and_then(|count: u8| count.try_into().ok()).ok_or(Invalid("OTP_DIGITS"))?,
        };
        let organization = Some(optional("OTP_ORGANIZATION", "")).filter(|name| !name.is_empty());
        Ok(Self { guard: Guard::from_env()?, digits, organization })
    }
}

impl Otp {
    pub fn new(road: Road, keys: CodeKeys, store: OtpStore, settings: Settings) -> Self {
        let codes = Codes::new(keys);
        Self { road, store, codes, settings, backend: Backend::Own }
    }

    /// The same with another maker of codes.
    #[must_use]
    pub fn with(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Sends a code, unless the guard refuses. The same request again (idempotency key) sends nothing.
    pub async fn start(&self, start: Start) -> Result<Started, StartError> {
        if let Some(before) = self.before(&start).await? {
            return Ok(before);
        }
        let refused = |refusal: Refusal| {
            refusal.count();
            StartError::Refused(refusal)
        };
        if let Some(phone) = start.phone() {
            self.settings.guard.admits(phone, start.channel).map_err(refused)?;
        }
        let resend_at = self.count_send(&start).await?.map_err(refused)?;
        match &self.backend {
            Backend::Own => {
                let expires = self.send_own(&start).await?.map_err(refused)?;
                Ok(Started { channel: start.channel, expires, resend_at: resend_at.min(expires), replayed: false })
            }
            Backend::TwilioVerify(verify) => self.start_verified(verify, &start, resend_at).await?.map_err(refused),
        }
    }

    /// Who makes its codes.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// How the same request (idempotency key) was answered before.
    pub async fn before(&self, start: &Start) -> Result<Option<Started>, StartError> {
        match &self.backend {
            Backend::Own => self.started_before(start).await,
            Backend::TwilioVerify(_) => self.verified_before(start).await,
        }
    }

    /// Whether this code was sent to this address for this purpose. The address and the purpose must be the ones it was
    /// sent for.
    pub async fn check(&self, address: &Address, purpose: &Purpose, code: &Code) -> Result<Checked, CheckError> {
        match &self.backend {
            Backend::Own => Ok(self.check_own(address, purpose, code).await?),
            Backend::TwilioVerify(verify) => self.check_verified(verify, address, purpose, code).await,
        }
    }

    /// Under which key the challenge of an address and purpose is stored.
    async fn key(&self, address: &Address, purpose: &Purpose) -> Result<String, StoreError> {
        let form = self.store.form_of_challenge(&self.road.seal, address, purpose).await?;
        Ok(challenge_key(&form, purpose))
    }

    async fn started_before(&self, start: &Start) -> Result<Option<Started>, StartError> {
        if start.request_hash.is_none() {
            return Ok(None);
        }
        let Some(message) = self.road.messages.story(start.id).await? else { return Ok(None) };
        if message.request_hash != start.request_hash {
            return Err(StartError::OtherBody);
        }
        let expires = message.times.valid_until.unwrap_or(message.times.created);
        let resend_at = crate::clock::plus_seconds(message.times.created, RESEND_SECONDS);
        Ok(Some(Started { channel: message.channel, expires, resend_at, replayed: true }))
    }

    /// Counts a send in every window; when the next may be asked for, or the first refusal.
    async fn count_send(&self, start: &Start) -> Result<Result<Timestamp, Refusal>, StoreError> {
        let now = self.road.clock.now();
        let fingerprint = self.road.seal.fingerprint_to_store(&start.address);
        let sending = guard::Sending {
            address: &fingerprint,
            purpose: &start.purpose,
            phone: start.phone(),
            person: start.person.as_ref(),
            ip: start.ip,
        };
        let mut resend_at = crate::clock::plus_seconds(now, RESEND_SECONDS);
        for rule in self.settings.guard.windows(&sending, &self.road.seal) {
            let window = self.store.count_send(&rule.key, rule.seconds, now).await?;
            if window.count > rule.most {
                let refusal = (rule.refusal)(window.resets);
                if matches!(refusal, Refusal::BlockNeverEnters { .. })
                    && let Some(phone) = start.phone()
                {
                    tracing::warn!(otp.block = phone.block(), "codes to this block of numbers are never entered");
                }
                return Ok(Err(refusal));
            }
            if window.count == rule.most {
                resend_at = resend_at.max(window.resets);
            }
        }
        Ok(Ok(resend_at))
    }
}

impl From<RenderError> for StartError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Store(error) => Self::Store(error),
            error @ (RenderError::NoSuchTemplate(_) | RenderError::Template(_)) => Self::Template(error.to_string()),
        }
    }
}

impl From<AcceptError> for StartError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::OtherBody => Self::OtherBody,
            AcceptError::NotAdmitted(refusal) => Self::NotAdmitted(refusal),
            AcceptError::Store(error) => Self::Store(error),
        }
    }
}
