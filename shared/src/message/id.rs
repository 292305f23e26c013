//! Message ids. Made at accept, and a pure function of the request where it carries an idempotency key, so that the
//! message row is its own idempotency record (a conditional put either makes it or finds it). Derived ids are derived
//! under a secret key ([`IdKey`]): they are shown to clients and subscribers, and nobody else can compute the next one.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// The secret key that ids are derived under. Another key derives other ids, so a request that is repeated after a change
/// of the key is a new request.
#[derive(Clone)]
pub struct IdKey(hmac::Key);

impl IdKey {
    pub fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// Derives an id from a label and parts: the first 128 bits of their HMAC-SHA256, as a UUIDv8 (RFC 9562 §5.8).
    ///
    /// Label and parts are length-prefixed, so no two different lists give the same input.
    pub fn derive(&self, label: &str, parts: &[&[u8]]) -> Uuid {
        Builder::from_custom_bytes(self.tag(label, parts)).into_uuid()
    }

    /// Returns the first 16 bytes of the HMAC over a label and parts.
    pub(crate) fn tag(&self, label: &str, parts: &[&[u8]]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag.as_ref()[..16]);
        bytes
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey")
    }
}

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

    /// Derives the id of a request that carries an idempotency key from who asks, which endpoint, and the key.
    pub fn derived(ids: &IdKey, caller: &str, endpoint: &str, key: &str) -> Self {
        Self(ids.derive("request", &[caller.as_bytes(), endpoint.as_bytes(), key.as_bytes()]))
    }

    /// The id of a further message of the same task, for example the e-mail of a send to both channels.
    pub fn sibling(&self, ids: &IdKey, part: &str) -> Self {
        Self(ids.derive("sibling", &[self.0.as_bytes(), part.as_bytes()]))
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
    pub fn derived(ids: &IdKey, caller: &str, endpoint: &str, key: &str) -> Self {
        Self(ids.derive("job", &[caller.as_bytes(), endpoint.as_bytes(), key.as_bytes()]))
    }

    /// The id of the message a row of the job makes, however often the row is worked on. Rows count from 0.
    pub fn row(&self, ids: &IdKey, row: u32) -> MessageId {
        MessageId(ids.derive("row", &[self.0.as_bytes(), &row.to_be_bytes()]))
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

    fn ids(key: u8) -> IdKey {
        IdKey::new(hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]))
    }

    /// The attack: whoever knows the caller, the endpoint and the key names the message before it is made, or reads what
    /// became of it.
    #[test]
    fn derived_id_is_not_predictable() {
        let id = MessageId::derived(&ids(1), "service", "/send", "order-77");
        let public = Uuid::from_u128(0x6f1d_9b5a_3c0e_4d7b_9a51_7e2c_40b8_d3f6);
        assert_ne!(id.0, Uuid::new_v5(&public, b"7:service5:/send8:order-77"), "the old public derivation");
        assert_ne!(id, MessageId::derived(&ids(2), "service", "/send", "order-77"), "every key derives its own ids");
        assert_ne!(id.sibling(&ids(1), "email"), id.sibling(&ids(2), "email"));
        assert_ne!(id.sibling(&ids(1), "email").0, Uuid::new_v5(&id.0, b"email"));
        let job = JobId::derived(&ids(1), "service", "/jobs", "k");
        assert_ne!(job, JobId::derived(&ids(2), "service", "/jobs", "k"));
        assert_ne!(job.row(&ids(1), 0), job.row(&ids(2), 0));
        assert_ne!(job.row(&ids(1), 0).0, Uuid::new_v5(&job.0, &0u32.to_be_bytes()));
        assert_eq!(id.0.get_version_num(), 8);
    }

    proptest! {
        #[test]
        fn the_same_request_gives_the_same_id_and_any_other_part_another(
            caller in ".{0,12}", endpoint in ".{0,12}", key in ".{1,24}", other in ".{1,24}",
        ) {
            let id = MessageId::derived(&ids(1), &caller, &endpoint, &key);
            prop_assert_eq!(id, MessageId::derived(&ids(1), &caller, &endpoint, &key));
            if other != key {
                prop_assert_ne!(id, MessageId::derived(&ids(1), &caller, &endpoint, &other));
            }
        }

        #[test]
        fn a_row_of_a_job_has_one_id_and_no_other_row_has_it(
            job in any::<u128>(), other in any::<u128>(), row in any::<u32>(), another in any::<u32>(),
        ) {
            let (job, other) = (JobId(Uuid::from_u128(job)), JobId(Uuid::from_u128(other)));
            prop_assert_eq!(job.row(&ids(1), row), job.row(&ids(1), row));
            prop_assert_eq!(job.row(&ids(1), row) == job.row(&ids(1), another), row == another);
            prop_assert_eq!(job.row(&ids(1), row) == other.row(&ids(1), row), job == other);
        }

        #[test]
        fn characters_moved_between_the_parts_change_the_id(text in "[a-z]{2,16}", cut in 1usize..16) {
            let cut = cut.min(text.len() - 1);
            let (left, right) = text.split_at(cut);
            prop_assert_ne!(MessageId::derived(&ids(1), left, right, "k"), MessageId::derived(&ids(1), &text, "", "k"));
        }
    }

    #[test]
    fn a_sibling_is_stable_and_differs_from_its_task() {
        let task = MessageId::derived(&ids(1), "service", "send", "k");
        assert_eq!(task.sibling(&ids(1), "email"), task.sibling(&ids(1), "email"));
        assert_ne!(task.sibling(&ids(1), "email"), task);
        assert_ne!(task.sibling(&ids(1), "email"), task.sibling(&ids(1), "sms"));
    }

    #[test]
    fn an_id_survives_its_text_form() {
        let id = MessageId::new();
        assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
        assert!("abc123-def456-ghi789".parse::<MessageId>().is_err());
    }
}
