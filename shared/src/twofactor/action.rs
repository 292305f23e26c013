//! What a passed check for one action here gives: an assertion that this API accepts, once, for that action of that person, at
//! most five minutes later. An erasure, the change of a proven address and the removal of a second factor by the person's own
//! token need one where a factor is enrolled.
//!
//! It is another token than the one a portal gets ([`super::assertion`]), so neither is taken for the other. It is marked with the
//! keys of codes: whoever holds those can compute a code and pass a check anyway, so a function that verifies an action gains
//! nothing by it, and never holds the key that signs for portals. The keys rotate with their secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use uuid::Uuid;

use super::assertion::VALID_SECONDS;
use super::factor::{EnrolmentId, Factor};
use crate::clock::{Clock, plus_seconds};
use crate::person::PersonId;
use crate::seal::purpose::CodeKeys;
use crate::seal::signed;
use crate::store::{StoreError, TwoFactorStore};

const LABEL: &str = "two-factor action v1";
/// The longest token that is looked at, in bytes: a person's id has at most 128, escaped.
const MAX_TOKEN_BYTES: usize = 2_048;

/// What somebody does that needs a fresh second factor.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = TwoFactorAction)]
pub enum Action {
    ErasePerson,
    ChangeAddress,
    RemoveSecondFactor,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    /// The deployment it is for: its public address.
    aud: String,
    sub: PersonId,
    action: Action,
    /// The enrolment that was proven.
    enrolment: EnrolmentId,
    /// When it was proven, in seconds since 1970.
    iat: i64,
    jti: Uuid,
}

/// Makes and accepts assertions for actions.
#[derive(Clone, Debug)]
pub struct ActionAssertions {
    clock: Clock,
    keys: CodeKeys,
    store: TwoFactorStore,
    audience: String,
}

/// Whether an assertion is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    Yes,
    /// It is none of ours, or too old, or for something else, or was used.
    No,
}

impl ActionAssertions {
    /// `audience`: this deployment's public address.
    pub fn new(clock: Clock, keys: CodeKeys, store: TwoFactorStore, audience: &str) -> Self {
        Self { clock, keys, store, audience: audience.to_owned() }
    }

    /// The person's second factor.
    pub async fn factor(&self, person: &PersonId) -> Result<Option<Factor>, StoreError> {
        self.store.factor(person).await
    }

    /// Makes the assertion that somebody proved this enrolment just now, for one action; and until when it is good.
    pub(super) fn make(
        &self,
        person: &PersonId,
        action: Action,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> (String, Timestamp) {
        let claims = Claims {
            aud: self.audience.clone(),
            sub: person.clone(),
            action,
            enrolment,
            iat: now.as_second(),
            jti: Uuid::new_v4(),
        };
        // Texts and numbers: nothing of it fails to become JSON.
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        (signed::sign(&self.keys.active(LABEL).1, &payload), plus_seconds(now, VALID_SECONDS))
    }

    /// Accepts an assertion for an action of a person, and uses it up.
    pub async fn accept(
        &self,
        token: &str,
        person: &PersonId,
        action: Action,
        factor: &Factor,
    ) -> Result<Accepted, StoreError> {
        let now = self.clock.now();
        let Some(claims) = self.read(token).filter(|claims| {
            let age = now.as_second() - claims.iat;
            claims.aud == self.audience
                && claims.sub == *person
                && claims.action == action
                && claims.enrolment == factor.enrolment
                && (0..VALID_SECONDS).contains(&age)
        }) else {
            return Ok(Accepted::No);
        };
        let is_first = self.store.use_up(claims.jti, plus_seconds(now, VALID_SECONDS)).await?;
        Ok(if is_first { Accepted::Yes } else { Accepted::No })
    }

    fn read(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        serde_json::from_slice(&signed::verify(&self.keys.each(LABEL), token)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::message::PhoneNumber;
    use crate::seal::purpose::tests::{codes, secret};
    use crate::testing::{dead_road, dead_twofactor_store};

    const NOW: i64 = 1_800_000_000_000;

    fn at(millis: i64) -> ActionAssertions {
        let road = dead_road(Clock::fixed(from_millis(millis))).unwrap();
        let store = dead_twofactor_store(&road).unwrap();
        ActionAssertions::new(road.clock, codes(), store, "https://api.example")
    }

    fn factor() -> Factor {
        Factor {
            enrolment: EnrolmentId::random(),
            phone: PhoneNumber::parse("+14155552671", "US").unwrap(),
            confirmed: from_millis(0),
            recovery_left: 10,
            devices: Vec::new(),
            version: 0,
        }
    }

    /// Whether it got as far as being used up: the store that would note that does not answer.
    async fn is_accepted(by: &ActionAssertions, token: &str, person: &str, action: Action, factor: &Factor) -> bool {
        match by.accept(token, &PersonId::text(person).unwrap(), action, factor).await {
            Err(_) => true,
            Ok(accepted) => accepted == Accepted::Yes,
        }
    }

    #[tokio::test]
    async fn action_assertion_of_another_person_action_or_enrolment_is_refused() {
        let (ours, factor) = (at(NOW), factor());
        let ada = PersonId::text("7").unwrap();
        let (token, expires) = ours.make(&ada, Action::ErasePerson, factor.enrolment, from_millis(NOW));
        assert_eq!(expires, from_millis(NOW + 300_000));
        assert!(is_accepted(&ours, &token, "7", Action::ErasePerson, &factor).await);
        assert!(!is_accepted(&ours, &token, "8", Action::ErasePerson, &factor).await);
        assert!(!is_accepted(&ours, &token, "7", Action::ChangeAddress, &factor).await);
        assert!(!is_accepted(&ours, &token, "7", Action::RemoveSecondFactor, &factor).await);
        let again = Factor { enrolment: EnrolmentId::random(), ..factor.clone() };
        assert!(!is_accepted(&ours, &token, "7", Action::ErasePerson, &again).await, "enrolled anew since");
        let elsewhere = ActionAssertions { audience: "https://other.example".to_owned(), ..ours.clone() };
        assert!(!is_accepted(&elsewhere, &token, "7", Action::ErasePerson, &factor).await);
    }

    #[tokio::test]
    async fn old_or_forged_action_assertion_is_refused() {
        let (ours, factor) = (at(NOW), factor());
        let ada = PersonId::text("7").unwrap();
        let (token, _) = ours.make(&ada, Action::ErasePerson, factor.enrolment, from_millis(NOW));
        for (later, good) in [(299_000, true), (300_000, false), (-1_000, false)] {
            let then = at(NOW + later);
            assert_eq!(is_accepted(&then, &token, "7", Action::ErasePerson, &factor).await, good, "{later}");
        }
        let strangers = CodeKeys::fixed(secret("c1", &[("c1", 9)])).unwrap();
        let stranger = ActionAssertions { keys: strangers, ..ours.clone() };
        let (forged, _) = stranger.make(&ada, Action::ErasePerson, factor.enrolment, from_millis(NOW));
        assert!(!is_accepted(&ours, &forged, "7", Action::ErasePerson, &factor).await);
        for token in ["", "x", &token[1..], &"A".repeat(5_000)] {
            assert!(!is_accepted(&ours, token, "7", Action::ErasePerson, &factor).await, "{token}");
        }
    }
}
