//! The words of a message that is worthless without its link: the template in force, if it says the link; else the shipped one.

use serde_json::{Map, Value};

use super::{RenderError, Rendered, Road};
use crate::message::secrets::InvalidSecret;
use crate::message::template::{Ask, SHIPPED_VERSION, TemplateName};
use crate::message::{Channel, Content, MessageSecrets, Trigger};
use crate::person::Person;

/// The variable that the link is.
const LINK: &str = "link";

impl Road {
    /// Renders a message to a person that must say its link, the variable `link`. It is secret: whoever reads the message in a thread
    /// or a log may not follow it.
    pub(super) async fn words_with_link<E: From<RenderError> + From<InvalidSecret>>(
        &self,
        trigger: Trigger,
        channel: Channel,
        person: &Person,
        mut data: Map<String, Value>,
    ) -> Result<(Rendered, MessageSecrets), E> {
        let name = TemplateName::from(trigger);
        let secrets = MessageSecrets::take_from(&mut data, &[LINK.to_owned()])?;
        let link = data.get(LINK).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (locale, key) = (person.locale.as_ref(), person.id.as_str());
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

/// Whether a content says a link.
pub(super) fn says(content: &Content, link: &str) -> bool {
    let email = match content {
        Content::Email(email) => email,
        Content::Text(text) => return text.body.contains(link),
        Content::Call(_) => return false,
    };
    let in_html = link.replace('/', "&#x2f;");
    let says =
        |part: &Option<String>| part.as_deref().is_some_and(|part| part.contains(link) || part.contains(&in_html));
    // Each of the parts there are: which one is shown is up to the reader's program.
    [&email.text, &email.html].into_iter().filter(|part| part.is_some()).all(says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::content::Email;

    fn email(text: Option<&str>, html: Option<&str>) -> Content {
        Content::Email(Email { text: text.map(str::to_owned), html: html.map(str::to_owned), ..Email::default() })
    }

    #[test]
    fn every_part_of_the_mail_must_say_the_link() {
        let link = "https://api.example/c/abc";
        assert!(says(&email(Some("Go: https://api.example/c/abc"), None), link));
        assert!(says(&email(None, Some("<a href=\"https:&#x2f;&#x2f;api.example&#x2f;c&#x2f;abc\">x</a>")), link));
        assert!(!says(&email(Some("Go: https://api.example/c/abc"), Some("<p>Hello</p>")), link));
        assert!(!says(&email(Some("Your code is 1"), None), link));
    }
}
