//! What providers call with.

use jiff::Timestamp;
use switchboard::message::received::MOST_MEDIA;
use switchboard::provider::{MalformedCallback, Report, resend, sendgrid, twilio};

use super::chance::{Chance, encoded};

const STATUS: [&str; 4] = [
    "SmsSid=SM1&SmsStatus=delivered&MessageStatus=delivered&To=%2B14155552671&MessageSid=SM1&AccountSid=AC1&From=%2B15005550006",
    "CallSid=CA1&CallStatus=completed&CallDuration=49&Timestamp=Sun%2C+01+Mar+2026+12%3A00%3A09+%2B0000&AnsweredBy=machine_start",
    r#"{"MessageSid":"SM1234567890abcdef","MessageStatus":"failed","ErrorCode":30007,"ErrorMessage":null}"#,
    "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003&RawDlrDoneDate=2603011200",
];
const STATUS_NAMES: [&str; 9] = [
    "MessageSid",
    "SmsSid",
    "MessageStatus",
    "SmsStatus",
    "ErrorCode",
    "CallSid",
    "CallStatus",
    "CallDuration",
    "Timestamp",
];
const INBOUND: [&str; 3] = [
    "MessageSid=MM1&From=%2B14155552671&To=%2B15005550006&Body=Hello&NumMedia=2&MediaUrl0=https%3A%2F%2Fa.example%2FME0123456789abcdef0123456789abcdef&MediaContentType0=image%2Fjpeg&MediaUrl1=x",
    "MessageSid=SM1&From=whatsapp%3A%2B14155552671&To=whatsapp%3A%2B14155238886&ProfileName=Ada&WaId=14155552671&ButtonText=Yes&ButtonPayload=yes&OptOutType=STOP",
    r#"{"From": "+1234567890", "Body": "STOP", "NumMedia": 1, "MediaUrl0": "https://a.example/x"}"#,
];
const INBOUND_NAMES: [&str; 14] = [
    "MessageSid",
    "SmsSid",
    "From",
    "To",
    "Body",
    "NumMedia",
    "MediaUrl0",
    "MediaUrl9",
    "MediaContentType0",
    "NumSegments",
    "ProfileName",
    "ButtonText",
    "ButtonPayload",
    "OptOutType",
];
const SENDGRID: [&str; 3] = [
    "[{\"email\":\"a@b.example\",\"event\":\"bounce\",\"type\":\"blocked\",\"status\":\"5.2.2\",\"reason\":\"552 5.2.2 over quota\",\"sg_event_id\":\"x\",\"sg_message_id\":\"a.b.c\",\"timestamp\":1619651147,\"message_id\":\"0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11\"}]\r\n",
    "[{\"event\":\"open\",\"timestamp\":1e300},{\"event\":\"dropped\",\"reason\":\"Bounced Address\"},{\"event\":7},[],null]",
    "[{\"event\":\"group_unsubscribe\",\"email\":\"A@B.EXAMPLE\",\"asm_group_id\":10,\"timestamp\":-1}]",
];
const RESEND: [&str; 3] = [
    r#"{"type":"email.bounced","created_at":"2026-03-01T12:00:00.000Z","data":{"email_id":"e","to":["a@b.example"],"tags":{"message_id":"0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11"},"bounce":{"type":"Permanent","subType":"General"}}}"#,
    r#"{"type":"email.failed","data":{"email_id":7,"to":"a@b.example","tags":[{"name":"message_id","value":"x"}],"failed":{"reason":"reached_daily_quota"}}}"#,
    r#"{"type":"contact.created","id":"x"}"#,
];

/// A body near these, or a form of these names.
fn body(chance: &mut Chance, samples: &[&str], names: &[&str]) -> Vec<u8> {
    if chance.once_in(2) { chance.near(samples) } else { encoded(&chance.form(names)).into_bytes() }
}

/// However a body is read, it is read the same twice, and no report is of nothing.
fn same(read: impl Fn() -> Result<Vec<Report>, MalformedCallback>) {
    let (first, again) = (read(), read());
    assert_eq!(first, again);
}

pub(super) fn twilio_status(chance: &mut Chance) {
    let body = body(chance, &STATUS, &STATUS_NAMES);
    let query = chance.spoiled_text("a=b&message=0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11");
    same(|| twilio::callback::parse(&query, &body, Timestamp::UNIX_EPOCH));
    same(|| twilio::callback::parse_call(&query, &body, Timestamp::UNIX_EPOCH));
}

pub(super) fn twilio_inbound(chance: &mut Chance) {
    let body = body(chance, &INBOUND, &INBOUND_NAMES);
    let read = twilio::inbound::parse(&body);
    assert_eq!(read, twilio::inbound::parse(&body));
    if let Ok(inbound) = read {
        let bytes = serde_json::to_vec(&inbound.text).map_or(usize::MAX, |bytes| bytes.len());
        let received = inbound.text.received.unwrap_or_default();
        assert!(inbound.text.body.chars().count() <= 4_096 && received.media.len() <= MOST_MEDIA);
        assert!(inbound.sender.as_str().chars().count() <= 128, "a sender is bounded");
        assert!(received.media.iter().all(|media| media.url.len() <= 512));
        assert!(bytes <= 30_000, "all of it fits a row");
        let known = inbound.from.as_ref().is_none_or(|from| from.as_str() == inbound.sender.as_str());
        assert!(known, "the number is the sender");
    }
}

pub(super) fn sendgrid_events(chance: &mut Chance) {
    let body = chance.near(&SENDGRID);
    same(|| sendgrid::callback::parse(&body, Timestamp::UNIX_EPOCH, &|address| address.canonical()));
}

pub(super) fn resend_event(chance: &mut Chance) {
    let (body, id) = (chance.near(&RESEND), chance.text(20));
    same(|| resend::callback::parse(&id, &body, Timestamp::UNIX_EPOCH, &|address| address.canonical()));
}
