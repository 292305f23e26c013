//! A text somebody wrote to us, or a call they made ([`call`]). [`Road::receive`] makes it a message with one write, which is all its webhook waits for;
//! [`Road::attend`] does what follows from it: their words are heeded, their WhatsApp window opens, it is put down to the
//! person whose address it is, and what is answered by itself is answered. Each of these may be done again: an id that
//! follows from the provider's, a row that only moves forward, a place in a set.

mod answer;
mod call;

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;

use super::{AcceptError, Heard, Heeded, Road};
use crate::clock::plus_seconds;
use crate::message::engagement::Engagement;
use crate::message::record::{AddressSource, Links, ProviderChoice, Times};
use crate::message::trigger::Class;
use crate::message::{Channel, Content, IdKey, Lane, Message, MessageId, Micros, PhoneNumber, Status, TrailEntry};
use crate::person::words::Reply;
use crate::person::{Decision, Outcome, PersonId};
use crate::provider::ProviderName;
use crate::provider::twilio::inbound::Inbound;
use crate::secrets::SecretError;
use crate::store::StoreError;
use crate::store::messages::{Created, List, Mark};

pub use answer::Unanswered;

/// Who an inbound message was made by.
const CALLER: &str = "inbound";

/// How long it may take until it is attended to, before the sweep has it looked at.
const GRACE_SECONDS: i64 = 60;

/// How old a message may be that a text is counted as an answer to.
const ANSWERED_WITHIN_SECONDS: i64 = 7 * 86_400;
/// Among how many of the latest it is looked for.
const LOOKED_THROUGH: usize = 10;

/// What came of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attended {
    pub heeded: Heeded,
    pub answered: Result<MessageId, Unanswered>,
}

/// Not all of what follows from a text was done: whoever is brought it again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer to it was not accepted.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// Which numbers are ours is not known, and it may come from one of them.
    #[error(transparent)]
    Numbers(#[from] SecretError),
}

/// The id of the message a text becomes that has no id of the provider's: the same request is the same message.
fn unnamed_inbound_id(ids: &IdKey, digest: &str) -> MessageId {
    MessageId::derived(ids, CALLER, "request body", digest)
}

/// The id of the message a text of the provider's becomes, however often it is brought.
pub fn inbound_id(ids: &IdKey, sid: &str) -> MessageId {
    MessageId::derived(ids, CALLER, ProviderName::Twilio.as_str(), sid)
}

impl Road {
    /// Keeps a text. Everything that follows from it follows from the row.
    pub async fn receive(&self, inbound: Inbound) -> Result<(MessageId, Created), StoreError> {
        let message = received(self.seal.ids(), inbound, self.clock.now());
        let created = self.messages.create(std::slice::from_ref(&message)).await?;
        Ok((message.id, created))
    }

    /// Does what follows from a text. `ours`: the numbers we send from, asked for only where there is something to answer: no
    /// wish waits for them.
    pub async fn attend(
        &self,
        message: &Message,
        ours: impl Future<Output = Result<Vec<String>, SecretError>>,
    ) -> Result<Attended, AttendError> {
        let Content::Text(text) = &message.content else {
            let owner = self.sole_owner(message).await?;
            self.messages.attended(message, owner.as_ref(), &[]).await?;
            return Ok(Attended { heeded: Heeded::Nothing, answered: Err(Unanswered::NoText) });
        };
        let reply = text.received.as_ref().map_or_else(|| Reply::read(&text.body), |with| with.reply(&text.body));
        let fingerprint = self.seal.fingerprint(&message.to);
        // Short codes and names have no consent of anybody's.
        let is_number = PhoneNumber::parse(message.to.as_str(), "").is_ok();
        let heeded = if is_number {
            let heard = Heard {
                provider_id: message.provider_id.clone(),
                fingerprint: fingerprint.clone(),
                channel: message.channel,
                reply,
                at: message.times.created,
            };
            self.heed(&heard, Some(&message.to)).await?
        } else {
            Heeded::Nothing
        };
        if message.channel == Channel::Whatsapp {
            self.ephemera.open_window(&self.seal, &fingerprint, message.times.created).await?;
        }
        self.count_as_reply(message, &fingerprint, reply).await?;
        let owner = self.sole_owner(message).await?;
        let answered = match (is_number, reply) {
            (true, Reply::Other) => self.answer(message, &text.body, owner.as_ref(), ours).await?,
            (true, Reply::Keyword(_) | Reply::RevocationLikely) => Err(Unanswered::OptOutWord),
            (false, _) => Err(Unanswered::NotANumber),
        };
        let attended = Attended { heeded, answered };
        self.messages.attended(message, owner.as_ref(), &trail(&attended, self.clock.now())).await?;
        Ok(attended)
    }

    /// Counts a text as an answer to what we last said to its writer, on the same channel from the number they wrote to, if
    /// that was a week ago at most. A word that stops or starts texts answers nothing: it is about all of them.
    async fn count_as_reply(&self, message: &Message, fingerprint: &str, reply: Reply) -> Result<(), StoreError> {
        let (Some(sid), Reply::Other | Reply::RevocationLikely) = (&message.provider_id, reply) else { return Ok(()) };
        let at = message.times.created;
        let list = List::OfAddress(fingerprint.to_owned());
        let before = Mark { created: at.as_millisecond(), id: message.id };
        let (earlier, _) = self.messages.page(&[list], Some(before), LOOKED_THROUGH).await?;
        let answered = |other: &&Message| {
            let same_line = other.channel == message.channel
                && (other.from.is_none() || message.from.is_none() || other.from == message.from);
            let went = matches!(other.status, Status::Sent | Status::Delivered);
            let recent = other.times.created >= plus_seconds(at, -ANSWERED_WITHIN_SECONDS);
            same_line && went && recent
        };
        if let Some(answered) = earlier.iter().find(answered) {
            let answered = self.messages.note_answered(message.id, answered.id).await?;
            self.messages.count_reply(answered, ProviderName::Twilio, sid, at).await?;
        }
        Ok(())
    }

    /// Whose it is, if the address was proven to be one person's alone when it was written.
    async fn sole_owner(&self, message: &Message) -> Result<Option<PersonId>, StoreError> {
        let holders = self.people.address(&message.to).await?.holders;
        let Some(owner) = holders.sole_at(message.times.created) else { return Ok(None) };
        // The id as the client spells it stands in the profile.
        Ok(Some(self.people.get(owner).await?.map_or_else(|| owner.clone(), |person| person.id)))
    }
}

fn trail(attended: &Attended, now: Timestamp) -> Vec<TrailEntry> {
    let heeded = match attended.heeded {
        Heeded::Nothing => None,
        heeded @ (Heeded::Stopped | Heeded::Started | Heeded::Suspected | Heeded::Past) => {
            Some(TrailEntry::ours(now, "heeded", Some(heeded.as_str().to_owned())))
        }
    };
    let answered = match &attended.answered {
        Ok(id) => Some(TrailEntry::ours(now, "answered", Some(id.to_string()))),
        Err(Unanswered::NoSuchWord | Unanswered::OptOutWord | Unanswered::NoText) => None,
        Err(why) => Some(TrailEntry::ours(now, "not_answered", Some(why.as_str().to_owned()))),
    };
    heeded.into_iter().chain(answered).collect()
}

fn received(ids: &IdKey, inbound: Inbound, now: Timestamp) -> Message {
    let id = match &inbound.sid {
        Some(sid) => inbound_id(ids, sid),
        None => unnamed_inbound_id(ids, &inbound.digest),
    };
    let decision = Decision {
        outcome: Outcome::Allowed,
        until: None,
        reason: Status::Received.as_str().to_owned(),
        checks: Vec::new(),
        decided_at: now,
    };
    let entry = TrailEntry {
        at: now,
        event: Status::Received.as_str().to_owned(),
        by: ProviderName::Twilio.as_str().to_owned(),
        detail: None,
    };
    Message {
        id,
        task: id,
        siblings: Vec::new(),
        job: None,
        caller: CALLER.to_owned(),
        request_hash: None,
        person: None,
        channel: inbound.channel,
        asked: None,
        class: Class::Transactional,
        trigger: None,
        template: None,
        lane: Lane::Standard,
        provider: ProviderName::Twilio,
        choice: ProviderChoice::Fixed,
        to: inbound.sender,
        address_source: AddressSource::Given,
        from: inbound.to,
        content: Content::Text(inbound.text),
        code: None,
        secrets: None,
        segments: inbound.segments,
        cost: Micros::default(),
        estimate: Micros::default(),
        refund: Micros::default(),
        links: Links::default(),
        fallback_to: Vec::new(),
        fallbacks: Vec::new(),
        instead_of: None,
        status: Status::Received,
        reason: None,
        provider_code: None,
        provider_id: inbound.sid,
        call: None,
        recordings: Vec::new(),
        attempts: 0,
        throttled: 0,
        held_ms: 0,
        looks: 0,
        decision,
        counted_as: None,
        engagement: Engagement::default(),
        trail: BTreeMap::from([(Status::Received.as_str().to_owned(), entry)]),
        times: Times { due: Some(plus_seconds(now, GRACE_SECONDS)), ..Times::new(now) },
        erased: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Stub, reply};
    use crate::provider::twilio::inbound::parse;
    use crate::testing::road_on;
    use crate::testing::sample_ids;

    #[test]
    fn the_same_text_is_the_same_message_and_waits_to_be_attended_to() {
        let now = Timestamp::UNIX_EPOCH;
        let message = |sid: &str| {
            let form = format!("MessageSid={sid}&From=%2B14155552671&To=%2B15005550006&Body=Hello&NumSegments=2");
            received(&sample_ids(), parse(form.as_bytes()).unwrap(), now)
        };
        let (first, again, other) = (message("SM1"), message("SM1"), message("SM2"));
        assert_eq!(first.id, again.id);
        assert_ne!(first.id, other.id);
        assert_eq!((first.to.as_str(), first.from.as_deref()), ("+14155552671", Some("+15005550006")));
        assert_eq!((first.status, first.segments), (Status::Received, 2));
        assert!(first.status.is_final() && first.times.due.is_some());
    }

    #[tokio::test]
    async fn whoever_brings_a_text_waits_for_one_write_and_for_nothing_else() {
        let tables = Stub::new([0, 1].map(|_| reply(200, serde_json::json!({})))).await;
        let road = road_on(&tables.base_url, Clock::fixed(Timestamp::UNIX_EPOCH)).unwrap();
        for body in ["Hello", "STOP"] {
            let form = format!("MessageSid=SM1&From=whatsapp%3A%2B14155552671&Body={body}");
            road.receive(parse(form.as_bytes()).unwrap()).await.unwrap();
        }
        let asked: Vec<_> = tables.requests().iter().map(|seen| seen.header("x-amz-target").to_owned()).collect();
        assert_eq!(asked, ["DynamoDB_20120810.PutItem", "DynamoDB_20120810.PutItem"]);
    }

    #[test]
    fn the_trail_says_what_came_of_it() {
        let of = |heeded, answered| {
            let entries = trail(&Attended { heeded, answered }, Timestamp::UNIX_EPOCH);
            entries.into_iter().map(|entry| (entry.event, entry.detail.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(of(Heeded::Nothing, Err(Unanswered::NoSuchWord)), []);
        let stopped = of(Heeded::Stopped, Err(Unanswered::OptOutWord));
        assert_eq!(stopped, [("heeded".to_owned(), "stopped".to_owned())]);
        let guarded = of(Heeded::Nothing, Err(Unanswered::TooMany));
        assert_eq!(guarded, [("not_answered".to_owned(), "too_many".to_owned())]);
    }
}
