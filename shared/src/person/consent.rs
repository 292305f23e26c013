//! What a person said about being written to on one channel. The last word on a kind of message counts; and a no to one
//! kind outlives a yes to everything: whoever wants that kind back says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{IntoEnumIterator, IntoStaticStr};

use crate::message::Trigger;
use crate::message::trigger::Class;

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
    /// What they had said before they wrote STOP: START brings it back, with what they said since about kinds of message.
    /// What they say since about everything takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_stop: Option<Box<ChannelConsent>>,
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
            self.before_stop = None;
            self.all = Some(statement);
        } else {
            if let Some(before) = &mut self.before_stop {
                before.say(state, message_types, source, at);
            }
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
        if let Some(before) = &mut self.before_stop {
            before.lapse();
        }
    }

    /// They wrote STOP: a no to everything, which START takes back.
    pub(super) fn stop(&mut self, source: &str, at: Timestamp) {
        if self.before_stop.is_some() {
            return;
        }
        let before = Self { pending: None, ..self.clone() };
        self.revoke(&BTreeSet::new(), source, at);
        self.before_stop = Some(Box::new(before));
    }

    /// They said no to everything, in a way that nothing they write takes back. Said again it changes nothing.
    pub(super) fn refuse(&mut self, source: &str, at: Timestamp) {
        let is_no = |statement: &Statement| statement.state == ConsentState::Revoked;
        let said = self.all.as_ref().is_some_and(is_no) && self.by_type.values().all(is_no) && self.pending.is_none();
        if !said {
            self.revoke(&BTreeSet::new(), source, at);
        }
    }

    /// They wrote START: what they said before their STOP counts again.
    pub(super) fn unstop(&mut self) {
        if let Some(before) = self.before_stop.take() {
            *self = Self { pending: self.pending.take(), ..*before };
        }
    }

    /// They left marketing: a no to each kind of it, and no yes to everything that would be one to marketing without a kind.
    pub(super) fn leave_marketing(&mut self, source: &str, at: Timestamp) {
        let marketing = |trigger: &Trigger| trigger.class() == Class::Marketing;
        let kinds: BTreeSet<String> =
            Trigger::iter().filter(marketing).map(|trigger| trigger.as_str().to_owned()).collect();
        let news =
            kinds.iter().any(|kind| self.by_type.get(kind).is_none_or(|said| said.state != ConsentState::Revoked));
        if news {
            self.revoke(&kinds, source, at);
        }
        self.all.take_if(|statement| statement.state == ConsentState::Granted);
        if let Some(before) = &mut self.before_stop {
            before.all.take_if(|statement| statement.state == ConsentState::Granted);
        }
        self.pending.take_if(|pending| pending.message_types.is_empty());
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
    fn start_brings_back_what_stop_took_and_nothing_that_was_said_since() {
        use Standing::{Granted, None, Revoked};
        let mut consent = ChannelConsent::default();
        consent.grant(&types(&["monthly_report"]), "api", AT);
        let before = consent.clone();
        consent.stop("sms_keyword", AT);
        assert_eq!(standing(&consent), [Revoked; 3]);
        let stopped = consent.clone();
        consent.stop("sms_keyword", crate::clock::from_millis(9));
        assert_eq!(consent, stopped, "a second STOP says nothing new");
        consent.unstop();
        assert_eq!(consent, before);
        consent.unstop();
        assert_eq!(consent, before, "START without a STOP says nothing");

        let mut later = stopped.clone();
        later.revoke(&types(&[]), "api", AT);
        later.unstop();
        assert_eq!(standing(&later), [Revoked; 3], "they said no elsewhere too");
        let mut moved = stopped.clone();
        moved.lapse();
        moved.unstop();
        assert_eq!(standing(&moved), [None; 3], "they agreed for another number");
        let json = serde_json::to_string(&stopped).unwrap();
        assert_eq!(serde_json::from_str::<ChannelConsent>(&json).unwrap(), stopped);
        let mut granted = stopped;
        granted.grant(&types(&[]), "api", AT);
        granted.unstop();
        assert_eq!(standing(&granted), [Granted; 3]);
    }

    #[test]
    fn who_leaves_marketing_still_gets_what_concerns_them() {
        use Trigger::PaymentReminder;
        let mut consent = ChannelConsent::default();
        consent.grant(&types(&[]), "api", AT);
        consent.grant(&types(&["monthly_report", "payment_reminder"]), "api", AT);
        consent.leave_marketing("unsubscribe_link", AT);
        assert_eq!(standing(&consent), [Standing::Revoked, Standing::Revoked, Standing::None]);
        assert_eq!(consent.state(Some(PaymentReminder)), Some(ConsentState::Granted));
        let left = consent.clone();
        consent.leave_marketing("unsubscribe_link", crate::clock::from_millis(9));
        assert_eq!(consent, left, "a second click says nothing new");
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
