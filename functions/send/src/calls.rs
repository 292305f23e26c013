//! Telephone calls to a number, whatever the surface: what makes a call, and what is said in it.

use switchboard::http::ApiError;
use switchboard::message::content::{Call, MachineDetection, Script};
use switchboard::message::{Address, Channel, Content, PhoneNumber};
use switchboard::provider::ProviderName;
use switchboard::provider::twilio::twiml;
use switchboard::road::Task;

use crate::App;
use crate::accept::Identity;
use crate::direct::{listed_sender, task, web_address};

/// A call, as a surface took it. The fields have the same names on every surface.
#[derive(Debug, Default)]
pub(crate) struct NewCall {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) machine_detection: Option<bool>,
    pub(crate) wordless: Wordless,
}

/// What a call is that names neither words nor where they come from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Wordless {
    #[default]
    Refused,
    /// Our voice menu.
    Menu,
}

/// The longest text that is spoken: four minutes of it.
const LONGEST_SPEECH: usize = 3000;
/// The longest language tag RFC 5646 §4.4.1 asks to make room for.
const LONGEST_TAG: usize = 35;

impl NewCall {
    /// The task of making it.
    pub(crate) fn task(self, app: &App, caller: String, identity: Identity) -> Result<Task, ApiError> {
        let to = number("to", &self.to, &app.region)?;
        let from = self.from.as_deref().map(|from| number("from", from, &app.region)).transpose()?;
        let machine = match self.machine_detection {
            Some(true) => MachineDetection::On,
            Some(false) | None => MachineDetection::Off,
        };
        let script = self.script()?;
        if let Script::Url(url) = &script
            && !app.call_hosts.admit(url)
        {
            return Err(ApiError::forbidden("This host may not give a call its instructions")
                .details("Have it added to the allowed call hosts, or send a message")
                .with("field", "url")
                .with("reason", "call_host_not_allowed"));
        }
        let content = Content::Call(Call { script, machine });
        let from = from.map(|from| listed_sender(app, from.as_str(), "from")).transpose()?;
        Ok(task(caller, identity, Channel::Voice, Address::Phone(to), from, content, ProviderName::Twilio))
    }

    /// Either the words or where they come from.
    fn script(self) -> Result<Script, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let (message, url, language) = (given(self.message), given(self.url), given(self.language));
        match (message, url) {
            (None, Some(_)) | (None, None) if language.is_some() => {
                Err(ApiError::invalid_field("language", "It goes with a message; all else is spoken in its own"))
            }
            (None, None) if matches!(self.wordless, Wordless::Menu) => Ok(Script::Menu),
            (None, None) => Err(ApiError::missing_field("url")
                .details("A call needs a url that answers with TwiML, or a message that is spoken")),
            (Some(_), Some(_)) => Err(ApiError::invalid_field("message", "Give either a message or a url, not both")),
            (None, Some(url)) => Ok(Script::Url(web_address("url", url)?)),
            (Some(text), None) => speech(text, language),
        }
    }
}

fn speech(text: String, language: Option<String>) -> Result<Script, ApiError> {
    let invalid = |why: String| Err(ApiError::invalid_field("message", why));
    if text.chars().count() > LONGEST_SPEECH {
        return invalid(format!("It must be at most {LONGEST_SPEECH} characters"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return invalid("It must hold no control characters".to_owned());
    }
    if language.as_deref().is_some_and(|tag| !is_language(tag)) {
        return Err(ApiError::invalid_field("language", "It must be a language tag such as en-GB"));
    }
    if twiml::say(&text, language.as_deref()).chars().count() > twiml::LONGEST {
        return invalid(format!(
            "With its quotes and other signs escaped it is longer than the {} characters Twilio takes",
            twiml::LONGEST
        ));
    }
    Ok(Script::Say { text, language })
}

fn number(field: &str, text: &str, region: &str) -> Result<PhoneNumber, ApiError> {
    PhoneNumber::parse(text, region).map_err(|error| ApiError::invalid_field(field, format!("It is {error}")))
}

/// A language, and what narrows it, as BCP 47 writes them: `en`, `pt-BR`, `cmn-Hans-CN`.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_language = |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= LONGEST_TAG && parts.next().is_some_and(is_language) && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags() {
        for tag in ["en", "en-GB", "pt-BR", "cmn-Hans-CN", "es-419", "yue"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "e", "english", "en_GB", "en-", "-GB", "en GB", "1n", "en-\"/>", "en-toolongpart"] {
            assert!(!is_language(tag), "{tag}");
        }
    }

    #[test]
    fn a_call_says_a_text_or_fetches_its_words() {
        let script = |message: Option<&str>, url: Option<&str>, language: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let call =
                NewCall { message: owned(message), url: owned(url), language: owned(language), ..NewCall::default() };
            call.script().map_err(|error| error.message().to_owned())
        };
        let said = |text: &str, language: Option<&str>| {
            Ok(Script::Say { text: text.to_owned(), language: language.map(str::to_owned) })
        };
        assert_eq!(script(Some("Hi"), None, Some("en-GB")), said("Hi", Some("en-GB")));
        assert_eq!(script(Some("Hi"), Some(" "), None), said("Hi", None));
        let url = "https://example.com/voice";
        assert_eq!(script(None, Some(url), None), Ok(Script::Url(url.to_owned())));
        assert_eq!(script(None, None, None), Err("Missing required field: url".to_owned()));
        let menu = NewCall { wordless: Wordless::Menu, ..NewCall::default() };
        assert_eq!(menu.script().ok(), Some(Script::Menu));
        let invalid = |field: &str| Err(format!("Invalid value for field: {field}"));
        assert_eq!(script(Some("Hi"), Some(url), None), invalid("message"));
        assert_eq!(script(None, Some(url), Some("en")), invalid("language"));
        assert_eq!(script(Some("Hi"), None, Some("english")), invalid("language"));
        assert_eq!(script(None, Some("ftp://example.com"), None), invalid("url"));
        assert_eq!(script(None, Some(&format!("{url}/{}", "x".repeat(2048))), None), invalid("url"));
        assert_eq!(script(Some("a\u{7}"), None, None), invalid("message"));
        assert!(script(Some(&"a".repeat(3000)), None, None).is_ok());
        assert_eq!(script(Some(&"a".repeat(3001)), None, None), invalid("message"));
        assert_eq!(script(Some(&"&".repeat(1000)), None, None), invalid("message"), "escaped it is 5000 characters");
    }
}
