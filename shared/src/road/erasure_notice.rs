//! A person is told, at a proven address, that they will be erased, when, and how to cancel that.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::compose::provider;
use super::confirm::says;
use super::{AcceptError, Part, RenderError, Rendered, Road, Task};
use crate::message::record::ProviderChoice;
use crate::message::secrets::InvalidSecret;
use crate::message::template::{Ask, SHIPPED_VERSION, TemplateName};
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
        let part = Part {
            channel,
            to: notice.to.clone(),
            from: None,
            content: rendered.content,
            template: Some(rendered.template),
            provider: provider(channel),
            choice: ProviderChoice::Any,
            asked: None,
        };
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
        let name = TemplateName::from(TRIGGER);
        let zones = Zones::of(Some(notice.person), notice.to, &self.rules.default_zone);
        let starts = notice.starts.to_zoned(zones.first().clone());
        let starts = starts.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let data = json!({"starts_at": starts, "link": notice.link});
        let mut data = data.as_object().cloned().unwrap_or_else(Map::new);
        // Whoever reads the message in a thread or a log may not cancel with it.
        let secrets = MessageSecrets::take_from(&mut data, &["link".to_owned()])?;
        let link = data.get("link").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (locale, key) = (notice.person.locale.as_ref(), notice.person.id.as_str());
        match self.templates.render(&name, channel, locale, key, &data).await {
            Ok(rendered) if says(&rendered.content, &link) => return Ok((rendered, secrets)),
            Ok(_) | Err(RenderError::Template(_)) => {}
            Err(error @ (RenderError::NoSuchTemplate(_) | RenderError::Store(_))) => return Err(error.into()),
        }
        tracing::warn!(template = %name, "the template in force does not say the link; the shipped one is sent");
        let shipped = self.templates.version(&name, SHIPPED_VERSION).await.map_err(RenderError::from)?;
        let shipped = shipped.ok_or_else(|| RenderError::NoSuchTemplate(name.clone()))?;
        let ask = Ask { channel, wanted: locale, default: &self.templates.default_locale, key, data: &data };
        Ok((self.templates.render_version(&name, SHIPPED_VERSION, &shipped, &ask)?, secrets))
    }
}
