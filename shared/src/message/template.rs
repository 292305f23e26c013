//! Templates: a trigger's data to content, one text per channel, with a real template engine.
//!
//! A shipped template file has three parts: `text` (SMS and WhatsApp), `subject` and `email`. A variable that is printed
//! but not given is an error that names it; one that is only asked for (`{% if … %}`) may be missing. The HTML form of an
//! e-mail is rendered from the same source with every variable escaped.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use super::content::{Call, Email, MachineDetection, Script};
use super::record::TemplateUse;
use super::{Channel, Content, Trigger};

/// The locale and version of the shipped templates.
const SHIPPED_LOCALE: &str = "en";
const SHIPPED_VERSION: u32 = 1;

/// How many instructions a template may take: clients write templates too, and nested loops must end.
const MOST_WORK: u64 = 50_000;

/// Why a template gave no content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template prints this variable and the data does not have it.
    #[error("missing variable: {0}")]
    MissingVariable(String),
    #[error("the template cannot be rendered: {0}")]
    Broken(String),
}

/// Content rendered from a trigger's template, and which template that was.
#[derive(Debug)]
pub struct Rendered {
    pub content: Content,
    pub template: TemplateUse,
}

/// Renders a trigger's template for a channel.
pub fn render(trigger: Trigger, channel: Channel, data: &Map<String, Value>) -> Result<Rendered, TemplateError> {
    let source = Source::parse(shipped(trigger));
    let content = match channel {
        Channel::Sms | Channel::Whatsapp => Content::text(fill(source.text, data, AutoEscape::None)?),
        Channel::Voice => Content::Call(Call {
            script: Script::Say { text: fill(source.text, data, AutoEscape::None)?, language: None },
            machine: MachineDetection::Off,
        }),
        Channel::Email => Content::Email(Email {
            subject: one_line(&fill(source.subject, data, AutoEscape::None)?),
            text: Some(fill(source.email, data, AutoEscape::None)?),
            html: Some(page(&fill(source.email, data, AutoEscape::Html)?)),
            ..Email::default()
        }),
    };
    let template = TemplateUse {
        name: trigger.as_str().to_owned(),
        version: SHIPPED_VERSION,
        locale: SHIPPED_LOCALE.to_owned(),
        variant: None,
    };
    Ok(Rendered { content, template })
}

/// Fills a text a client sent with variables (`Hello {{ name }}`).
pub fn fill_text(source: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
    fill(source, variables, AutoEscape::None)
}

/// Whether a text is a template at all: what is wrong with it, if anything is.
pub fn check_text(source: &str) -> Result<(), TemplateError> {
    let broken = |error: minijinja::Error| TemplateError::Broken(error.to_string());
    Environment::empty().template_from_str(source).map(|_| ()).map_err(broken)
}

/// The three parts of a template file.
struct Source<'a> {
    text: &'a str,
    subject: &'a str,
    email: &'a str,
}

impl<'a> Source<'a> {
    fn parse(file: &'a str) -> Self {
        let part = |name: &str| {
            let rest = file.split_once(&format!("--- {name}\n")).map_or("", |(_, rest)| rest);
            rest.split_once("\n--- ").map_or(rest, |(part, _)| part).trim_end()
        };
        Self { text: part("text"), subject: part("subject"), email: part("email") }
    }
}

fn fill(source: &str, data: &Map<String, Value>, escape: AutoEscape) -> Result<String, TemplateError> {
    let mut engine = Environment::empty();
    engine.set_fuel(Some(MOST_WORK));
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_auto_escape_callback(move |_| escape.clone());
    engine.render_str(source, context(data)).map_err(|error| {
        missing_variable(&engine, source, data)
            .map_or_else(|| TemplateError::Broken(error.to_string()), TemplateError::MissingVariable)
    })
}

fn context(data: &Map<String, Value>) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(data))
}

/// The variable without which the template does not render, all others given. Asked only after a failure.
fn missing_variable(engine: &Environment<'_>, source: &str, data: &Map<String, Value>) -> Option<String> {
    let template = engine.template_from_str(source).ok()?;
    let mut missing: Vec<String> =
        template.undeclared_variables(false).into_iter().filter(|name| !data.contains_key(name)).collect();
    missing.sort();
    missing
        .iter()
        .find(|name| {
            let mut others = data.clone();
            others.extend(missing.iter().filter(|other| other != name).map(|other| (other.clone(), Value::from("x"))));
            template.render(context(&others)).is_err()
        })
        .cloned()
}

/// A subject is one line: a line break in a variable must not start another header.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The HTML form of an e-mail: its paragraphs on a plain page.
fn page(escaped: &str) -> String {
    let paragraphs: String = escaped
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| format!("<p>{}</p>", paragraph.replace('\n', "<br>")))
        .collect();
    format!(
        "<!doctype html><html lang=\"{SHIPPED_LOCALE}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         </head><body style=\"font-family:system-ui,sans-serif;line-height:1.5;max-width:36rem;margin:2rem auto;padding:0 1rem\">{paragraphs}</body></html>"
    )
}

fn shipped(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::FinancialAlert => include_str!("templates/en/financial_alert.txt"),
        Trigger::PaymentReminder => include_str!("templates/en/payment_reminder.txt"),
        Trigger::WeeklyCheckin => include_str!("templates/en/weekly_checkin.txt"),
        Trigger::MonthlyReport => include_str!("templates/en/monthly_report.txt"),
        Trigger::CareerInsight => include_str!("templates/en/career_insight.txt"),
        Trigger::EducationalContent => include_str!("templates/en/educational_content.txt"),
        Trigger::BookingConfirmation => include_str!("templates/en/booking_confirmation.txt"),
        Trigger::BookingReminder => include_str!("templates/en/booking_reminder.txt"),
        Trigger::BookingStatusUpdate => include_str!("templates/en/booking_status_update.txt"),
        Trigger::ProviderNotification => include_str!("templates/en/provider_notification.txt"),
        Trigger::PaymentConfirmation => include_str!("templates/en/payment_confirmation.txt"),
        Trigger::PaymentFailure => include_str!("templates/en/payment_failure.txt"),
        Trigger::RefundNotification => include_str!("templates/en/refund_notification.txt"),
        Trigger::SecurityAlert => include_str!("templates/en/security_alert.txt"),
        Trigger::WorkflowApproval => include_str!("templates/en/workflow_approval.txt"),
        Trigger::TaskAssignment => include_str!("templates/en/task_assignment.txt"),
        Trigger::InspectionReminder => include_str!("templates/en/inspection_reminder.txt"),
        Trigger::EmergencyNotification => include_str!("templates/en/emergency_notification.txt"),
        Trigger::UserInvitation => include_str!("templates/en/user_invitation.txt"),
        Trigger::ApplicationStatusUpdate => include_str!("templates/en/application_status_update.txt"),
        Trigger::DocumentRequest => include_str!("templates/en/document_request.txt"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strum::IntoEnumIterator;

    use super::*;

    fn data(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn every_trigger_has_every_part_and_renders_without_data() {
        for trigger in Trigger::iter() {
            let source = Source::parse(shipped(trigger));
            assert!(![source.text, source.subject, source.email].contains(&""), "{trigger}");
            for channel in [Channel::Sms, Channel::Whatsapp, Channel::Email, Channel::Voice] {
                render(trigger, channel, &Map::new()).unwrap_or_else(|error| panic!("{trigger} on {channel}: {error}"));
            }
        }
    }

    #[test]
    fn data_is_filled_in() {
        let data = data(json!({"amount": 100.50, "account": "checking", "threshold": 200.00}));
        let rendered = render(Trigger::FinancialAlert, Channel::Sms, &data).unwrap();
        let expected =
            "Financial alert for your checking account: amount 100.5, threshold 200.0. Please review your account.";
        assert_eq!(rendered.content, Content::text(expected));
    }

    #[test]
    fn html_is_escaped_and_a_subject_stays_one_line() {
        let data = data(json!({"title": "<b>\r\nBcc: x@y.example", "summary": "1 < 2"}));
        let Content::Email(Email { subject, text, html, .. }) =
            render(Trigger::CareerInsight, Channel::Email, &data).unwrap().content
        else {
            panic!("an e-mail has e-mail content");
        };
        assert_eq!(subject, "<b> Bcc: x@y.example");
        assert!(text.unwrap().contains("1 < 2"));
        assert!(html.unwrap().contains("1 &lt; 2"));
    }

    #[test]
    fn a_printed_variable_that_is_missing_is_named() {
        let error = fill("Hi {{ name }}, {% if city %}in {{ city }}{% endif %}", &Map::new(), AutoEscape::None);
        assert_eq!(error, Err(TemplateError::MissingVariable("name".to_owned())));
    }

    #[test]
    fn a_template_that_never_ends_is_ended() {
        let data = data(json!({"x": vec![0; 100]}));
        let loops = "{% for a in x %}{% for b in x %}{% for c in x %}{{ c }}{% endfor %}{% endfor %}{% endfor %}";
        assert!(matches!(fill_text(loops, &data), Err(TemplateError::Broken(_))));
        assert!(check_text("Hello {{ name").is_err());
        assert_eq!(
            fill_text("Hello {{ name }}", &data).unwrap_err(),
            TemplateError::MissingVariable("name".to_owned())
        );
    }
}
