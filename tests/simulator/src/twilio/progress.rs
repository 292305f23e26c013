//! What becomes of an accepted message, and the callbacks that tell.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Detail, answer, callback, magic, magic::Manner};
use crate::{
    app::App,
    callbacks::Callback,
    store::{Channel, Direction, Handle, Message, NewMessage, Status, Store},
};

/// Moves a message through its statuses, with a callback for each but the first.
pub(super) async fn run(app: App, handle: Handle) {
    let Some((steps, error_code, send_at)) = plan(&app, handle) else { return };
    if let Some(wait) = send_at.and_then(|at| at.duration_since(Timestamp::now()).try_into().ok()) {
        tokio::time::sleep(wait).await;
    }
    let last = steps.len().saturating_sub(1);
    for (index, status) in steps.into_iter().enumerate() {
        tokio::time::sleep(app.chance.around(app.config.step)).await;
        let error_code = error_code.filter(|_| index == last);
        let callback = app.store().advance(handle, status, error_code).map(|message| status_callback(&app, message));
        match callback {
            None => return, // canceled, deleted or forgotten
            Some(None) => {}
            Some(Some((callback, channel))) => app.outbox.dispatch(&app, callback, channel).await,
        }
    }
    // The price comes last, and no callback tells of it.
    tokio::time::sleep(app.chance.around(app.config.step)).await;
    let _ = app.store().update(handle, |message| {
        if let crate::store::Detail::Twilio(detail) = &mut message.content.detail {
            detail.priced = message.sent_at.is_some() && message.status != Status::Failed;
        }
    });
}

/// The statuses after the one it was accepted with.
fn plan(app: &App, handle: Handle) -> Option<(Vec<Status>, Option<u32>, Option<Timestamp>)> {
    let store = app.store();
    let message = store.get(handle)?;
    let outcome = outcome(&store, message);
    let before: &[Status] = if message.status == Status::Scheduled {
        &[Status::Accepted, Status::Queued, Status::Sending]
    } else if message.status == Status::Accepted {
        &[Status::Queued, Status::Sending]
    } else {
        &[Status::Sending]
    };
    Some(([before, outcome.steps].concat(), outcome.error_code, answer::detail(message).send_at))
}

/// What becomes of a message by its number, and of a WhatsApp message by the rules for templates.
fn outcome(store: &Store, message: &Message) -> magic::Outcome {
    let content = &message.content;
    let detail = answer::detail(message);
    if detail.misfit && content.channel == Channel::Whatsapp {
        return magic::misfit();
    }
    let free = detail.template.is_none() && !has_written(store, &content.to);
    magic::outcome(content.channel, &content.to, if free { Manner::Unasked } else { Manner::Proper })
}

/// Whether this person has written on WhatsApp in the last 24 hours.
fn has_written(store: &Store, to: &str) -> bool {
    let since = Timestamp::now() - SignedDuration::from_hours(24);
    store.newest(Some(to)).take_while(|message| message.received_at > since).any(|message| {
        message.content.direction == Direction::Inbound
            && message.content.channel == Channel::Whatsapp
            && message.content.from == to
    })
}

/// The status callback of a message, if its request named a URL.
fn status_callback(app: &App, message: &Message) -> Option<(Callback, Channel)> {
    let detail = answer::detail(message);
    // The fragment carries connection overrides; it is neither sent nor signed.
    let url = detail.status_callback.as_deref()?.split('#').next()?.to_owned();
    let params = params(&app.config.twilio_account_sid, message, &detail);
    let callback = callback::signed(app, &message.content.id, message.status.as_str(), &url, &params);
    Some((callback, message.content.channel))
}

fn params(account: &str, message: &Message, detail: &Detail) -> Vec<(String, String)> {
    let NewMessage { id, to, from, channel, .. } = &message.content;
    let status = message.status.as_str();
    let mut params = vec![
        ("AccountSid", account.to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("From", from.clone()),
        ("MessageSid", id.clone()),
        ("MessageStatus", status.to_owned()),
        ("SmsSid", id.clone()),
        ("SmsStatus", status.to_owned()),
        ("To", to.clone()),
    ];
    if let Some(service) = &detail.service_sid {
        params.push(("MessagingServiceSid", service.clone()));
    }
    if let Some(code) = message.error_code {
        params.push(("ErrorCode", code.to_string()));
        params.push(("ErrorMessage", magic::meaning(code).to_owned()));
    }
    match channel {
        Channel::Whatsapp => {
            params.push(("ChannelInstallSid", CHANNEL_INSTALL_SID.to_owned()));
            params.push(("ChannelPrefix", "whatsapp".to_owned()));
            params.push(("ChannelToAddress", to.clone()));
            params.push(("StructuredMessage", detail.template.is_some().to_string()));
            if matches!(message.status, Status::Sent | Status::Delivered | Status::Read) {
                params.push(("EventType", status.to_uppercase()));
            }
            if let Some(code) = message.error_code {
                params.push(("ChannelStatusMessage", magic::meaning(code).to_owned()));
            }
        }
        Channel::Sms | Channel::Email | Channel::Voice => {
            if matches!(message.status, Status::Delivered | Status::Undelivered) {
                let done = message.updated_at.to_zoned(TimeZone::UTC).strftime("%y%m%d%H%M").to_string();
                params.push(("RawDlrDoneDate", done));
            }
        }
    }
    params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The one WhatsApp installation of the simulated account.
const CHANNEL_INSTALL_SID: &str = "XE00000000000000000000000000000001";
