//! Callbacks shuffled and tripled end as in order. `CALLBACKS` says how many come, about (1,000 unless said otherwise).

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::fuzz::chance::Chance;

use super::sent_sms;
use crate::world::{Line, World, fresh, signing};

/// How many are under way at a time.
const AT_A_TIME: usize = 8;
/// SendGrid packs so many events into one callback.
const BATCH: usize = 10;

/// What a provider says of one message.
#[derive(Clone, Debug)]
enum Said {
    Twilio { id: String, sid: String, status: &'static str, code: Option<&'static str> },
    Sendgrid(Value),
}

/// A message whose callbacks come in order, and its twin whose callbacks do not.
type Twins = (String, String);

async fn tell(world: &World, said: Vec<Said>) {
    let (mut calls, mut events) = (Vec::new(), Vec::new());
    for said in said {
        match said {
            Said::Twilio { id, sid, status, code } => calls.push((id, sid, status, code)),
            Said::Sendgrid(event) => events.push(event),
        }
    }
    let twilio = stream::iter(calls).for_each_concurrent(AT_A_TIME, |(id, sid, status, code)| async move {
        let mut form = vec![("MessageSid", sid.as_str()), ("MessageStatus", status)];
        form.extend(code.map(|code| ("ErrorCode", code)));
        let token = world.stack.secret("twilio_auth_token");
        world.twilio_form(&format!("/twilio/sms-status?message={id}"), &form, token, None).await.is(200);
    });
    let sendgrid = stream::iter(events.chunks(BATCH)).for_each(|events| async move {
        let now = Timestamp::now().as_second();
        let body = format!("{}\r\n", Value::Array(events.to_vec()));
        world.sendgrid_events(now, &signing::sendgrid(now, &body), &body).await.is(200);
    });
    futures::join!(twilio, sendgrid);
}

fn texts_story(number: usize, (id, sid): &(String, String)) -> Vec<Said> {
    let said = |status, code| Said::Twilio { id: id.clone(), sid: sid.clone(), status, code };
    match number % 4 {
        0 => vec![said("queued", None), said("sent", None), said("delivered", None)],
        1 => vec![said("sending", None), said("sent", None), said("undelivered", Some("30008"))],
        2 => vec![said("queued", None), said("failed", Some("30007"))],
        _ => vec![said("sent", None), said("delivered", None), said("read", None)],
    }
}

fn mails_story(number: usize, (id, to): &(String, String), start: i64) -> Vec<Said> {
    let events: &[(&str, Value)] = match number % 3 {
        0 => &[
            ("processed", json!({})),
            ("deferred", json!({"attempt": "1"})),
            ("delivered", json!({})),
            ("open", json!({"sg_machine_open": true})),
            ("open", json!({"sg_machine_open": false})),
            ("open", json!({"sg_machine_open": false})),
            ("click", json!({"url": "https://a.example"})),
        ],
        1 => &[("processed", json!({})), ("bounce", json!({"type": "blocked", "status": "5.7.1"}))],
        _ => &[("processed", json!({})), ("dropped", json!({"reason": "Spam Content"}))],
    };
    let event = |(step, (name, more)): (usize, &(&str, Value))| {
        let mut event = json!({"event": name, "message_id": id, "email": to, "sg_event_id": format!("{id}-{step}"),
            "timestamp": start + i64::try_from(step).expect("small")});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Said::Sendgrid(event)
    };
    events.iter().enumerate().map(event).collect()
}

/// Fisher and Yates' shuffle.
fn shuffle<T>(things: &mut [T], seed: u64) {
    let mut chance = Chance::new(seed);
    for last in (1..things.len()).rev() {
        things.swap(last, chance.below(last + 1));
    }
}

/// How a message ended. Twilio's callbacks have no times, so those of a text are ours.
fn ending(message: &Value) -> Value {
    let mut ending = json!({});
    for name in ["status", "reason", "provider_code", "engagement"] {
        ending[name] = message[name].clone();
    }
    if message["channel"] == "email" {
        ending["opened_at"] = message["opened_at"].clone();
        ending["clicked_at"] = message["clicked_at"].clone();
    }
    ending
}

#[tokio::test]
async fn callbacks_shuffled_and_tripled_end_as_in_order() {
    let wanted: usize = std::env::var("CALLBACKS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid]).await;
    // Three of a text and, on average, not quite four of a mail; each comes three times.
    let pairs = wanted.div_ceil(3 * 7).max(3);
    let start = Timestamp::now().as_second() - 1_000;
    let mail = async || {
        let to = format!("silent+{}@simulator.example", fresh::word());
        let body = json!({"to": to, "from": "hello@mailbox.example", "subject": "x", "text": fresh::text()});
        let id = world.direct("send-email", &body).await;
        world.until(&id, "sent").await;
        (id, to)
    };
    let make = |number: usize| {
        let (world, mail) = (&world, &mail);
        async move {
            let (text, twin, mail, mail_twin) = futures::join!(sent_sms(world), sent_sms(world), mail(), mail());
            let in_order = [texts_story(number, &text), mails_story(number, &mail, start)].concat();
            let anyhow = [texts_story(number, &twin), mails_story(number, &mail_twin, start)].concat();
            let twins: [Twins; 2] = [(text.0, twin.0), (mail.0, mail_twin.0)];
            (twins, in_order, anyhow)
        }
    };
    let made: Vec<_> = stream::iter(0..pairs).map(make).buffer_unordered(2).collect().await;

    // In order: each message's own, one after the other, once.
    let told = stream::iter(&made).for_each_concurrent(AT_A_TIME, |(_, in_order, _)| {
        let world = &world;
        async move {
            for said in in_order {
                tell(world, vec![said.clone()]).await;
            }
        }
    });
    told.await;
    let mut tripled: Vec<Said> = made.iter().flat_map(|(_, _, anyhow)| [anyhow.as_slice(); 3].concat()).collect();
    let seed = u64::try_from(Timestamp::now().as_microsecond()).expect("after 1970");
    shuffle(&mut tripled, seed);
    let came = tripled.len();
    tell(&world, tripled).await;

    let mut endings = std::collections::BTreeMap::<String, usize>::new();
    for (in_order, twin) in made.iter().flat_map(|(twins, ..)| twins) {
        let (expected, message) = (world.message(in_order).await, world.message(twin).await);
        assert_eq!(ending(&message), ending(&expected), "{came} callbacks, shuffled by {seed}: {message}");
        *endings.entry(format!("{} {}", message["channel"], message["status"])).or_default() += 1;
    }
    assert_eq!(endings.len(), 4, "texts and mails end in both ways: {endings:?}");
}
