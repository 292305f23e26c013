//! Ten thousand callbacks of all providers, in the shapes they have, end in the same states however they are shuffled and
//! repeated. Statuses move by the one table, and what people did is counted as the messages' store counts it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Event, Report, resend, sendgrid, twilio};
use crate::clock::from_millis;
use crate::message::{MessageId, Status};

const CALLBACKS: usize = 10_000;
/// SendGrid packs events of many messages into one callback.
const BATCH: usize = 50;

/// What one provider says of one message once, in order.
#[derive(Clone, Debug)]
enum Callback {
    Twilio { query: String, body: String },
    Sendgrid(Value),
    Resend { id: String, body: Value },
}

/// A message, as far as callbacks change it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    status: Status,
    reason: Option<&'static str>,
    /// The deeds that were counted; a status needs no memory.
    heard: BTreeSet<String>,
    counts: BTreeMap<&'static str, u32>,
    times: BTreeMap<&'static str, Timestamp>,
}

impl Row {
    fn take(&mut self, report: &Report) {
        if report.event == Event::Ignored || self.heard.contains(&report.key) {
            return;
        }
        if let Some(to) = report.event.status().filter(|to| self.status.may_become(*to)) {
            self.status = to;
            if let Event::Undelivered(kind) = report.event {
                self.reason = Some(kind.as_str());
            }
        }
        if let Some(deed) = report.event.deed() {
            self.heard.insert(report.key.clone());
            *self.counts.entry(deed.counter()).or_default() += 1;
            for name in deed.first_times() {
                let first = self.times.entry(name).or_insert(report.at);
                *first = (*first).min(report.at);
            }
        }
    }
}

/// One of the ways a message goes, told by the provider it goes through.
fn story(number: usize) -> Vec<Callback> {
    let id = crate::testing::sample_id(&number.to_string());
    let at = |step: usize| 1_700_000_000 + i64::try_from(number * 20 + step).unwrap();
    let twilio = |statuses: &[(&str, &str)]| {
        let form = |(status, more): &(&str, &str)| Callback::Twilio {
            query: format!("message={id}"),
            body: format!("MessageSid=SM{number:032}&MessageStatus={status}{more}&AccountSid=AC1&From=%2B15005550006"),
        };
        statuses.iter().map(form).collect::<Vec<_>>()
    };
    let sendgrid = |events: &[Value]| {
        let event = |(step, event): (usize, &Value)| {
            let mut event = event.clone();
            for (name, value) in [
                ("message_id", json!(id.to_string())),
                ("sg_event_id", json!(format!("event-{number}-{step}"))),
                ("sg_message_id", json!(format!("x{number}.filterdrecv-1-0"))),
                ("timestamp", json!(at(step))),
                ("email", json!(format!("reader{number}@mailbox.example"))),
            ] {
                event[name] = value;
            }
            Callback::Sendgrid(event)
        };
        events.iter().enumerate().map(event).collect::<Vec<_>>()
    };
    let resend = |events: &[(&str, Value)]| {
        let event = |(step, (kind, more)): (usize, &(&str, Value))| {
            let mut data = json!({"email_id": format!("mail-{number}"), "from": "A <a@b.example>", "to": [format!("reader{number}@mailbox.example")],
                "subject": "s", "tags": {"message_id": id.to_string()}});
            for (name, value) in more.as_object().into_iter().flatten() {
                data[name] = value.clone();
            }
            let at = Timestamp::from_second(at(step)).unwrap().to_string();
            Callback::Resend {
                id: format!("msg_{number}_{step}"),
                body: json!({"type": kind, "created_at": at, "data": data}),
            }
        };
        events.iter().enumerate().map(event).collect::<Vec<_>>()
    };
    match number % 10 {
        0 => twilio(&[("queued", ""), ("sending", ""), ("sent", ""), ("delivered", "&RawDlrDoneDate=2611211240")]),
        1 => twilio(&[("sent", ""), ("undelivered", "&ErrorCode=30005")]),
        2 => twilio(&[("sending", ""), ("failed", "&ErrorCode=30008")]),
        3 => twilio(&[("sent", ""), ("delivered", ""), ("read", "&EventType=READ&ChannelPrefix=whatsapp")]),
        4 => sendgrid(&[
            json!({"event": "processed"}),
            json!({"event": "deferred", "attempt": "1"}),
            json!({"event": "delivered"}),
            json!({"event": "open", "sg_machine_open": true}),
            json!({"event": "open", "sg_machine_open": false}),
            json!({"event": "click", "url": "https://a.example/1"}),
            json!({"event": "click", "url": "https://a.example/2"}),
        ]),
        5 => {
            sendgrid(&[json!({"event": "processed"}), json!({"event": "bounce", "type": "bounce", "status": "5.1.1"})])
        }
        6 => sendgrid(&[json!({"event": "dropped", "reason": "Spam Content"})]),
        7 => sendgrid(&[
            json!({"event": "processed"}),
            json!({"event": "delivered"}),
            json!({"event": "spamreport"}),
            json!({"event": "group_unsubscribe", "asm_group_id": 1}),
            json!({"event": "teleported"}),
        ]),
        8 => resend(&[
            ("email.sent", json!({})),
            ("email.delivery_delayed", json!({})),
            ("email.delivered", json!({})),
            ("email.opened", json!({"open": {"userAgent": "Mozilla/5.0"}})),
            ("email.opened", json!({})),
            ("email.clicked", json!({"click": {"link": "https://a.example", "timestamp": "2026-01-01T00:00:00Z"}})),
            ("email.complained", json!({})),
        ]),
        _ => resend(&[
            ("email.sent", json!({})),
            ("email.bounced", json!({"bounce": {"type": "Transient", "subType": "MailboxFull"}})),
        ]),
    }
}

/// The states of all messages after these callbacks.
fn after(callbacks: &[Callback]) -> BTreeMap<MessageId, Row> {
    let received = from_millis(1_800_000_000_000);
    let hashed = |address: &crate::message::Address| address.canonical();
    let mut rows = BTreeMap::new();
    let mut take = |reports: Vec<Report>| {
        for report in reports {
            let id = report.message_id.expect("it names its message");
            let new = || Row {
                // The worker is still waiting for the provider's answer.
                status: Status::Sending,
                reason: None,
                heard: BTreeSet::new(),
                counts: BTreeMap::new(),
                times: BTreeMap::new(),
            };
            rows.entry(id).or_insert_with(new).take(&report);
        }
    };
    let mut batch = Vec::new();
    for callback in callbacks {
        match callback {
            Callback::Twilio { query, body } => {
                take(twilio::callback::parse(query, body.as_bytes(), received).unwrap())
            }
            Callback::Resend { id, body } => {
                take(resend::callback::parse(id, body.to_string().as_bytes(), received, &hashed).unwrap());
            }
            Callback::Sendgrid(event) => batch.push(event.clone()),
        }
        if batch.len() == BATCH {
            let body = format!("{}\r\n", Value::Array(std::mem::take(&mut batch)));
            take(sendgrid::callback::parse(body.as_bytes(), received, &hashed).unwrap());
        }
    }
    let body = Value::Array(batch).to_string();
    take(sendgrid::callback::parse(body.as_bytes(), received, &hashed).unwrap());
    rows
}

/// Fisher and Yates' shuffle, by a generator whose numbers follow from the seed (xorshift).
fn shuffle<T>(things: &mut [T], mut seed: u64) {
    for last in (1..things.len()).rev() {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        things.swap(last, usize::try_from(seed % u64::try_from(last + 1).unwrap()).unwrap());
    }
}

#[test]
fn ten_thousand_callbacks_shuffled_and_tripled_end_as_in_order() {
    let mut in_order = Vec::new();
    for number in 0.. {
        in_order.extend(story(number));
        if in_order.len() >= CALLBACKS {
            break;
        }
    }
    let expected = after(&in_order);
    let ended = |status| expected.values().filter(|row| row.status == status).count();
    assert!(ended(Status::Delivered) > 1_000 && ended(Status::Undelivered) > 1_000, "they end in both ways");
    assert!(expected.values().all(|row| row.status.is_final()));
    assert!(
        expected.values().any(|row| row.counts == BTreeMap::from([("opens", 1), ("machine_opens", 1), ("clicks", 2)]))
    );

    for seed in 1..=5 {
        let mut tripled: Vec<Callback> = in_order.iter().cycle().take(in_order.len() * 3).cloned().collect();
        shuffle(&mut tripled, seed * 0x9e37_79b9);
        let states = after(&tripled);
        for (id, row) in &expected {
            assert_eq!(Some(row), states.get(id), "seed {seed}, message {id}");
        }
    }
}
