//! All state, in memory: messages, their indexes, and exact counters.
//!
//! Lists go by an index on the address, fetches by an index on the provider's id, and the page asks only for what
//! changed, so that a hundred thousand messages cost no more to look at than ten.

mod mail;
mod message;
mod stats;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::Timestamp;

pub(crate) use self::{
    mail::{File, Mail},
    message::{Channel, Detail, Direction, Message, NewMessage, Provider, Status, address_key},
    stats::Stats,
};

use crate::twilio::{
    Templates,
    calls::{Callers, Recordings},
};

/// How many changes are remembered for pollers; an older poller gets the newest messages instead.
const CHANGES_KEPT: usize = 20_000;

/// Points at a message; points nowhere once everything was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    generation: u64,
    seq: u32,
}

impl Handle {
    /// The message's place among all.
    pub(crate) fn position(self) -> u32 {
        self.seq
    }
}

/// The messages and what is known about them.
#[derive(Debug, Default)]
pub(crate) struct Store {
    generation: u64,
    messages: Vec<Message>,
    by_id: HashMap<String, u32>,
    by_address: HashMap<String, Vec<u32>>,
    /// Per identity: the requests that carried the message, and how often it was accepted.
    carried: HashMap<u64, (u32, u32)>,
    /// (recipient, sender) pairs where the recipient said STOP.
    opted_out: HashSet<(String, String)>,
    version: u64,
    changes: VecDeque<(u64, u32)>,
    stats: Stats,
    templates: Templates,
    callers: Callers,
    recordings: Recordings,
}

/// What makes two accepted messages the same one: the client's own id when it gave one, else address and content.
pub(crate) fn identity(our_id: Option<&str>, to: &str, from: &str, subject: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let to = address_key(to);
    match our_id {
        Some(id) => (id, to).hash(&mut hasher),
        None => (to, from, subject, text).hash(&mut hasher),
    }
    hasher.finish()
}

impl NewMessage {
    pub(crate) fn identity(&self) -> u64 {
        let text = match &self.detail {
            // What a call says is known only when somebody has answered.
            Detail::Call(call) => Some(call.source()),
            Detail::Twilio(_) | Detail::Sendgrid(_) | Detail::Resend(_) => {
                self.text.as_deref().or(self.html.as_deref())
            }
        };
        let text = text.unwrap_or_default();
        identity(self.our_id.as_deref(), &self.to, &self.from, self.subject.as_deref().unwrap_or_default(), text)
    }
}

impl Store {
    /// Counts a request that carried this message, accepted or not.
    pub(crate) fn carry(&mut self, identity: u64) {
        self.carried.entry(identity).or_default().0 += 1;
    }

    /// Requests that carried this message.
    pub(crate) fn requests(&self, message: &Message) -> u32 {
        self.carried.get(&message.identity).map_or(0, |(requests, _)| *requests)
    }

    /// Takes a message in.
    pub(crate) fn accept(&mut self, content: NewMessage) -> Handle {
        let seq = self.messages.len() as u32;
        let identity = content.identity();
        let now = Timestamp::now();
        if content.direction == Direction::Outbound {
            let accepted = &mut self.carried.entry(identity).or_default().1;
            *accepted += 1;
            self.stats.accepted(content.channel, content.status, *accepted > 1);
        }
        self.by_id.entry(content.id.clone()).or_insert(seq);
        self.by_address.entry(address_key(&content.to)).or_default().push(seq);
        if content.direction == Direction::Inbound {
            self.by_address.entry(address_key(&content.from)).or_default().push(seq);
        }
        self.messages.push(Message {
            seq,
            status: content.status,
            error_code: None,
            received_at: now,
            updated_at: now,
            sent_at: None,
            identity,
            deleted: false,
            content,
        });
        self.touch(seq);
        Handle { generation: self.generation, seq }
    }

    /// The message a handle points at, unless it was deleted or forgotten.
    pub(crate) fn get(&self, handle: Handle) -> Option<&Message> {
        let message = self.messages.get(handle.seq as usize)?;
        (handle.generation == self.generation && !message.deleted).then_some(message)
    }

    /// The message with this provider id.
    pub(crate) fn find(&self, provider: Provider, id: &str) -> Option<(Handle, &Message)> {
        let handle = Handle { generation: self.generation, seq: *self.by_id.get(id)? };
        self.get(handle).filter(|message| message.content.provider == provider).map(|message| (handle, message))
    }

    /// Changes a message; `None` when it is gone.
    pub(crate) fn update(&mut self, handle: Handle, change: impl FnOnce(&mut Message)) -> Option<&Message> {
        self.get(handle)?;
        let message = self.messages.get_mut(handle.seq as usize)?;
        let before = message.status;
        change(message);
        message.updated_at = Timestamp::now();
        if message.content.direction == Direction::Outbound {
            self.stats.moved(before, message.status);
        }
        self.touch(handle.seq);
        self.get(handle)
    }

    /// Lets the messages that the client knows by this id have come earlier; how many there are.
    pub(crate) fn age(&mut self, our_id: &str, by: jiff::SignedDuration) -> usize {
        let of_it = |message: &&mut Message| message.content.our_id.as_deref() == Some(our_id);
        let mut aged = 0;
        for message in self.messages.iter_mut().filter(of_it) {
            message.received_at = message.received_at.checked_sub(by).unwrap_or(message.received_at);
            message.sent_at = message.sent_at.map(|at| at.checked_sub(by).unwrap_or(at));
            aged += 1;
        }
        aged
    }

    /// Moves a message to its next status; `None` when it is gone or was canceled.
    pub(crate) fn advance(&mut self, handle: Handle, status: Status, error_code: Option<u32>) -> Option<&Message> {
        if self.get(handle)?.status == Status::Canceled {
            return None;
        }
        self.update(handle, |message| {
            message.status = status;
            message.error_code = error_code;
            if matches!(status, Status::Sent | Status::Processed | Status::Failed) && message.sent_at.is_none() {
                message.sent_at = Some(Timestamp::now());
            }
        })
    }

    /// Messages newest first, all or those to or from one address.
    pub(crate) fn newest(&self, address: Option<&str>) -> Box<dyn Iterator<Item = &Message> + '_> {
        match address {
            None => Box::new(self.messages.iter().rev().filter(|message| !message.deleted)),
            Some(address) => {
                let seqs = self.by_address.get(&address_key(address)).map_or(&[][..], Vec::as_slice);
                Box::new(
                    seqs.iter()
                        .rev()
                        .filter_map(|seq| self.messages.get(*seq as usize))
                        .filter(|message| !message.deleted),
                )
            }
        }
    }

    /// Messages in the order they came, from this position on.
    pub(crate) fn oldest_from(&self, seq: u32) -> impl Iterator<Item = &Message> {
        self.messages.iter().skip(seq as usize).filter(|message| !message.deleted)
    }

    /// The messages changed after `version`, at most `limit` (the newest), and the version to ask with next time.
    pub(crate) fn changed(&self, version: u64, limit: usize) -> (u64, Vec<&Message>) {
        let mut seen = HashSet::new();
        let complete = self.changes.front().is_none_or(|(oldest, _)| *oldest <= version + 1);
        let seqs: Vec<u32> = if complete {
            let newer = self.changes.iter().rev().take_while(|(at, _)| *at > version);
            newer.map(|(_, seq)| *seq).filter(|seq| seen.insert(*seq)).take(limit).collect()
        } else {
            (0..self.messages.len() as u32).rev().take(limit).collect()
        };
        let mut messages: Vec<&Message> = seqs.iter().filter_map(|seq| self.messages.get(*seq as usize)).collect();
        messages.sort_unstable_by_key(|message| message.seq);
        (self.version, messages)
    }

    pub(crate) fn set_opt_out(&mut self, recipient: &str, sender: &str, out: bool) {
        let pair = (address_key(recipient), address_key(sender));
        if out {
            self.opted_out.insert(pair);
        } else {
            self.opted_out.remove(&pair);
        }
    }

    pub(crate) fn is_opted_out(&self, recipient: &str, sender: &str) -> bool {
        !self.opted_out.is_empty() && self.opted_out.contains(&(address_key(recipient), address_key(sender)))
    }

    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }

    pub(crate) fn templates_mut(&mut self) -> &mut Templates {
        &mut self.templates
    }

    pub(crate) fn callers_mut(&mut self) -> &mut Callers {
        &mut self.callers
    }

    pub(crate) fn recordings_mut(&mut self) -> &mut Recordings {
        &mut self.recordings
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// Forgets everything; running messages stop where they are.
    pub(crate) fn forget(&mut self) {
        *self = Self { generation: self.generation + 1, version: self.version + 1, ..Self::default() };
    }

    /// Changes with every [`Store::forget`].
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    fn touch(&mut self, seq: u32) {
        self.version += 1;
        self.changes.push_back((self.version, seq));
        if self.changes.len() > CHANGES_KEPT {
            self.changes.pop_front();
        }
    }
}
