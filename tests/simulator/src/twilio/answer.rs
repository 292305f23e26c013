//! The Message resource, the error body, and the headers every answer has.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{Detail, magic};
use crate::{
    ids,
    store::{Channel, Detail as StoreDetail, Direction, Message, Status},
};

/// What one outbound segment costs, in 1/100000 of a dollar; one WhatsApp message costs 500.
const SMS_SEGMENT: u32 = 790;
const WHATSAPP_MESSAGE: u32 = 500;

/// RFC 2822, as the 2010 API writes dates.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A message as Twilio shows it.
pub(super) fn message(account: &str, message: &Message) -> Value {
    let content = &message.content;
    let detail = detail(message);
    let uri = format!("/2010-04-01/Accounts/{account}/Messages/{}", content.id);
    let unassigned = detail.service_sid.is_some() && matches!(message.status, Status::Accepted | Status::Scheduled);
    let outbound = content.direction == Direction::Outbound;
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": content.text.as_deref().unwrap_or_default(),
        "date_created": date(message.received_at),
        "date_sent": message.sent_at.map(date),
        "date_updated": date(message.updated_at),
        "direction": if outbound { "outbound-api" } else { "inbound" },
        "error_code": message.error_code,
        "error_message": message.error_code.map(magic::meaning),
        "from": (!content.from.is_empty()).then_some(&content.from),
        "messaging_service_sid": detail.service_sid,
        "num_media": content.media.len().to_string(),
        "num_segments": if unassigned { "0".to_owned() } else { detail.segments.to_string() },
        "price": detail.priced.then(|| price(content.channel, detail.segments)),
        "price_unit": "USD",
        "sid": content.id,
        "status": message.status,
        "subresource_uris": { "media": format!("{uri}/Media.json") },
        "to": content.to,
        "uri": format!("{uri}.json"),
    })
}

/// A negative decimal string: money that left the account.
fn price(channel: Channel, segments: u32) -> String {
    let hundred_thousandths = if channel == Channel::Sms { SMS_SEGMENT * segments.max(1) } else { WHATSAPP_MESSAGE };
    format!("-{}.{:05}", hundred_thousandths / 100_000, hundred_thousandths % 100_000)
}

/// Twilio's part of a stored message; empty for another provider's.
pub(super) fn detail(message: &Message) -> Detail {
    match &message.content.detail {
        StoreDetail::Twilio(detail) => (**detail).clone(),
        StoreDetail::Call(_) | StoreDetail::Sendgrid(_) | StoreDetail::Resend(_) => Detail::default(),
    }
}

/// An answer with Twilio's headers.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    with_headers((status, Json(body)).into_response())
}

pub(super) fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&ids::sid("RQ")) {
        headers.insert("twilio-request-id", id);
    }
    headers.insert("twilio-request-duration", HeaderValue::from_static("0.012"));
    headers.insert("twilio-concurrent-requests", HeaderValue::from_static("1"));
    headers.insert("x-api-domain", HeaderValue::from_static("api.twilio.com"));
    headers.insert("x-home-region", HeaderValue::from_static("us1"));
    response
}

/// Twilio's error body.
#[derive(Debug, Clone)]
pub(super) struct Error {
    code: u32,
    message: String,
    status: u16,
}

impl Error {
    /// A 400.
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(20404, format!("The requested resource {path} was not found")).with_status(404)
    }

    /// The body that goes with a bare status.
    pub(super) fn of_status(status: u16) -> Self {
        let (code, message) = match status {
            401 => (20003, "Authenticate"),
            403 => (20003, "Permission Denied"),
            404 => (20404, "The requested resource was not found"),
            409 => (20409, "The request conflicts with the current state of the resource"),
            429 => (20429, "Too Many Requests"),
            503 => (20503, "Service unavailable"),
            500.. => (20500, "Internal Server Error"),
            _ => (20001, "Bad Request"),
        };
        Self::new(code, message).with_status(status)
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> u32 {
        self.code
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        });
        let mut response = answer(status, &body);
        if self.status == 429 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == 401 {
            let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_negative_decimal_strings() {
        assert_eq!(price(Channel::Sms, 1), "-0.00790");
        assert_eq!(price(Channel::Sms, 200), "-1.58000");
        assert_eq!(price(Channel::Whatsapp, 1), "-0.00500");
    }

    #[test]
    fn dates_are_rfc_2822_with_a_numeric_zone() {
        let at: Timestamp = "2023-08-24T05:01:45Z".parse().expect("a time");
        assert_eq!(date(at), "Thu, 24 Aug 2023 05:01:45 +0000");
    }
}
