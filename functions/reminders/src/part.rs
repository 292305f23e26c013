//! The part of the work that one run has. The schedule starts several runs a minute, each with other shards, so that a lot that is
//! due at once does not wait for one of them to come to its end.

use jiff::Timestamp;
use serde::Deserialize;

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

    /// Of so many shards its own, each minute with another one first.
    pub(crate) fn shards(self, shards: u32, now: Timestamp) -> Vec<u32> {
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
