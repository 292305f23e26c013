//! The last callbacks, as they went out, for tests that replay or forge them.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

use super::{Answer, Callback, Failure};
use crate::store::Provider;

/// How many are kept.
const KEPT: usize = 20_000;

/// One try at one callback.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    pub(crate) provider: Provider,
    /// The provider's id of the message.
    pub(crate) message: String,
    pub(crate) event: String,
    pub(crate) url: String,
    /// All headers the simulator set, the signature included.
    pub(crate) headers: serde_json::Map<String, serde_json::Value>,
    pub(crate) body: String,
    /// 1 for the first try.
    pub(crate) attempt: u32,
    /// The status the client answered; null when there was no answer.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) answered_at: Timestamp,
}

/// The callbacks kept, oldest first, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct Log {
    generation: u64,
    records: VecDeque<Record>,
    sent: u64,
    failed: u64,
}

impl Log {
    pub(super) fn push(
        &mut self,
        callback: &Callback,
        headers: Vec<(&'static str, String)>,
        attempt: u32,
        outcome: &Result<Answer, Failure>,
    ) {
        let status = outcome.as_ref().ok().map(|answer| answer.status);
        self.sent += 1;
        self.failed += u64::from(!status.is_some_and(|status| (200..300).contains(&status)));
        let mut all = serde_json::Map::new();
        all.insert("content-type".to_owned(), callback.content_type.into());
        all.extend(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.into())));
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(Record {
            provider: callback.provider,
            message: callback.message.clone(),
            event: callback.event.clone(),
            url: callback.url.clone(),
            headers: all,
            body: String::from_utf8_lossy(&callback.body).into_owned(),
            attempt,
            status,
            error: outcome.as_ref().err().map(ToString::to_string),
            answered_at: Timestamp::now(),
        });
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// Tries made, and those without a 2xx.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.sent, self.failed)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn clear(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }
}
