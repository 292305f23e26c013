//! The one place where a template's name becomes content: which version is in force, in which language, for whom.
//!
//! [`Templates::render`] is all a sender needs. A stored version takes the place of the shipped one of its name; on a
//! channel it says nothing about, the shipped words stay. What is in force is remembered for five seconds, so a send
//! usually costs no read, and a change is seen everywhere within that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::message::record::TemplateUse;
use crate::message::short_link::LinkForm;
use crate::message::template::{Ask, SHIPPED_VERSION, Template, TemplateError, TemplateName, shipped};
use crate::message::trigger::Class;
use crate::message::{Channel, Content, Locale};
use crate::store::{Catalog, StoreError};

/// How long the version in force is remembered.
const FRESH_MS: i64 = 5_000;
/// How many templates are remembered; beyond that it begins anew.
const MOST: usize = 256;

/// Templates by name.
#[derive(Clone, Debug)]
pub struct Templates {
    pub catalog: Catalog,
    /// The language of whoever asked for none.
    pub default_locale: Locale,
    clock: Clock,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    in_force: HashMap<TemplateName, (u32, Timestamp)>,
    /// Versions never change.
    versions: HashMap<(TemplateName, u32), Arc<Template>>,
}

/// Content, which template it was made from, and on what ground it may be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub content: Content,
    pub template: TemplateUse,
    pub class: Class,
    /// The data says what it says, not the template.
    pub is_free_text: bool,
    /// How links in its texts go out, unless the request says.
    pub link_form: LinkForm,
}

/// Why there is no content.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("there is no template {0}")]
    NoSuchTemplate(TemplateName),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Templates {
    pub fn new(catalog: Catalog, default_locale: Locale, clock: Clock) -> Self {
        Self { catalog, default_locale, clock, memory: Arc::default() }
    }

    /// Renders the version in force of `name` for a channel, in `locale` or what comes nearest. `key` decides which
    /// variant of a split test it is: a person's id, or the address where the person is not known.
    pub async fn render(
        &self,
        name: &TemplateName,
        channel: Channel,
        locale: Option<&Locale>,
        key: &str,
        data: &Map<String, Value>,
    ) -> Result<Rendered, RenderError> {
        let (version, template) = self.current(name).await?.ok_or_else(|| RenderError::NoSuchTemplate(name.clone()))?;
        self.render_version(
            name,
            version,
            &template,
            &Ask { channel, wanted: locale, default: &self.default_locale, key, data },
        )
    }

    /// Renders one version of a template.
    pub fn render_version(
        &self,
        name: &TemplateName,
        version: u32,
        template: &Template,
        ask: &Ask<'_>,
    ) -> Result<Rendered, RenderError> {
        let rendered = match (template.render(name.as_str(), version, ask), shipped::template(name)) {
            (Err(TemplateError::NoContent(_)), Some(shipped)) => shipped.render(name.as_str(), SHIPPED_VERSION, ask),
            (rendered, _) => rendered,
        }?;
        let class = name.trigger().map(|trigger| trigger.class()).or(template.class).unwrap_or(Class::Transactional);
        let link_form = LinkForm::asked(template.shorten_links);
        let is_free_text = rendered.is_free_text;
        Ok(Rendered { content: rendered.content, template: rendered.template, class, is_free_text, link_form })
    }

    /// The version in force, and what it holds. `None`: no template has this name.
    pub async fn current(&self, name: &TemplateName) -> Result<Option<(u32, Arc<Template>)>, StoreError> {
        let version = match self.remembered(name) {
            Some(version) => version,
            None => {
                let head = self.catalog.template_head(name).await?;
                let version = head.as_ref().map_or(SHIPPED_VERSION, |head| head.version);
                // That there is no such template is not remembered: it can be used as soon as it is put.
                if head.is_some() || shipped::template(name).is_some() {
                    self.remember(|memory, now| memory.in_force.insert(name.clone(), (version, now)));
                }
                version
            }
        };
        Ok(self.version(name, version).await?.map(|template| (version, template)))
    }

    /// A version of a template; [`SHIPPED_VERSION`]: the shipped one.
    pub async fn version(&self, name: &TemplateName, version: u32) -> Result<Option<Arc<Template>>, StoreError> {
        let key = (name.clone(), version);
        if let Some(template) = self.remember(|memory, _| memory.versions.get(&key).cloned()) {
            return Ok(Some(template));
        }
        let template = match version {
            SHIPPED_VERSION => shipped::template(name).cloned(),
            version => self.catalog.template_version(name, version).await?,
        };
        let template = template.map(Arc::new);
        if let Some(template) = &template {
            self.remember(|memory, _| memory.versions.insert(key, template.clone()));
        }
        Ok(template)
    }

    /// Asks anew next time: the template was changed here.
    pub fn forget(&self, name: &TemplateName) {
        self.remember(|memory, _| memory.in_force.remove(name));
    }

    fn remembered(&self, name: &TemplateName) -> Option<u32> {
        let fresh = |now: Timestamp, at: Timestamp| now.as_millisecond() - at.as_millisecond() < FRESH_MS;
        self.remember(|memory, now| {
            memory.in_force.get(name).filter(|(_, at)| fresh(now, *at)).map(|(version, _)| *version)
        })
    }

    fn remember<T>(&self, with: impl FnOnce(&mut Memory, Timestamp) -> T) -> T {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.in_force.len() >= MOST || memory.versions.len() >= MOST {
            *memory = Memory::default();
        }
        with(&mut memory, self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::dead_road;

    fn name(text: &str) -> TemplateName {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn what_is_in_force_is_remembered_for_five_seconds_and_no_longer() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let templates = dead_road(clock.clone()).unwrap().templates;
        let reminder = name("booking_reminder");
        let data = Map::new();
        let render = || templates.render(&reminder, Channel::Sms, None, "1", &data);
        assert!(matches!(render().await, Err(RenderError::Store(_))), "nobody can say what is in force");
        templates.remember(|memory, now| memory.in_force.insert(reminder.clone(), (SHIPPED_VERSION, now)));
        assert_eq!(render().await.unwrap().template.version, SHIPPED_VERSION);
        clock.advance(4_999);
        assert!(render().await.is_ok());
        clock.advance(1);
        assert!(render().await.is_err());
        templates.remember(|memory, now| memory.in_force.insert(reminder.clone(), (SHIPPED_VERSION, now)));
        templates.forget(&reminder);
        assert!(render().await.is_err());
    }

    #[tokio::test]
    async fn a_channel_a_stored_version_does_not_have_keeps_the_shipped_words() {
        let templates = dead_road(Clock::system()).unwrap().templates;
        let reminder = name("booking_reminder");
        let template: Template = serde_json::from_value(json!({"locales": {"en": {"text": "Soon!"}}})).unwrap();
        let english = Locale::english();
        let data = Map::new();
        let ask = |channel| Ask { channel, wanted: None, default: &english, key: "1", data: &data };
        let version = |channel| {
            templates.render_version(&reminder, 3, &template, &ask(channel)).map(|rendered| rendered.template.version)
        };
        assert_eq!((version(Channel::Sms).unwrap(), version(Channel::Email).unwrap()), (3, SHIPPED_VERSION));
        let own = name("of_my_own");
        let error = templates.render_version(&own, 1, &template, &ask(Channel::Email));
        assert!(matches!(error, Err(RenderError::Template(TemplateError::NoContent(Channel::Email)))));
    }
}
