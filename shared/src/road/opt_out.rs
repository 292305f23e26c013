//! Somebody's no, wherever it was heard: the address is not used any more, and everybody whose address it is has revoked
//! their consent, so that it holds for another number of ours, another provider, and another address of theirs.
//!
//! [`Road::heed`] is the rule for a text somebody wrote to us; [`Road::learn`] for what a provider tells us of an address.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Road;
use crate::config::{Invalid, present};
use crate::ledger::{Event, Witness};
use crate::message::{Address, Channel};
use crate::person::words::{Keyword, Reply};
use crate::person::{Person, Reason, Scope, Suppression};
use crate::provider::{PermanentKind, ProviderName};
use crate::store::StoreError;
use crate::store::people::{Details, Target};
use crate::telemetry;

/// The channels a STOP is about, whichever it came by: both are texts to the same number, from the same sender, and who is
/// tired of them does not tell one from the other. Calls are no texts; they have a consent of their own.
pub const TEXTS: [Channel; 2] = [Channel::Sms, Channel::Whatsapp];

/// Free text that reads like a no. Nobody can be sure of it, so it is only noted unless the deployment says otherwise.
pub const REVOCATION_SUSPECTED: &str = "revocation_suspected";

/// What follows from free text that reads like a no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreeText {
    /// It is noted.
    #[default]
    Noted,
    /// It is a STOP.
    Honoured,
}

impl FreeText {
    /// The setting `HONOUR_FREE_TEXT_OPT_OUT`: `true` or `false`.
    pub fn from_env() -> Result<Self, Invalid> {
        let name = "HONOUR_FREE_TEXT_OPT_OUT";
        match present(name).as_deref().map(str::trim) {
            None | Some("" | "false") => Ok(Self::Noted),
            Some("true") => Ok(Self::Honoured),
            Some(_) => Err(Invalid(name)),
        }
    }
}

/// A text somebody wrote to us, as far as their wish goes. Holds neither their number nor what they wrote: it may wait in a
/// queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The provider's id of it: the same text may be brought more than once.
    pub provider_id: Option<String>,
    /// The number it came from, by its fingerprint.
    pub fingerprint: String,
    pub channel: Channel,
    pub reply: Reply,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heeded {
    Stopped,
    Started,
    /// It may have been a no; it is noted.
    Suspected,
    /// It asks for nothing.
    Nothing,
    /// It was heeded before, or a later text of theirs was.
    Past,
}

impl Heeded {
    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Started => "started",
            Self::Suspected => "suspected",
            Self::Nothing => "nothing",
            Self::Past => "past",
        }
    }
}

/// A no to texts or mails, and how far it goes.
struct No<'a> {
    reason: Reason,
    scope: Scope,
    channels: &'a [Channel],
}

impl Road {
    /// Does what a text asks for. The same text again changes nothing, nor does one that comes after a later one. The provider
    /// answers the person itself, so nothing is sent.
    pub async fn heed(&self, heard: &Heard, from: Option<&Address>) -> Result<Heeded, StoreError> {
        let wish = match (heard.reply, self.free_text) {
            (Reply::Keyword(keyword @ (Keyword::Stop | Keyword::Start)), _) => Wish::Keyword(keyword),
            (Reply::RevocationLikely, FreeText::Honoured) => Wish::FreeText,
            (Reply::RevocationLikely, FreeText::Noted) => Wish::Note,
            (Reply::Keyword(Keyword::Help) | Reply::Other, _) => return Ok(Heeded::Nothing),
        };
        if self.was_heeded(heard).await? {
            return Ok(Heeded::Past);
        }
        let target = Target { fingerprint: heard.fingerprint.clone(), address: from.cloned() };
        let source = if matches!(wish, Wish::Keyword(_)) { "sms_keyword" } else { "sms_free_text" };
        let witness = Witness::new(ProviderName::Twilio.as_str(), source, heard.at);
        let details = Details { provider_id: heard.provider_id.as_deref(), ..Details::default() };
        let no = No { reason: Reason::OptOut, scope: Scope::All, channels: &TEXTS };
        let heeded = match wish {
            Wish::Keyword(Keyword::Start) => {
                self.take_back(&target, &witness, &details).await.map(|()| Heeded::Started)
            }
            Wish::Keyword(Keyword::Stop | Keyword::Help) | Wish::FreeText => {
                self.accept_no(&target, &no, &witness, &details).await.map(|()| Heeded::Stopped)
            }
            Wish::Note => {
                let event = Event::new(REVOCATION_SUSPECTED).with("channel", heard.channel.as_str());
                self.people.note_of_address(&target, event, &witness).await.map(|()| Heeded::Suspected)
            }
        }?;
        self.remember_heeded(heard).await?;
        telemetry::count(
            match heeded {
                Heeded::Stopped => "texts_stopped",
                Heeded::Started => "texts_started",
                Heeded::Suspected | Heeded::Nothing | Heeded::Past => "revocation_suspected",
            },
            1,
        );
        Ok(heeded)
    }

    /// Whether this text was heeded, or one that came after it.
    async fn was_heeded(&self, heard: &Heard) -> Result<bool, StoreError> {
        if let Some(id) = &heard.provider_id
            && self.ephemera.last_beat(&format!("heard#{id}")).await?.is_some()
        {
            return Ok(true);
        }
        let last = self.ephemera.last_beat(&last_heard(&heard.fingerprint)).await?;
        Ok(last.is_some_and(|last| last > heard.at))
    }

    /// After it was done: who is brought it again in between does it again, which changes nothing.
    async fn remember_heeded(&self, heard: &Heard) -> Result<(), StoreError> {
        if let Some(id) = &heard.provider_id {
            self.ephemera.beat(&format!("heard#{id}"), heard.at).await?;
        }
        self.ephemera.beat(&last_heard(&heard.fingerprint), heard.at).await
    }

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
        self.accept_no(target, &No { reason, scope, channels }, &witness, &Details::default()).await
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

    /// The list first: it holds by itself, whatever becomes of the rest.
    async fn accept_no(
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
    async fn take_back(&self, target: &Target, witness: &Witness, details: &Details<'_>) -> Result<(), StoreError> {
        let is_stop = |known: &Suppression| known.reason == Reason::OptOut && TEXTS.contains(&known.channel);
        self.people.release(target, is_stop, witness, details).await?;
        self.each_owner(target, witness, |person| TEXTS.into_iter().for_each(|channel| person.unstop(channel))).await
    }

    /// Changes everybody whose address it is, one after the other: they are few.
    async fn each_owner(
        &self,
        target: &Target,
        witness: &Witness,
        change: impl Fn(&mut Person),
    ) -> Result<(), StoreError> {
        for owner in self.people.facts(&target.fingerprint).await?.owners {
            if self.people.get(&owner).await?.is_none() {
                continue;
            }
            self.people.change(&owner, witness, |person| person.recorded(&change)).await?;
        }
        Ok(())
    }
}

enum Wish {
    Keyword(Keyword),
    FreeText,
    Note,
}

fn last_heard(fingerprint: &str) -> String {
    format!("last_heard#{fingerprint}")
}
