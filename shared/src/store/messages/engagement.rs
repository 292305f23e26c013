//! What people did with a message, each deed counted once however often it is told of. It is usually one write: the
//! trail knows what it was told; when it is full, a set of short hashes does.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::compact::entry_attribute;
use super::report::{LAST_REPORT, is_about_another, knows_in_trail};
use super::{Messages, Update, row};
use crate::message::engagement::{Action, Deed};
use crate::message::trail::MOST_LISTED_DEEDS;
use crate::message::{MessageId, TrailEntry};
use crate::provider::ProviderName;
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text};

/// How many deeds are counted beyond those listed; a row is at most 400 kB. Nobody opens a message more often.
const MOST_UNLISTED: usize = 2_000;
/// What is kept of an unlisted deed's key, in bytes of its hash.
const SHORT: usize = 12;
/// How many different actions are kept of a message.
const MOST_ACTIONS: usize = 20;

/// A deed, as it was told.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) deed: Deed,
    /// The same for every repetition.
    pub(super) key: &'a str,
    pub(super) entry: TrailEntry,
    /// Whose deed it was, by the fingerprints that their address may be stored under, where that is known.
    pub(super) recipient: Option<&'a [String]>,
    /// The report that tells it, as its row keeps it, where something follows from it.
    pub(super) report: Option<String>,
}

/// What became of it; with the row as it then is.
#[derive(Debug)]
pub(super) enum Counted {
    New(Item),
    Known(Item),
    /// It is not the message's own recipient who did it. Not counted.
    OfAnother(Item),
    NoSuchMessage,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    New,
    /// It was told before.
    Known,
    /// The message has as many different actions as are kept.
    TooMany,
    NoSuchMessage,
}

impl Messages {
    /// Counts a deed, if it was not counted before.
    pub(super) async fn count_deed(&self, id: MessageId, told: &Told<'_>) -> Result<Counted, StoreError> {
        let listed = told.counted().only_if_size_under("trail", MOST_LISTED_DEEDS).trail(told.key, &told.entry);
        let refused = match self.try_deed(id, listed).await? {
            Applied::Done(item) => Counted::New(item),
            Applied::Refused(refused) => match told.why(refused) {
                Some(counted) => counted,
                None => {
                    let unlisted = told.counted().put_into_set("heard", &short(told.key));
                    match self.try_deed(id, unlisted.only_if_absent_or_size_under("heard", MOST_UNLISTED)).await? {
                        Applied::Done(item) => Counted::New(item),
                        Applied::Refused(Some(item)) => Counted::Known(item),
                        Applied::Refused(None) => Counted::NoSuchMessage,
                    }
                }
            },
        };
        if let Counted::New(item) | Counted::Known(item) = &refused {
            self.keep_the_earliest(id, item, told).await?;
        }
        Ok(refused)
    }

    async fn try_deed(&self, id: MessageId, update: Update) -> Result<Applied, StoreError> {
        update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.engagement").await
    }

    /// The first time is the earliest, in whatever order they are told. Seldom a write.
    async fn keep_the_earliest(&self, id: MessageId, item: &Item, told: &Told<'_>) -> Result<(), StoreError> {
        let at = told.entry.at.as_millisecond();
        let stored = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        for name in told.deed.first_times().iter().filter(|name| stored(name).is_some_and(|stored| stored > at)) {
            let update = Update::default().set(name, number(at)).only_if_after(name, number(at));
            self.try_deed(id, update).await?;
        }
        Ok(())
    }

    /// Notes which message a text answers. Gives the one that was noted first: whoever looks again, later, may find another.
    pub async fn note_answered(&self, text_id: MessageId, answered: MessageId) -> Result<MessageId, StoreError> {
        let update = Update::default().only_if_present("id").set_if_absent("answers", text(answered.to_string()));
        let row = match self.try_deed(text_id, update).await? {
            Applied::Done(row) => row,
            Applied::Refused(_) => return Ok(answered),
        };
        let noted = row.get("answers").and_then(|id| id.as_s().ok()).and_then(|id| id.parse().ok());
        Ok(noted.unwrap_or(answered))
    }

    /// Counts a text that answers a message. `provider_id`: the provider's id of that text, by which it counts once.
    /// `false`: it was counted before, or there is no such message.
    pub async fn count_reply(
        &self,
        id: MessageId,
        provider: ProviderName,
        provider_id: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = format!("reply:{provider_id}");
        let deed = Deed::Replied;
        let entry = TrailEntry { at, event: deed.name().to_owned(), by: provider.as_str().to_owned(), detail: None };
        let told = Told { deed, key: &key, entry, recipient: None, report: None };
        Ok(matches!(self.count_deed(id, &told).await?, Counted::New(_)))
    }

    /// Counts that a short link of a message was followed, by somebody or by a program that shows what is behind it. Every
    /// time counts: nothing tells one time from another. `false`: there is no such message.
    pub async fn count_link(&self, id: MessageId, code: &str, deed: Deed, at: Timestamp) -> Result<bool, StoreError> {
        let entry = TrailEntry::ours(at, deed.name(), None);
        let update = deed.first_times().iter().fold(Update::default(), |update, name| update.time_if_absent(name, at));
        // Of each link the trail has the first click, which is at most as many as a message has links.
        let key = format!("{}:{code}", deed.name());
        let update = update.increment(deed.counter()).only_if_present("id");
        let update = update.set_in_if_absent(&["trail", &key], entry_attribute(&entry));
        Ok(matches!(self.try_deed(id, update).await?, Applied::Done(_)))
    }

    /// Keeps what somebody did after a message, once for each action.
    pub async fn act(
        &self,
        id: MessageId,
        action: &str,
        metadata: Option<&[u8]>,
        at: Timestamp,
    ) -> Result<Acted, StoreError> {
        let sealed = metadata.map(|plain| self.seal.seal(&action_name(id, action), plain)).transpose()?;
        let kept = Action { at, metadata: sealed };
        let deed = Deed::Acted;
        let update = || {
            let update = Update::default().only_if_present("actions").only_if_absent(&["actions", action]);
            // Of whoever was erased nothing is kept any more.
            let update = update.only_if_absent(&["erased_at"]);
            let update =
                update.only_if_size_under("actions", MOST_ACTIONS).set_in(&["actions", action], row::attribute(&kept));
            let update = update.increment(deed.counter()).set_if_absent("action_taken", text(action));
            deed.first_times().iter().fold(update, |update, name| update.time_if_absent(name, at))
        };
        let mut refused = match self.try_deed(id, update()).await? {
            Applied::Done(_) => return Ok(Acted::New),
            Applied::Refused(refused) => refused,
        };
        if refused.as_ref().is_some_and(|item| !item.contains_key("actions")) {
            // A row from before actions were kept.
            let begin = Update::default().only_if_present("id").only_if_absent(&["erased_at"]);
            let begin = begin.set_if_absent("actions", row::empty_map());
            self.try_deed(id, begin).await?;
            refused = match self.try_deed(id, update()).await? {
                Applied::Done(_) => return Ok(Acted::New),
                Applied::Refused(refused) => refused,
            };
        }
        let Some(item) = refused.filter(|item| !item.contains_key("erased_at")) else {
            return Ok(Acted::NoSuchMessage);
        };
        let known = item.get("actions").and_then(|map| map.as_m().ok()).is_some_and(|map| map.contains_key(action));
        Ok(if known { Acted::Known } else { Acted::TooMany })
    }

    /// What a client said of an action, opened.
    pub fn open_action(&self, id: MessageId, name: &str, action: &Action) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = action.metadata.as_deref();
        Ok(sealed.map(|sealed| self.seal.open(&action_name(id, name), sealed)).transpose()?)
    }
}

impl Told<'_> {
    /// The count and the first times, only if it was not counted before.
    fn counted(&self) -> Update {
        let update = Update::default().only_if_present("id").only_if_absent(&["trail", self.key]);
        let update = update.only_if_not_in_set("heard", &short(self.key)).increment(self.deed.counter());
        let update = match &self.report {
            Some(report) => update.set(LAST_REPORT, text(report)),
            None => update,
        };
        let update = update.about_its_own(self.recipient);
        let at = self.entry.at;
        self.deed.first_times().iter().fold(update, |update, name| update.time_if_absent(name, at))
    }

    /// Why it was not listed; `None`: only because the trail is full.
    fn why(&self, refused: Option<Item>) -> Option<Counted> {
        let Some(item) = refused else { return Some(Counted::NoSuchMessage) };
        if is_about_another(&item, self.recipient) {
            return Some(Counted::OfAnother(item));
        }
        let heard = item.get("heard").and_then(|heard| heard.as_ss().ok());
        let known = knows_in_trail(&item, self.key) || heard.is_some_and(|heard| heard.contains(&short(self.key)));
        known.then_some(Counted::Known(item))
    }
}

fn short(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, key.as_bytes()).as_ref()[..SHORT])
}

/// What an action's metadata is sealed for.
pub fn action_name(id: impl std::fmt::Display, action: &str) -> String {
    format!("messages/{id}/actions/{action}")
}
