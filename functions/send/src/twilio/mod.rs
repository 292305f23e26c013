//! `/api/v1/twilio/*`: direct sends to an address, without a trigger. They are transactional: the address's owner may
//! have opted out, and then nothing is sent.

pub mod send_email;
pub mod send_sms;
pub mod send_whatsapp;

use serde::{Deserialize, Serialize};
use switchboard::http::{ApiError, Caller};
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Lane, PhoneNumber, Status};
use switchboard::provider::ProviderName;
use switchboard::road::{Accepted, Part, Task};

use crate::App;
use crate::accept::{Identity, total_cost};

/// A text to a phone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TextRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    /// The sender: a number or sender id of ours; the configured one if absent.
    #[schema(example = "+15005550006")]
    from: Option<String>,
    #[schema(example = "Hello from Twilio!")]
    body: String,
}

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

/// Twilio refuses longer texts with 21617.
const LONGEST_TEXT: usize = 1600;

/// The task of a direct text.
fn text_task(
    app: &App,
    caller: Caller,
    identity: Identity,
    channel: Channel,
    request: TextRequest,
) -> Result<Task, ApiError> {
    let to = PhoneNumber::parse(&request.to, &app.region)
        .map_err(|error| ApiError::invalid_field("to", format!("It is {error}")))?;
    let from = request.from.map(sender).transpose()?;
    if request.body.trim().is_empty() {
        return Err(ApiError::missing_field("body"));
    }
    if request.body.chars().count() > LONGEST_TEXT {
        return Err(ApiError::invalid_field("body", format!("It must be at most {LONGEST_TEXT} characters")));
    }
    let content = Content::Text { body: request.body, media: Vec::new() };
    Ok(direct(caller, identity, channel, Address::Phone(to), from, content, ProviderName::Twilio))
}

/// A sender as Twilio knows them: a number, a short code, or an alphanumeric sender id of up to 11 characters. Whether
/// it is ours only Twilio knows (21606).
fn sender(text: String) -> Result<String, ApiError> {
    let bare = text.trim().trim_start_matches("whatsapp:").replace([' ', '-', '(', ')', '.'], "");
    let digits = bare.trim_start_matches('+');
    let number = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let name = (1..=11).contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && bare.bytes().any(|byte| byte.is_ascii_alphabetic());
    if number || name {
        Ok(bare)
    } else {
        Err(ApiError::invalid_field("from", "It must be a phone number, a short code or a sender id"))
    }
}

fn direct(
    caller: Caller,
    identity: Identity,
    channel: Channel,
    to: Address,
    from: Option<String>,
    content: Content,
    provider: ProviderName,
) -> Task {
    Task {
        id: identity.id,
        request_hash: identity.request_hash,
        caller: caller.subject,
        person: None,
        scheduled: None,
        lane: Lane::Standard,
        class: Class::Transactional,
        trigger: None,
        parts: vec![Part { channel, to, from, content, template: None, provider }],
    }
}

fn answer(channel: Channel) -> impl Fn(&Accepted) -> DirectResponse {
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
            cost: total_cost(accepted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sender;

    #[test]
    fn senders_are_numbers_short_codes_or_names() {
        for text in ["+15005550006", "whatsapp:+14155238886", "(415) 555-2671", "72829", "Switchboard"] {
            assert!(sender(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "+", "12", "a name too long for it", "Switch&board", "+1234567890123456"] {
            assert!(sender(text.to_owned()).is_err(), "{text}");
        }
    }
}
