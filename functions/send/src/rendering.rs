//! Templates at accept: what a template needs and was not given is refused before anything is stored.

use serde_json::{Map, Value};
use switchboard::http::ApiError;
use switchboard::message::template::{TemplateError, TemplateName};
use switchboard::message::{Channel, Locale};
use switchboard::road::RenderError;
use switchboard::road::templates::Rendered;

use crate::App;

/// Renders the template in force; `data` comes with the name of the field it stood in.
pub(crate) async fn render(
    app: &App,
    name: &TemplateName,
    channel: Channel,
    locale: Option<&Locale>,
    key: &str,
    (field, data): (&str, &Map<String, Value>),
) -> Result<Rendered, ApiError> {
    let rendered = app.road.templates.render(name, channel, locale, key, data).await;
    rendered.map_err(|error| not_rendered(error, field))
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

fn sentence(error: &TemplateError) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
