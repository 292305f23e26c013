//! Two-factor: somebody who signs in somewhere proves that they still hold the phone they enrolled, and gets a signed
//! statement of it.
//!
//! In reading order: [`factor`] (an enrolled phone) · [`lockout`] (how often one may fail) · [`enrol`] (a phone is enrolled
//! and confirmed) · [`start`] (a code is sent) · [`check`] (it was entered) · [`recovery`] and [`device`] (the ways without a
//! code) · [`assertion`] (what a passed check gives a portal) · [`action`] (what it gives for an action here) · [`manage`] · [`policy`] (for whom it is required) · [`events`] (what
//! the ledger says).
//!
//! Whoever may start and check learns nothing of a person who enrolled nothing: such a person goes the same way, with an
//! enrolment nobody has (see [`keys`]), and fails; and no answer comes sooner than it usually takes.

pub mod action;
pub mod assertion;
pub mod check;
pub mod device;
pub mod enrol;
pub mod events;
pub mod factor;
pub mod keys;
pub mod lockout;
pub mod manage;
pub mod policy;
pub mod recovery;
pub mod start;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;

pub use action::{Action, ActionAssertions};
pub use assertion::{Audience, Method};
pub use check::{Check, Proof, Target, Trust, Verdict};
pub use device::{DeviceId, DeviceToken};
pub use enrol::{Confirmed, Enrol, EnrolError};
pub use factor::{EnrolmentId, Factor};
pub use lockout::{Locked, Try};
pub use manage::Standing;
pub use policy::{Policy, Role};
pub use recovery::RecoveryCode;
pub use start::{Begin, BeginError, Begun};

use crate::clock::Clock;
use crate::config::{Invalid, optional};
use crate::ledger::{Event, Record};
use crate::otp::{Backend, CheckError, Otp};
use crate::person::PersonId;
use crate::seal::purpose::CodeKeys;
use crate::secrets::{Secret, SecretError};
use crate::store::{StoreError, TwoFactorStore};
use assertion::{Claims, Signer, SigningKey, UnusableKey};
use keys::{Keys, NoRandomness};

/// Longer than a start or a check of our own codes takes nearly always (measured: `make bench`).
const USUAL: Duration = Duration::from_millis(150);
/// The same with a provider's: an HTTPS call over an open connection, nearly always.
const USUAL_AT_PROVIDER: Duration = Duration::from_millis(1_500);

/// The engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TwoFactor {
    clock: Clock,
    otp: Otp,
    store: TwoFactorStore,
    keys: Keys,
    signing: Arc<Secret<SigningKey>>,
    settings: Settings,
    pub actions: ActionAssertions,
}

/// How this deployment does it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub policy: Policy,
    /// Who assertions are from: our public address.
    pub issuer: String,
}

impl Settings {
    /// `TWO_FACTOR_ROLES` and `PUBLIC_BASE_URL`.
    pub fn from_env() -> Result<Self, Invalid> {
        let issuer = optional("PUBLIC_BASE_URL", "").trim_end_matches('/').to_owned();
        if issuer.is_empty() {
            return Err(Invalid("PUBLIC_BASE_URL"));
        }
        Ok(Self { policy: Policy::from_env()?, issuer })
    }
}

/// Something we need is not there. Nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Key(#[from] UnusableKey),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A code could not be looked at. The check is counted.
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// A proof that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The assertion, a JWT.
    pub assertion: String,
    pub expires: Timestamp,
    pub method: Method,
    /// The device's token, if it is trusted from now on, and until when.
    pub device: Option<(DeviceToken, Timestamp)>,
    /// How many recovery codes are left.
    pub recovery_left: usize,
}

impl TwoFactor {
    pub fn new(
        clock: Clock,
        otp: Otp,
        store: TwoFactorStore,
        codes: CodeKeys,
        signing: Secret<SigningKey>,
        settings: Settings,
    ) -> Self {
        let actions = ActionAssertions::new(clock.clone(), codes.clone(), store.clone(), &settings.issuer);
        Self { clock, otp, store, keys: Keys::new(codes), signing: Arc::new(signing), settings, actions }
    }

    /// Does this, and gives what came of it no sooner than it usually takes for anybody: a code that is sent, or looked at by a
    /// provider, takes longer than one for nobody, and how long it took would tell which it was.
    async fn no_sooner<T>(&self, work: impl Future<Output = T>) -> T {
        let usual = match self.otp.backend() {
            Backend::Own => USUAL,
            Backend::TwilioVerify(_) => USUAL_AT_PROVIDER,
        };
        // Boxed: what it does is large, and would lie on the stack of whoever waits for it.
        futures::join!(Box::pin(work), tokio::time::sleep(usual)).0
    }

    /// The keys assertions are verified with.
    pub async fn jwks(&self) -> Result<JwkSet, Trouble> {
        let versions = self.signing.get().await?;
        Ok(assertion::jwks(&versions)?)
    }

    /// What signs. Asked for before anything is used up.
    async fn signer(&self) -> Result<Signer, Trouble> {
        let versions = self.signing.get().await?;
        Ok(Signer::new(&versions.current)?)
    }

    /// The assertion that somebody proved it by this method at that time.
    fn assert(
        &self,
        signer: &Signer,
        person: &PersonId,
        audience: &Audience,
        proof: (Method, Timestamp),
        now: Timestamp,
    ) -> Result<(String, Timestamp), Trouble> {
        let claims = Claims::new(&self.settings.issuer, person, audience, proof, now);
        let expires = crate::clock::plus_seconds(now, assertion::VALID_SECONDS);
        Ok((signer.sign(&claims)?, expires))
    }

    /// Forgets a person's failures, because a check passed. What passed is written down by now, so if this does not work they
    /// stay counted, and that is all.
    async fn forget_failures(&self, person: &PersonId) {
        if let Err(error) = self.store.passed(person, self.clock.now()).await {
            tracing::warn!(%error, "failed checks stay counted after one that passed");
        }
    }

    /// Writes down that a check failed, and that it locked.
    async fn failed(&self, person: &PersonId, caller: &str, what: &'static str, tried: Try) -> Result<(), StoreError> {
        let mut events: Vec<Event> = vec![events::failed(what)];
        events.extend(tried.locks.map(events::locked));
        let record = Record { caller, at: self.clock.now(), events: &events };
        self.store.apply(person, crate::store::twofactor::Change::Nothing, &record).await.map(|_| ())
    }
}
