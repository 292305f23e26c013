//! Exact counters, kept as things happen and never by counting messages.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Channel, Status};

/// What `GET /_sim/stats` answers.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Stats {
    /// Requests that asked a provider to send something, whatever came of them.
    pub(crate) requests: u64,
    /// Messages accepted, one per recipient.
    pub(crate) messages: u64,
    /// Messages accepted although the same message had been accepted before.
    pub(crate) duplicates: u64,
    pub(crate) by_channel: BTreeMap<Channel, u64>,
    pub(crate) by_status: BTreeMap<Status, u64>,
    /// Requests that only read (fetch, list).
    pub(crate) reads: u64,
    /// Send requests the provider refused: bad credentials or a bad request.
    pub(crate) refused: u64,
    /// Requests that met a fault.
    pub(crate) faulted: u64,
    /// Sends answered again from an idempotency key.
    pub(crate) replayed: u64,
    /// Messages people sent (`POST /_sim/inbound`).
    pub(crate) inbound: u64,
}

impl Stats {
    pub(super) fn accepted(&mut self, channel: Channel, status: Status, again: bool) {
        self.messages += 1;
        self.duplicates += u64::from(again);
        *self.by_channel.entry(channel).or_default() += 1;
        *self.by_status.entry(status).or_default() += 1;
    }

    pub(super) fn moved(&mut self, before: Status, after: Status) {
        if before == after {
            return;
        }
        if let Some(count) = self.by_status.get_mut(&before) {
            *count -= 1;
            if *count == 0 {
                self.by_status.remove(&before);
            }
        }
        *self.by_status.entry(after).or_default() += 1;
    }
}
