//! How often somebody failed: one row of Ephemera for whoever was asked about, known or not. The rule is
//! [`crate::twofactor::lockout`]; here it is written only if nobody wrote meanwhile. Whoever loses that race reads what the
//! winner wrote, and five winners lock: so no flood can keep anybody racing.

use jiff::Timestamp;

use super::super::update::Applied;
use super::super::write_token::put_once;
use super::super::{Item, StoreError, number, text, unavailable};
use super::{TwoFactorStore, count, unreadable};
use crate::person::PersonId;
use crate::twofactor::lockout::{Lock, Locked, REMEMBERED_SECONDS, Try};

/// Between two successes five tries are counted at most, so more races than this are not lost in a row.
const TRIES: usize = 32;

/// A lock, and which state of its row it is.
#[derive(Clone, Debug, Default)]
struct Seen {
    lock: Lock,
    version: u64,
}

pub(super) fn row(person: &PersonId) -> String {
    format!("two-factor-lock#{person}")
}

fn read(item: &Item) -> Result<Seen, StoreError> {
    let lock = serde_dynamo::from_item(item.clone()).map_err(unreadable)?;
    Ok(Seen { lock, version: count(item, "version").ok_or_else(|| unreadable("a part is missing"))? })
}

impl TwoFactorStore {
    /// A person's failures, as of now.
    pub async fn lock(&self, person: &PersonId) -> Result<Lock, StoreError> {
        Ok(self.seen(person).await?.lock)
    }

    /// Counts a check that is about to be made.
    pub async fn attempt(&self, person: &PersonId, now: Timestamp) -> Result<Result<Try, Locked>, StoreError> {
        let mut seen = self.seen(person).await?;
        for _ in 0..TRIES {
            let (next, tried) = match seen.lock.attempt(now) {
                Ok(counted) => counted,
                Err(locked) => return Ok(Err(locked)),
            };
            match self.replace(person, &seen, &next, now).await? {
                None => return Ok(Ok(tried)),
                Some(other) => seen = other,
            }
        }
        Err(StoreError::Contended { operation: "two_factor.attempt" })
    }

    /// Forgets a person's failures, because a check passed.
    pub async fn passed(&self, person: &PersonId, now: Timestamp) -> Result<(), StoreError> {
        let mut seen = self.seen(person).await?;
        for _ in 0..TRIES {
            match self.replace(person, &seen, &seen.lock.passed(), now).await? {
                None => return Ok(()),
                Some(other) => seen = other,
            }
        }
        Err(StoreError::Contended { operation: "two_factor.passed" })
    }

    async fn seen(&self, person: &PersonId) -> Result<Seen, StoreError> {
        let get = self.client.get_item().table_name(&self.ephemera).key("key", text(row(person))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("two_factor.lock"))?;
        answer.item().map_or_else(|| Ok(Seen::default()), read)
    }

    /// Writes a lock over the one that was seen. Another one that was written meanwhile is given back instead.
    async fn replace(
        &self,
        person: &PersonId,
        seen: &Seen,
        next: &Lock,
        now: Timestamp,
    ) -> Result<Option<Seen>, StoreError> {
        let mut item: Item = serde_dynamo::to_item(next).map_err(unreadable)?;
        item.insert("key".to_owned(), text(row(person)));
        item.insert("version".to_owned(), number(seen.version + 1));
        item.insert("expires".to_owned(), number(now.as_second() + REMEMBERED_SECONDS + 60));
        let put = self
            .client
            .put_item()
            .table_name(&self.ephemera)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#k) OR version = :seen")
            .expression_attribute_names("#k", "key")
            .expression_attribute_values(":seen", number(seen.version));
        match put_once(put, "two_factor.lock").await? {
            Applied::Done(_) => Ok(None),
            Applied::Refused(Some(item)) => read(&item).map(Some),
            Applied::Refused(None) => self.seen(person).await.map(Some),
        }
    }
}
