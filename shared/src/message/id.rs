//! Message ids. Made at accept, and a pure function of the request where it carries an idempotency key, so that the
//! message row is its own idempotency record (a conditional put either makes it or finds it).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of the derived ids (RFC 9562 §6.6: a namespace is itself a UUID, fixed for ever).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_9b5a_3c0e_4d7b_9a51_7e2c_40b8_d3f6);

/// The id of one message, and of the task it came from (a task's first message carries the task's id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, example = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11")]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id for a request without an idempotency key: UUIDv7, so ids sort by time of accept.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of a request that carries an idempotency key: UUIDv5 of who asks, which endpoint, and the key.
    ///
    /// The parts are length-prefixed, so no two different triples give the same name.
    pub fn derived(caller: &str, endpoint: &str, key: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, joined(&[caller, endpoint, key]).as_bytes()))
    }

    /// The id of a further message of the same task, for example the e-mail of a send to both channels.
    pub fn sibling(&self, part: &str) -> Self {
        Self(Uuid::new_v5(&self.0, part.as_bytes()))
    }

    /// No message's id: every other sorts after it.
    pub fn least() -> Self {
        Self(Uuid::nil())
    }

    /// A stable number from the id, for spreading messages over shards.
    pub fn spread(&self, over: u32) -> u32 {
        let [.., a, b, c, d] = *self.0.as_bytes();
        u32::from_be_bytes([a, b, c, d]) % over.max(1)
    }
}

/// The id of a bulk job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id for a request without an idempotency key.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of a request that carries an idempotency key (see [`MessageId::derived`]).
    pub fn derived(caller: &str, endpoint: &str, key: &str) -> Self {
        Self(MessageId::derived(caller, endpoint, key).0)
    }

    /// The id of the message a row of the job makes, however often the row is worked on. Rows count from 0.
    pub fn row(&self, row: u32) -> MessageId {
        MessageId(Uuid::new_v5(&self.0, &row.to_be_bytes()))
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}

impl Default for MessageId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_request_gives_the_same_id_and_any_other_part_another(
            caller in ".{0,12}", endpoint in ".{0,12}", key in ".{1,24}", other in ".{1,24}",
        ) {
            let id = MessageId::derived(&caller, &endpoint, &key);
            prop_assert_eq!(id, MessageId::derived(&caller, &endpoint, &key));
            if other != key {
                prop_assert_ne!(id, MessageId::derived(&caller, &endpoint, &other));
            }
        }

        #[test]
        fn a_row_of_a_job_has_one_id_and_no_other_row_has_it(
            job in any::<u128>(), other in any::<u128>(), row in any::<u32>(), another in any::<u32>(),
        ) {
            let (job, other) = (JobId(Uuid::from_u128(job)), JobId(Uuid::from_u128(other)));
            prop_assert_eq!(job.row(row), job.row(row));
            prop_assert_eq!(job.row(row) == job.row(another), row == another);
            prop_assert_eq!(job.row(row) == other.row(row), job == other);
        }

        #[test]
        fn characters_moved_between_the_parts_change_the_id(text in "[a-z]{2,16}", cut in 1usize..16) {
            let cut = cut.min(text.len() - 1);
            let (left, right) = text.split_at(cut);
            prop_assert_ne!(MessageId::derived(left, right, "k"), MessageId::derived(&text, "", "k"));
        }
    }

    #[test]
    fn a_sibling_is_stable_and_differs_from_its_task() {
        let task = MessageId::derived("service", "send", "k");
        assert_eq!(task.sibling("email"), task.sibling("email"));
        assert_ne!(task.sibling("email"), task);
        assert_ne!(task.sibling("email"), task.sibling("sms"));
    }

    #[test]
    fn an_id_survives_its_text_form() {
        let id = MessageId::new();
        assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
        assert!("abc123-def456-ghi789".parse::<MessageId>().is_err());
    }
}
