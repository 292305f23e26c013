//! `POST /api/v2/communications/sms/bulk`: one text with variables to up to a hundred numbers.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::short_link::LinkForm;
use switchboard::message::template::{check_text, fill_text};
use switchboard::message::{Channel, Content};

use super::NAMES;
use crate::App;
use crate::direct::{Template, Text};
use crate::rendering::{Variables, refused};
use crate::sms::{BulkSmsResponse, each, within_bounds};
use crate::times::valid_until;

/// One text to many numbers.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct BulkRequest {
    /// The text, with the variables in double braces.
    #[schema(example = "Hello {{ name }}, your documents are due on {{ date }}.")]
    message: String,
    /// The names of variables whose values are secret, for example a password reset link. They are filled in only when the
    /// message is handed to its provider; what is stored and shown of it has placeholders in their places.
    #[schema(example = json!([]))]
    secret_variables: Option<Vec<String>>,
    /// 1 to 100 recipients.
    recipients: Vec<BulkRecipient>,
    /// Links in the text go out short, and count how often they are followed.
    shorten_links: Option<bool>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

/// One number, and what to fill in for it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct BulkRecipient {
    #[schema(example = "+14155552671")]
    to: String,
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"name": "Ada", "date": "Friday"}))]
    variables: Map<String, Value>,
}

const PATH: &str = "/api/v2/communications/sms/bulk";

/// Send an SMS with variables to many
///
/// Each number is accepted or refused by itself; one whose variables are missing is told which. Needs the scope
/// `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Communications v2", operation_id = "v2_sms_bulk",
    params(IdempotencyKey),
    request_body = BulkRequest,
    responses(
        (status = 200, description = "Worked through", body = BulkSmsResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    limit: RecipientLimit,
    key: IdempotencyKey,
    body: Body<BulkRequest>,
) -> Result<Response, ApiError> {
    let BulkRequest { message, secret_variables, recipients, shorten_links, expires_at } = body.value;
    within_bounds("recipients", recipients.len())?;
    limit.count(recipients.len()).await?;
    let valid_until = valid_until(&app, expires_at.as_deref(), None);
    check_text(&message).map_err(|error| ApiError::invalid_field("message", error.to_string()))?;
    let made = |BulkRecipient { to, variables }| {
        let variables = Variables::read("variables", variables, secret_variables.clone());
        (String::clone(&to), variables.and_then(|variables| text(&message, to, variables)))
    };
    let texts = recipients.into_iter().map(made).collect();
    each(
        &app,
        &caller,
        (PATH, &key, &body.canonical),
        texts,
        Channel::Sms,
        (valid_until, LinkForm::default().or(shorten_links)),
    )
    .await
}

fn text(message: &str, to: String, variables: Variables) -> Result<Text, ApiError> {
    let body = fill_text(message, &variables.data).map_err(|error| refused(error, "variables"))?;
    variables.check(&Content::text(&body))?;
    let (template, secrets) = (Template::default(), variables.secrets);
    Ok(Text { to, from: None, body, media: None, template, names: NAMES, secrets })
}
