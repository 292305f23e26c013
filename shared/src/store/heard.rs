//! What somebody last asked of our texts, in the table Ephemera: `heard#SID` says that a text was dealt with to its end,
//! `last_heard#FINGERPRINT` which wish of a number counts.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::ephemera::Ephemera;
use super::update::{Applied, Update};
use super::{Item, StoreError, number, text, unavailable};
use crate::clock::from_millis;
use crate::seal::Seal;

/// How long both are kept, in seconds: longer than a text waits in any queue, the one for what failed included (SQS keeps for
/// 14 days at most).
const KEPT_SECONDS: i64 = 15 * 86_400;

/// What a text asks of all that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No more texts, by the word for it.
    Stop,
    /// The same in free words, where those are honoured.
    FreeStop,
    /// Texts again.
    Start,
}

impl Wish {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::FreeStop => "free_stop",
            Self::Start => "start",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Stop, Self::FreeStop, Self::Start].into_iter().find(|wish| wish.as_str() == text)
    }

    /// Whether it is a no.
    pub fn is_no(self) -> bool {
        match self {
            Self::Stop | Self::FreeStop => true,
            Self::Start => false,
        }
    }
}

/// A wish and when it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub wish: Wish,
    pub at: Timestamp,
}

impl Said {
    /// Its place among the wishes of its number: by time, and of two in the same millisecond the no comes last.
    pub fn rank(&self) -> i64 {
        self.at.as_millisecond() * 2 + i64::from(self.wish.is_no())
    }

    fn read(item: &Item) -> Option<Self> {
        let at = item.get("at")?.as_n().ok()?.parse().ok()?;
        Some(Self { wish: Wish::read(item.get("wish")?.as_s().ok()?)?, at: from_millis(at) })
    }
}

/// Whether a wish counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It does, and did if it was claimed before: nothing later was said.
    Counts,
    /// This was said after it.
    Overtaken(Said),
}

fn last_heard(fingerprint: &str) -> String {
    format!("last_heard#{fingerprint}")
}

fn heard(provider_id: &str) -> String {
    format!("heard#{provider_id}")
}

impl Ephemera {
    /// Puts a wish in its place among those of its number. Done before anything follows from it, so that of two that are
    /// heeded at once each learns of the other; whoever is interrupted claims it again and gets the same answer.
    pub async fn claim_wish(&self, seal: &Seal, fingerprint: &str, said: Said) -> Result<Claimed, StoreError> {
        let update = Update::default()
            .set("at", number(said.at.as_millisecond()))
            .set("wish", text(said.wish.as_str()))
            .set("rank", number(said.rank()))
            .set("expires", number(said.at.as_second() + KEPT_SECONDS))
            .only_if_absent_or_before("rank", number(said.rank() + 1));
        let form = seal.form_to_store(fingerprint);
        let key = last_heard(&form);
        match update.apply(&self.client, &self.table, ("key", &key), "ephemera.claim_wish").await? {
            // While fingerprints change, a later one may stand under another. Each is written before the others are read, so of two
            // at once one sees the other.
            Applied::Done(_) if seal.forms(fingerprint).len() == 1 => Ok(Claimed::Counts),
            Applied::Done(_) => Ok(match self.last_wish(seal, fingerprint).await? {
                Some(later) if later.rank() > said.rank() => Claimed::Overtaken(later),
                Some(_) | None => Claimed::Counts,
            }),
            Applied::Refused(item) => match item.as_ref().and_then(Said::read) {
                Some(later) => Ok(Claimed::Overtaken(later)),
                // It went between the condition and the reading of it: there is nothing it could be compared with.
                None => Err(StoreError::Contended { operation: "ephemera.claim_wish" }),
            },
        }
    }

    /// The wish of a number that counts now.
    pub async fn last_wish(&self, seal: &Seal, fingerprint: &str) -> Result<Option<Said>, StoreError> {
        let mut last: Option<Said> = None;
        for form in seal.forms(fingerprint) {
            let get = self.client.get_item().table_name(&self.table).key("key", text(last_heard(&form)));
            let answer = get.consistent_read(true).send().await.map_err(unavailable("ephemera.last_wish"))?;
            let said = answer.item().and_then(Said::read);
            last = last.into_iter().chain(said).max_by_key(Said::rank);
        }
        Ok(last)
    }

    /// Notes that a text was dealt with to its end. A START is noted for ever: a provider's signature has no time in it, and a
    /// captured request that is brought again a year later must not lift an opt-out.
    pub async fn note_heard(&self, provider_id: &str, at: Timestamp, wish: Wish) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).item("key", text(heard(provider_id)));
        let put = put.item("at", number(at.as_millisecond()));
        let put = match wish {
            Wish::Start => put,
            Wish::Stop | Wish::FreeStop => put.item("expires", number(at.as_second() + KEPT_SECONDS)),
        };
        put.send().await.map(|_| ()).map_err(unavailable("ephemera.note_heard"))
    }

    /// The same as one write of a transaction, which is refused if it was noted before.
    pub fn noting_heard(&self, provider_id: &str, at: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let unreadable = |error: BuildError| StoreError::Unreadable { table: "ephemera", cause: error.to_string() };
        let put = Put::builder()
            .table_name(&self.table)
            .item("key", text(heard(provider_id)))
            .item("at", number(at.as_millisecond()))
            .item("expires", number(at.as_second() + KEPT_SECONDS))
            .condition_expression("attribute_not_exists(#k)")
            .expression_attribute_names("#k", "key");
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }

    /// Whether it was.
    pub async fn was_heard(&self, provider_id: &str) -> Result<bool, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(heard(provider_id)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("ephemera.was_heard"))?;
        Ok(answer.item().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_ordered_by_time_and_at_the_same_time_the_no_counts() {
        let said = |wish, millis| Said { wish, at: from_millis(millis) }.rank();
        assert!(said(Wish::Stop, 1) < said(Wish::Start, 2));
        assert!(said(Wish::Start, 1) < said(Wish::Stop, 1));
        assert_eq!(said(Wish::Stop, 1), said(Wish::FreeStop, 1));
        for wish in [Wish::Stop, Wish::FreeStop, Wish::Start] {
            assert_eq!(Wish::read(wish.as_str()), Some(wish));
        }
    }
}
