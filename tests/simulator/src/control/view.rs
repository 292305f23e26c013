//! A message as the simulator's own endpoints show it.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    store::{Channel, Detail, Direction, Mail, Message, Provider, Status, Store},
    twilio::calls,
};

#[derive(Debug, Serialize)]
pub(super) struct MessageView<'m> {
    provider: Provider,
    channel: Channel,
    direction: Direction,
    /// The provider's id: SM…, MM… or CA…, X-Message-Id, or Resend's uuid.
    id: &'m str,
    /// The client's own id, where it gave one.
    our_id: Option<&'m str>,
    to: &'m str,
    from: &'m str,
    subject: Option<&'m str>,
    text: Option<&'m str>,
    html: Option<&'m str>,
    /// The content template and its variables, where the text comes from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    media: &'m [String],
    /// Of an e-mail: `to_all`, `cc`, `bcc`, `reply_to` and `attachments`.
    #[serde(flatten)]
    mail: Option<Mail>,
    /// What only a call has.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallView<'m>>,
    received_at: Timestamp,
    updated_at: Timestamp,
    /// How many requests carried this message, refused and replayed ones included.
    requests: u32,
    status: Status,
    error_code: Option<u32>,
    /// The message's place in the order of arrival; `after=` takes it.
    seq: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

/// A call: who answered, how long it took, and where its words come from.
#[derive(Debug, Serialize)]
struct CallView<'m> {
    answered_by: Option<&'static str>,
    /// Seconds.
    duration: Option<u32>,
    /// TwiML, or its URL.
    source: &'m str,
}

impl<'m> MessageView<'m> {
    pub(super) fn new(store: &Store, message: &'m Message) -> Self {
        let content = &message.content;
        Self {
            provider: content.provider,
            channel: content.channel,
            direction: content.direction,
            id: &content.id,
            our_id: content.our_id.as_deref(),
            to: &content.to,
            from: &content.from,
            subject: content.subject.as_deref(),
            text: content.text.as_deref(),
            html: content.html.as_deref(),
            template: template(message),
            media: &content.media,
            mail: mail(message),
            call: calls::detail(message).map(|call| CallView {
                answered_by: call.answered_by,
                duration: call.duration,
                source: call.source(),
            }),
            received_at: message.received_at,
            updated_at: message.updated_at,
            requests: store.requests(message),
            status: message.status,
            error_code: message.error_code,
            seq: message.seq,
            deleted: message.deleted,
        }
    }
}

fn template(message: &Message) -> Option<String> {
    match &message.content.detail {
        Detail::Twilio(detail) => {
            let (sid, variables) = detail.template.as_ref()?;
            Some(variables.as_ref().map_or_else(|| sid.clone(), |variables| format!("{sid} {variables}")))
        }
        Detail::Call(_) | Detail::Sendgrid(_) | Detail::Resend(_) => None,
    }
}

fn mail(message: &Message) -> Option<Mail> {
    match &message.content.detail {
        Detail::Sendgrid(envelope) => Some(envelope.mail.clone()),
        Detail::Resend(email) => Some(email.mail()),
        Detail::Twilio(_) | Detail::Call(_) => None,
    }
}
