//! What a client asked for, and what became of it when it was accepted.

use jiff::Timestamp;

use super::compose::provider;
use super::make::ACCEPT;
use super::templates::Rendered;
use crate::message::record::{AddressSource, Links, ProviderChoice, TemplateUse};
use crate::message::short_link::LinkForm;
use crate::message::trigger::Class;
use crate::message::{
    Address, Channel, Content, JobId, Lane, Message, MessageId, MessageSecrets, Status, TrailEntry, Trigger,
};
use crate::otp::CodeRef;
use crate::person::{Intent, Person};
use crate::provider::ProviderName;

/// What a client asked for: one message, or one on each of several channels.
#[derive(Debug)]
pub struct Task {
    pub id: MessageId,
    /// Set where the request carries an idempotency key: the keyed hash of its body.
    pub request_hash: Option<String>,
    /// Who asks (the token's subject).
    pub caller: String,
    /// The recipient, where they are known.
    pub person: Option<Person>,
    /// When it should be sent; `None`: now.
    pub scheduled: Option<Timestamp>,
    pub timing: Timing,
    /// It is worthless after this time.
    pub valid_until: Option<Timestamp>,
    /// The bulk job it is a row of.
    pub job: Option<JobId>,
    pub links: Links,
    pub lane: Lane,
    pub class: Class,
    pub trigger: Option<Trigger>,
    /// How links in its texts go out.
    pub link_form: LinkForm,
    /// The one-time code all of it carries.
    pub code: Option<CodeRef>,
    /// The values of its secret variables; its contents have placeholders in their places.
    pub secrets: MessageSecrets,
    pub parts: Vec<Part>,
    /// What is sent instead of the first part, in this order, if that cannot arrive.
    pub fallbacks: Vec<Part>,
}

impl Task {
    /// A task without any of what a task may also have.
    pub fn new(id: MessageId, caller: String, class: Class, lane: Lane, parts: Vec<Part>) -> Self {
        Self {
            id,
            request_hash: None,
            caller,
            person: None,
            scheduled: None,
            timing: Timing::default(),
            valid_until: None,
            job: None,
            links: Links::default(),
            lane,
            class,
            trigger: None,
            link_form: LinkForm::default(),
            code: None,
            secrets: MessageSecrets::default(),
            parts,
            fallbacks: Vec::new(),
        }
    }
}

/// Whose time a task goes at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// The client's: `scheduled`.
    #[default]
    Asked,
    /// The recipient's: the next time they prefer on the channel.
    Preferred,
}

impl Task {
    /// What is asked before a part of it is accepted: may it go when it would go.
    pub(super) fn intent<'a>(&self, part: &'a Part, at: Timestamp) -> Intent<'a> {
        let Self { class, trigger, lane, .. } = *self;
        Intent { channel: part.channel, class, trigger, lane, to: &part.to, carries_code: self.code.is_some(), at }
    }
}

/// One message of a task.
#[derive(Clone, Debug)]
pub struct Part {
    pub channel: Channel,
    pub to: Address,
    pub address_source: AddressSource,
    pub from: Option<String>,
    pub content: Content,
    pub template: Option<TemplateUse>,
    pub provider: ProviderName,
    pub choice: ProviderChoice,
    /// The channel the client asked for, where this is another.
    pub asked: Option<Channel>,
}

impl Part {
    /// A message of ours to this address in a template's words, from whom and by whom such messages usually go.
    pub fn rendered(channel: Channel, to: Address, rendered: Rendered) -> Self {
        Self {
            channel,
            to,
            address_source: AddressSource::Given,
            from: None,
            content: rendered.content,
            template: Some(rendered.template),
            provider: provider(channel),
            choice: ProviderChoice::Any,
            asked: None,
        }
    }
}

/// The messages of an accepted task.
#[derive(Debug)]
pub struct Accepted {
    pub messages: Vec<Message>,
    /// The same request was accepted before; these are the messages it made then.
    pub replayed: bool,
}

impl Accepted {
    /// The task's id.
    pub fn task(&self) -> Option<MessageId> {
        self.messages.first().map(|message| message.task)
    }

    /// The messages that were accepted to go out, whatever became of them since.
    pub fn allowed(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| !was_refused(message))
    }

    /// When the first of them was to be sent, where that was not at once.
    pub fn scheduled(&self) -> Option<Timestamp> {
        let ahead = |message: &Message| message.times.scheduled.filter(|at| *at > message.times.created);
        self.allowed().filter_map(ahead).min()
    }

    /// Why nothing goes out, if the decision refused all of it.
    pub fn refusal(&self) -> Option<&str> {
        let refused = self.allowed().next().is_none();
        self.messages.first().filter(|_| refused).and_then(|message| message.reason.as_deref())
    }
}

/// Whether it was refused when it was accepted. Later steps of a message do not change the answer to its request.
fn was_refused(message: &Message) -> bool {
    let refusals = [Status::Blocked, Status::Expired];
    let refused = |entry: &TrailEntry| refusals.iter().any(|status| entry.event == status.as_str());
    message.trail.get(ACCEPT).is_some_and(refused)
}
