//! `POST /api/v1/twilio/send-email`: an e-mail to an address, through SendGrid.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::content::Email;
use switchboard::message::{Address, Channel, Content, EmailAddress};
use switchboard::provider::ProviderName;
use switchboard::road::Task;

use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, answer, task};

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
}

/// The longest subject line (RFC 5322 §2.1.1).
const LONGEST_SUBJECT: usize = 998;

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
    let task = read(caller, identity, body.value)?;
    accept(&app, task, answer(Channel::Email)).await
}

fn read(caller: Caller, identity: Identity, request: EmailRequest) -> Result<Task, ApiError> {
    let address = |field: &str, text: &str| {
        EmailAddress::parse(text).map_err(|error| ApiError::invalid_field(field, format!("It is {error}")))
    };
    let to = address("to", &request.to)?;
    let from = request.from.map(|from| address("from", &from)).transpose()?.map(|from| from.as_str().to_owned());
    if request.subject.trim().is_empty() {
        return Err(ApiError::missing_field("subject"));
    }
    if request.subject.chars().any(char::is_control) || request.subject.chars().count() > LONGEST_SUBJECT {
        return Err(ApiError::invalid_field(
            "subject",
            format!("It must be one line of at most {LONGEST_SUBJECT} characters"),
        ));
    }
    let given = |body: Option<String>| body.filter(|body| !body.trim().is_empty());
    let (text, html) = (given(request.text), given(request.html));
    if text.is_none() && html.is_none() {
        return Err(ApiError::missing_field("text").details("An e-mail needs text, html or both"));
    }
    let content = Content::Email(Email { subject: request.subject, text, html, ..Email::default() });
    Ok(task(caller.subject, identity, Channel::Email, Address::Email(to), from, content, ProviderName::Sendgrid))
}
