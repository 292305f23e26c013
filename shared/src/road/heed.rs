//! A text somebody wrote to us, as far as their wish goes: [`Road::heed`] does what it asks for, once and in order.
//!
//! A wish takes its place among those of its number before anything follows from it, and whoever did something looks at that
//! place again: the later of two that are heeded at once counts, whichever is done last. Who is interrupted in between does
//! it again; a START that comes again and finds a later no says that no again, for it may have taken it back before it was
//! interrupted. Where two orders are possible, the no counts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Road;
use super::opt_out::{No, TEXTS};
use crate::config::{Invalid, present};
use crate::ledger::{Event, Witness};
use crate::message::{Address, Channel};
use crate::person::words::{Keyword, Reply};
use crate::person::{Reason, Scope};
use crate::provider::ProviderName;
use crate::store::StoreError;
use crate::store::heard::{Claimed, Said, Wish};
use crate::store::people::{Details, Target};
use crate::telemetry;

/// How often a wish gives way to a later one while it is heeded: nobody writes as fast as that.
const MOST_OVERTAKEN: usize = 8;

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

impl Road {
    /// Does what a text asks for. The same text again changes nothing, nor does one that comes after a later one. The provider
    /// answers the person itself, so nothing is sent.
    pub async fn heed(&self, heard: &Heard, from: Option<&Address>) -> Result<Heeded, StoreError> {
        let wish = match (heard.reply, self.free_text) {
            (Reply::Keyword(Keyword::Stop), _) => Some(Wish::Stop),
            // Without the provider's id it may be a captured request that is brought again.
            (Reply::Keyword(Keyword::Start), _) if heard.provider_id.is_none() => return Ok(Heeded::Nothing),
            (Reply::Keyword(Keyword::Start), _) => Some(Wish::Start),
            (Reply::RevocationLikely, FreeText::Honoured) => Some(Wish::FreeStop),
            (Reply::RevocationLikely, FreeText::Noted) => None,
            (Reply::Keyword(Keyword::Help) | Reply::Other, _) => return Ok(Heeded::Nothing),
        };
        if let Some(id) = &heard.provider_id
            && self.ephemera.was_heard(id).await?
        {
            return Ok(Heeded::Past);
        }
        let target = Target { fingerprint: heard.fingerprint.clone(), address: from.cloned() };
        let details = Details { provider_id: heard.provider_id.as_deref(), ..Details::default() };
        let heeded = match wish {
            Some(wish) => self.obey(&target, Said { wish, at: heard.at }, &details).await?,
            None => self.suspect(&target, heard).await?,
        };
        // After it was done: who is brought it again in between does it again, which changes nothing. What is only noted is noted
        // together with that.
        if let (Some(id), Some(wish)) = (&heard.provider_id, wish) {
            self.ephemera.note_heard(id, heard.at, wish).await?;
        }
        match heeded {
            Heeded::Stopped => telemetry::count("texts_stopped", 1),
            Heeded::Started => telemetry::count("texts_started", 1),
            Heeded::Suspected => telemetry::count(REVOCATION_SUSPECTED, 1),
            Heeded::Nothing | Heeded::Past => {}
        }
        Ok(heeded)
    }

    /// Does what counts: this wish, or a later one it learns of.
    async fn obey(&self, target: &Target, own: Said, details: &Details<'_>) -> Result<Heeded, StoreError> {
        let mut counts = match self.ephemera.claim_wish(&self.seal, &target.fingerprint, own).await? {
            Claimed::Counts => own,
            Claimed::Overtaken(later) if later.wish.is_no() => later,
            Claimed::Overtaken(_) => return Ok(Heeded::Past),
        };
        for _ in 0..MOST_OVERTAKEN {
            let own_details = if counts == own { *details } else { Details::default() };
            self.act_on(target, counts, &own_details).await?;
            match self.ephemera.last_wish(&self.seal, &target.fingerprint).await? {
                Some(later) if later.rank() > counts.rank() => counts = later,
                Some(_) | None if counts != own => return Ok(Heeded::Past),
                Some(_) | None if own.wish.is_no() => return Ok(Heeded::Stopped),
                Some(_) | None => return Ok(Heeded::Started),
            }
        }
        Err(StoreError::Contended { operation: "road.obey" })
    }

    async fn act_on(&self, target: &Target, said: Said, details: &Details<'_>) -> Result<(), StoreError> {
        let source = match said.wish {
            Wish::Stop | Wish::Start => "sms_keyword",
            Wish::FreeStop => "sms_free_text",
        };
        let witness = Witness::new(ProviderName::Twilio.as_str(), source, said.at);
        match said.wish {
            Wish::Start => self.take_back(target, &witness, details).await,
            Wish::Stop | Wish::FreeStop => {
                let no = No { reason: Reason::OptOut, scope: Scope::All, channels: &TEXTS };
                self.accept_no(target, &no, &witness, details).await
            }
        }
    }

    /// Notes what may have been a no. It takes no place among the wishes: an earlier STOP that is still to be heeded counts.
    async fn suspect(&self, target: &Target, heard: &Heard) -> Result<Heeded, StoreError> {
        let last = self.ephemera.last_wish(&self.seal, &target.fingerprint).await?;
        if last.is_some_and(|later| later.at > heard.at) {
            return Ok(Heeded::Past);
        }
        let witness = Witness::new(ProviderName::Twilio.as_str(), "sms_free_text", heard.at);
        let event = Event::new(REVOCATION_SUSPECTED).with("channel", heard.channel.as_str());
        let id = heard.provider_id.as_deref();
        let once = id.map(|id| self.ephemera.noting_heard(id, heard.at)).transpose()?;
        self.people.note_of_address(target, event, &witness, once).await?;
        Ok(Heeded::Suspected)
    }
}
