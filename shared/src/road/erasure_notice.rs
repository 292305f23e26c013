//! A person is told, at a proven address, that they will be erased, when, and how to cancel that.

use jiff::Timestamp;
use serde_json::json;

use super::{AcceptError, Part, RenderError, Rendered, Road, Task};
use crate::message::secrets::InvalidSecret;
use crate::message::{Address, Channel, MessageId, MessageSecrets, Trigger};
use crate::person::Person;
use crate::person::zones::Zones;

const TRIGGER: Trigger = Trigger::ErasureNotice;

/// A notice is to be sent.
#[derive(Debug)]
pub struct ErasureNotice<'a> {
    pub person: &'a Person,
    /// The proven address it goes to.
    pub to: &'a Address,
    /// Who asked for the erasure.
    pub caller: &'a str,
    /// When the erasure begins.
    pub starts: Timestamp,
    /// The link that cancels it.
    pub link: &'a str,
    /// What makes it this notice: sent again, it is the same message.
    pub key: String,
}

/// Why no notice was sent.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Render(RenderError),
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
}

impl From<RenderError> for NoticeError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Store(error) => Self::Accept(error.into()),
            RenderError::NoSuchTemplate(_) | RenderError::Template(_) => Self::Render(error),
        }
    }
}

impl Road {
    /// Sends the notice. A suppressed address gets none, as it gets nothing else.
    pub async fn announce_erasure(&self, notice: ErasureNotice<'_>) -> Result<(), NoticeError> {
        let channel = match notice.to {
            Address::Phone(_) => Channel::Sms,
            Address::Email(_) => Channel::Email,
        };
        let person = notice.person;
        let (rendered, secrets) = self.erasure_words(&notice, channel).await?;
        let part = Part::rendered(channel, notice.to.clone(), rendered);
        let id = MessageId::derived(self.seal.ids(), person.id.as_str(), "notice/erasure", &notice.key);
        let lane = TRIGGER.default_priority().lane();
        let task = Task {
            person: Some(person.clone()),
            trigger: Some(TRIGGER),
            secrets,
            ..Task::new(id, notice.caller.to_owned(), TRIGGER.class(), lane, vec![part])
        };
        self.accept(task).await?;
        Ok(())
    }

    /// The template in force, if it says the link; else the shipped one.
    async fn erasure_words(
        &self,
        notice: &ErasureNotice<'_>,
        channel: Channel,
    ) -> Result<(Rendered, MessageSecrets), NoticeError> {
        let zones = Zones::of(Some(notice.person), notice.to, &self.rules.default_zone);
        let starts = notice.starts.to_zoned(zones.first().clone());
        let starts = starts.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let data =
            [("starts_at".to_owned(), json!(starts)), ("link".to_owned(), json!(notice.link))].into_iter().collect();
        self.words_with_link(TRIGGER, channel, notice.person, data).await
    }
}
