//! The decision, with what the tables know: who owns the address, what they said, and why it must not be used.

use futures::future::try_join_all;

use super::Road;
use crate::message::Message;
use crate::person::{Decision, Intent, Person, Question};
use crate::policy::destinations;
use crate::store::StoreError;

/// How many owners of an address are read at a time. Every one of them is read: a family shares a phone, a reception shares it with
/// everybody who works there, and the "no" of each counts.
const READS_AT_A_TIME: usize = 16;

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
        let owners: Vec<_> = facts.holders.at(now).into_iter().collect();
        let mut strictest: Option<Decision> = None;
        for some in owners.chunks(READS_AT_A_TIME) {
            let mut reads = Vec::with_capacity(some.len());
            for owner in some {
                reads.push(self.people.get(owner));
            }
            for owner in try_join_all(reads).await? {
                // A person who is being erased does not own the address any more.
                let decision = answer(owner.filter(|owner| owner.erasing.is_none()).as_ref());
                strictest = Some(match strictest {
                    Some(other) => other.or_stricter(decision),
                    None => decision,
                });
            }
            if strictest.as_ref().is_some_and(Decision::is_refused) {
                break;
            }
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
