//! Short links: made when a message is accepted, so that its segments and its price are those of what goes out, and
//! followed when somebody opens one.

use std::fmt;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::Road;
use super::make::price;
use super::task::Task;
use crate::message::engagement::Deed;
use crate::message::short_link::{LinkCode, LinkForm, ShortLink, is_target};
use crate::message::{Channel, Content, Message, MessageId};
use crate::store::StoreError;
use crate::store::catalog::links::row;

/// How many links are stored at a time.
const AT_A_TIME: usize = 8;

/// Who follows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    Person,
    /// A program that shows what is behind it.
    Preview,
    /// Nobody saw anything: it was asked for its head, or fetched in case somebody might follow it.
    Unseen,
}

/// Where a link leads.
#[derive(Clone, PartialEq, Eq)]
pub enum Followed {
    To(String),
    /// It led somewhere once.
    Ended,
    Unknown,
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::To(_) => "To[…]",
            Self::Ended => "Ended",
            Self::Unknown => "Unknown",
        })
    }
}

impl Road {
    /// Makes the links in a task's texts short, if it asks for that. They are stored before their messages are, so whatever
    /// goes out leads somewhere; those of a request that ends here end by themselves.
    pub(super) async fn shorten_links(
        &self,
        task: &Task,
        messages: &mut [Message],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if task.link_form == LinkForm::AsWritten {
            return Ok(());
        }
        let mut links = Vec::new();
        for message in messages.iter_mut().filter(|message| !message.status.is_final()) {
            // Its days begin when it goes.
            let goes = message.times.not_before.unwrap_or(now);
            links.extend(self.shorten_in(message.channel, &mut message.content, message.id, goes));
            let content = task.secrets.fill(&message.content);
            let (segments, cost) = price(message.channel, message.provider, &message.to, &content);
            (message.segments, message.cost, message.estimate) = (segments, cost, cost);
            let mut id = message.id;
            for fallback in &mut message.fallbacks {
                id = id.fallback(self.seal.ids(), fallback.channel);
                links.extend(self.shorten_in(fallback.channel, &mut fallback.content, id, goes));
            }
        }
        let putting = links.into_iter().map(|link| self.put_link(link));
        stream::iter(putting).buffer_unordered(AT_A_TIME).try_collect().await
    }

    fn shorten_in(&self, channel: Channel, content: &mut Content, id: MessageId, goes: Timestamp) -> Vec<ShortLink> {
        let (Channel::Sms, Content::Text(text)) = (channel, content) else { return Vec::new() };
        let (short, links) = self.short_links.shorten(&text.body, id, goes);
        text.body = short;
        links
    }

    async fn put_link(&self, link: ShortLink) -> Result<(), StoreError> {
        let sealed = self.seal.seal(&row(&link.code), link.target.as_bytes())?;
        self.templates.catalog.put_link(&link.code, link.message, &sealed, link.ends).await
    }

    /// A message was put off until `goes`: its links, and those of what may go instead of it, live their days from then. Done
    /// again it is as done once; it never shortens them.
    pub async fn prolong_links(&self, message: &Message, goes: Timestamp) -> Result<(), StoreError> {
        let ends = self.short_links.ends(goes);
        let mut id = message.id;
        let mut links = self.codes_in(&message.content, id);
        for fallback in &message.fallbacks {
            id = id.fallback(self.seal.ids(), fallback.channel);
            links.extend(self.codes_in(&fallback.content, id));
        }
        let prolonging =
            links.into_iter().map(async |(code, id)| self.templates.catalog.prolong_link(&code, id, ends).await);
        stream::iter(prolonging).buffer_unordered(AT_A_TIME).try_collect().await
    }

    fn codes_in(&self, content: &Content, id: MessageId) -> Vec<(LinkCode, MessageId)> {
        let Content::Text(text) = content else { return Vec::new() };
        self.short_links.codes_in(&text.body).into_iter().map(|code| (code, id)).collect()
    }

    /// Takes away the links of a message whose recipient wants to be forgotten: where they lead is theirs too.
    pub async fn forget_links(&self, message: &Message) -> Result<(), StoreError> {
        let fallbacks = message.fallbacks.iter().map(|fallback| &fallback.content);
        for content in std::iter::once(&message.content).chain(fallbacks) {
            let Content::Text(text) = content else { continue };
            for code in self.short_links.codes_in(&text.body) {
                self.templates.catalog.remove_link(&code).await?;
            }
        }
        Ok(())
    }

    /// Where a link leads, counted on its message. A count that fails holds nobody up.
    pub async fn follow(&self, code: &LinkCode, visit: Visit) -> Result<Followed, StoreError> {
        let now = self.clock.now();
        let Some(link) = self.templates.catalog.link(code).await? else { return Ok(Followed::Unknown) };
        if link.ends <= now {
            return Ok(Followed::Ended);
        }
        let target =
            String::from_utf8(self.seal.open(&row(code), &link.sealed)?).ok().filter(|target| is_target(target));
        let Some(target) = target else { return Ok(Followed::Unknown) };
        let deed = match visit {
            Visit::Person => Some(Deed::Clicked),
            Visit::Preview => Some(Deed::Previewed),
            Visit::Unseen => None,
        };
        if let Some(deed) = deed
            && let Err(error) = self.messages.count_link(link.message, code.as_str(), deed, now).await
        {
            tracing::error!(message.id = %link.message, error = %error, "a followed link was not counted");
        }
        Ok(Followed::To(target))
    }
}
