//! Templates: put, used, shown, previewed, rolled back; in the reader's language; and bookings, which use them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, tokens};

const TEMPLATES: &str = "/api/v2/communications/templates";

/// How long a change may take to be seen by every sender, and a little.
const SEEN: Duration = Duration::from_secs(20);

fn path(name: &str) -> String {
    format!("{TEMPLATES}/{name}")
}

/// A name no other test has.
fn name() -> String {
    format!("t_{}", fresh::word())
}

fn texts(text: &str) -> Value {
    json!({"template": {"locales": {"en": {"text": text}}}})
}

async fn put(world: &World, name: &str, body: &Value) -> Value {
    world.call("PUT", &path(name)).header("content-type", "application/json").body(&body.to_string()).send().await.ok()
}

/// Sends by template until this version of it is used, and gives the message.
async fn sent_with(world: &World, name: &str, version: u64, variables: &Value) -> (String, Value) {
    eventually(&format!("{name} is sent in version {version}"), SEEN, async || {
        let to = fresh::phone();
        let body = json!({"to": to, "template": name, "variables": variables});
        let answer = world.post("/api/v2/communications/sms", &body).send().await.ok();
        let message = world.message(answer["message_id"].as_str().expect("an id")).await;
        if message["template"]["version"] == version { Ok((to, message)) } else { Err(message["template"].to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_template_is_put_used_changed_and_rolled_back() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (name, word) = (name(), fresh::text());
    world.get(&path(&name)).send().await.refused(404, "Template not found");
    let unknown = json!({"to": fresh::phone(), "template": name});
    world.post("/api/v2/communications/sms", &unknown).send().await.refused(404, &format!("Unknown template: {name}"));

    let first = put(&world, &name, &texts("One {{ word }}")).await;
    assert_eq!(
        (&first["version"], &first["current_version"], &first["shipped"]),
        (&json!(1), &json!(1), &json!(false))
    );
    assert_eq!((&first["variables"], &first["required_variables"]), (&json!(["word"]), &json!(["word"])));
    let (to, message) = sent_with(&world, &name, 1, &json!({"word": word})).await;
    assert_eq!(message["template"], json!({"name": name, "version": 1, "locale": "en"}));
    assert_eq!(message["consent_class"], "transactional");
    world.until(message["id"].as_str().unwrap(), "delivered").await;
    assert_eq!(world.the_one(&to, "sms").await["text"], format!("One {word}"));

    let mut second = texts("Two {{ word }}");
    second["note"] = json!("another number");
    assert_eq!(put(&world, &name, &second).await["version"], 2);
    let (to, message) = sent_with(&world, &name, 2, &json!({"word": word})).await;
    world.until(message["id"].as_str().unwrap(), "delivered").await;
    assert_eq!(world.the_one(&to, "sms").await["text"], format!("Two {word}"));

    let rolled = world.post(&format!("{}/rollback", path(&name)), &json!({"version": 1})).send().await.ok();
    assert_eq!((&rolled["current_version"], &rolled["latest_version"]), (&json!(1), &json!(2)));
    let history: Vec<(&Value, &Value)> =
        rolled["history"].as_array().unwrap().iter().map(|change| (&change["action"], &change["version"])).collect();
    let (put_, rollback) = (json!("put"), json!("rollback"));
    assert_eq!(history, [(&rollback, &json!(1)), (&put_, &json!(2)), (&put_, &json!(1))]);
    assert_eq!(rolled["history"][1]["note"], "another number");
    sent_with(&world, &name, 1, &json!({"word": word})).await;

    let old = world.get(&format!("{}?version=2", path(&name))).send().await;
    assert_eq!(old.header("etag"), "\"1\"");
    assert_eq!(old.ok()["template"]["locales"]["en"]["text"], "Two {{ word }}");
    world.get(&format!("{}?version=3", path(&name))).send().await.refused(404, "Template not found");
    let third = put(&world, &name, &texts("Three")).await;
    assert_eq!((&third["version"], &third["latest_version"]), (&json!(3), &json!(3)), "versions are never used twice");
    let nowhere = json!({"version": "shipped"});
    world.post(&format!("{}/rollback", path(&name)), &nowhere).send().await.refused(404, "Template not found");
}

#[tokio::test]
async fn a_stored_version_shadows_the_shipped_one_for_sends_by_trigger() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let person = world.person().await;
    let trigger = "inspection_reminder";
    let body = json!({"user_id": person.id, "trigger_type": trigger, "channel": "sms", "data": {"inspection": "Roof"}});
    let locales = json!({"en": {"text": "Look at {{ inspection }} by {{ deadline }}."}});
    put(&world, trigger, &json!({"template": {"locales": locales}})).await;
    let refusal = eventually("the stored version is in force", SEEN, async || {
        let answer = world.post("/api/communication/send", &body).send().await;
        if answer.status == 400 { Ok(answer) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(refusal.json["error"], "Missing required field: data.deadline");
    assert_eq!(refusal.json["missing_variables"], json!(["deadline"]));
    // Without a fallback: that would be an SMS, and is rendered at accept as well.
    let email = json!({
        "user_id": person.id, "trigger_type": trigger, "channel": "email", "fallback": "none", "data": {"inspection": "Roof"},
    });
    let task = world.trigger(&email).await;
    let template = world.until(&task, "delivered").await["template"].clone();
    assert_eq!(template, json!({"name": trigger, "version": 0, "locale": "en"}), "e-mail keeps the shipped words");

    world.post(&format!("{}/rollback", path(trigger)), &json!({"version": "shipped"})).send().await.ok();
    let task = eventually("the shipped version is in force", SEEN, async || {
        let answer = world.post("/api/communication/send", &body).send().await;
        if answer.status == 200 { Ok(answer.json["task_id"].as_str().unwrap().to_owned()) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(world.until(&task, "delivered").await["template"]["version"], 0);
}

#[tokio::test]
async fn a_message_is_written_in_the_readers_language_or_the_next_best() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend]).await;
    let person = world.person().await;
    let consent = json!({"user_id": person.id, "phone_number": person.phone, "locale": "fr_ca", "send_code": false});
    world.post("/api/communication/consent/sms", &consent).send().await.ok();
    let send = |locale: Option<&str>, channel: &str, trigger: &str| {
        let mut body =
            json!({"user_id": person.id, "trigger_type": trigger, "channel": channel, "data": {"amount": 5}});
        if let Some(locale) = locale {
            body["locale"] = json!(locale);
        }
        body
    };
    for (locale, trigger, expected) in [
        (None, "payment_reminder", "fr"),
        (Some("de-CH"), "payment_reminder", "de"),
        (Some("ja"), "payment_reminder", "en"),
        (None, "weekly_checkin", "en"),
    ] {
        let task = world.trigger(&send(locale, "sms", trigger)).await;
        assert_eq!(world.until(&task, "delivered").await["template"]["locale"], expected, "{locale:?} {trigger}");
    }
    let task = world.trigger(&send(Some("es"), "email", "payment_reminder")).await;
    world.until(&task, "delivered").await;
    let there = world.the_one(&person.email, "email").await;
    assert_eq!(there["subject"], "Su pago vence pronto");
    assert!(there["html"].as_str().unwrap().contains("<html lang=\"es\">"), "{there}");
    let bad = world.post("/api/communication/send", &send(Some("english!"), "sms", "payment_reminder")).send().await;
    bad.refused(400, "Invalid value for field: locale");
}

#[tokio::test]
async fn what_is_filled_in_brings_no_markup_into_an_email() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::BulkLane]).await;
    let person = world.person().await;
    let evil = "<script>alert(1)</script>\r\nBcc: x@y.example & \"more\"";
    let body = json!({
        "user_id": person.id, "trigger_type": "career_insight", "channel": "email", "data": {"title": evil, "summary": evil},
    });
    let task = world.trigger(&body).await;
    world.until(&task, "delivered").await;
    let there = world.the_one(&person.email, "email").await;
    assert_eq!(there["subject"], "<script>alert(1)</script> Bcc: x@y.example & \"more\"");
    let html = there["html"].as_str().unwrap();
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(html.contains("&amp; &quot;more&quot;"), "{html}");
}

#[tokio::test]
async fn concurrent_puts_make_a_version_each_and_an_outdated_one_is_refused() {
    let world = World::new();
    let name = name();
    let bodies: Vec<Value> = (0..4).map(|number| texts(&format!("Text {number}"))).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| put(&world, &name, body))).await;
    let mut versions: Vec<u64> = answers.iter().map(|answer| answer["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4]);
    for answer in &answers {
        let stored = world.get(&format!("{}?version={}", path(&name), answer["version"])).send().await.ok();
        assert_eq!(stored["template"], answer["template"], "what was put is what is there");
    }
    let call = |version: &str| {
        let call = world.call("PUT", &path(&name)).header("content-type", "application/json");
        call.header("if-match", version).body(&texts("Five").to_string())
    };
    let refusal = call("\"3\"").send().await.is(409);
    assert_eq!(
        (&refusal.json["error"], &refusal.json["current_version"]),
        (&json!("Another version is in force"), &json!(4))
    );
    assert_eq!(call("\"4\"").send().await.ok()["version"], 5);
}

#[tokio::test]
async fn a_split_test_gives_each_person_one_variant_and_names_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let name = name();
    let template = json!({
        "locales": {"en": {"text": "Old"}},
        "variants": [{"name": "control", "weight": 1}, {"name": "new", "weight": 1, "locales": {"en": {"text": "New"}}}],
    });
    put(&world, &name, &json!({"template": template})).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12 {
        let to = fresh::phone();
        let preview = json!({"channel": "sms", "to": to});
        let shown = world.post(&format!("{}/preview", path(&name)), &preview).send().await.ok();
        let variant = shown["template"]["variant"].as_str().unwrap().to_owned();
        assert_eq!(shown["content"]["text"], if variant == "new" { "New" } else { "Old" });
        if seen.insert(variant.clone()) {
            let body = json!({"to": to, "template": name});
            let answer = world.post("/api/v2/communications/sms", &body).send().await.ok();
            let message = world.message(answer["message_id"].as_str().unwrap()).await;
            assert_eq!(message["template"]["variant"], variant.as_str(), "as the preview said");
        }
    }
    assert_eq!(seen.len(), 2, "twelve people in one half: one time in two thousand");
}

#[tokio::test]
async fn a_preview_costs_what_the_message_will() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let data = json!({"message": "a".repeat(300)});
    let preview = json!({"channel": "sms", "to": to, "data": data});
    let shown = world.post(&format!("{}/preview", path("emergency_notification")), &preview).send().await.ok();
    assert_eq!((&shown["segments"]["count"], &shown["segments"]["encoding"]), (&json!(3), &json!("GSM-7")));
    assert_eq!(shown["template"], json!({"name": "emergency_notification", "version": 0, "locale": "en"}));
    let body = json!({"to": to, "template": "emergency_notification", "variables": data});
    let sent = world.post("/api/v2/communications/sms", &body).send().await.ok();
    assert_eq!((&sent["cost"], &sent["segments"]), (&shown["cost"], &shown["segments"]["count"]));
    let message = world.message(sent["message_id"].as_str().unwrap()).await;
    assert_eq!(
        (&message["consent_class"], &message["trigger_type"]),
        (&json!("security"), &json!("emergency_notification"))
    );
    world.until(sent["message_id"].as_str().unwrap(), "delivered").await;
    world.the_one(&to, "sms").await; // a preview sends nothing
    for channel in ["email", "voice", "whatsapp"] {
        let preview = json!({"channel": channel, "country": "de", "locale": "de-AT"});
        let shown = world.post(&format!("{}/preview", path("booking_reminder")), &preview).send().await.ok();
        assert!(shown["segments"].is_null() && shown["cost"].as_f64().unwrap() > 0.0, "{shown}");
        assert_eq!(shown["template"]["locale"], "de");
    }
}

#[tokio::test]
async fn the_list_holds_shipped_and_stored_templates_in_the_order_of_their_names() {
    let world = World::new();
    let name = name();
    put(&world, &name, &texts("x")).await;
    let (mut names, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let query = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let part = world.get(&format!("{TEMPLATES}?limit=7{query}")).send().await.ok();
        let here = part["templates"].as_array().unwrap();
        assert!(here.len() == 7 || part["next_cursor"].is_null(), "{part}");
        names.extend(here.iter().map(|listed| listed["name"].as_str().unwrap().to_owned()));
        cursor = part["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert!(names.is_sorted() && names.contains(&name) && names.contains(&"security_alert".to_owned()), "{names:?}");
    let mut once = names.clone();
    once.dedup();
    assert_eq!(once, names);
    world.get(&format!("{TEMPLATES}?limit=0")).send().await.refused(400, "Invalid value for field: limit");
    world.get(&format!("{TEMPLATES}?cursor=!")).send().await.refused(400, "Invalid value for field: cursor");
    let reader = tokens::sender(&fresh::word());
    let put = world.call("PUT", &path(&name)).token(&reader).header("content-type", "application/json");
    put.body(&texts("y").to_string()).send().await.refused(403, "Insufficient scope");
}

#[tokio::test]
async fn a_booking_is_confirmed_again_and_reminded_of() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, service, key) = (fresh::phone(), fresh::text(), fresh::word());
    let confirm = "/api/sms/resend-booking-confirmation";
    let body = json!({"toNumber": to, "booking": {"bookingId": 77, "service": service, "date": "May 5"}});
    let first = world.post(confirm, &body).key(&key).send().await.ok();
    let id = first["message_id"].as_str().unwrap();
    let message = world.until(id, "delivered").await;
    assert_eq!((&message["trigger_type"], &message["booking_id"]), (&json!("booking_confirmation"), &json!("77")));
    let again = world.post(confirm, &body).key(&key).send().await;
    assert_eq!(again.header("idempotency-replay"), "true");
    assert_eq!(again.ok()["message_id"], id);

    let resent = world.post(confirm, &json!({"message_id": id})).send().await.ok();
    assert_ne!(resent["message_id"], id);
    world.until(resent["message_id"].as_str().unwrap(), "delivered").await;
    let arrived = world.arrived(&to).await;
    let expected = format!("Your booking for {service} on May 5 is confirmed.");
    assert_eq!(
        arrived.iter().map(|message| message["text"].as_str().unwrap()).collect::<Vec<_>>(),
        [&expected, &expected]
    );

    let begins = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(50);
    let person = world.person().await;
    let body = json!({"userId": person.id, "booking": {"service": service, "startsAt": begins.to_string()}});
    let reminded = world.post("/api/sms/send-booking-reminder", &body).send().await.ok();
    let id = reminded["message_id"].as_str().unwrap();
    let message = world.until(id, "delivered").await;
    assert_eq!(
        (&message["trigger_type"], &message["lane"]),
        (&json!("booking_last_minute_reminder"), &json!("urgent"))
    );
    world
        .post(confirm, &json!({"message_id": id}))
        .send()
        .await
        .refused(409, "The message was no booking confirmation");
    let unknown = json!({"message_id": "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11"});
    world.post(confirm, &unknown).send().await.refused(404, "Message not found");
}
