//! A task's part becomes a message: its words, its price, its first status and the times it waits for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::task::{Part, Task};
use super::timing::plan;
use crate::message::content::Text;
use crate::message::cost::{estimate, units};
use crate::message::engagement::Engagement;
use crate::message::record::{Fallback, Times};
use crate::message::segments::segments;
use crate::message::smart;
use crate::message::{Address, Channel, Content, IdKey, Message, MessageId, Micros, Status, TrailEntry};
use crate::person::Decision;
use crate::provider::ProviderName;

/// Why a message ended that would have been worthless before it may be sent.
pub const EXPIRED: &str = "expired";

/// The key of a message's first entry in its trail.
pub(super) const ACCEPT: &str = "accept";

/// The id of a task's part.
pub(super) fn part_id(ids: &IdKey, task: MessageId, place: usize, part: &Part) -> MessageId {
    if place == 0 { task } else { task.sibling(ids, part.channel.as_str()) }
}

/// The message that a part of a task becomes.
pub(super) fn message(
    task: &Task,
    part: &Part,
    id: MessageId,
    siblings: Vec<MessageId>,
    decision: Decision,
    asked_for: Option<Timestamp>,
    now: Timestamp,
) -> Message {
    let content = worded(part);
    // What goes out counts, not what is stored of it.
    let (segments, cost) = price(part.channel, part.provider, &part.to, &task.secrets.fill(&content));
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
        address_source: part.address_source,
        from: part.from.clone(),
        content,
        code: task.code.clone(),
        secrets: None,
        segments,
        // What ends before it begins costs nothing.
        cost: if status.is_final() { Micros::default() } else { cost },
        estimate: cost,
        refund: Micros::default(),
        links: task.links.clone(),
        fallback_to: fallbacks.iter().map(|fallback| fallback.channel).collect(),
        fallbacks,
        instead_of: None,
        status,
        reason,
        provider_code: None,
        provider_id: None,
        call: None,
        recordings: Vec::new(),
        engagement: Engagement::default(),
        attempts: 0,
        throttled: 0,
        held_ms: 0,
        looks: 0,
        counted_as: task.job.filter(|_| status == Status::Held).map(|_| decision.reason.clone()),
        decision,
        trail: BTreeMap::from([(ACCEPT.to_owned(), entry)]),
        times,
        erased: None,
    }
}

fn fallback(part: &Part) -> Fallback {
    Fallback {
        channel: part.channel,
        to: part.to.as_str().to_owned(),
        address_source: part.address_source,
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
pub(super) fn price(channel: Channel, provider: ProviderName, to: &Address, content: &Content) -> (u32, Micros) {
    let count = match (content, channel) {
        (Content::Text(text), Channel::Sms) => segments(&text.body).count,
        (Content::Text(_), Channel::Whatsapp | Channel::Email | Channel::Voice)
        | (Content::Email(_) | Content::Call(_), _) => 1,
    };
    (count, estimate(channel, provider, to, units(content, count)))
}
