//! `POST /api/v2/communications/templates/{name}/preview`: what somebody would get, and what it would cost.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body};
use switchboard::message::content::Script;
use switchboard::message::cost::PriceTable;
use switchboard::message::record::TemplateUse;
use switchboard::message::segments::{Segments, segments};
use switchboard::message::smart;
use switchboard::message::template::{Ask, Template, TemplateName};
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, Content, Locale, PhoneNumber};
use switchboard::provider::ProviderName;
use switchboard::road::templates::Rendered;

use super::{name, not_found};
use crate::App;
use crate::rendering::not_rendered;

/// For whom, and with what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    pub(super) channel: Channel,
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"service": "Cleaning", "date": "2026-05-05"}))]
    pub(super) data: Map<String, Value>,
    #[schema(example = "fr-CA")]
    pub(super) locale: Option<Locale>,
    /// The number it would go to, for its price.
    #[schema(example = "+14155552671")]
    pub(super) to: Option<String>,
    /// Or the country (ISO 3166 alpha-2); the deployment's own if both are absent.
    #[schema(example = "US")]
    pub(super) country: Option<String>,
    /// Whose variant of a split test: a user id or an address.
    pub(super) person_key: Option<String>,
    /// The version in force if absent; 0: the shipped one.
    pub(super) version: Option<u32>,
}

/// What it looks like.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewResponse {
    success: bool,
    /// Which name, version, language and variant it was made from.
    template: TemplateUse,
    consent_class: Class,
    channel: Channel,
    content: PreviewContent,
    /// SMS only.
    segments: Option<Segments>,
    /// Estimated, in units of `currency`.
    #[schema(example = 0.0083)]
    cost: f64,
    #[schema(example = "USD")]
    currency: String,
    /// The country it is priced for; absent for e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

/// The content, as far as its channel has it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct PreviewContent {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// What is spoken, and in which language.
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// WhatsApp: the approved template that is sent instead of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_variables: Option<BTreeMap<String, String>>,
}

/// Preview a template
///
/// Nothing is sent. Missing variables are refused as they would be at a send, and all named (`missing_variables`). Needs the scope
/// `communication:read`.
#[utoipa::path(
    post, path = "/api/v2/communications/templates/{name}/preview", tag = "Templates", operation_id = "preview_template",
    params(("name" = String, Path, description = "The template's name")),
    request_body = Preview,
    responses(
        (status = 200, description = "What it looks like", body = PreviewResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such template or version", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path(text): Path<String>,
    body: Body<Preview>,
) -> Result<Json<PreviewResponse>, ApiError> {
    let name = name(&text)?;
    let templates = &app.road.templates;
    let (version, template) = match body.value.version {
        Some(version) => (version, templates.version(&name, version).await?.ok_or_else(not_found)?),
        None => templates.current(&name).await?.ok_or_else(not_found)?,
    };
    show(&app, (&name, version, &template), &body.value).map(Json)
}

/// Renders a version and prices it.
pub(super) fn show(
    app: &App,
    (name, version, template): (&TemplateName, u32, &Template),
    request: &Preview,
) -> Result<PreviewResponse, ApiError> {
    let channel = request.channel;
    let country = country(app, request)?;
    let key = request.person_key.as_deref().or(request.to.as_deref()).unwrap_or_default();
    let templates = &app.road.templates;
    let default = &templates.default_locale;
    let ask = Ask { channel, wanted: request.locale.as_ref(), default, key, data: &request.data };
    let rendered = templates.render_version(name, version, template, &ask);
    let Rendered { mut content, template, class, .. } = rendered.map_err(|error| not_rendered(error, "data"))?;
    if let (Content::Text(text), Channel::Sms) = (&mut content, channel) {
        // As it goes out.
        text.body = smart::encoded(&text.body).into_owned();
    }
    let segments = match (&content, channel) {
        (Content::Text(text), Channel::Sms) => Some(segments(&text.body)),
        (Content::Text(_), Channel::Whatsapp | Channel::Email | Channel::Voice)
        | (Content::Email(_) | Content::Call(_), _) => None,
    };
    let provider = if channel == Channel::Email { ProviderName::Resend } else { ProviderName::Twilio };
    let count = segments.map_or(1, |segments| segments.count);
    let prices = PriceTable::shipped().ok_or_else(|| ApiError::internal("no price table"))?;
    Ok(PreviewResponse {
        success: true,
        template,
        consent_class: class,
        channel,
        content: shown(content),
        segments,
        cost: prices.cost_in(channel, provider, &country, count).units(),
        currency: prices.currency.clone(),
        country: Some(country).filter(|_| channel.is_telephone()),
    })
}

fn country(app: &App, request: &Preview) -> Result<String, ApiError> {
    if let Some(country) = &request.country {
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
        let invalid = || ApiError::invalid_field("country", "It must be a country's two letters (ISO 3166)");
        return is_country.then(|| country.to_ascii_uppercase()).ok_or_else(invalid);
    }
    let Some(to) = request.to.as_deref().filter(|_| request.channel.is_telephone()) else {
        return Ok(app.region.clone());
    };
    let number =
        PhoneNumber::parse(to, &app.region).map_err(|error| ApiError::invalid_field("to", format!("It is {error}")))?;
    Ok(number.country().unwrap_or_default())
}

fn shown(content: Content) -> PreviewContent {
    match content {
        Content::Text(text) => {
            let (sid, variables) = text.template.map(|template| (template.sid, template.variables)).unzip();
            PreviewContent {
                text: Some(text.body),
                content_sid: sid,
                content_variables: variables,
                ..Default::default()
            }
        }
        Content::Email(email) => {
            PreviewContent { subject: Some(email.subject), text: email.text, html: email.html, ..Default::default() }
        }
        Content::Call(call) => match call.script {
            Script::Say { text, language } => PreviewContent { voice: Some(text), language, ..Default::default() },
            Script::Url(url) => PreviewContent { voice: Some(url), ..Default::default() },
            Script::Menu => PreviewContent::default(),
        },
    }
}
