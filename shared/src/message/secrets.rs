//! Secret values of a message: links and codes whose holder may act on them (a password reset link, an invitation).
//!
//! What is stored and shown of a message has a placeholder in each value's place. The values are encrypted beside the content
//! with a public key ([`crate::seal::delivery`]); `deliver` alone holds the private key, and fills them in right before it
//! calls the provider. So no thread, message view, export, log, event or job view can show one.
//!
//! A placeholder carries a random tag. Text that somebody else wrote into the message (a name, a company) can therefore not
//! place a copy of the value somewhere else, for example behind a link of theirs.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand;
use minijinja::HtmlEscape;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Content;
use super::content::{Markup, spoken};

/// The most secret variables of one message.
pub const MAX_SECRETS: usize = 10;
/// The longest value, in bytes.
pub const MAX_SECRET_BYTES: usize = 2_048;
/// The longest name.
const MAX_NAME_BYTES: usize = 64;

/// The length of a placeholder's random tag, in hexadecimal digits.
const TAG_DIGITS: usize = 8;
/// Where a placeholder for a link points. It is shown as a link; `.invalid` belongs to nobody (RFC 2606).
const LINK_PREFIX: &str = "https://secret.invalid/";

/// The values of a message's secret variables, by their placeholders.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSecrets(BTreeMap<String, Secret>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Secret {
    name: String,
    /// The random part of its placeholder.
    tag: String,
    value: String,
}

/// Why a variable cannot be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    #[error("must name at most {MAX_SECRETS} variables")]
    TooMany,
    #[error("must name variables of the request; there is no {0}")]
    NotGiven(String),
    #[error("the value of {0} must be a text of 1 to {MAX_SECRET_BYTES} bytes on one line")]
    NotText(String),
    #[error("the name {0} must have 1 to {MAX_NAME_BYTES} letters, digits and underscores")]
    BadName(String),
    #[error("the template must print {0} as it is, or with `digits`: its value is filled in at delivery")]
    Altered(String),
    #[error("no random number could be made")]
    NoRandom,
}

impl fmt::Debug for MessageSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageSecrets[{}]", self.0.len())
    }
}

impl MessageSecrets {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the named variables by placeholders, and keeps their values.
    pub fn take_from(variables: &mut Map<String, Value>, names: &[String]) -> Result<Self, InvalidSecret> {
        if names.len() > MAX_SECRETS {
            return Err(InvalidSecret::TooMany);
        }
        let mut secrets = Self::default();
        for name in names {
            let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !is_word(name) {
                return Err(InvalidSecret::BadName(name.chars().take(MAX_NAME_BYTES).collect()));
            }
            let slot = variables.get_mut(name).ok_or_else(|| InvalidSecret::NotGiven(name.clone()))?;
            let value = match slot {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
            };
            let is_printable = !value.chars().any(char::is_control);
            if !(1..=MAX_SECRET_BYTES).contains(&value.len()) || !is_printable {
                return Err(InvalidSecret::NotText(name.clone()));
            }
            *slot = Value::String(secrets.add(name, value)?);
        }
        Ok(secrets)
    }

    /// Keeps a value; what stands in its place.
    fn add(&mut self, name: &str, value: String) -> Result<String, InvalidSecret> {
        let mut random = [0_u8; 4];
        rand::fill(&mut random).map_err(|_| InvalidSecret::NoRandom)?;
        let tag = format!("{:08x}", u32::from_be_bytes(random));
        let is_link = value.starts_with("https://") || value.starts_with("http://");
        let placeholder = if is_link { format!("{LINK_PREFIX}{name}/{tag}") } else { format!("[{name}:{tag}]") };
        self.0.insert(placeholder.clone(), Secret { name: name.to_owned(), tag, value });
        Ok(placeholder)
    }

    /// Checks that a rendered content prints every placeholder whole: a filter that changed one would leave the recipient
    /// without the value.
    pub fn check(&self, content: &Content) -> Result<(), InvalidSecret> {
        let mut altered = None;
        let _ = content.map_texts(&mut |text, _| {
            let filled = self.replaced(text, &|_| String::new()).to_lowercase();
            altered = altered.take().or_else(|| self.0.values().find(|secret| filled.contains(&secret.tag)));
            String::new()
        });
        altered.map_or(Ok(()), |secret| Err(InvalidSecret::Altered(secret.name.clone())))
    }

    /// The content with the values in their places, escaped where they stand in HTML.
    pub fn fill(&self, content: &Content) -> Content {
        if self.is_empty() {
            return content.clone();
        }
        content.map_texts(&mut |text, markup| match markup {
            Markup::Plain => self.replaced(text, &str::to_owned),
            // A slash means nothing in HTML, and links are easier to find with it.
            Markup::Html => self.replaced(text, &|value| HtmlEscape(value).to_string().replace("&#x2f;", "/")),
        })
    }

    fn replaced(&self, text: &str, written: &dyn Fn(&str) -> String) -> String {
        self.0.iter().fold(text.to_owned(), |text, (placeholder, Secret { value, .. })| {
            let value = written(value);
            // As the template engine escapes it, as `digits` speaks it, and as it is.
            text.replace(&HtmlEscape(placeholder).to_string(), &value)
                .replace(&spoken(placeholder), &spoken(&value))
                .replace(placeholder, &value)
        })
    }
}

/// Whether a text holds what may be a placeholder.
pub fn has_placeholder(text: &str) -> bool {
    let is_tag = |tag: &str| tag.len() == TAG_DIGITS && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let closed =
        || text.split(']').filter_map(|before| before.rsplit_once('[')).filter_map(|(_, in_it)| in_it.split_once(':'));
    text.contains(LINK_PREFIX) || closed().any(|(_, tag)| is_tag(tag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::content::{Email, Text};

    const LINK: &str = "https://app.example/reset?token=abc&user=\"7\"";

    fn masked(mut variables: Value) -> (Map<String, Value>, MessageSecrets) {
        let variables = variables.as_object_mut().unwrap();
        let names: Vec<String> = variables.keys().cloned().collect();
        let secrets = MessageSecrets::take_from(variables, &names).unwrap();
        (variables.clone(), secrets)
    }

    fn printed(variables: &Map<String, Value>, name: &str) -> String {
        variables[name].as_str().unwrap().to_owned()
    }

    #[test]
    fn secret_values_are_masked_and_filled_in() {
        let (variables, secrets) = masked(json!({"link": LINK, "pin": 4711}));
        let (link, pin) = (printed(&variables, "link"), printed(&variables, "pin"));
        assert!(has_placeholder(&link) && has_placeholder(&format!("a?b={pin}&c")), "{link} {pin}");
        assert!(!has_placeholder("https://app.example/[a:b]/[c]?d=e:12345678"));
        let text = Content::text(format!("Open {link} with {pin}"));
        assert!(secrets.fill(&text) == Content::text(format!("Open {LINK} with 4711")));
        let email = Content::Email(Email {
            subject: format!("PIN {pin}"),
            text: Some(link.clone()),
            html: Some(format!("<a href=\"{}\">{link}</a>", HtmlEscape(&link))),
            ..Email::default()
        });
        let Content::Email(email) = secrets.fill(&email) else { panic!("no e-mail") };
        assert_eq!((email.subject.as_str(), email.text.as_deref()), ("PIN 4711", Some(LINK)));
        let escaped = "https://app.example/reset?token=abc&amp;user=&quot;7&quot;";
        assert_eq!(email.html.unwrap(), format!("<a href=\"{escaped}\">{escaped}</a>"));
        assert!(!format!("{secrets:?}").contains("4711"));
        let spoken_pin = Content::text(format!("It is {}.", spoken(&pin)));
        assert!(secrets.fill(&spoken_pin) == Content::text("It is 4, 7, 1, 1."));
    }

    #[test]
    fn secret_placeholder_cannot_be_guessed_by_another_variable() {
        let (first, _) = masked(json!({"link": LINK}));
        let (second, secrets) = masked(json!({"link": LINK}));
        let guessed = format!("https://evil.example/?{}", printed(&first, "link"));
        let content = Content::text(format!("{guessed} {}", printed(&second, "link")));
        let Content::Text(Text { body, .. }) = secrets.fill(&content) else { panic!("no text") };
        assert_eq!(body, format!("{guessed} {LINK}"));
    }

    #[test]
    fn secret_altered_by_a_filter_is_refused() {
        let (variables, secrets) = masked(json!({"code": "abc"}));
        let code = printed(&variables, "code");
        assert_eq!(secrets.check(&Content::text(format!("Your code: {code}"))), Ok(()));
        assert_eq!(secrets.check(&Content::text("No code at all")), Ok(()));
        let altered = secrets.check(&Content::text(code.to_uppercase()));
        assert_eq!(altered, Err(InvalidSecret::Altered("code".to_owned())));
    }

    #[test]
    fn secret_variables_must_be_given_texts() {
        let take = |names: &[&str]| {
            let mut variables = json!({"a": "x", "long": "x".repeat(2_049), "list": [], "none": null, "line": "a\nb"});
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            MessageSecrets::take_from(variables.as_object_mut().unwrap(), &names).map(|_| ())
        };
        assert_eq!(take(&["a"]), Ok(()));
        assert_eq!(take(&["b"]), Err(InvalidSecret::NotGiven("b".to_owned())));
        assert_eq!(take(&["a.b"]), Err(InvalidSecret::BadName("a.b".to_owned())));
        for name in ["long", "list", "none", "line"] {
            assert_eq!(take(&[name]), Err(InvalidSecret::NotText(name.to_owned())));
        }
        assert_eq!(take(&["a"; 11]), Err(InvalidSecret::TooMany));
    }
}
