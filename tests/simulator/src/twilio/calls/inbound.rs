//! A person calls the client: its voice URL is asked for TwiML, signed, and followed to the call's end.

use serde_json::{Value, json};

use super::{Deed, Detail, Detection, Event, Instructions, progress};
use crate::{
    app::App,
    ids,
    store::{self, Channel, Direction, NewMessage, Provider, Status},
    twilio::form::is_e164,
};

/// Calls, does these deeds, and answers when the call is over: `{id, url, status, heard, error_code}`.
pub(crate) async fn deliver(app: &App, from: &str, to: &str, deeds: Vec<Deed>) -> Result<Value, String> {
    if let Some(number) = [from, to].into_iter().find(|number| !is_e164(number)) {
        return Err(format!("not an E.164 number: {number}"));
    }
    let sid = ids::sid("CA");
    let url = format!("{}/twilio/voice-response", app.config.callback_base);
    let detail = Detail {
        instructions: Instructions::Url { url: url.clone(), fallback: None },
        redirect: None,
        status_callback: Some(format!("{}/twilio/call-status", app.config.callback_base)),
        events: vec![Event::Completed],
        told: 0,
        detection: Detection::Off,
        detection_callback: None,
        time_limit: None,
        answered_by: None,
        duration: None,
        started_at: None,
        ended_at: None,
        priced: false,
    };
    let handle = {
        let mut store = app.store();
        store.callers_mut().put(from, deeds);
        store.stats_mut().inbound += 1;
        store.accept(NewMessage {
            id: sid.clone(),
            provider: Provider::Twilio,
            channel: Channel::Voice,
            direction: Direction::Inbound,
            to: to.to_owned(),
            from: from.to_owned(),
            subject: None,
            text: None,
            html: None,
            media: Vec::new(),
            our_id: None,
            status: Status::Ringing,
            detail: store::Detail::Call(Box::new(detail)),
        })
    };
    progress::run_inbound(app, handle).await;
    let store = app.store();
    let call = store.get(handle).ok_or("the call was forgotten meanwhile")?;
    let heard: Vec<&str> = call.content.text.iter().flat_map(|text| text.lines()).collect();
    Ok(json!({ "id": sid, "url": url, "status": call.status, "heard": heard, "error_code": call.error_code }))
}
