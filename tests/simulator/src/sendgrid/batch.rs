//! Events of many messages travel together: one JSON array every [`EVERY`], at most [`MOST`] events each.
//!
//! The real webhook collects for up to 30 seconds; nobody wants to wait for that here.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::{
    app::App,
    callbacks::{Callback, Signing},
    store::Provider,
};

const EVERY: Duration = Duration::from_millis(100);
const MOST: usize = 500;

/// One event of one message.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `X-Message-Id`.
    pub(crate) message: String,
    pub(crate) name: &'static str,
    pub(crate) fields: Map<String, Value>,
}

/// Where events go in.
#[derive(Debug)]
pub(crate) struct EventBatcher(mpsc::UnboundedSender<Event>);

/// Where they come out.
#[derive(Debug)]
pub(crate) struct PendingEvents(mpsc::UnboundedReceiver<Event>);

impl EventBatcher {
    pub(crate) fn new() -> (Self, PendingEvents) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), PendingEvents(receiver))
    }

    pub(crate) fn push(&self, event: Event) {
        // The receiver lives as long as the runtime.
        let _ = self.0.send(event);
    }
}

impl PendingEvents {
    /// Sends what has gathered, until the simulator ends.
    pub(crate) async fn flush(mut self, app: App) {
        let mut batch = Vec::with_capacity(MOST);
        let mut generation = app.store().generation();
        while let Some(first) = self.0.recv().await {
            batch.push(first);
            // A full batch is waiting already when much is going on.
            if self.0.len() < MOST {
                tokio::time::sleep(EVERY).await;
            }
            // Take turns with everything else first, so that what comes meanwhile joins this batch.
            let Some(permit) = app.outbox.permit().await else { return };
            while batch.len() < MOST
                && let Ok(event) = self.0.try_recv()
            {
                batch.push(event);
            }
            let now = app.store().generation();
            if now == generation {
                app.outbox.send(&app, permit, callback(&app, &batch));
            }
            generation = now;
            batch.clear();
        }
    }
}

fn callback(app: &App, events: &[Event]) -> Callback {
    let names: Vec<&str> = events.iter().map(|event| event.name).collect();
    Callback {
        provider: Provider::Sendgrid,
        message: events.first().map(|event| event.message.clone()).unwrap_or_default(),
        event: names.join(","),
        url: format!("{}/api/communication/webhooks/sendgrid", app.config.callback_base),
        content_type: "application/json",
        headers: vec![("User-Agent", "SendGrid Event API".to_owned())],
        body: body(events),
        signing: Signing::Sendgrid,
    }
}

/// One event a line, and a line end after the array: whoever verifies must not trim.
fn body(events: &[Event]) -> Bytes {
    let lines: Vec<String> = events.iter().filter_map(|event| serde_json::to_string(&event.fields).ok()).collect();
    format!("[{}]\r\n", lines.join(",\r\n")).into()
}
