//! What a job's request says: its wording, its class, its times.

use jiff::Timestamp;
use switchboard::http::{ApiError, Caller};
use switchboard::job::{Spec, Wording};
use switchboard::message::secrets::{InvalidSecret, MAX_SECRETS};
use switchboard::message::template::{Parts, Template, TemplateName, shipped};
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, Locale, Trigger};

use super::create::JobRequest;
use crate::App;
use crate::rendering::{field, no_such_template, require_urgent};
use crate::times::instant;

/// Reads what every row says.
pub(super) async fn read(app: &App, caller: &Caller, request: &JobRequest, now: Timestamp) -> Result<Spec, ApiError> {
    let channel = channel(&request.channel)?;
    let (wording, class) = match name(request)? {
        Some(name) => named(app, request, name, channel).await?,
        None => own(request, channel)?,
    };
    // To many at once, and past everybody's no: whatever words it has.
    if class == Class::Security {
        require_urgent(caller)?;
    }
    let time = |field, text: &Option<String>| text.as_deref().map(|text| instant(field, text, now)).transpose();
    let scheduled = time("scheduled_time", &request.scheduled_time)?.filter(|at| *at > now);
    let valid_until = time("expires_at", &request.expires_at)?;
    if valid_until.is_some_and(|until| until <= scheduled.unwrap_or(now)) {
        return Err(ApiError::invalid_field("expires_at", "It must be later than the job begins"));
    }
    let secret_variables = request.secret_variables.clone().unwrap_or_default();
    if secret_variables.len() > MAX_SECRETS {
        return Err(ApiError::invalid_field("secret_variables", InvalidSecret::TooMany.to_string()));
    }
    Ok(Spec { channel, class, wording, secret_variables, scheduled, valid_until })
}

fn channel(text: &str) -> Result<Channel, ApiError> {
    let invalid = || ApiError::invalid_field("channel", "It must be sms, whatsapp or email");
    match text.parse().map_err(|_| invalid())? {
        channel @ (Channel::Sms | Channel::Whatsapp | Channel::Email) => Ok(channel),
        Channel::Voice => Err(invalid()),
    }
}

/// The template the request names, itself or by a trigger type.
fn name(request: &JobRequest) -> Result<Option<TemplateName>, ApiError> {
    let Some(text) = &request.trigger_type else { return Ok(request.template.clone()) };
    if request.template.is_some() {
        return Err(ApiError::invalid_field("template", "Either template or trigger_type says what is sent"));
    }
    let trigger: Trigger = text
        .parse()
        .map_err(|_| ApiError::bad_request(format!("Invalid trigger type: {text}")).with("field", "trigger_type"))?;
    Ok(Some(trigger.into()))
}

/// The words of a template, whose class is its own.
async fn named(
    app: &App,
    request: &JobRequest,
    name: TemplateName,
    channel: Channel,
) -> Result<(Wording, Class), ApiError> {
    let JobRequest { message, subject, text, html, class, .. } = request;
    unwanted(
        &[("message", message), ("subject", subject), ("text", text), ("html", html)],
        "A template has words of its own",
    )?;
    unwanted(&[("class", class)], "A template has a class of its own")?;
    let locale: Option<Locale> = request.locale.clone();
    let (_, template) = app.road.templates.current(&name).await?.ok_or_else(|| no_such_template(&name))?;
    let shipped = shipped::template(&name);
    if !template.channels().contains(&channel) && !shipped.is_some_and(|shipped| shipped.channels().contains(&channel))
    {
        return Err(ApiError::invalid_field("channel", format!("The template {name} has nothing for it")));
    }
    let class = name.trigger().map(Trigger::class).or(template.class).unwrap_or(Class::Transactional);
    Ok((Wording::Named { name, locale }, class))
}

/// The job's own words. Bulk mail is marketing, which needs an opt-in, unless its client says that it is about something the
/// recipients do with them.
fn own(request: &JobRequest, channel: Channel) -> Result<(Wording, Class), ApiError> {
    let JobRequest { message, subject, text, html, .. } = request;
    let class = match request.class.as_deref() {
        None | Some("marketing") => Class::Marketing,
        Some("transactional") => Class::Transactional,
        Some("security") => Class::Security,
        Some(_) => return Err(ApiError::invalid_field("class", "It must be marketing, transactional or security")),
    };
    if request.locale.is_some() {
        return Err(ApiError::invalid_field("locale", "It is the language of a template"));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let parts = if channel == Channel::Email {
        unwanted(&[("message", message)], "An e-mail has subject, text and html")?;
        Parts { subject: given(subject), email: given(text), html: given(html), ..Parts::default() }
    } else {
        unwanted(&[("subject", subject), ("text", text), ("html", html)], "A text has a message and nothing else")?;
        Parts { text: given(message), ..Parts::default() }
    };
    match (channel, &parts) {
        (Channel::Email, Parts { subject: None, .. }) => return Err(ApiError::missing_field("subject")),
        (Channel::Email, Parts { email: None, html: None, .. }) => {
            return Err(ApiError::missing_field("text").details("An e-mail needs text, html or both"));
        }
        (Channel::Sms | Channel::Whatsapp, Parts { text: None, .. }) => return Err(ApiError::missing_field("message")),
        (Channel::Email | Channel::Sms | Channel::Whatsapp | Channel::Voice, _) => {}
    }
    let template = Template { locales: [(Locale::english(), parts)].into(), ..Template::default() };
    if let Some(fault) = template.faults().into_iter().next() {
        return Err(ApiError::invalid_field(field(&fault.field, channel), fault.why));
    }
    Ok((Wording::Own(Box::new(template)), class))
}

fn unwanted(fields: &[(&str, &Option<String>)], why: &str) -> Result<(), ApiError> {
    let given = fields.iter().find(|(_, value)| value.is_some());
    given.map_or(Ok(()), |(name, _)| Err(ApiError::invalid_field(name, why)))
}
