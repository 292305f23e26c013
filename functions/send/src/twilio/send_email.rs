//! `POST /api/v1/twilio/send-email`: an e-mail to an address, through SendGrid while it does well.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::content::Email;
use switchboard::message::record::ProviderChoice;
use switchboard::message::{Address, Channel, Content};
use switchboard::provider::ProviderName;
use switchboard::road::Task;

use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, answer, listed_sender, task};
use crate::email::{address, bodies, choice, subject};
use crate::times::valid_until;

/// An e-mail.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct EmailRequest {
    #[schema(example = "recipient@example.com")]
    to: String,
    /// The sender; the configured one if absent.
    #[schema(example = "sender@example.com")]
    from: Option<String>,
    #[schema(example = "Test Email")]
    subject: String,
    /// The plain-text body. At least one of `text` and `html` is needed.
    #[schema(example = "Hello from SendGrid!")]
    text: Option<String>,
    #[schema(example = "<h1>Hello from SendGrid!</h1>")]
    html: Option<String>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

/// Send an e-mail
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/send-email", tag = "Direct", operation_id = "send_email",
    params(IdempotencyKey),
    request_body = EmailRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<EmailRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, "send-email", &key, &body.canonical);
    let task = valid_until(&app, body.value.expires_at.as_deref(), None)
        .and_then(|valid_until| Ok(Task { valid_until, ..read(&app, caller, identity.clone(), body.value)? }));
    accept_read(&app, identity, task, answer(Channel::Email)).await
}

fn read(app: &App, caller: Caller, identity: Identity, request: EmailRequest) -> Result<Task, ApiError> {
    let to = Address::Email(address("to", &request.to)?);
    let from = request.from.map(|from| listed_sender(app, address("from", &from)?.as_str(), "from")).transpose()?;
    let subject = subject(request.subject)?;
    let (text, html) = bodies(request.text, request.html)?;
    let content = Content::Email(Email { subject, text, html, ..Email::default() });
    let choice = choice(from.as_deref(), ProviderChoice::Preferred);
    let mut task = task(caller.subject, identity, Channel::Email, to, from, content, ProviderName::Sendgrid);
    for part in &mut task.parts {
        part.choice = choice;
    }
    Ok(task)
}
