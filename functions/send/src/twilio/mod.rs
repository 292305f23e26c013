//! `/api/v1/twilio/*`: direct sends to an address, without a trigger. They are transactional: the address's owner may
//! have opted out, and then nothing is sent.

pub mod send_email;
pub mod send_sms;
pub mod send_whatsapp;
pub mod sms_status;

use serde::Deserialize;
use switchboard::http::{ApiError, Caller};
use switchboard::message::Channel;
use switchboard::road::Task;

use crate::App;
use crate::accept::Identity;
use crate::direct::{Names, Text};

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

const NAMES: Names = Names { to: "to", from: "from", body: "body" };

/// The task of a direct text.
fn text_task(
    app: &App,
    caller: Caller,
    identity: Identity,
    channel: Channel,
    request: TextRequest,
) -> Result<Task, ApiError> {
    let text = Text { to: request.to, from: request.from, body: request.body, media: None, names: NAMES };
    text.task(app, caller.subject, identity, channel)
}
