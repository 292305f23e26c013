//! What is answered by itself, and the guards against answering for ever: machines answer machines.

use std::future::Future;

use super::AttendError;
use crate::message::record::{AddressSource, Links, ProviderChoice};
use crate::message::trigger::Class;
use crate::message::{Content, Lane, Message, MessageId};
use crate::person::PersonId;
use crate::provider::ProviderName;
use crate::road::{Part, Road, Task};
use crate::secrets::SecretError;

/// Over how long automatic answers to one address are counted, in seconds.
const HOUR_SECONDS: i64 = 3_600;

/// Why nothing was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// There is no answer to these words.
    NoSuchWord,
    /// It is a call: its caller heard what there is to say.
    NoText,
    /// It is a matter of opting out or in, which Twilio answers.
    OptOutWord,
    /// It came from a short code or a name: a machine.
    NotANumber,
    /// It came from a number of ours.
    OurOwn,
    /// It says what one of our own answers says.
    OurWords,
    /// The address got as many in an hour as it may.
    TooMany,
    /// They must not be written to.
    Refused,
}

impl Unanswered {
    /// Its name in a message's trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchWord => "no_such_word",
            Self::NoText => "no_text",
            Self::OptOutWord => "opt_out_word",
            Self::NotANumber => "not_a_number",
            Self::OurOwn => "our_own_number",
            Self::OurWords => "our_own_words",
            Self::TooMany => "too_many",
            Self::Refused => "refused",
        }
    }
}

impl Road {
    /// Answers a text, where there is an answer to it. The answer is a transactional message like any other: decided about,
    /// held in the night if transactional messages are, and refused to whoever said no.
    pub(super) async fn answer(
        &self,
        message: &Message,
        said: &str,
        owner: Option<&PersonId>,
        ours: impl Future<Output = Result<Vec<String>, SecretError>>,
    ) -> Result<Result<MessageId, Unanswered>, AttendError> {
        let replies = self.templates.catalog.auto_replies().await?.unwrap_or_default();
        if replies.is_own(said) {
            return Ok(Err(Unanswered::OurWords));
        }
        let Some(reply) = replies.answer(message.channel, said) else { return Ok(Err(Unanswered::NoSuchWord)) };
        let is_ours = |number: &String| number == message.to.as_str();
        if message.from.iter().any(is_ours) || ours.await?.iter().any(is_ours) {
            return Ok(Err(Unanswered::OurOwn));
        }
        let id = message.id.sibling(self.seal.ids(), "answer");
        let key = format!("auto_reply#{}", self.seal.fingerprint_to_store(&message.to));
        // Counted before it is made, by its id: one that is made again, because its text is attended to again, is counted once.
        let (place, now) = (id.to_string(), self.clock.now());
        if !self.ephemera.take_place_in_window(&key, &place, replies.per_hour, HOUR_SECONDS, now).await?
            && self.messages.find(id).await?.is_none()
        {
            return Ok(Err(Unanswered::TooMany));
        }
        let person = match owner {
            Some(owner) => self.people.get(owner).await?,
            None => None,
        };
        let part = Part {
            channel: message.channel,
            to: message.to.clone(),
            address_source: AddressSource::Given,
            from: message.from.clone(),
            content: Content::text(reply.text.clone()),
            template: None,
            provider: ProviderName::Twilio,
            choice: ProviderChoice::Fixed,
            asked: None,
        };
        let links = Links { purpose: Some("auto_reply".to_owned()), ..Links::default() };
        let caller = "auto_reply".to_owned();
        let task = Task { person, links, ..Task::new(id, caller, Class::Transactional, Lane::Standard, vec![part]) };
        let accepted = self.accept(task).await?;
        Ok(if accepted.refusal().is_some() { Err(Unanswered::Refused) } else { Ok(id) })
    }
}
