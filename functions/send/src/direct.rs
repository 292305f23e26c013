//! Sends to an address, without a trigger, whatever the surface: what makes a text or an e-mail sendable, and what is
//! answered. They are transactional: the address's owner may have opted out, and then nothing is sent.

use std::collections::BTreeMap;

use http::Uri;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::content::ProviderTemplate;
use switchboard::message::record::{AddressSource, ProviderChoice};
use switchboard::message::template::LONGEST_TEXT;
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Lane, MessageSecrets, PhoneNumber, Status, content};
use switchboard::provider::ProviderName;
use switchboard::road::{Accepted, Part, Task};

use crate::App;
use crate::accept::{Identity, total_cost};

/// A direct send was accepted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DirectResponse {
    success: bool,
    /// Ask `/api/communication/status/{task_id}` or `/api/v2/communications/messages/{id}` with it.
    task_id: String,
    message_id: String,
    status: Status,
    channel: Channel,
    segments: u32,
    /// Estimated cost, in units of the price table's currency.
    cost: f64,
}

/// What a surface calls the fields, for its refusals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) to: &'static str,
    pub(crate) from: &'static str,
    pub(crate) body: &'static str,
}

/// A text to a phone, as a surface took it.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) body: String,
    /// The address of a picture or document.
    pub(crate) media: Option<String>,
    pub(crate) template: Template,
    pub(crate) names: Names,
    /// The values of its secret variables.
    pub(crate) secrets: MessageSecrets,
}

/// A template Twilio keeps, as a surface took it: on WhatsApp it is sent instead of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) content_sid: Option<String>,
    pub(crate) content_variables: Option<BTreeMap<String, String>>,
}

/// The most variables of a template, and the longest name of one.
const MOST_VARIABLES: usize = 100;
const LONGEST_NAME: usize = 64;
/// The longest address of a medium, or of a call's instructions.
const LONGEST_URL: usize = 2048;

impl Text {
    /// The task of sending it.
    pub(crate) fn task(
        self,
        app: &App,
        caller: String,
        identity: Identity,
        channel: Channel,
    ) -> Result<Task, ApiError> {
        let to = PhoneNumber::parse(&self.to, &app.region)
            .map_err(|error| ApiError::invalid_field(self.names.to, format!("It is {error}")))?;
        let from =
            self.from.map(|from| listed_sender(app, &sender(&from, self.names.from)?, self.names.from)).transpose()?;
        let media = self.media.map(|url| web_address("media_url", url)).transpose()?;
        let template = self.template.read()?;
        match (&template, self.body.trim().is_empty(), &media) {
            (None, true, None) => return Err(ApiError::missing_field(self.names.body)),
            (Some(_), false, _) | (Some(_), _, Some(_)) => {
                let why = "A template brings its own text and media: give either content_sid or those";
                return Err(ApiError::invalid_field(self.names.body, why));
            }
            (None, ..) | (Some(_), true, None) => {}
        }
        // What goes out counts, not what is stored of it.
        let goes_out = self.secrets.fill(&Content::text(&self.body));
        if goes_out.any_text(&|text| text.chars().count() > LONGEST_TEXT) {
            let why = format!("It must be at most {LONGEST_TEXT} characters");
            return Err(ApiError::invalid_field(self.names.body, why));
        }
        let content = Content::Text(content::Text {
            body: self.body,
            media: media.into_iter().collect(),
            template,
            ..content::Text::default()
        });
        let task = task(caller, identity, channel, Address::Phone(to), from, content, ProviderName::Twilio);
        Ok(Task { secrets: self.secrets, ..task })
    }
}

impl Template {
    /// The template that was named, if one was.
    fn read(self) -> Result<Option<ProviderTemplate>, ApiError> {
        let variables = self.content_variables;
        let Some(sid) = self.content_sid.filter(|sid| !sid.is_empty()) else {
            return if variables.is_some() { Err(ApiError::missing_field("content_sid")) } else { Ok(None) };
        };
        let is_hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !sid.strip_prefix("HX").is_some_and(is_hex) {
            return Err(ApiError::invalid_field("content_sid", "It must be HX and 32 hexadecimal digits"));
        }
        let variables = variables.unwrap_or_default();
        let fits = |(name, value): (&String, &String)| {
            (1..=LONGEST_NAME).contains(&name.chars().count()) && value.chars().count() <= LONGEST_TEXT
        };
        if variables.len() > MOST_VARIABLES || !variables.iter().all(fits) {
            let why = format!(
                "It must hold at most {MOST_VARIABLES} texts of at most {LONGEST_TEXT} characters, under names of at most \
                 {LONGEST_NAME}"
            );
            return Err(ApiError::invalid_field("content_variables", why));
        }
        Ok(Some(ProviderTemplate { sid, variables }))
    }
}

/// An address Twilio can fetch something from.
pub(crate) fn web_address(field: &str, url: String) -> Result<String, ApiError> {
    let fetchable = |uri: &Uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some();
    let parsed = url.parse::<Uri>().ok().filter(|uri| fetchable(uri) && url.len() <= LONGEST_URL);
    let why = || format!("It must be an http or https address of at most {LONGEST_URL} characters");
    parsed.map(|_| url).ok_or_else(|| ApiError::invalid_field(field, why()))
}

/// A sender as Twilio knows them: a number, a short code, or an alphanumeric sender id of up to 11 characters. Whether
/// it is ours only Twilio knows (21606).
fn sender(text: &str, name: &'static str) -> Result<String, ApiError> {
    let bare = text.trim().trim_start_matches("whatsapp:").replace([' ', '-', '(', ')', '.'], "");
    let digits = bare.trim_start_matches('+');
    let is_number = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = (1..=11).contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && bare.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_number || is_name {
        Ok(bare)
    } else {
        Err(ApiError::invalid_field(name, "It must be a phone number, a short code or a sender id"))
    }
}

/// Checks that a sender is one that requests may name.
pub(crate) fn listed_sender(app: &App, from: &str, field: &'static str) -> Result<String, ApiError> {
    if app.senders.admit(from) {
        return Ok(from.to_owned());
    }
    Err(ApiError::forbidden("This sender may not be used")
        .details("Leave it out to send from the configured one, or have it added to the allowed senders")
        .with("field", field)
        .with("reason", "sender_not_allowed"))
}

/// The task of one direct message.
pub(crate) fn task(
    caller: String,
    identity: Identity,
    channel: Channel,
    to: Address,
    from: Option<String>,
    content: Content,
    provider: ProviderName,
) -> Task {
    let part = Part {
        channel,
        to,
        address_source: AddressSource::Given,
        from,
        content,
        template: None,
        provider,
        choice: ProviderChoice::Fixed,
        asked: None,
    };
    let task = Task::new(identity.id, caller, Class::Transactional, Lane::Standard, vec![part]);
    Task { request_hash: identity.request_hash, ..task }
}

/// What an accepted direct send is answered with.
pub(crate) fn answer(channel: Channel) -> impl Fn(&Accepted) -> DirectResponse {
    move |accepted| {
        let first = accepted.messages.first();
        let id = first.map(|message| message.id.to_string()).unwrap_or_default();
        DirectResponse {
            success: true,
            task_id: id.clone(),
            message_id: id,
            // What it was when it was accepted: a repeated request gets the same answer.
            status: Status::Accepted,
            channel,
            segments: first.map_or(0, |message| message.segments),
            cost: total_cost(accepted).units(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, sender, web_address};

    #[test]
    fn senders_are_numbers_short_codes_or_names() {
        for text in ["+15005550006", "whatsapp:+14155238886", "(415) 555-2671", "72829", "Switchboard"] {
            assert!(sender(text, "from").is_ok(), "{text}");
        }
        for text in ["", "+", "12", "a name too long for it", "Switch&board", "+1234567890123456"] {
            assert!(sender(text, "from").is_err(), "{text}");
        }
    }

    #[test]
    fn media_are_web_addresses() {
        assert!(web_address("media_url", "https://example.com/image.jpg".to_owned()).is_ok());
        for url in ["", "image.jpg", "ftp://example.com/x", "https://", "javascript:alert(1)"] {
            assert!(web_address("media_url", url.to_owned()).is_err(), "{url}");
        }
    }

    #[test]
    fn a_template_has_its_sid_and_bounded_variables() {
        let read = |sid: Option<&str>, variables: Option<&[(&str, String)]>| {
            let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
            let variables = variables.map(|variables| variables.iter().map(owned).collect());
            Template { content_sid: sid.map(str::to_owned), content_variables: variables }.read()
        };
        let sid = format!("HX{}", "0a".repeat(16));
        assert_eq!(read(None, None).unwrap(), None);
        assert!(read(Some(&sid), Some(&[("1", "x".repeat(1600))])).unwrap().is_some());
        assert!(read(None, Some(&[])).is_err(), "variables of no template");
        for sid in ["HX1", "MG00000000000000000000000000000000", &format!("{sid}0"), &sid.replace('a', "g")] {
            assert!(read(Some(sid), None).is_err(), "{sid}");
        }
        assert!(read(Some(&sid), Some(&[("1", "x".repeat(1601))])).is_err());
        assert!(read(Some(&sid), Some(&[("", String::new())])).is_err());
    }
}
