//! The events of one message.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Envelope, batch::Event, magic};
use crate::{
    app::App,
    faults::{CallbackFate, callback_fate},
    ids,
    store::{Channel, Detail, Handle, Message, Provider},
};

/// Moves a message through its events.
pub(super) async fn run(app: App, handle: Handle) {
    let Some((to, send_at)) = app.store().get(handle).map(|message| (message.content.to.clone(), send_at(message)))
    else {
        return;
    };
    if let Some(seconds) = send_at.map(|at| at - Timestamp::now().as_second()).filter(|wait| *wait > 0) {
        tokio::time::sleep(Duration::from_secs(seconds.unsigned_abs())).await;
    }
    // The server that handled it: one name for all events of the message.
    let server = format!("recvd-{}-1-{:X}-{}.0", &ids::sid("")[..10], Timestamp::now().as_second(), handle.position());
    for step in magic::steps(&to) {
        tokio::time::sleep(app.chance.around(app.config.step)).await;
        let event = app.store().advance(handle, step.status, None).map(|message| event(message, &step, &server));
        let Some(event) = event else { return };
        match callback_fate(&app, Provider::Sendgrid, Channel::Email) {
            CallbackFate::Drop => {}
            CallbackFate::Send => app.events.push(event),
            CallbackFate::AfterForeign => {
                app.events.push(foreign(&event));
                app.events.push(event);
            }
            CallbackFate::Twice(pause) => {
                app.events.push(event.clone());
                later(&app, event, pause);
            }
            CallbackFate::Late(pause) => later(&app, event, pause),
        }
    }
}

/// The same event of a message that somebody else sent through the account.
fn foreign(event: &Event) -> Event {
    let message = ids::x_message_id();
    let mut fields = event.fields.clone();
    fields.remove("message_id");
    fields.insert("sg_message_id".to_owned(), json!(format!("{message}.recvd-0-0.0")));
    fields.insert("smtp-id".to_owned(), json!(format!("<{message}@geopod-ismtpd-1>")));
    fields.insert("sg_event_id".to_owned(), json!(ids::sg_event_id()));
    Event { message, fields, ..event.clone() }
}

fn later(app: &App, event: Event, pause: Duration) {
    let app = app.clone();
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        app.events.push(event);
    });
}

fn send_at(message: &Message) -> Option<i64> {
    envelope(message)?.send_at
}

fn envelope(message: &Message) -> Option<&Envelope> {
    match &message.content.detail {
        Detail::Sendgrid(envelope) => Some(envelope),
        Detail::Twilio(_) | Detail::Call(_) | Detail::Resend(_) => None,
    }
}

/// One event; custom args are flattened to its top level, and cannot shadow its own fields.
fn event(message: &Message, step: &magic::Step, server: &str) -> Event {
    let mut fields = Map::new();
    if let Some(envelope) = envelope(message) {
        fields.extend(envelope.custom_args.clone());
        if !envelope.categories.is_empty() {
            fields.insert("category".to_owned(), json!(envelope.categories));
        }
        fields.insert("sg_message_id".to_owned(), json!(format!("{}.{server}", envelope.x_message_id)));
        fields.insert("smtp-id".to_owned(), json!(format!("<{}@geopod-ismtpd-1>", envelope.x_message_id)));
    }
    if let Value::Object(own) = &step.fields {
        fields.extend(own.clone());
    }
    fields.insert("email".to_owned(), json!(message.content.to));
    fields.insert("event".to_owned(), json!(step.event));
    fields.insert("sg_event_id".to_owned(), json!(ids::sg_event_id()));
    fields.insert("timestamp".to_owned(), json!(Timestamp::now().as_second()));
    Event { message: message.content.id.clone(), name: step.event, fields }
}
