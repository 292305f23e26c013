//! The part of the work that one run has. The schedule starts several runs a minute, each with other shards, so that a lot that is
//! due at once does not wait for one of them to come to its end. A run takes a page of every shard in turn, until nothing is left or
//! it is over.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Deserialize;

use crate::Swept;

/// How many shards are worked on at a time.
const SHARDS_AT_A_TIME: usize = 8;
/// How many rows a page has.
pub(crate) const PAGE: i32 = 100;
/// A run ends after this long; the next one goes on. Below the function's time-out of a minute.
const LONGEST_RUN: Duration = Duration::from_secs(45);

/// Part `part` of `parts`. An event that names none asks for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Asked")]
pub struct Part {
    part: u32,
    parts: u32,
}

#[derive(Deserialize)]
struct Asked {
    part: Option<u32>,
    parts: Option<u32>,
}

impl TryFrom<Asked> for Part {
    type Error = String;

    fn try_from(asked: Asked) -> Result<Self, String> {
        match (asked.part, asked.parts) {
            (None, None) => Ok(Self { part: 0, parts: 1 }),
            (Some(part), Some(parts)) if part < parts => Ok(Self { part, parts }),
            (part, parts) => Err(format!("part {part:?} of {parts:?}: it must be smaller than the number of parts")),
        }
    }
}

impl Part {
    /// Jobs and erasures are few: the first part has them.
    pub(crate) fn is_first(self) -> bool {
        self.part == 0
    }

    /// Takes a page of every own shard in turn. `page` answers what it brought, and whether there may be more.
    pub(crate) async fn sweep(self, shards: u32, now: Timestamp, page: impl AsyncFn(u32) -> (Swept, bool)) -> Swept {
        let started = Instant::now();
        let mut open = self.shards(shards, now);
        let mut swept = Swept::default();
        while !open.is_empty() && started.elapsed() < LONGEST_RUN {
            let pages = stream::iter(std::mem::take(&mut open)).map(async |shard| (shard, page(shard).await));
            for (shard, (brought, goes_on)) in pages.buffered(SHARDS_AT_A_TIME).collect::<Vec<_>>().await {
                open.extend(goes_on.then_some(shard));
                swept = swept.plus(brought);
            }
        }
        swept
    }

    /// Of so many shards its own, each minute with another one first: if a run cannot reach all of them, it is not always the same
    /// that wait.
    fn shards(self, shards: u32, now: Timestamp) -> Vec<u32> {
        let mut own: Vec<u32> = (0..shards).filter(|shard| shard % self.parts == self.part).collect();
        let minute = usize::try_from(now.as_second().div_euclid(60)).unwrap_or(0);
        let first = minute.checked_rem(own.len()).unwrap_or(0);
        own.rotate_left(first);
        own
    }
}

#[cfg(test)]
mod tests {
    use switchboard::clock::plus_seconds;

    use super::*;

    fn part(text: &str) -> Result<Part, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn parts_have_every_shard_once() {
        let of = |parts: u32| {
            let parts = (0..parts).map(|number| part(&format!(r#"{{"part":{number},"parts":{parts}}}"#)).unwrap());
            let mut all: Vec<u32> = parts.flat_map(|part| part.shards(16, Timestamp::UNIX_EPOCH)).collect();
            all.sort_unstable();
            all
        };
        for parts in [1, 3, 4, 20] {
            assert_eq!(of(parts), (0..16).collect::<Vec<_>>(), "{parts} parts");
        }
    }

    #[test]
    fn each_minute_begins_with_another_shard() {
        let all = part(r#"{"id":"an event of the schedule","detail":{}}"#).unwrap();
        let first = |minute: i64| all.shards(16, plus_seconds(Timestamp::UNIX_EPOCH, 60 * minute))[0];
        assert_eq!([first(0), first(1), first(15), first(16)], [0, 1, 15, 0]);
        assert!(all.is_first());
        assert!(part(r#"{"part":4,"parts":4}"#).is_err() && part(r#"{"part":1}"#).is_err());
    }
}
