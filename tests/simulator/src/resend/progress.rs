//! The events of one e-mail: `email.sent` once for all its recipients, what follows for each.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{answer, magic};
use crate::{
    app::App,
    callbacks::{Callback, Signing},
    ids,
    store::{Channel, Handle, Message, Provider},
};

/// Moves a message through its events. `speaks_for_all`: it is the e-mail's first recipient.
pub(super) async fn run(app: App, handle: Handle, speaks_for_all: bool) {
    let start = app
        .store()
        .get(handle)
        .map(|message| (message.content.to.clone(), answer::email(message).and_then(|email| email.scheduled_at)));
    let Some((to, scheduled_at)) = start else { return };
    if let Some(at) = scheduled_at {
        let told = app.store().get(handle).filter(|_| speaks_for_all).map(|message| {
            let step = magic::Step { event: "scheduled", status: message.status, extra: None };
            callback(&app, message, &step, true)
        });
        if let Some(callback) = told {
            app.outbox.dispatch(&app, callback, Channel::Email).await;
        }
        if let Ok(wait) = at.duration_since(Timestamp::now()).try_into() {
            tokio::time::sleep(wait).await;
        }
    }
    for step in magic::steps(&to) {
        tokio::time::sleep(app.chance.around(app.config.step)).await;
        let all = step.event == "sent";
        let told = app.store().advance(handle, step.status, None).map(|message| callback(&app, message, &step, all));
        match told {
            None => return,
            Some(callback) if !all || speaks_for_all => app.outbox.dispatch(&app, callback, Channel::Email).await,
            Some(_) => {}
        }
    }
}

fn callback(app: &App, message: &Message, step: &magic::Step, all: bool) -> Callback {
    let kind = format!("email.{}", step.event);
    let body = json!({
        "type": kind,
        "created_at": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "data": data(message, step, all),
    });
    Callback {
        provider: Provider::Resend,
        message: message.content.id.clone(),
        event: kind,
        url: format!("{}/api/communication/webhooks/resend", app.config.callback_base),
        content_type: "application/json",
        headers: vec![("User-Agent", "Svix-Webhooks/1.64.0 (sender)".to_owned())],
        body: body.to_string().into(),
        signing: Signing::Svix { id: ids::svix_id() },
    }
}

fn data(message: &Message, step: &magic::Step, all: bool) -> Map<String, Value> {
    let email = answer::email(message).cloned().unwrap_or_default();
    let to = if all { email.to } else { vec![message.content.to.clone()] };
    let created_at = message.received_at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string();
    let mut data = Map::new();
    data.insert("email_id".to_owned(), json!(message.content.id));
    data.insert("created_at".to_owned(), json!(created_at));
    data.insert("from".to_owned(), json!(message.content.from));
    data.insert("to".to_owned(), json!(to));
    data.insert("subject".to_owned(), json!(message.content.subject));
    if !email.tags.is_empty() {
        let tags: Map<String, Value> = email.tags.into_iter().map(|(name, value)| (name, value.into())).collect();
        data.insert("tags".to_owned(), tags.into());
    }
    if !email.headers.is_empty() {
        let headers = email.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        data.insert("headers".to_owned(), Value::Array(headers));
    }
    if let Some((name, value)) = &step.extra {
        data.insert((*name).to_owned(), value.clone());
    }
    data
}
