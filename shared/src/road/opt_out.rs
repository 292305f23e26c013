//! Somebody's no, wherever it was heard: the address is not used any more, and everybody whose address it is has revoked
//! their consent, so that it holds for another number of ours, another provider, and another address of theirs.
//!
//! [`Road::learn`] is the rule for what a provider tells us of an address; [`super::heed`] for a text somebody wrote to us.

use jiff::Timestamp;

use super::Road;
use crate::ledger::Witness;
use crate::message::Channel;
use crate::person::{Person, PersonId, Reason, Scope, Suppression};
use crate::provider::{PermanentKind, ProviderName};
use crate::store::StoreError;
use crate::store::people::{Details, Target};

/// The channels a STOP is about, whichever it came by: both are texts to the same number, from the same sender, and who is
/// tired of them does not tell one from the other. Calls are no texts; they have a consent of their own.
pub const TEXTS: [Channel; 2] = [Channel::Sms, Channel::Whatsapp];

/// Of how many people who have an address on file without proof the consent is changed. The list stops what goes there whoever they are.
const MOST_FILED: usize = 32;

/// A no to texts or mails, and how far it goes.
pub(super) struct No<'a> {
    pub(super) reason: Reason,
    pub(super) scope: Scope,
    pub(super) channels: &'a [Channel],
}

impl Road {
    /// What a provider's refusal or report says of the address itself, if anything: its owner said no, or nothing arrives
    /// there.
    pub async fn learn(
        &self,
        target: &Target,
        channel: Channel,
        kind: PermanentKind,
        provider: ProviderName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        match kind.about_address(channel) {
            Some(reason) => self.learn_reason(target, channel, (reason, Scope::All), provider, at).await,
            None => Ok(()),
        }
    }

    pub(super) async fn learn_reason(
        &self,
        target: &Target,
        channel: Channel,
        (reason, scope): (Reason, Scope),
        provider: ProviderName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let witness = Witness::new(provider.as_str(), provider.as_str(), at);
        if reason.is_dead_address() {
            let dead = Suppression::new(channel, reason, provider.as_str(), at);
            self.people.suppress(target, &[dead], &witness, &Details::default()).await?;
            return Ok(());
        }
        // Twilio refuses a text because its recipient wrote STOP there: the same no, heard another way.
        let own = [channel];
        let channels = if channel == Channel::Sms && reason == Reason::OptOut { &TEXTS[..] } else { &own };
        let no = No { reason, scope, channels };
        let of_texts = reason == Reason::OptOut && TEXTS.contains(&channel);
        // What a provider tells may come late: a START since then counts. One that is heeded at this moment is seen afterwards.
        if of_texts && self.has_started_since(target, at).await? {
            return self.untell(target, &no, &witness).await;
        }
        self.accept_no(target, &no, &witness, &Details::default()).await?;
        if of_texts && self.has_started_since(target, at).await? {
            return self.untell(target, &no, &witness).await;
        }
        Ok(())
    }

    /// Whether the last wish of a number is to get texts again, and later than a no.
    async fn has_started_since(&self, target: &Target, no: Timestamp) -> Result<bool, StoreError> {
        let last = self.ephemera.last_wish(&self.seal, &target.fingerprint).await?;
        Ok(last.is_some_and(|said| !said.wish.is_no() && said.at > no))
    }

    /// Takes back what this very no did, if it did anything.
    async fn untell(&self, target: &Target, no: &No<'_>, witness: &Witness) -> Result<(), StoreError> {
        let told = |known: &Suppression| {
            known.reason == no.reason
                && no.channels.contains(&known.channel)
                && known.source == witness.source
                && known.at.as_millisecond() == witness.at.as_millisecond()
        };
        if !self.people.facts(&target.fingerprint).await?.suppressions.iter().any(told) {
            return Ok(());
        }
        self.each_owner(target, witness, |person| no.channels.iter().for_each(|channel| person.unstop(*channel)))
            .await?;
        self.people.release(target, told, witness, &Details::default()).await?;
        Ok(())
    }

    /// Somebody left our marketing e-mails by the link in one.
    pub async fn leave_marketing(
        &self,
        target: &Target,
        witness: &Witness,
        details: &Details<'_>,
    ) -> Result<(), StoreError> {
        let no = No { reason: Reason::Unsubscribe, scope: Scope::Marketing, channels: &[Channel::Email] };
        self.accept_no(target, &no, witness, details).await
    }

    /// Somebody who had left our marketing e-mails agreed to some again, and proved that it was them: the list forgets that
    /// they left. What they refused by kind stays refused until they name it; what a provider holds against the address it
    /// still holds.
    pub async fn come_back(&self, target: &Target, witness: &Witness) -> Result<(), StoreError> {
        let left = |known: &Suppression| known.reason == Reason::Unsubscribe && known.scope == Scope::Marketing;
        self.people.release(target, left, witness, &Details::default()).await?;
        Ok(())
    }

    /// Somebody joined a kind of mail again at the provider where they had left it: the list forgets that this provider told
    /// of it, unless they left once more since. Nobody agrees to anything by that, and what else is known of the address
    /// stays.
    pub(super) async fn rejoined(
        &self,
        target: &Target,
        channel: Channel,
        provider: ProviderName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let witness = Witness::new(provider.as_str(), provider.as_str(), at);
        let told_there = |known: &Suppression| {
            (known.channel, known.reason, known.scope) == (channel, Reason::Unsubscribe, Scope::Marketing)
                && known.source == provider.as_str()
                && known.at <= at
        };
        self.people.release(target, told_there, &witness, &Details::default()).await?;
        Ok(())
    }

    /// The list first: it holds by itself, whatever becomes of the rest.
    pub(super) async fn accept_no(
        &self,
        target: &Target,
        no: &No<'_>,
        witness: &Witness,
        details: &Details<'_>,
    ) -> Result<(), StoreError> {
        let suppression = |channel: &Channel| Suppression {
            scope: no.scope,
            ..Suppression::new(*channel, no.reason, &witness.source, witness.at)
        };
        let wanted: Vec<Suppression> = no.channels.iter().map(suppression).collect();
        self.people.suppress(target, &wanted, witness, details).await?;
        self.each_owner(target, witness, |person| {
            for channel in no.channels {
                match (no.scope, no.reason) {
                    (Scope::Marketing, _) => person.leave_marketing(*channel, &witness.source, witness.at),
                    (Scope::All, Reason::OptOut) if TEXTS.contains(channel) => {
                        person.stop(*channel, &witness.source, witness.at);
                    }
                    (Scope::All, _) => person.refuse(*channel, &witness.source, witness.at),
                }
            }
        })
        .await
    }

    /// What a STOP did is undone; what else is known of the number stays.
    pub(super) async fn take_back(
        &self,
        target: &Target,
        witness: &Witness,
        details: &Details<'_>,
    ) -> Result<(), StoreError> {
        let is_stop = |known: &Suppression| known.reason == Reason::OptOut && TEXTS.contains(&known.channel);
        self.people.release(target, is_stop, witness, details).await?;
        self.each_owner(target, witness, |person| TEXTS.into_iter().for_each(|channel| person.unstop(channel))).await
    }

    /// Changes everybody who is reached at the address, proven or on file, one after the other: a no counts for whoever would be
    /// written to there. Who only claims it is not: they would see in their own consent what its owner said.
    async fn each_owner(
        &self,
        target: &Target,
        witness: &Witness,
        change: impl Fn(&mut Person),
    ) -> Result<(), StoreError> {
        let facts = self.people.facts(&target.fingerprint).await?;
        let owners: Vec<&PersonId> = facts.holders.at(self.clock.now());
        for owner in owners.into_iter().chain(facts.filed.iter().take(MOST_FILED)) {
            if self.people.get(owner).await?.is_none() {
                continue;
            }
            self.people.change(owner, witness, |person| person.recorded(&change)).await?;
        }
        Ok(())
    }
}
