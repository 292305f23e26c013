//! What a person said about being written to on one channel. The last word on a kind of message counts; and a no to one
//! kind outlives a yes to everything: whoever wants that kind back says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::message::Trigger;

/// Everything they said about a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelConsent {
    /// What they said about all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Statement>,
    /// What they said about kinds of message, by trigger type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_type: BTreeMap<String, Statement>,
    /// What was agreed to in their name, until they prove that the address is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// A yes or a no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub state: ConsentState,
    /// Where it came from, as the client said: `web_form`, `api` …
    pub source: String,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
}

/// A yes that waits for its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The message types it is for; empty: all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub message_types: BTreeSet<String>,
    pub source: String,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
}

/// Whether they said yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ConsentState {
    Granted,
    Revoked,
}

/// How things stand with a kind of message, all in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    Granted,
    Revoked,
    /// Agreed to, and not proven yet.
    Pending,
    /// They said nothing.
    None,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ChannelConsent {
    /// The word that counts for a kind of message; without a kind, the one on everything.
    pub fn state(&self, trigger: Option<Trigger>) -> Option<ConsentState> {
        let own = trigger.and_then(|trigger| self.by_type.get(trigger.as_str()));
        own.or(self.all.as_ref()).map(|statement| statement.state)
    }

    /// Whether a yes to a kind of message waits for its proof.
    pub fn is_pending(&self, trigger: Option<Trigger>) -> bool {
        self.pending.as_ref().is_some_and(|pending| {
            let types = &pending.message_types;
            types.is_empty() || trigger.is_some_and(|trigger| types.contains(trigger.as_str()))
        })
    }

    /// How things stand with a kind of message.
    pub fn standing(&self, trigger: Option<Trigger>) -> Standing {
        match self.state(trigger) {
            Some(ConsentState::Granted) => Standing::Granted,
            _ if self.is_pending(trigger) => Standing::Pending,
            Some(ConsentState::Revoked) => Standing::Revoked,
            None => Standing::None,
        }
    }

    /// They said yes to these message types (none: all).
    pub(super) fn grant(&mut self, message_types: &BTreeSet<String>, source: &str, at: Timestamp) {
        self.say(ConsentState::Granted, message_types, source, at);
        if message_types.is_empty() {
            self.by_type.retain(|_, statement| statement.state == ConsentState::Revoked);
        }
        self.no_longer_pending(message_types);
    }

    /// They said no.
    pub(super) fn revoke(&mut self, message_types: &BTreeSet<String>, source: &str, at: Timestamp) {
        self.say(ConsentState::Revoked, message_types, source, at);
        if message_types.is_empty() {
            self.by_type.retain(|_, statement| statement.state == ConsentState::Revoked);
        }
        self.no_longer_pending(message_types);
    }

    fn say(&mut self, state: ConsentState, message_types: &BTreeSet<String>, source: &str, at: Timestamp) {
        let statement = Statement { state, source: source.to_owned(), at };
        if message_types.is_empty() {
            self.all = Some(statement);
        } else {
            self.by_type.extend(message_types.iter().map(|name| (name.clone(), statement.clone())));
        }
    }

    /// What was said a word on does not wait any more. A yes to everything that waits goes on waiting: it says nothing
    /// about a kind that was refused.
    fn no_longer_pending(&mut self, message_types: &BTreeSet<String>) {
        let Some(pending) = &mut self.pending else { return };
        let waited = !pending.message_types.is_empty();
        pending.message_types.retain(|name| !message_types.contains(name));
        if message_types.is_empty() || (waited && pending.message_types.is_empty()) {
            self.pending = None;
        }
    }

    /// The address is another one: what was agreed to was agreed to for the one before. A no stays.
    pub(super) fn lapse(&mut self) {
        self.all.take_if(|statement| statement.state == ConsentState::Granted);
        self.by_type.retain(|_, statement| statement.state == ConsentState::Revoked);
        self.pending = None;
    }

    /// Somebody said yes for them; they have to confirm it.
    pub(super) fn wait(&mut self, message_types: &BTreeSet<String>, source: &str, at: Timestamp) {
        let mut message_types = message_types.clone();
        if let Some(before) = self.pending.take() {
            // What waits for the same proof waits together; everything is more than some.
            let all = message_types.is_empty() || before.message_types.is_empty();
            message_types.extend(before.message_types);
            if all {
                message_types.clear();
            }
        }
        self.pending = Some(Pending { message_types, source: source.to_owned(), at });
    }

    /// They confirmed what waited.
    pub(super) fn confirm(&mut self, at: Timestamp) {
        if let Some(pending) = self.pending.take() {
            self.grant(&pending.message_types, &pending.source, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trigger::{CareerInsight, MonthlyReport};

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn types(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn standing(consent: &ChannelConsent) -> [Standing; 3] {
        [Some(MonthlyReport), Some(CareerInsight), None].map(|trigger| consent.standing(trigger))
    }

    #[test]
    fn the_last_word_on_a_kind_of_message_counts() {
        use Standing::{Granted, None, Revoked};
        let mut consent = ChannelConsent::default();
        assert_eq!(standing(&consent), [None, None, None]);
        consent.grant(&types(&["monthly_report"]), "api", AT);
        assert_eq!(standing(&consent), [Granted, None, None]);
        consent.revoke(&types(&[]), "api", AT);
        assert_eq!(standing(&consent), [Revoked, Revoked, Revoked]);
        consent.grant(&types(&["career_insight"]), "api", AT);
        assert_eq!(standing(&consent), [Revoked, Granted, Revoked]);
        consent.grant(&types(&[]), "api", AT);
        assert_eq!(standing(&consent), [Granted, Granted, Granted]);
    }

    #[test]
    fn a_no_to_one_kind_outlives_a_yes_to_everything() {
        use Standing::{Granted, Revoked};
        let mut consent = ChannelConsent::default();
        consent.grant(&types(&[]), "api", AT);
        consent.revoke(&types(&["monthly_report"]), "api", AT);
        assert_eq!(standing(&consent), [Revoked, Granted, Granted]);
        consent.grant(&types(&[]), "api", AT);
        assert_eq!(standing(&consent), [Revoked, Granted, Granted]);
        consent.grant(&types(&["monthly_report"]), "api", AT);
        assert_eq!(standing(&consent), [Granted, Granted, Granted]);
    }

    #[test]
    fn what_waits_changes_nothing_until_it_is_confirmed() {
        use Standing::{Granted, None, Pending, Revoked};
        let mut consent = ChannelConsent::default();
        consent.revoke(&types(&["career_insight"]), "api", AT);
        consent.wait(&types(&["monthly_report", "career_insight"]), "form", AT);
        assert_eq!(standing(&consent), [Pending, Pending, None]);
        assert_eq!(consent.state(Some(CareerInsight)), Some(ConsentState::Revoked));
        let mut refused = consent.clone();
        refused.revoke(&types(&["career_insight"]), "api", AT);
        refused.confirm(AT);
        assert_eq!(standing(&refused), [Granted, Revoked, None]);
        consent.confirm(AT);
        assert_eq!(standing(&consent), [Granted, Granted, None]);
        assert_eq!(consent.by_type["monthly_report"].source, "form");
        consent.confirm(AT);
        assert_eq!(standing(&consent), [Granted, Granted, None]);
    }

    #[test]
    fn another_address_was_not_agreed_to_and_a_no_holds_for_it() {
        let mut consent = ChannelConsent::default();
        consent.grant(&types(&[]), "api", AT);
        consent.revoke(&types(&["monthly_report"]), "api", AT);
        consent.lapse();
        assert_eq!(standing(&consent), [Standing::Revoked, Standing::None, Standing::None]);
        consent.revoke(&types(&[]), "api", AT);
        consent.lapse();
        assert_eq!(standing(&consent), [Standing::Revoked; 3]);
    }

    #[test]
    fn a_no_to_everything_ends_what_waits_and_a_no_to_one_kind_only_that() {
        let mut consent = ChannelConsent::default();
        consent.wait(&types(&["monthly_report"]), "form", AT);
        consent.wait(&types(&[]), "form", AT);
        consent.revoke(&types(&["monthly_report"]), "api", AT);
        assert!(consent.is_pending(None), "everything but that still waits");
        consent.confirm(AT);
        assert_eq!(standing(&consent), [Standing::Revoked, Standing::Granted, Standing::Granted]);
        consent.wait(&types(&[]), "form", AT);
        consent.revoke(&types(&[]), "api", AT);
        consent.confirm(AT);
        assert_eq!(standing(&consent), [Standing::Revoked; 3]);
    }
}
