//! A request becomes messages. The decision is made and kept, the rows are written under ids that follow from the
//! request, and only then is anything queued: what is stored and not queued the sweep finds, what is not stored was
//! never accepted.

use std::time::Duration;

use jiff::Timestamp;

use super::Road;
use super::make::{message, part_id};
use super::task::{Accepted, Part, Task, Timing};
use super::timing::plan;
use crate::message::budget::Period;
use crate::message::record::{AddressSource, secrets_context};
use crate::message::{Address, Channel, Content, Message, MessageId, MessageSecrets, Status};
use crate::person::{Decision, INVALID_ADDRESS, OUTSIDE_WINDOW};
use crate::store::StoreError;
use crate::store::controls::CALLER_DAILY_CAP;
use crate::store::messages::Created;

/// The rule's name in the decision of a message that is sent instead of another one.
const CAP: &str = "daily_cap";

/// Why a task was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("the idempotency key was used with another body")]
    OtherBody,
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Nothing is accepted from this caller now: an administrator stopped it, or it had its messages for today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is accepted from this caller: {reason}")]
pub struct NotAdmitted {
    pub reason: &'static str,
    /// In how many seconds the next day begins, where that is what it waits for.
    pub retry_after: Option<u64>,
}

impl NotAdmitted {
    fn until_tomorrow(now: Timestamp) -> Self {
        let wait = Period::Day.end(now).as_second() - now.as_second();
        Self { reason: CALLER_DAILY_CAP, retry_after: Some(u64::try_from(wait).unwrap_or(1).max(1)) }
    }
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
        let (task, mut messages) = self.past_dead_addresses(task, now).await?;
        self.shorten_links(&task, &mut messages, now).await?;
        let counted = match self.admit(&task.caller, &messages, now).await? {
            Ok(counted) => counted,
            // What was accepted before is answered as it was then.
            Err(refusal) => return self.replay(&task).await.map_err(|_| refusal.into()),
        };
        if self.messages.create(&messages).await? == Created::New {
            return Ok(Accepted { messages, replayed: false });
        }
        self.controls.give_back(&task.caller, counted, now);
        self.replay(&task).await
    }

    /// Counts the messages that would go out against their caller's day, each recipient once, unless the caller is stopped or
    /// has had its day's messages. No class and no priority is exempt.
    async fn admit(
        &self,
        caller: &str,
        messages: &[Message],
        now: Timestamp,
    ) -> Result<Result<u64, NotAdmitted>, StoreError> {
        let mut recipients = 0;
        for message in messages.iter().filter(|message| !message.status.is_final()) {
            if let Some(reason) = self.controls.stopped(caller, message.channel, now).await? {
                return Ok(Err(NotAdmitted { reason, retry_after: None }));
            }
            recipients += 1 + match &message.content {
                Content::Email(email) => email.others.len() as u64,
                Content::Text(_) | Content::Call(_) => 0,
            };
        }
        if recipients == 0 || self.controls.take(caller, recipients, now).await? {
            return Ok(Ok(recipients));
        }
        Ok(Err(NotAdmitted::until_tomorrow(now)))
    }

    /// Counts what a provider is paid for and is no message of ours, as if it were one: a code of the provider's, a lookup.
    pub async fn admit_paid(&self, caller: &str, channel: Channel) -> Result<Result<(), NotAdmitted>, StoreError> {
        let now = self.clock.now();
        if let Some(reason) = self.controls.stopped(caller, channel, now).await? {
            return Ok(Err(NotAdmitted { reason, retry_after: None }));
        }
        let has_room = self.controls.take(caller, 1, now).await?;
        Ok(if has_room { Ok(()) } else { Err(NotAdmitted::until_tomorrow(now)) })
    }

    /// Makes the message that is sent instead of one that ended without arriving, and queues it. However often this is
    /// done, there is one. `secrets`: what the ended one carried. `None`: there is nothing to send instead.
    pub async fn fall_back(&self, ended: &Message, secrets: MessageSecrets) -> Result<Option<MessageId>, StoreError> {
        let (Some(id), Some((next, rest))) = (ended.fallback_id(self.seal.ids()), ended.fallbacks.split_first()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let person = match &ended.person {
            Some(id) => self.people.get(id).await?,
            None => None,
        };
        let accepted_for = Address::stored(next.channel, next.to.clone());
        let present = person.as_ref().and_then(|person| person.destination(next.channel));
        let part = Part {
            channel: next.channel,
            to: match next.address_source {
                AddressSource::Given => accepted_for,
                AddressSource::Profile => present.unwrap_or(accepted_for),
            },
            address_source: next.address_source,
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
            secrets,
            ..Task::new(ended.task, ended.caller.clone(), ended.class, ended.lane, Vec::new())
        };
        let intent = task.intent(&part, now);
        let decision = self.decide(&intent, task.person.as_ref()).await?;
        let mut decision = self.within_window(&intent, &part.content, decision).await;
        // It is one more message of its caller's day.
        let counted = u64::from(!decision.is_refused());
        let has_room = counted == 0 || self.controls.take(&ended.caller, counted, now).await?;
        if !has_room {
            decision = decision.or_stricter(Decision::refused_by(CAP, CALLER_DAILY_CAP, now));
        }
        let made = Message {
            fallback_to: rest.iter().map(|fallback| fallback.channel).collect(),
            fallbacks: rest.to_vec(),
            instead_of: Some(ended.id),
            person: ended.person.clone(),
            secrets: ended.secrets.clone(),
            ..message(&task, &part, id, Vec::new(), decision, None, now)
        };
        if self.messages.create(std::slice::from_ref(&made)).await? == Created::New {
            self.queue(std::slice::from_ref(&made)).await;
        } else if has_room {
            self.controls.give_back(&ended.caller, counted, now);
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
            if let Some(instead) = message.fallback_id(self.seal.ids()).filter(|_| message.status.is_final()) {
                messages.extend(self.messages.story(instead).await?);
            }
            looked_at += 1;
        }
        Ok(Some(messages))
    }

    /// The messages of a task; where nothing can arrive at its address on this channel and something is to be sent instead, that is its
    /// message from the start.
    async fn past_dead_addresses(&self, mut task: Task, now: Timestamp) -> Result<(Task, Vec<Message>), StoreError> {
        loop {
            let messages = self.messages_of(&task, now).await?;
            let cannot = [INVALID_ADDRESS, OUTSIDE_WINDOW];
            let is_dead =
                |message: &Message| message.decision.is_refused() && cannot.contains(&message.decision.reason.as_str());
            let (true, [part]) = (messages.iter().all(is_dead) && !task.fallbacks.is_empty(), task.parts.as_slice())
            else {
                return Ok((task, messages));
            };
            let asked = Some(part.asked.unwrap_or(part.channel));
            let next = task.fallbacks.remove(0);
            task.parts = vec![Part { asked, ..next }];
        }
    }

    async fn messages_of(&self, task: &Task, now: Timestamp) -> Result<Vec<Message>, StoreError> {
        let parts = task.parts.iter().enumerate();
        let ids: Vec<MessageId> = parts.map(|(i, part)| part_id(self.seal.ids(), task.id, i, part)).collect();
        let mut messages = Vec::with_capacity(task.parts.len());
        for (part, id) in task.parts.iter().zip(&ids) {
            let siblings = if *id == task.id { ids[1..].to_vec() } else { Vec::new() };
            let scheduled = self.scheduled(task, part, now).await?;
            let intent = task.intent(part, scheduled.map_or(now, |at| at.max(now)));
            let decision = self.decide(&intent, task.person.as_ref()).await?;
            let decision = self.with_others(&intent, &part.content, decision).await?;
            let decision = self.within_window(&intent, &part.content, decision).await;
            messages.push(message(task, part, *id, siblings, decision, scheduled, now));
        }
        self.encrypt_secrets(task, &mut messages)?;
        Ok(messages)
    }

    /// Puts the task's secrets into its messages, for `deliver` to decrypt.
    fn encrypt_secrets(&self, task: &Task, messages: &mut [Message]) -> Result<(), StoreError> {
        if task.secrets.is_empty() {
            return Ok(());
        }
        let plain = serde_json::to_vec(&task.secrets)
            .map_err(|error| StoreError::Unreadable { table: "messages", cause: error.to_string() })?;
        let encrypted = self.seal.encrypt_for_delivery(&secrets_context(task.id), &plain)?;
        for message in messages {
            message.secrets = Some(encrypted.clone());
        }
        Ok(())
    }

    /// When a part is to be sent, if not now.
    async fn scheduled(&self, task: &Task, part: &Part, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        match task.timing {
            Timing::Asked => Ok(task.scheduled),
            Timing::Preferred => {
                // On the heap: seldom needed, and every accepting future would be larger by it.
                let intent = task.intent(part, now);
                let best = Box::pin(self.best_time(&intent, task.person.as_ref())).await?;
                Ok(Some(best.best.at))
            }
        }
    }

    /// Queues what is due soon. A failure is no error: the messages are stored, and the sweep queues them.
    async fn queue(&self, messages: &[Message]) {
        let now = self.clock.now();
        for (message, delay) in messages.iter().filter_map(|message| Some((message, waiting(message, now)?))) {
            if let Err(error) = self.queues.enqueue_message(message, delay).await {
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
