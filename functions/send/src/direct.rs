//! Sends to an address, without a trigger, whatever the surface: what makes a text or an e-mail sendable, and what is
//! answered. They are transactional: the address's owner may have opted out, and then nothing is sent.

use http::Uri;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::record::ProviderChoice;
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Lane, PhoneNumber, Status, content};
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
    pub(crate) names: Names,
}

/// Twilio refuses longer texts with 21617.
const LONGEST_TEXT: usize = 1600;
/// The longest address of a medium.
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
        let from = self.from.map(|from| sender(&from, self.names.from)).transpose()?;
        let media = self.media.map(media).transpose()?;
        if self.body.trim().is_empty() && media.is_none() {
            return Err(ApiError::missing_field(self.names.body));
        }
        if self.body.chars().count() > LONGEST_TEXT {
            let why = format!("It must be at most {LONGEST_TEXT} characters");
            return Err(ApiError::invalid_field(self.names.body, why));
        }
        let content =
            Content::Text(content::Text { body: self.body, media: media.into_iter().collect(), template: None });
        Ok(task(caller, identity, channel, Address::Phone(to), from, content, ProviderName::Twilio))
    }
}

/// A medium Twilio can fetch.
fn media(url: String) -> Result<String, ApiError> {
    let fetchable = |uri: &Uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some();
    let parsed = url.parse::<Uri>().ok().filter(|uri| fetchable(uri) && url.len() <= LONGEST_URL);
    parsed.map(|_| url).ok_or_else(|| ApiError::invalid_field("media_url", "It must be an http or https address"))
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
    let part =
        Part { channel, to, from, content, template: None, provider, choice: ProviderChoice::Fixed, asked: None };
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
    use super::{media, sender};

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
        assert!(media("https://example.com/image.jpg".to_owned()).is_ok());
        for url in ["", "image.jpg", "ftp://example.com/x", "https://", "javascript:alert(1)"] {
            assert!(media(url.to_owned()).is_err(), "{url}");
        }
    }
}
