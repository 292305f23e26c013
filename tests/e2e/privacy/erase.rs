//! Whoever wants to be forgotten is: no table, queue or object names them any more, in clear or sealed; what they were sent stays
//! counted, and the ledger still verifies.

use serde_json::{Value, json};

use super::{erase_path, long_text, needles};
use crate::inbound::{sms as inbound_sms, written};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, eventually, fresh, seconds};

const MAIL: &str = "/api/v2/communications/email";

/// When a record of it waits in a queue, and not only in the table.
fn in_ten_minutes() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10)).to_string()
}

async fn mail(world: &World, body: &Value) -> String {
    world.post(MAIL, body).send().await.ok()["message_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn no_table_queue_or_object_holds_a_trace_of_whoever_was_erased() {
    let world = World::new();
    let _lines = world.share(&Line::ALL).await;
    let hook = world.hook(&["message.delivered", "message.cancelled", "message.received"]).await;
    let person = world.person().await;
    let (id, other) = (person.id, fresh::email());
    let texts: [String; 8] = std::array::from_fn(|_| fresh::text());
    let (mark, long) = long_text();

    // On every channel; by their id and by their addresses; sent, waiting in the table, waiting in a queue; large; beside others.
    let sent = world.sms(&person.phone, &texts[0]).await;
    world.until(&sent, "delivered").await;
    let led = fresh::word();
    // What they did and wrote since: a link they may follow, an action, an answer.
    let link = json!({"to": person.phone, "message": format!("See https://a.example/{led}"), "shorten_links": true});
    world.post("/api/v2/communications/sms", &link).send().await.ok();
    let action = json!({"action": "viewed", "metadata": {"page": texts[6]}});
    world.post(&format!("/api/communication/track/{sent}"), &action).send().await.ok();
    let answer = written(&world, &inbound_sms(&person.phone, &texts[7])).await;
    let written = answer["id"].as_str().expect("an id").to_owned();
    let whatsapp = world.whatsapp(&person.phone, &texts[1]).await;
    world.until(&whatsapp, "delivered").await;
    let call = json!({"to": person.phone, "message": texts[2], "purpose": "reminder"});
    world.post("/api/v2/communications/calls", &call).send().await.ok();
    let by_id =
        json!({"user_id": id, "trigger_type": "monthly_report", "channel": "email", "data": {"month": texts[3]}});
    let report = world.trigger(&by_id).await;
    world.until(&report, "delivered").await;
    let large = json!({"to": person.email, "subject": "All of it", "text": long, "scheduled_time": in_an_hour()});
    let large = mail(&world, &large).await;
    let beside = json!({"to": other, "cc": [person.email], "subject": "For both", "text": texts[4], "scheduled_time": in_an_hour()});
    let beside = mail(&world, &beside).await;
    let alert = |at: String, amount: &str| {
        json!({"user_id": id, "trigger_type": "payment_reminder", "channel": "sms", "scheduled_time": at,
               "data": {"amount": 7, "due_date": amount, "account": amount}})
    };
    let later = world.trigger(&alert(in_an_hour(), &texts[5])).await;
    let soon = world.trigger(&alert(in_ten_minutes(), &texts[5])).await;
    // What somebody else was told of all this.
    for (message, event) in
        [(&sent, "message.delivered"), (&report, "message.delivered"), (&written, "message.received")]
    {
        let delivery = world.delivery_of(&hook, message, event).await;
        world.delivery_until(&hook, &delivery, |one| one["status"] == "delivered").await;
    }
    // A code that waits to be entered, and a phone that is to become a second factor.
    let code = json!({"to": person.phone, "channel": "sms", "purpose": "login", "user_id": id});
    world.post("/api/v2/communications/otp/send", &code).send().await.ok();
    world.post("/api/v2/2fa/enrol", &json!({"user_id": id, "phone_number": person.phone})).send().await.ok();

    let own = switchboard::person::PersonId::text(&id.to_string()).expect("an id");
    world
        .people()
        .await
        .count_reading(&own, switchboard::message::Channel::Email, 9, 4, "a reading")
        .await
        .expect("it is counted");

    let mut private = vec![person.phone.clone(), person.email.clone(), mark];
    private.extend(texts.clone());
    private.push(led);
    let dump = world.dump().await;
    for needle in needles(&private) {
        assert!(!dump.sealed(needle).is_empty(), "{needle} is there, sealed, before");
        assert_eq!(dump.sealed(needle), dump.traces(needle), "{needle} is nowhere in clear, even before");
    }
    assert_eq!(world.objects(&format!("content/transactional/{large}/")).await.len(), 1);

    let asked = world.asks_to_erase(id).await;
    assert_eq!((&asked["status"], &asked["user_id"]), (&json!("erasing"), &json!(id)), "{asked}");
    // From that answer on nobody writes to them.
    let refused = world.post("/api/communication/send", &by_id).send().await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    let consent = json!({"user_id": id, "phone_number": person.phone});
    world.post("/api/communication/consent/sms", &consent).send().await.refused(409, "The user is being erased");

    world.until_walked(id, 1).await;
    let done = world.until_erased(id).await;
    let erased = &done["erased"];
    assert!(erased["messages"].as_u64() >= Some(10) && erased["mentions"] == 1, "{done}");
    assert!(erased["cancelled"].as_u64() >= Some(3) && erased["ledger_entries"].as_u64() >= Some(2), "{done}");

    // What the stream brings is gone once it was read.
    let fingerprints = {
        let seal = world.seal().await;
        [&person.phone, &person.email].map(|address| seal.fingerprint(&super::address(address)))
    };
    let dump = eventually("the streams are read", seconds(30), async || {
        let dump = world.dump().await;
        let traces = fingerprints.iter().flat_map(|fingerprint| dump.traces(fingerprint));
        let unread: Vec<&str> = traces.filter(|place| place.starts_with("stream ")).collect();
        if unread.is_empty() { Ok(dump) } else { Err(format!("{unread:?}")) }
    })
    .await;
    for needle in needles(&private) {
        // What somebody else was written stays theirs; the address beside them is gone from it.
        let traces = dump.traces(needle);
        let theirs = |place: &&str| !(place.contains(&beside) && texts[4].ends_with(needle));
        let left: Vec<_> = traces.into_iter().filter(theirs).collect();
        assert!(left.is_empty(), "{needle}: {left:?}");
    }
    assert!(dump.traces(&other).iter().any(|place| place.contains(&beside)), "the other still gets theirs");
    assert!(world.objects(&format!("content/transactional/{large}/")).await.is_empty());
    for waiting in [&large, &later, &soon] {
        let message = world.message(waiting).await;
        assert_eq!((&message["status"], &message["reason"]), (&json!("cancelled"), &json!("erased")), "{message}");
    }
    for ended in [&sent, &report] {
        let message = world.message(ended).await;
        assert_eq!((&message["status"], &message["user_id"]), (&json!("delivered"), &Value::Null), "{message}");
        assert!(message["cost"].as_f64() > Some(0.0), "what it cost stays: {message}");
    }
    // Their fingerprint is nowhere but where it keeps them from being written to, and in names of what ends by itself.
    for fingerprint in &fingerprints {
        let left = dump.traces(fingerprint);
        let stays = |place: &&str| place.starts_with("people address#") || place.starts_with("ledger ");
        assert!(left.iter().all(stays), "{left:?}");
    }
    // In their partition nothing is left but how far the ledger goes.
    let rows = world.rows("people").await;
    let theirs = rows.iter().filter(|row| row["pk"].as_s().is_ok_and(|pk| *pk == format!("person#{id}")));
    let left: Vec<_> = theirs.map(|row| row["sk"].as_s().expect("a text").as_str()).collect();
    assert_eq!(left, ["ledger"]);
    // What was told of their messages stays, and names nobody; nor does what is told from now on.
    let told_of = |place: &String| dump.traces(place).iter().any(|place| place.starts_with("deliveries "));
    assert!([&sent, &report, &written].into_iter().all(told_of), "it is there");
    for named in [id.to_string().as_str(), "user_id"] {
        let left: Vec<_> = dump.traces(named).into_iter().filter(|place| place.starts_with("deliveries ")).collect();
        assert!(left.is_empty(), "{named}: {left:?}");
    }
    for (message, event) in [(&report, "message.delivered"), (&written, "message.received")] {
        let delivery = world.delivery_of(&hook, message, event).await;
        assert_eq!(hook.listener.received(&delivery)[0].json["data"]["user_id"], json!(id), "they were named before");
        let replay = format!("/api/v2/communications/webhooks/{}/deliveries/{delivery}/replay", hook.id);
        world.post(&replay, &json!({})).send().await.is(202);
        let again = hook.listener.until(2, &delivery).await.remove(1);
        assert_eq!(again.json["data"]["user_id"], Value::Null, "{}", again.text);
    }
    let cancelled = hook.listener.until(1, &later).await.remove(0);
    assert_eq!(
        (&cancelled.json["data"]["reason"], &cancelled.json["data"]["user_id"]),
        (&json!("erased"), &Value::Null)
    );
    // Nothing more is kept of what they do.
    world.post(&format!("/api/communication/track/{sent}"), &action).send().await.refused(404, "Task not found");
    // The ledger says that it was done, and still holds.
    let ledger = world.get(&format!("/api/communication/ledger/{id}")).send().await.ok();
    let events: Vec<_> = ledger["entries"].as_array().expect("entries").iter().map(|entry| &entry["event"]).collect();
    assert!(events.contains(&&json!("erased")) && events.contains(&&json!("erasure_completed")), "{ledger}");
    assert!(ledger["entries"].as_array().expect("entries").iter().all(|entry| entry["personal"].is_null()), "{ledger}");
    let verified = world.get(&format!("/api/communication/ledger/{id}/verify")).send().await.ok();
    assert_eq!(verified["intact"], true, "{verified}");
    // The one who is left alone may come back.
    world.post("/api/communication/consent/sms", &consent).send().await.ok();
}

#[tokio::test]
async fn an_address_that_must_not_be_used_stays_so_after_its_owner_was_erased() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    world.writes(&person.phone, "STOP").await;
    let direct = json!({"to": person.phone, "body": fresh::text()});
    let first = world.post("/api/v1/twilio/send-sms", &direct).send().await;
    if first.status == 200 {
        world.until(first.json["message_id"].as_str().expect("an id"), "failed").await;
    }
    world.asks_to_erase(person.id).await;
    world.until_erased(person.id).await;
    let refused = world.post("/api/v1/twilio/send-sms", &direct).send().await.is(403);
    assert_eq!(refused.json["reason"], "address_suppressed", "{}", refused.text);
    let phone = &needles([&person.phone])[0];
    let left: Vec<String> = world.dump().await.traces(phone).iter().map(|place| (*place).to_owned()).collect();
    // The refused one just now is on record, sealed; nothing in clear is.
    assert!(left.iter().all(|place| place.starts_with("messages ") && place.ends_with("(opened)")), "{left:?}");
}

#[tokio::test]
async fn what_is_another_persons_too_stays_theirs() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let other = fresh::user();
    let agreed = json!({"user_id": other, "phone_number": person.phone, "send_code": false});
    world.post("/api/communication/consent/sms", &agreed).send().await.ok();
    world.prefers(other, &json!({"time_zone": fresh::zone_at(12)})).await;
    let to = |user: i64, text: &str| {
        json!({"user_id": user, "trigger_type": "payment_reminder", "channel": "sms", "scheduled_time": in_an_hour(),
               "data": {"amount": 7, "due_date": text, "account": text}})
    };
    let texts = [fresh::text(), fresh::text(), fresh::text()];
    let theirs = world.trigger(&to(person.id, &texts[0])).await;
    let others = world.trigger(&to(other, &texts[1])).await;
    let nobodys = world.sms(&person.phone, &texts[2]).await;
    world.asks_to_erase(person.id).await;
    world.until_erased(person.id).await;

    assert_eq!(world.message(&theirs).await["reason"], "erased");
    assert_eq!(world.message(&others).await["status"], "scheduled");
    assert_ne!(world.message(&nobodys).await["reason"], "erased");
    let dump = world.dump().await;
    assert!(dump.traces(needles([&texts[0]])[0]).is_empty());
    for kept in needles(&texts[1..]) {
        assert_eq!(dump.traces(kept).len(), 1, "{kept}");
    }
}

#[tokio::test]
async fn a_person_nothing_is_known_of_can_be_erased_and_an_erasure_nobody_asked_for_is_not_found() {
    let world = World::new();
    let user = fresh::user();
    world.get(&erase_path(user)).send().await.refused(404, "No erasure was asked for");
    // Without a body.
    world.post_text(&erase_path(user), "").send().await.is(202);
    let first = world.until_erased(user).await;
    assert_eq!(first["erased"]["messages"], 0, "{first}");
    // Again: another one begins, and while that is on its way it is found.
    let again = world.asks_to_erase(user).await;
    assert_ne!(again["erasure_id"], first["erasure_id"]);
    let once_more = world.asks_to_erase(user).await;
    assert_eq!(once_more["erasure_id"], again["erasure_id"]);
    eventually("it is gone through", seconds(30), async || {
        let erasure = world.erasure(user).await;
        if erasure["walks"].as_u64() > Some(0) { Ok(()) } else { Err(erasure.to_string()) }
    })
    .await;
}
