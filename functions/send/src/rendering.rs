//! Templates at accept: what a template needs and was not given is refused before anything is stored.

use serde_json::{Map, Value};
use switchboard::http::{ApiError, Caller, Scope};
use switchboard::message::secrets::{InvalidSecret, MessageSecrets};
use switchboard::message::template::{TemplateError, TemplateName};
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, Content, Locale};
use switchboard::road::RenderError;
use switchboard::road::templates::Rendered;

use crate::App;

/// What a request fills into a template; the values of its secret variables are kept apart, and placeholders stand in their
/// places.
#[derive(Debug)]
pub(crate) struct Variables {
    /// What the request calls them.
    field: &'static str,
    pub(crate) data: Map<String, Value>,
    pub(crate) secrets: MessageSecrets,
}

impl Variables {
    /// Reads the request's variables, of which those under `secret_variables` are secret.
    pub(crate) fn read(
        field: &'static str,
        mut data: Map<String, Value>,
        secret_variables: Option<Vec<String>>,
    ) -> Result<Self, ApiError> {
        let names = secret_variables.unwrap_or_default();
        let secrets = MessageSecrets::take_from(&mut data, &names).map_err(|error| not_secret(&error))?;
        Ok(Self { field, data, secrets })
    }

    /// Checks that a content made with them prints the secret ones whole.
    pub(crate) fn check(&self, content: &Content) -> Result<(), ApiError> {
        self.secrets.check(content).map_err(|error| not_secret(&error))
    }
}

fn not_secret(error: &InvalidSecret) -> ApiError {
    match error {
        InvalidSecret::NoRandom => ApiError::internal("no random number"),
        InvalidSecret::TooMany
        | InvalidSecret::NotGiven(_)
        | InvalidSecret::NotText(_)
        | InvalidSecret::BadName(_)
        | InvalidSecret::Altered(_) => ApiError::invalid_field("secret_variables", sentence(error)),
    }
}

/// Renders the template in force. A security message goes to people who said no: what it says is the template's, unless the
/// caller may send urgent messages.
pub(crate) async fn render(
    app: &App,
    caller: &Caller,
    name: &TemplateName,
    channel: Channel,
    locale: Option<&Locale>,
    key: &str,
    variables: &Variables,
) -> Result<Rendered, ApiError> {
    let rendered = app.road.templates.render(name, channel, locale, key, &variables.data).await;
    let rendered = rendered.map_err(|error| not_rendered(error, variables.field))?;
    variables.check(&rendered.content)?;
    if rendered.class == Class::Security && rendered.is_free_text {
        require_urgent(caller)?;
    }
    Ok(rendered)
}

/// Checks that a caller may send free text with the class `security`.
pub(crate) fn require_urgent(caller: &Caller) -> Result<(), ApiError> {
    caller.require(Scope::SendUrgent).map_err(|refused| refused.with("reason", "urgent_scope_required"))
}

/// The refusal of what could not be rendered.
pub(crate) fn not_rendered(error: RenderError, field: &str) -> ApiError {
    match error {
        RenderError::NoSuchTemplate(name) => no_such_template(&name),
        RenderError::Template(error) => refused(error, field),
        RenderError::Store(error) => error.into(),
    }
}

pub(crate) fn no_such_template(name: &TemplateName) -> ApiError {
    ApiError::not_found(format!("Unknown template: {name}")).with("field", "template")
}

/// The refusal of what a template and its data do not give.
pub(crate) fn refused(error: TemplateError, field: &str) -> ApiError {
    match error {
        TemplateError::MissingVariables(names) => {
            let first = names.first().map_or("", String::as_str);
            ApiError::missing_field(&format!("{field}.{first}")).with("missing_variables", names)
        }
        TemplateError::Broken(why) => ApiError::invalid_field(field, why),
        error @ TemplateError::TooLong { .. } => ApiError::invalid_field(field, sentence(&error)),
        error @ TemplateError::NoContent(_) => ApiError::invalid_field("channel", sentence(&error)),
    }
}

fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// What the request calls a part of a template.
pub(crate) fn field(path: &str, channel: Channel) -> &'static str {
    match (path.rsplit('.').next().unwrap_or_default(), channel) {
        ("subject", _) => "subject",
        ("html", _) => "html",
        (_, Channel::Email) => "text",
        (_, Channel::Sms | Channel::Whatsapp | Channel::Voice) => "message",
    }
}
