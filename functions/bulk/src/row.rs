//! What a row becomes: a task like any other, whose id follows from job and row.

use switchboard::job::{Fault, Job, Spec, Wording, own_words};
use switchboard::message::record::{AddressSource, ProviderChoice, TemplateUse};
use switchboard::message::short_link::LinkForm;
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Lane, MessageSecrets};
use switchboard::person::Person;
use switchboard::road::templates::Rendered;
use switchboard::road::{Part, RenderError, Task, compose};
use switchboard::store::StoreError;

use crate::App;
use crate::rows::{Recipient, Wanted};

/// The task of row `number`, or what is wrong with it.
pub(crate) async fn task(app: &App, job: &Job, number: u32, wanted: Wanted) -> Result<Result<Task, Fault>, StoreError> {
    let person = match &wanted.recipient {
        Recipient::Address(_) => None,
        Recipient::Person(id) => match app.road.people.get(id).await? {
            Some(person) => Some(person),
            None => return Ok(Err(Fault::new("user_id", "Unknown user"))),
        },
    };
    let spec = &job.spec;
    let to = match (&wanted.recipient, &person) {
        (Recipient::Address(text), _) => compose::address(spec.channel, text, &app.region)
            .map_err(|error| Fault::new("to", format!("It is {error}"))),
        (Recipient::Person(_), person) => {
            let address = person.as_ref().and_then(|person| person.destination(spec.channel));
            address.ok_or_else(|| Fault::new("user_id", format!("The user has no {}", kind(spec.channel))))
        }
    };
    let to = match to {
        Ok(to) => to,
        Err(fault) => return Ok(Err(fault)),
    };
    let (mut wanted, names) = (wanted, &spec.secret_variables);
    let secrets = match MessageSecrets::take_from(&mut wanted.variables, names) {
        Ok(secrets) => secrets,
        Err(error) => return Ok(Err(Fault::new("secret_variables", error.to_string()))),
    };
    let said = match words(app, spec, &to, person.as_ref(), &wanted).await? {
        Ok(said) => said,
        Err(fault) => return Ok(Err(fault)),
    };
    if let Err(error) = secrets.check(&said.content) {
        return Ok(Err(Fault::new("secret_variables", error.to_string())));
    }
    let part = Part {
        channel: spec.channel,
        to,
        address_source: match wanted.recipient {
            Recipient::Address(_) => AddressSource::Given,
            Recipient::Person(_) => AddressSource::Profile,
        },
        from: None,
        content: said.content,
        template: said.template,
        provider: compose::provider(spec.channel),
        choice: ProviderChoice::Any,
        asked: None,
    };
    let task =
        Task::new(job.id.row(app.road.seal.ids(), number), job.caller.clone(), said.class, Lane::Bulk, vec![part]);
    let link_form = said.link_form;
    Ok(Ok(Task {
        link_form,
        person,
        valid_until: spec.valid_until,
        job: Some(job.id),
        trigger: spec.trigger(),
        secrets,
        ..task
    }))
}

/// What a row says.
struct Said {
    content: Content,
    template: Option<TemplateUse>,
    class: Class,
    link_form: LinkForm,
}

async fn words(
    app: &App,
    spec: &Spec,
    to: &Address,
    person: Option<&Person>,
    wanted: &Wanted,
) -> Result<Result<Said, Fault>, StoreError> {
    let variables = &wanted.variables;
    match &spec.wording {
        Wording::Own(template) => Ok(own_words(template, spec.channel, variables).map(|content| Said {
            content,
            template: None,
            class: spec.class,
            link_form: LinkForm::AsWritten,
        })),
        Wording::Named { name, locale } => {
            let locale = locale.as_ref().or_else(|| person.and_then(|person| person.locale.as_ref()));
            let key = person.map_or_else(|| to.as_str(), |person| person.id.as_str());
            match app.road.templates.render(name, spec.channel, locale, key, variables).await {
                Ok(Rendered { content, template, class, link_form, .. }) => {
                    // The template may have another class by now: a row never reaches more people than its job was made for.
                    let class = class.weaker(spec.class);
                    Ok(Ok(Said { content, template: Some(template), class, link_form }))
                }
                Err(RenderError::Template(error)) => Ok(Err(error.into())),
                Err(RenderError::NoSuchTemplate(_)) => Ok(Err(Fault::new("", "The template is not there any more"))),
                Err(RenderError::Store(error)) => Err(error),
            }
        }
    }
}

fn kind(channel: Channel) -> &'static str {
    if channel.is_telephone() { "phone number" } else { "e-mail address" }
}
