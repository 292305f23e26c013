//! A request becomes messages. The decision is made and kept, the rows are written under ids that follow from the
//! request, and only then is anything queued: what is stored and not queued the sweep finds, what is not stored was
//! never accepted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Road;
use super::timing::{Plan, plan};
use crate::message::cost::PriceTable;
use crate::message::record::{TemplateUse, Times};
use crate::message::segments::segments;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Content, Lane, Message, MessageId, Status, TrailEntry, Trigger};
use crate::person::{Decision, Person, Question};
use crate::provider::ProviderName;
use crate::store::StoreError;
use crate::store::messages::Created;

/// How many owners of one address are asked for. A family shares a phone; a thousand accounts on one do not.
const MOST_OWNERS: usize = 8;

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
    pub lane: Lane,
    pub class: Class,
    pub trigger: Option<Trigger>,
    pub parts: Vec<Part>,
}

/// One message of a task.
#[derive(Debug)]
pub struct Part {
    pub channel: Channel,
    pub to: Address,
    pub from: Option<String>,
    pub content: Content,
    pub template: Option<TemplateUse>,
    pub provider: ProviderName,
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

    /// The messages that are going out (or went).
    pub fn allowed(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.decision.is_allowed())
    }

    /// Why nothing goes out, if the decision refused all of it.
    pub fn refusal(&self) -> Option<&str> {
        let refused = self.allowed().next().is_none();
        self.messages.first().filter(|_| refused).map(|message| message.decision.reason.as_str())
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
        let now = self.clock.now();
        let at = task.scheduled.filter(|at| *at > now).unwrap_or(now);
        let plan = plan(at, now);
        let messages = self.messages_of(&task, at, plan, now).await?;
        if self.messages.create(&messages).await? == Created::New || task.request_hash.is_none() {
            self.queue(&messages, plan).await;
            return Ok(Accepted { messages, replayed: false });
        }
        self.replay(&task, plan).await
    }

    async fn messages_of(
        &self,
        task: &Task,
        at: Timestamp,
        plan: Plan,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        let ids: Vec<MessageId> = task.parts.iter().enumerate().map(|(i, part)| part_id(task.id, i, part)).collect();
        let mut messages = Vec::with_capacity(task.parts.len());
        for (part, id) in task.parts.iter().zip(&ids) {
            let siblings = if *id == task.id { ids[1..].to_vec() } else { Vec::new() };
            let decision = self.decide(task.class, task.trigger, task.person.as_ref(), part.channel, &part.to).await?;
            messages.push(message(task, part, *id, siblings, decision, (at, plan, now)));
        }
        Ok(messages)
    }

    /// May this be sent to this address now, by all we know of its owner and of it.
    pub async fn decide(
        &self,
        class: Class,
        trigger: Option<Trigger>,
        person: Option<&Person>,
        channel: Channel,
        to: &Address,
    ) -> Result<Decision, StoreError> {
        let facts = self.people.address(to).await?;
        let answer = |person: Option<&Person>| {
            let question = Question { channel, class, trigger, person, suppression: facts.suppression(channel) };
            Decision::make(&question, self.clock.now())
        };
        let mut decision = answer(person);
        if person.is_some() {
            return Ok(decision);
        }
        // A message to a bare address concerns whoever owns it: the "no" of one of them counts.
        for owner in facts.owners.iter().take(MOST_OWNERS) {
            let owner = self.people.get(owner).await?;
            decision = answer(owner.as_ref());
            if !decision.is_allowed() {
                break;
            }
        }
        Ok(decision)
    }

    /// Queues what is due soon. A failure is no error: the messages are stored, and the sweep queues them.
    async fn queue(&self, messages: &[Message], plan: Plan) {
        let Some(delay) = plan.delay else { return };
        for message in messages.iter().filter(|message| message.status.is_claimable()) {
            if let Err(error) = self.queues.enqueue(message.lane, message.id, delay).await {
                tracing::error!(message.id = %message.id, error = %error, "stored but not queued; the sweep will queue it");
            }
        }
    }

    /// The same request again: the messages it made, if it is the same. What was stored and perhaps never queued is
    /// queued again (a second record of the same message does no harm).
    async fn replay(&self, task: &Task, plan: Plan) -> Result<Accepted, AcceptError> {
        let first = self.messages.get(task.id).await?;
        let Some(first) = first.filter(|message| message.request_hash == task.request_hash) else {
            return Err(AcceptError::OtherBody);
        };
        let mut messages = Vec::with_capacity(1 + first.siblings.len());
        for id in &first.siblings {
            messages.extend(self.messages.get(*id).await?);
        }
        messages.insert(0, first);
        if messages.iter().any(|message| message.status == Status::Accepted && message.attempts == 0) {
            self.queue(&messages, plan).await;
        }
        Ok(Accepted { messages, replayed: true })
    }
}

fn part_id(task: MessageId, place: usize, part: &Part) -> MessageId {
    if place == 0 { task } else { task.sibling(part.channel.as_str()) }
}

fn message(
    task: &Task,
    part: &Part,
    id: MessageId,
    siblings: Vec<MessageId>,
    decision: Decision,
    (at, plan, now): (Timestamp, Plan, Timestamp),
) -> Message {
    let (segments, cost) = price(part);
    let status = match (decision.is_allowed(), at > now) {
        (false, _) => Status::Blocked,
        (true, true) => Status::Scheduled,
        (true, false) => Status::Accepted,
    };
    let mut times = Times { scheduled: task.scheduled, ..Times::new(now) };
    if status == Status::Blocked {
        times.ended = Some(now);
    } else {
        times.due = Some(plan.due);
        times.not_before = (at > now).then_some(at);
    }
    let reason = (!decision.is_allowed()).then(|| decision.reason.clone());
    let entry = TrailEntry::ours(now, status.as_str(), reason.clone());
    Message {
        id,
        task: task.id,
        siblings,
        caller: task.caller.clone(),
        request_hash: task.request_hash.clone(),
        person: task.person.as_ref().map(|person| person.id.clone()),
        channel: part.channel,
        class: task.class,
        trigger: task.trigger,
        template: part.template.clone(),
        lane: task.lane,
        provider: part.provider,
        to: part.to.clone(),
        from: part.from.clone(),
        content: part.content.clone(),
        segments,
        cost,
        status,
        reason,
        provider_code: None,
        provider_id: None,
        attempts: 0,
        looks: 0,
        decision,
        trail: BTreeMap::from([("accept".to_owned(), entry)]),
        times,
    }
}

/// Segments and estimated cost.
fn price(part: &Part) -> (u32, crate::message::Micros) {
    let count = match (&part.content, part.channel) {
        (Content::Text { body, .. }, Channel::Sms) => segments(body).count,
        (Content::Text { .. }, Channel::Whatsapp | Channel::Email) | (Content::Email { .. }, _) => 1,
    };
    let cost = PriceTable::shipped().map(|table| table.cost(part.channel, part.provider, &part.to, count));
    (count, cost.unwrap_or_default())
}
