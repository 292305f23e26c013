//! The decision, with what the tables know: who owns the address, what they said, and why it must not be used.

use super::Road;
use crate::message::Message;
use crate::person::{Decision, Intent, Person, Question};
use crate::policy::destinations;
use crate::store::StoreError;

/// How many owners of one address are asked. A family shares a phone; a thousand people do not, and each of them would have had to prove
/// that they read it.
const MOST_OWNERS: usize = 32;

impl Road {
    /// May this be sent to this address then, by all we know of its owner and of it.
    pub async fn decide(&self, intent: &Intent<'_>, person: Option<&Person>) -> Result<Decision, StoreError> {
        let now = self.clock.now();
        if let Some(reason) = self.destinations.refusal(intent.to) {
            return Ok(Decision::refused_by(destinations::RULE, reason, now));
        }
        let facts = self.people.address(intent.to).await?;
        let answer = |person: Option<&Person>| {
            let suppressions = &facts.suppressions;
            Decision::make(&Question { intent: *intent, rules: &self.rules, person, suppressions }, now)
        };
        if person.is_some() {
            return Ok(answer(person));
        }
        // A message to a bare address concerns whoever proved that it is theirs: what the strictest of them says counts. Who
        // only claims it has no say.
        let mut strictest: Option<Decision> = None;
        for owner in facts.holders.at(now).into_iter().take(MOST_OWNERS) {
            // Who is being erased is not its owner any more.
            let owner = self.people.get(owner).await?.filter(|owner| owner.erasing.is_none());
            let decision = answer(owner.as_ref());
            strictest = Some(match strictest {
                Some(other) => other.or_stricter(decision),
                None => decision,
            });
        }
        Ok(strictest.unwrap_or_else(|| answer(None)))
    }
}

impl Message {
    /// What is asked before it is sent `at`.
    pub fn intent(&self, at: jiff::Timestamp) -> Intent<'_> {
        let Self { channel, class, trigger, lane, .. } = *self;
        Intent { channel, class, trigger, lane, to: &self.to, carries_code: self.code.is_some(), at }
    }
}
