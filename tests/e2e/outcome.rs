//! What may have been taken is neither sent against a wish, nor denied, nor sent a second way; and what proves that it arrived is
//! believed, whenever it comes.

use serde_json::{Value, json};

use crate::world::aws::number;
use crate::world::flows::{count, in_an_hour};
use crate::world::simulator::Fault;
use crate::world::{Line, World, eventually, fresh, seconds};

const A_DAY: i64 = 23 * 3_600;

/// Sends an e-mail through Resend: its id, and whom it goes to.
async fn by_resend(world: &World) -> (String, String) {
    let to = fresh::email();
    let body = json!({"to": to, "subject": "A mail", "text": fresh::text(), "scheduled_time": in_an_hour()});
    let answer = world.post("/api/v2/communications/email", &body).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    world.release(&id, "resend", "fixed").await;
    (id, to)
}

/// Takes one more step with a message; what it then is.
async fn step(world: &World, id: &str) -> Value {
    let steps = world.steps(id).await;
    let lane = world.message(id).await["lane"].as_str().expect("a lane").to_owned();
    world.enqueue(&lane, id).await;
    world.until_stepped(id, steps + 1).await;
    world.message(id).await
}

async fn suppress(world: &World, address: &str, channel: &str) {
    let body = json!({"address": address, "channel": channel, "note": "asked by telephone"});
    let added = world.post("/api/communication/suppressions", &body).send().await;
    assert!(added.status < 300, "{}", added.text);
}

#[tokio::test]
async fn mail_of_unknown_outcome_is_not_sent_to_who_refuses_it_since() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    // The first request never reaches Resend, and nobody knows.
    let lost = json!({"provider": "resend", "kind": "hang_before", "delay_ms": 11_000, "count": 1});
    let lost = world.fault(lost).await;
    let (id, to) = by_resend(&world).await;
    lost.used_up(&world).await;
    // Before it is asked about.
    suppress(&world, &to, "email").await;
    world.until_within(seconds(40), &id, "uncertain").await;
    world.age(&id, 90).await;
    let message = step(&world, &id).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("uncertain"), &json!(1)), "{message}");
    assert_eq!(world.arrived(&to).await, Vec::<Value>::new(), "asking sent it");
    world.age(&id, A_DAY).await;
    let message = step(&world, &id).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("failed"), &json!("outcome_unknown")), "{message}");
    assert_eq!(world.arrived(&to).await, Vec::<Value>::new());
}

#[tokio::test]
async fn mail_resend_may_have_is_never_denied() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    let silence = world.fault(json!({"provider": "resend", "kind": "drop_callback"})).await;
    let taken = json!({"provider": "resend", "kind": "accept_then_status", "status": 500, "count": 1});
    let taken = world.fault(taken).await;
    // Refused twice: credentials that are refused are read anew and tried once more.
    let refused = world.fault(json!({"provider": "resend", "kind": "status", "status": 401, "count": 2})).await;
    let (id, to) = by_resend(&world).await;
    taken.used_up(&world).await;
    refused.used_up(&world).await;
    let message = world.until_noted(&id, "uncertain").await;
    assert_ne!(message["status"], "failed", "{message}");
    assert!(message["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{message}");
    // It is asked about with the same key, and known.
    world.age(&id, 90).await;
    let message = world.until_swept(seconds(40), &id, "sent").await;
    assert_eq!(world.the_one(&to, "email").await["id"], message["provider_id"], "{message}");
    drop(silence);
}

#[tokio::test]
async fn mail_is_not_sent_again_under_a_forgotten_key() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    let silence = world.fault(json!({"provider": "resend", "kind": "drop_callback"})).await;
    let taken = json!({"provider": "resend", "kind": "accept_then_status", "status": 500, "count": 1});
    let taken = world.fault(taken).await;
    let (id, to) = by_resend(&world).await;
    taken.used_up(&world).await;
    let message = world.until(&id, "retrying").await;
    // It waited for a day.
    let now = jiff::Timestamp::now().as_millisecond();
    let values = [(":u", number(now - A_DAY * 1_000)), (":n", number(now - 1))];
    world.rewrite(&id, "SET unsure_since = :u, not_before = :n", &values).await;
    let message = match message["attempts"].as_u64() {
        Some(1) => step(&world, &id).await,
        _ => message,
    };
    assert_eq!((&message["status"], &message["reason"]), (&json!("failed"), &json!("outcome_unknown")), "{message}");
    assert_eq!(world.the_one(&to, "email").await["requests"], 1);
    drop(silence);
}

#[tokio::test]
async fn proof_while_it_waits_for_another_attempt_ends_it() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms]).await;
    let to = fresh::phone();
    let sms = |kind: &str| json!({"provider": "twilio", "channel": "sms", "kind": kind});
    let silence = world.fault(sms("drop_callback")).await;
    let mut taken = sms("accept_then_status");
    taken["count"] = json!(1);
    taken["to"] = json!(to);
    let taken = world.fault(taken).await;
    // Its list shows the message late, so that its "no" is wrong.
    let lag = world.fault(json!({"provider": "twilio", "kind": "list_lag", "delay_ms": 3_600_000})).await;
    let id = world.sms(&to, &fresh::text()).await;
    taken.used_up(&world).await;
    world.until(&id, "uncertain").await;
    let hour = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    world.age(&id, 60).await;
    step(&world, &id).await;
    let message = world.until_noted(&id, "retrying").await;
    world.rewrite(&id, "SET not_before = :n", &[(":n", number(hour))]).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("retrying"), &json!(1)), "{message}");
    drop(lag);
    let there = world.the_one(&to, "sms").await;
    let sid = there["id"].as_str().expect("an id");
    let told = [("MessageSid", sid), ("MessageStatus", "delivered")];
    world.twilio_tells(&format!("/twilio/sms-status?message={id}"), &told).await.is(200);
    let message = world.until(&id, "delivered").await;
    assert_eq!((&message["attempts"], &message["provider_id"]), (&json!(1), &there["id"]), "{message}");
    world.the_one(&to, "sms").await;
    drop(silence);
}

#[tokio::test]
async fn proof_after_the_end_corrects_an_unknown_outcome() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let voice = |kind: &str| json!({"provider": "twilio", "channel": "voice", "kind": kind});
    let silence = world.fault(voice("drop_callback")).await;
    let mut lost = voice("accept_then_status");
    lost["count"] = json!(1);
    let lost = world.fault(lost).await;
    let to = fresh::phone();
    let call = json!({"to": to, "message": fresh::text()});
    let answer = world.post("/api/v1/twilio/initiate-call", &call).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    lost.used_up(&world).await;
    world.until(&id, "uncertain").await;
    world.age(&id, A_DAY + 60).await;
    let message = step(&world, &id).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("failed"), &json!("outcome_unknown")), "{message}");
    let there = world.the_one(&to, "voice").await;
    let over = [
        ("CallSid", there["id"].as_str().expect("an id")),
        ("CallStatus", "completed"),
        ("CallDuration", "5"),
        ("SequenceNumber", "3"),
    ];
    world.twilio_tells(&format!("/twilio/call-status?message={id}"), &over).await.is(200);
    let message = world.until(&id, "delivered").await;
    assert_eq!((&message["reason"], &message["attempts"]), (&Value::Null, &json!(1)), "{message}");
    drop(silence);
}

#[tokio::test]
async fn text_of_another_system_is_not_adopted() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let (to, text) = (fresh::phone(), fresh::text());
    let cut = json!({"provider": "twilio", "channel": "whatsapp", "kind": "reset", "count": 1, "to": to});
    let cut = world.fault(cut).await;
    let id = world.whatsapp(&to, &text).await;
    cut.used_up(&world).await;
    world.until(&id, "uncertain").await;
    world.age(&id, 90).await;
    // Somebody sends the same words by the same sender, a minute and a half after the call that got lost.
    let foreign = json!({
        "channel": "whatsapp", "to": format!("whatsapp:{to}"), "from": "whatsapp:+14155238886", "text": text,
    });
    let foreign = world.simulator(http::Method::POST, "/_sim/foreign", Some(&foreign)).await;
    let message = world.until_swept(seconds(40), &id, "delivered").await;
    assert_ne!(message["provider_id"], foreign["id"], "{message}");
    assert_eq!((&message["attempts"], count(&message, "retrying")), (&json!(2), 1), "{message}");
    let ours: Vec<_> =
        world.arrived(&to).await.into_iter().filter(|there| there["id"] == message["provider_id"]).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
}

#[tokio::test]
async fn text_kept_in_another_spelling_is_found() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms]).await;
    let to = format!("+5255{}", &fresh::phone()[4..]);
    let text = format!("It’s “{}” – …", fresh::text());
    let sms = |kind: &str| json!({"provider": "twilio", "channel": "sms", "kind": kind});
    let silence = world.fault(sms("drop_callback")).await;
    let respelled = world.fault(json!({"provider": "twilio", "kind": "respell", "to": to})).await;
    let mut taken = sms("accept_then_status");
    taken["count"] = json!(1);
    taken["to"] = json!(to);
    let taken = world.fault(taken).await;
    let id = world.sms(&to, &text).await;
    taken.used_up(&world).await;
    world.until(&id, "uncertain").await;
    world.age(&id, 60).await;
    let message = step(&world, &id).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("sent"), &json!(1)), "{message}");
    assert_eq!(world.arrived(&to).await, Vec::<Value>::new(), "it is kept under the other spelling");
    drop((silence, respelled));
}

/// A message that its provider turned away with a 429 and is tried again; and the fault that did it.
async fn turned_away(world: &World, (token, _): &(String, String)) -> (Fault, String) {
    let to = fresh::phone();
    let busy = json!({"provider": "twilio", "channel": "whatsapp", "kind": "status", "status": 429, "to": to});
    let busy = world.fault(busy).await;
    let body = json!({"to": to, "body": fresh::text()});
    let answer = world.post("/api/v1/twilio/send-whatsapp", &body).token(token).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    world.until_noted(&id, "retrying").await;
    (busy, id)
}

#[tokio::test]
async fn cancelled_after_a_429_costs_nothing_and_is_given_back() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let budget = crate::settled::with_budget(&world).await;
    let (busy, id) = turned_away(&world, &budget).await;
    let hour = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    world.rewrite(&id, "SET not_before = :n", &[(":n", number(hour))]).await;
    let before = world.until(&id, "retrying").await;
    crate::settled::until_spent(&world, &budget, before["cost"].as_f64().expect("a cost")).await;
    let path = format!("/api/communication/cancel/{id}");
    world.post(&path, &json!({})).token(&budget.0).send().await.ok();
    drop(busy);
    let message = world.until(&id, "cancelled").await;
    assert_eq!(message["cost"], json!(0.0), "{message}");
    world.sweep().await;
    crate::settled::until_spent(&world, &budget, 0.0).await;
    // Whoever brings it again gives nothing back again.
    step(&world, &id).await;
    crate::settled::until_spent(&world, &budget, 0.0).await;
    let row = world.row(&id).await;
    assert!(!row.contains_key("refund") && !row.contains_key("due_at"), "{row:?}");
}

#[tokio::test]
async fn refund_goes_into_the_day_it_was_counted_in() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let budget = crate::settled::with_budget(&world).await;
    let (busy, id) = turned_away(&world, &budget).await;
    let now = jiff::Timestamp::now();
    let (hour, yesterday) = (now.as_millisecond() + 3_600_000, now - jiff::SignedDuration::from_hours(24));
    let times = [(":n", number(hour)), (":y", number(yesterday.as_millisecond()))];
    world.rewrite(&id, "SET not_before = :n, started_at = :y", &times).await;
    let cost = world.until(&id, "retrying").await["cost"].as_f64().expect("a cost");
    crate::settled::until_spent(&world, &budget, cost).await;
    world.post(&format!("/api/communication/cancel/{id}"), &json!({})).token(&budget.0).send().await.ok();
    drop(busy);
    world.until(&id, "cancelled").await;
    let caller = budget.1.rsplit('/').next().expect("a caller");
    let day = yesterday.to_zoned(jiff::tz::TimeZone::UTC).date();
    eventually("it is given back", seconds(60), async || {
        world.sweep().await;
        let mut sum = 0;
        for shard in 0..switchboard::store::budgets::SHARDS {
            let key = aws_sdk_dynamodb::types::AttributeValue::S(format!("spend#{caller}#{day}#{shard}"));
            let get = world.dynamodb().get_item().table_name(&world.stack.tables["ephemera"]);
            let row = get.key("key", key).consistent_read(true).send().await.expect("DynamoDB answers").item;
            let micros = row.map_or(0, |row| row["micros"].as_n().expect("a number").parse::<i64>().expect("whole"));
            sum += micros;
        }
        if sum < 0 { Ok(()) } else { Err(format!("{sum}")) }
    })
    .await;
    crate::settled::until_spent(&world, &budget, cost).await;
}
