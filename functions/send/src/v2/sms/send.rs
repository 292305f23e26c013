//! `POST /api/v2/communications/sms`: an SMS to a number, in the client's words or a template's.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::template::{TemplateName, check_text, fill_text};
use switchboard::message::{Channel, Content, Locale, PhoneNumber, Trigger};
use switchboard::road::templates::Rendered;
use switchboard::road::{Part, Task};

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, Template, Text, answer};
use crate::rendering::{Variables, refused, render};
use crate::times::{Times, times};

/// A text to a number. Either `message` or `template` says what is sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct V2SmsRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    /// The text; with `variables`, they stand in it in double braces.
    #[schema(example = "Your application was approved.")]
    message: Option<String>,
    /// A template's name, instead of a text.
    #[schema(value_type = Option<String>)]
    template: Option<TemplateName>,
    /// What is filled in.
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// The names of variables whose values are secret, for example a password reset link. They are filled in only when the
    /// message is handed to its provider; what is stored and shown of it has placeholders in their places.
    #[schema(example = json!([]))]
    secret_variables: Option<Vec<String>>,
    /// The language of the template (BCP 47); the deployment's default if absent.
    #[schema(value_type = Option<String>)]
    locale: Option<Locale>,
    /// Links in the text go out short, and count how often they are followed; as the template says if absent.
    shorten_links: Option<bool>,
    /// When to send it (ISO 8601); at once if absent.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: Option<String>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

const PATH: &str = "/api/v2/communications/sms";

/// Send an SMS
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Communications v2", operation_id = "v2_sms",
    params(IdempotencyKey),
    request_body = V2SmsRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        (status = 404, description = "No such template", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<V2SmsRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let task = read(&app, caller, identity.clone(), body.value).await;
    accept_read(&app, identity, task, answer(Channel::Sms)).await
}

async fn read(app: &App, caller: Caller, identity: Identity, request: V2SmsRequest) -> Result<Task, ApiError> {
    let V2SmsRequest {
        to,
        message,
        template,
        variables,
        secret_variables,
        locale,
        shorten_links,
        scheduled_time,
        expires_at,
    } = request;
    let has_variables = variables.is_some();
    let variables = Variables::read("variables", variables.unwrap_or_default(), secret_variables)?;
    let Times { scheduled, valid_until } = times(app, scheduled_time.as_deref(), expires_at.as_deref())?;
    let task = match (message, template) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid_field("template", "Either message or template says what is sent"));
        }
        (message, None) => {
            let message = message.unwrap_or_default();
            let body = if has_variables { filled(&message, &variables)? } else { message };
            let (template, secrets) = (Template::default(), variables.secrets);
            let text = Text { to, from: None, body, media: None, template, names: NAMES, secrets };
            text.task(app, caller.subject, identity, Channel::Sms)?
        }
        (None, Some(name)) => templated(app, caller, identity, to, &name, locale, variables).await?,
    };
    Ok(Task { scheduled, valid_until, link_form: task.link_form.or(shorten_links), ..task })
}

/// A text with its variables filled in.
fn filled(message: &str, variables: &Variables) -> Result<String, ApiError> {
    check_text(message).map_err(|error| ApiError::invalid_field("message", error.to_string()))?;
    let body = fill_text(message, &variables.data).map_err(|error| refused(error, "variables"))?;
    variables.check(&Content::text(&body))?;
    Ok(body)
}

async fn templated(
    app: &App,
    caller: Caller,
    identity: Identity,
    to: String,
    name: &TemplateName,
    locale: Option<Locale>,
    variables: Variables,
) -> Result<Task, ApiError> {
    // In one spelling, so that a person's variant of a split test does not depend on it.
    let number = PhoneNumber::parse(&to, &app.region)
        .map_err(|error| ApiError::invalid_field("to", format!("It is {error}")))?;
    let rendered = render(app, &caller, name, Channel::Sms, locale.as_ref(), number.as_str(), &variables).await?;
    let Rendered { content, template, class, link_form, .. } = rendered;
    let Content::Text(text) = content else { return Err(ApiError::internal("an SMS has a text")) };
    let secrets = variables.secrets;
    let text =
        Text { to, from: None, body: text.body, media: None, template: Template::default(), names: NAMES, secrets };
    let mut task = text.task(app, caller.subject, identity, Channel::Sms)?;
    task.parts = task.parts.into_iter().map(|part| Part { template: Some(template.clone()), ..part }).collect();
    let trigger = name.trigger();
    let lane = trigger.map_or(task.lane, |trigger: Trigger| trigger.default_priority().lane());
    Ok(Task { class, trigger, lane, link_form, ..task })
}
