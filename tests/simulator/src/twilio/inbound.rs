//! A person writes: the message goes to the client's webhook, signed, and its answer comes back.

use serde_json::{Value, json};

use super::{Detail, callback, form, segments};
use crate::{
    app::App,
    ids,
    store::{Channel, Detail as StoreDetail, Direction, NewMessage, Provider, Status},
};

const STOP: &[&str] = &["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"];
const START: &[&str] = &["START", "YES", "UNSTOP"];

/// What a person sends.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) channel: Channel,
    /// Phone numbers without a channel prefix.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) media: Vec<File>,
    /// `None`: a new one.
    pub(crate) id: Option<String>,
    /// The payload of the button that was tapped.
    pub(crate) button: Option<String>,
    /// What Advanced Opt-Out took it for.
    pub(crate) opt_out_type: Option<String>,
}

/// A file that comes with it.
#[derive(Debug)]
pub(crate) enum File {
    /// At this address.
    Elsewhere(String),
    /// Where Twilio keeps them.
    Kept { content_type: String },
}

/// Only Twilio hears of it: what its own opt-out makes of it.
pub(crate) fn hear(app: &App, inbound: &Inbound) {
    if inbound.channel != Channel::Whatsapp {
        keyword(app, inbound);
    }
}

/// Delivers it; the answer tells what the webhook said.
pub(crate) async fn deliver(app: &App, inbound: Inbound) -> Result<Value, String> {
    for number in [&inbound.from, &inbound.to] {
        if !form::is_e164(number) {
            return Err(format!("not an E.164 number: {number}"));
        }
    }
    let whatsapp = inbound.channel == Channel::Whatsapp;
    let path = if whatsapp { "incoming-whatsapp" } else { "incoming-sms" };
    let url = format!("{}/twilio/{path}", app.config.callback_base);
    let is_again = inbound.id.is_some();
    let new = || ids::sid(if inbound.media.is_empty() { "SM" } else { "MM" });
    let sid = inbound.id.clone().unwrap_or_else(new);
    let files = files(app, &inbound, &sid);
    let params = params(app, &inbound, &sid, &files);
    hear(app, &inbound);
    if !is_again {
        store(app, &inbound, &sid, &files);
    }
    let callback = callback::signed(app, &sid, "inbound", &url, &params);
    let outcome = app.outbox.post(&callback, 1).await;
    Ok(match outcome {
        Ok(answer) => json!({ "id": sid, "url": url, "status": answer.status, "body": answer.body, "error": null }),
        Err(error) => json!({ "id": sid, "url": url, "status": null, "body": null, "error": error.to_string() }),
    })
}

/// Twilio's own opt-out: STOP blocks the pair of numbers (21610 on the next send), START lifts it.
fn keyword(app: &App, inbound: &Inbound) {
    let word = inbound.text.trim().to_uppercase();
    if STOP.contains(&word.as_str()) {
        app.store().set_opt_out(&inbound.from, &inbound.to, true);
    } else if START.contains(&word.as_str()) {
        app.store().set_opt_out(&inbound.from, &inbound.to, false);
    }
}

/// Each file's address and type.
fn files(app: &App, inbound: &Inbound, sid: &str) -> Vec<(String, String)> {
    let account = &app.config.twilio_account_sid;
    let file = |file: &File| match file {
        File::Elsewhere(url) => (url.clone(), media_type(url).to_owned()),
        File::Kept { content_type } => {
            let place = format!("/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{}", ids::sid("ME"));
            (format!("https://api.twilio.com{place}"), content_type.clone())
        }
    };
    inbound.media.iter().map(file).collect()
}

fn store(app: &App, inbound: &Inbound, sid: &str, files: &[(String, String)]) {
    let address = |number: &String| {
        if inbound.channel == Channel::Whatsapp { format!("whatsapp:{number}") } else { number.clone() }
    };
    let detail = Detail { segments: segments::count(&inbound.text), ..Detail::default() };
    let mut store = app.store();
    store.stats_mut().inbound += 1;
    store.accept(NewMessage {
        id: sid.to_owned(),
        provider: Provider::Twilio,
        channel: inbound.channel,
        direction: Direction::Inbound,
        to: address(&inbound.to),
        from: address(&inbound.from),
        subject: None,
        text: Some(inbound.text.clone()),
        html: None,
        media: files.iter().map(|(url, _)| url.clone()).collect(),
        our_id: None,
        status: Status::Received,
        detail: StoreDetail::Twilio(Box::new(detail)),
    });
}

fn params(app: &App, inbound: &Inbound, sid: &str, files: &[(String, String)]) -> Vec<(String, String)> {
    let whatsapp = inbound.channel == Channel::Whatsapp;
    let address = |number: &str| if whatsapp { format!("whatsapp:{number}") } else { number.to_owned() };
    let mut params: Vec<(String, String)> = [
        ("AccountSid", app.config.twilio_account_sid.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("Body", inbound.text.clone()),
        ("From", address(&inbound.from)),
        ("MessageSid", sid.to_owned()),
        ("NumMedia", inbound.media.len().to_string()),
        ("NumSegments", segments::count(&inbound.text).to_string()),
        ("SmsMessageSid", sid.to_owned()),
        ("SmsSid", sid.to_owned()),
        ("SmsStatus", "received".to_owned()),
        ("To", address(&inbound.to)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    for (index, (url, content_type)) in files.iter().enumerate() {
        params.push((format!("MediaUrl{index}"), url.clone()));
        params.push((format!("MediaContentType{index}"), content_type.clone()));
    }
    if let Some(payload) = &inbound.button {
        params.push(("ButtonPayload".to_owned(), payload.clone()));
        params.push(("ButtonText".to_owned(), inbound.text.clone()));
    }
    if let Some(taken_for) = &inbound.opt_out_type {
        params.push(("OptOutType".to_owned(), taken_for.clone()));
    }
    let more: &[(&str, &str)] = if whatsapp {
        &[("ProfileName", "Simulated person"), ("Forwarded", "false"), ("ChannelMetadata", "{\"type\":\"whatsapp\"}")]
    } else {
        &[
            ("FromCity", ""),
            ("FromState", ""),
            ("FromZip", ""),
            ("FromCountry", "US"),
            ("ToCity", ""),
            ("ToState", ""),
            ("ToZip", ""),
            ("ToCountry", "US"),
        ]
    };
    params.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if whatsapp {
        params.push(("WaId".to_owned(), inbound.from.trim_start_matches('+').to_owned()));
        params.push(("MessageType".to_owned(), if inbound.media.is_empty() { "text" } else { "image" }.to_owned()));
    }
    params
}

fn media_type(url: &str) -> &'static str {
    match url.rsplit('.').next() {
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("pdf") => "application/pdf",
        Some("mp3") => "audio/mpeg",
        Some("mp4") => "video/mp4",
        _ => "image/jpeg",
    }
}
