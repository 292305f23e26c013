//! A request becomes messages. The decision is made and kept, the rows are written under ids that follow from the
//! request, and only then is anything queued: what is stored and not queued the sweep finds, what is not stored was
//! never accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Road;
use super::timing::plan;
use crate::message::content::Text;
use crate::message::cost::estimate;
use crate::message::record::{Fallback, Links, ProviderChoice, TemplateUse, Times};
use crate::message::segments::segments;
use crate::message::smart;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Content, JobId, Lane, Message, MessageId, Status, TrailEntry, Trigger};
use crate::otp::CodeRef;
use crate::person::{Decision, Intent, Person};
use crate::provider::ProviderName;
use crate::store::StoreError;
use crate::store::messages::Created;

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
    /// The one-time code all of it carries.
    pub code: Option<CodeRef>,
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
            code: None,
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
    fn intent<'a>(&self, part: &'a Part, at: Timestamp) -> Intent<'a> {
        let Self { class, trigger, lane, .. } = *self;
        Intent { channel: part.channel, class, trigger, lane, to: &part.to, at }
    }
}

/// One message of a task.
#[derive(Clone, Debug)]
pub struct Part {
    pub channel: Channel,
    pub to: Address,
    pub from: Option<String>,
    pub content: Content,
    pub template: Option<TemplateUse>,
    pub provider: ProviderName,
    pub choice: ProviderChoice,
    /// The channel the client asked for, where this is another.
    pub asked: Option<Channel>,
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

/// Why a task was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("the idempotency key was used with another body")]
    OtherBody,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Road {
    /// Accepts a task: decides, stores, queues.
    pub async fn accept(&self, task: Task) -> Result<Accepted, AcceptError> {
        let accepted = self.store(task).await?;
        self.queue(&accepted.messages).await;
        Ok(accepted)
    }

    /// Accepts a task but for queueing: [`waiting`] says what of it wants to be queued.
    pub async fn store(&self, task: Task) -> Result<Accepted, AcceptError> {
        let now = self.clock.now();
        let messages = self.messages_of(&task, now).await?;
        if self.messages.create(&messages).await? == Created::New {
            return Ok(Accepted { messages, replayed: false });
        }
        self.replay(&task).await
    }

    /// Makes the message that is sent instead of one that ended without arriving, and queues it. However often this is
    /// done, there is one. `None`: there is nothing to send instead.
    pub async fn fall_back(&self, ended: &Message) -> Result<Option<MessageId>, StoreError> {
        let (Some(id), Some((next, rest))) = (ended.fallback_id(), ended.fallbacks.split_first()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let person = match &ended.person {
            Some(id) => self.people.get(id).await?,
            None => None,
        };
        let part = Part {
            channel: next.channel,
            to: Address::stored(next.channel, next.to.clone()),
            from: None,
            content: next.content.clone(),
            template: next.template.clone(),
            provider: next.provider,
            choice: next.choice,
            asked: Some(ended.asked.unwrap_or(ended.channel)),
        };
        let task = Task {
            person,
            valid_until: ended.times.valid_until,
            job: ended.job,
            links: ended.links.clone(),
            trigger: ended.trigger,
            code: ended.code.clone(),
            ..Task::new(ended.task, ended.caller.clone(), ended.class, ended.lane, Vec::new())
        };
        let decision = self.decide(&task.intent(&part, now), task.person.as_ref()).await?;
        let made = Message {
            fallback_to: rest.iter().map(|fallback| fallback.channel).collect(),
            fallbacks: rest.to_vec(),
            instead_of: Some(ended.id),
            person: ended.person.clone(),
            ..message(&task, &part, id, Vec::new(), decision, None, now)
        };
        if self.messages.create(std::slice::from_ref(&made)).await? == Created::New {
            self.queue(std::slice::from_ref(&made)).await;
        }
        Ok(Some(id))
    }

    /// All messages of a task: those it was accepted as, and what was sent instead of any of them. `None`: no such task.
    pub async fn task(&self, id: MessageId) -> Result<Option<Vec<Message>>, StoreError> {
        let Some(first) = self.messages.story(id).await? else { return Ok(None) };
        let siblings = first.siblings.clone();
        let mut messages = vec![first];
        for id in siblings {
            messages.extend(self.messages.story(id).await?);
        }
        let mut looked_at = 0;
        while let Some(message) = messages.get(looked_at) {
            if let Some(instead) = message.fallback_id().filter(|_| message.status.is_final()) {
                messages.extend(self.messages.story(instead).await?);
            }
            looked_at += 1;
        }
        Ok(Some(messages))
    }

    async fn messages_of(&self, task: &Task, now: Timestamp) -> Result<Vec<Message>, StoreError> {
        let ids: Vec<MessageId> = task.parts.iter().enumerate().map(|(i, part)| part_id(task.id, i, part)).collect();
        let mut messages = Vec::with_capacity(task.parts.len());
        for (part, id) in task.parts.iter().zip(&ids) {
            let siblings = if *id == task.id { ids[1..].to_vec() } else { Vec::new() };
            let scheduled = self.scheduled(task, part, now);
            let intent = task.intent(part, scheduled.map_or(now, |at| at.max(now)));
            let decision = self.decide(&intent, task.person.as_ref()).await?;
            let decision = self.with_others(&intent, &part.content, decision).await?;
            messages.push(message(task, part, *id, siblings, decision, scheduled, now));
        }
        Ok(messages)
    }

    /// When a part is to be sent, if not now.
    fn scheduled(&self, task: &Task, part: &Part, now: Timestamp) -> Option<Timestamp> {
        match task.timing {
            Timing::Asked => task.scheduled,
            Timing::Preferred => Some(self.rules.preferred(&task.intent(part, now), task.person.as_ref())),
        }
    }

    /// Queues what is due soon. A failure is no error: the messages are stored, and the sweep queues them.
    async fn queue(&self, messages: &[Message]) {
        let now = self.clock.now();
        for (message, delay) in messages.iter().filter_map(|message| Some((message, waiting(message, now)?))) {
            if let Err(error) = self.queues.enqueue(message.lane, message.id, delay).await {
                tracing::error!(message.id = %message.id, error = %error, "stored but not queued; the sweep will queue it");
            }
        }
    }

    /// The same request again: the messages it made, if it is the same. What was stored and perhaps never queued is
    /// queued again (a second record of the same message does no harm).
    async fn replay(&self, task: &Task) -> Result<Accepted, AcceptError> {
        let first = self.messages.story(task.id).await?;
        let same = |message: &Message| message.request_hash == task.request_hash && message.job == task.job;
        let first = first.filter(same).ok_or(AcceptError::OtherBody)?;
        Ok(self.with_siblings(first).await?)
    }

    /// What a request was accepted as before, if it was: the same id, and the same body.
    pub async fn accepted_before(
        &self,
        id: MessageId,
        request_hash: Option<&str>,
    ) -> Result<Option<Accepted>, StoreError> {
        if request_hash.is_none() {
            return Ok(None);
        }
        let first = self.messages.story(id).await?;
        match first.filter(|message| message.request_hash.as_deref() == request_hash) {
            Some(first) => Ok(Some(self.with_siblings(first).await?)),
            None => Ok(None),
        }
    }

    async fn with_siblings(&self, first: Message) -> Result<Accepted, StoreError> {
        let mut messages = Vec::with_capacity(1 + first.siblings.len());
        for id in &first.siblings {
            messages.extend(self.messages.story(*id).await?);
        }
        messages.insert(0, first);
        Ok(Accepted { messages, replayed: true })
    }
}

/// How long a message's record stays hidden in its lane, if it is to be queued now: it was stored and nobody has taken it
/// up, and its time is near.
pub fn waiting(message: &Message, now: Timestamp) -> Option<Duration> {
    let untouched =
        matches!(message.status, Status::Accepted | Status::Scheduled | Status::Held) && message.attempts == 0;
    untouched.then(|| plan(message.times.not_before.unwrap_or(now), now).delay).flatten()
}

/// Whether it was refused when it was accepted. Later steps of a message do not change the answer to its request.
fn was_refused(message: &Message) -> bool {
    let refusals = [Status::Blocked, Status::Expired];
    let refused = |entry: &TrailEntry| refusals.iter().any(|status| entry.event == status.as_str());
    message.trail.get(ACCEPT).is_some_and(refused)
}

/// Why a message ended that would have been worthless before it may be sent.
pub const EXPIRED: &str = "expired";

/// The key of a message's first entry in its trail.
const ACCEPT: &str = "accept";

fn part_id(task: MessageId, place: usize, part: &Part) -> MessageId {
    if place == 0 { task } else { task.sibling(part.channel.as_str()) }
}

fn message(
    task: &Task,
    part: &Part,
    id: MessageId,
    siblings: Vec<MessageId>,
    decision: Decision,
    asked_for: Option<Timestamp>,
    now: Timestamp,
) -> Message {
    let content = worded(part);
    let (segments, cost) = price(part, &content);
    let scheduled = asked_for.filter(|at| *at > now);
    let held = decision.until.filter(|until| *until > now);
    let goes = held.or(scheduled).unwrap_or(now);
    let status = match (decision.is_refused(), scheduled, held) {
        (true, ..) => Status::Blocked,
        (false, ..) if task.valid_until.is_some_and(|valid| valid <= goes) => Status::Expired,
        // It is asked about again at its time: what would have to wait by what is known now may not then.
        (false, Some(_), _) => Status::Scheduled,
        (false, None, Some(_)) => Status::Held,
        (false, None, None) => Status::Accepted,
    };
    let mut times = Times { scheduled: asked_for, valid_until: task.valid_until, ..Times::new(now) };
    if status.is_final() {
        times.ended = Some(now);
    } else {
        times.not_before = scheduled.or(held);
        times.due = Some(plan(times.not_before.unwrap_or(now), now).due);
    }
    let expired = (status == Status::Expired).then(|| EXPIRED.to_owned());
    let reason = expired.or_else(|| decision.is_refused().then(|| decision.reason.clone()));
    let detail = (!decision.is_allowed()).then(|| decision.reason.clone());
    let entry = TrailEntry::ours(now, status.as_str(), detail);
    let fallbacks: Vec<Fallback> =
        if id == task.id { task.fallbacks.iter().map(fallback).collect() } else { Vec::new() };
    Message {
        id,
        task: task.id,
        siblings,
        job: task.job,
        caller: task.caller.clone(),
        request_hash: task.request_hash.clone(),
        person: task.person.as_ref().map(|person| person.id.clone()),
        channel: part.channel,
        asked: part.asked,
        class: task.class,
        trigger: task.trigger,
        template: part.template.clone(),
        lane: task.lane,
        provider: part.provider,
        choice: part.choice,
        to: part.to.clone(),
        from: part.from.clone(),
        content,
        code: task.code.clone(),
        segments,
        cost,
        estimate: cost,
        links: task.links.clone(),
        fallback_to: fallbacks.iter().map(|fallback| fallback.channel).collect(),
        fallbacks,
        instead_of: None,
        status,
        reason,
        provider_code: None,
        provider_id: None,
        call: None,
        attempts: 0,
        throttled: 0,
        looks: 0,
        decision,
        trail: BTreeMap::from([(ACCEPT.to_owned(), entry)]),
        times,
    }
}

fn fallback(part: &Part) -> Fallback {
    Fallback {
        channel: part.channel,
        to: part.to.as_str().to_owned(),
        content: worded(part),
        template: part.template.clone(),
        provider: part.provider,
        choice: part.choice,
    }
}

/// The content as it goes out: an SMS in the characters that take fewer parts.
fn worded(part: &Part) -> Content {
    match (&part.content, part.channel) {
        (Content::Text(text), Channel::Sms) => {
            Content::Text(Text { body: smart::encoded(&text.body).into_owned(), ..text.clone() })
        }
        (content, _) => content.clone(),
    }
}

/// Segments and estimated cost.
fn price(part: &Part, content: &Content) -> (u32, crate::message::Micros) {
    let count = match (content, part.channel) {
        (Content::Text(text), Channel::Sms) => segments(&text.body).count,
        (Content::Text(_), Channel::Whatsapp | Channel::Email | Channel::Voice)
        | (Content::Email(_) | Content::Call(_), _) => 1,
    };
    (count, estimate(part.channel, part.provider, &part.to, content, count))
}
