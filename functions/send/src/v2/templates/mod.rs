//! `/api/v2/communications/templates*`: templates, their versions, and what they look like filled in.

pub mod get;
pub mod list;
pub mod preview;
pub mod preview_draft;
pub mod put;
pub mod rollback;

use serde::Serialize;
use serde_json::{Map, Value};
use switchboard::http::{ApiError, Caller};
use switchboard::message::Trigger;
use switchboard::message::template::{Template, TemplateName, shipped};
use switchboard::message::trigger::Class;
use switchboard::store::catalog::templates::{Author, Change, Changed, Head};

use crate::App;

/// A version of a template and how it came to be in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemplateView {
    success: bool,
    name: TemplateName,
    /// The version that is shown; 0: the shipped one.
    version: u32,
    /// The version in force.
    current_version: u32,
    /// The highest stored version; all from 1 to it can be read and put back in force.
    latest_version: u32,
    /// Who made its first stored version; absent: none is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    /// Whether a template of this name ships with the product, as version 0.
    shipped: bool,
    trigger_type: Option<Trigger>,
    consent_class: Class,
    template: Template,
    /// The variables it may print or ask for.
    variables: Vec<String>,
    /// The variables without which some channel or language of it cannot be rendered.
    required_variables: Vec<String>,
    /// Data a trigger's template is typically filled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    example: Option<&'static Map<String, Value>>,
    /// The latest 50 changes, newest first.
    history: Vec<Change>,
}

impl TemplateView {
    fn new(name: TemplateName, version: u32, template: Template, head: Option<Head>) -> Self {
        let trigger = name.trigger();
        let class = trigger.map(Trigger::class).or(template.class).unwrap_or(Class::Transactional);
        Self {
            success: true,
            version,
            current_version: head.as_ref().map_or(0, |head| head.version),
            latest_version: head.as_ref().map_or(0, |head| head.latest),
            created_by: head.as_ref().map(|head| head.maker.clone()),
            shipped: shipped::template(&name).is_some(),
            trigger_type: trigger,
            consent_class: class,
            variables: template.variables().into_iter().collect(),
            required_variables: template.required_variables().into_iter().collect(),
            example: shipped::example(&name),
            history: head.map(|head| head.history).unwrap_or_default(),
            template,
            name,
        }
    }
}

/// The longest note on a change.
const LONGEST_NOTE: usize = 200;

/// A name from a path. One that can be none is of no template.
fn name(text: &str) -> Result<TemplateName, ApiError> {
    text.parse().map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::not_found("Template not found")
}

/// Who changes a template, and on which condition.
fn author(app: &App, caller: Caller, note: Option<String>, expected: Option<u32>) -> Result<Author, ApiError> {
    let fits = |note: &str| note.chars().count() <= LONGEST_NOTE && !note.chars().any(char::is_control);
    if note.as_deref().is_some_and(|note| !fits(note)) {
        return Err(ApiError::invalid_field(
            "note",
            format!("It must be one line of at most {LONGEST_NOTE} characters"),
        ));
    }
    Ok(Author { by: caller.subject, at: app.road.clock.now(), note, expected })
}

/// The head after a change, or that it was not made.
fn head(app: &App, name: &TemplateName, changed: Changed) -> Result<Head, ApiError> {
    match changed {
        Changed::Done(head) => {
            app.road.templates.forget(name);
            Ok(head)
        }
        Changed::Conflict(version) => Err(ApiError::conflict("Another version is in force")
            .details("Read the template again and decide anew; nothing was changed")
            .with("current_version", version)),
    }
}

/// What is wrong with a template, in the place it was sent in.
fn check(template: &Template) -> Result<(), ApiError> {
    let faults = template.faults();
    let Some(first) = faults.first() else { return Ok(()) };
    let all: Vec<Value> = faults
        .iter()
        .take(20)
        .map(|fault| {
            Value::from(Map::from_iter([
                ("field".to_owned(), Value::from(format!("template.{}", fault.field))),
                ("details".to_owned(), Value::from(fault.why.clone())),
            ]))
        })
        .collect();
    Err(ApiError::invalid_field(&format!("template.{}", first.field), first.why.clone()).with("faults", all))
}
