//! What is told, and that it is told once.

use serde_json::json;

use super::known_everywhere;
use crate::world::{Line, World, eventually, fresh, seconds};

#[tokio::test]
async fn what_becomes_of_a_message_is_told_signed_and_without_address_or_content() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Events]).await;
    let hook = world.hook(&["message.sent", "message.delivered"]).await;
    // The provider says no more than that it sent it: what says `delivered` overtakes nothing.
    let (to, text) = (fresh::magic_phone("40"), fresh::text());
    let id = world.sms(&to, &text).await;
    let sent = world.until(&id, "sent").await;
    let sid = sent["provider_id"].as_str().expect("an id");
    world.twilio_says(&format!("/twilio/sms-status?message={id}"), sid, "delivered").await.is(200);
    let message = world.until(&id, "delivered").await;
    let told = hook.listener.until(2, &id).await;
    for one in &told {
        one.is_genuine(&hook);
        assert!(!one.text.contains(to.trim_start_matches('+')) && !one.text.contains(&text), "{}", one.text);
        assert!(!one.text.contains("recipient") && !one.text.contains("sealed"), "{}", one.text);
    }
    let of =
        |kind: &str| told.iter().find(|one| one.json["type"] == kind).unwrap_or_else(|| panic!("{kind} in {told:?}"));
    let delivered = of("message.delivered");
    let expected = json!({"id": id, "task_id": id, "status": "delivered", "channel": "sms", "provider": "twilio",
                          "cost": message["cost"], "currency": "USD"});
    assert_eq!(delivered.json["data"], expected);
    assert_eq!(of("message.sent").json["data"]["status"], "sent");
    assert_ne!(delivered.id, of("message.sent").id);
    for one in &told {
        let listed = world.delivery_until(&hook, &one.id, |one| one["status"] == "delivered").await;
        assert_eq!((&listed["attempts"], &listed["response_code"]), (&json!(1), &json!(204)), "{listed}");
        assert_eq!(listed["message_id"], id);
    }
    assert_eq!(hook.listener.received(&id).len(), 2, "each once");
}

#[tokio::test]
async fn a_refused_message_is_told_with_its_reason_and_its_person() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.blocked"]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"sms_enabled": false})).await;
    let body = json!({"user_id": person.id, "trigger_type": "weekly_checkin", "channel": "sms", "data": {}});
    let refused = world.post("/api/communication/send", &body).send().await.is(403);
    let id = refused.json["task_id"].as_str().expect("an id");
    let told = hook.listener.until(1, id).await.remove(0);
    let data = &told.is_genuine(&hook).json["data"];
    assert_eq!((&data["status"], &data["reason"]), (&json!("blocked"), &refused.json["reason"]), "{data}");
    assert_eq!((&data["user_id"], &data["trigger_type"]), (&json!(person.id), &json!("weekly_checkin")));
    assert!(data["provider"].is_null() && data["cost"].is_null(), "nobody was asked to send it: {data}");
}

#[tokio::test]
async fn what_somebody_writes_is_told_once_with_whose_it_is_and_without_its_words() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    let (person, text) = (world.person().await, fresh::text());
    let body = json!({"channel": "sms", "from": person.phone, "to": "+15005550006", "text": text, "id": fresh::sid()});
    let sid = world.brings(&body).await["id"].as_str().expect("an id").to_owned();
    let id = switchboard::road::inbound_id(world.seal().await.ids(), &sid).to_string();
    let told = hook.listener.until(1, &id).await.remove(0);
    let data = &told.is_genuine(&hook).json["data"];
    let expected = json!({"id": id, "task_id": id, "status": "received", "channel": "sms", "user_id": person.id});
    assert_eq!((&told.json["type"], data), (&json!("message.received"), &expected));
    assert!(!told.text.contains(person.phone.trim_start_matches('+')) && !told.text.contains(&text), "{}", told.text);
    // Who is told reads the rest where everybody does.
    let message = world.message(&id).await;
    assert_eq!((&message["received"]["from"], &message["user_id"]), (&json!(person.phone), &json!(person.id)));
    // The provider brings it twice; nobody hears of it twice.
    world.brings(&body).await;
    let last = world.test_hook(&hook).await;
    hook.listener.until(1, &last).await;
    assert_eq!(hook.listener.received(&id).len(), 1);
}

#[tokio::test]
async fn a_one_time_code_is_nobodys_business() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Events]).await;
    let hook = world.hook(&["message.sent", "message.delivered"]).await;
    let (to, other) = (fresh::phone(), fresh::phone());
    let code = json!({"phone_number": to, "purpose": "login"});
    world.post("/api/v2/communications/otp/send", &code).send().await.is(200);
    world.codes_until(1, &to, "sms").await;
    let sid = world.the_one(&to, "sms").await["id"].as_str().expect("an id").to_owned();
    let store = world.store().await;
    let id = eventually("its message is found", seconds(20), async || {
        store.find_by_provider_id(&sid).await.expect("DynamoDB answers").ok_or_else(|| sid.clone())
    })
    .await
    .to_string();
    world.until(&id, "delivered").await;
    // What happens later is told: the stream has gone past the code.
    let later = world.sms(&other, &fresh::text()).await;
    hook.listener.until(1, &later).await;
    assert!(hook.listener.received(&id).is_empty());
}

#[tokio::test]
async fn a_change_the_stream_brings_twice_is_told_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.sent"]).await;
    let id = uuid::Uuid::now_v7().to_string();
    let batch = include_str!("../../../events/events.json").replace("0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11", &id);
    for _ in 0..2 {
        world.invoke("events", &batch).await;
    }
    let delivery = world.delivery_of(&hook, &id, "message.sent").await;
    world.delivery_until(&hook, &delivery, |one| one["status"] == "delivered").await;
    // Another change, told after both, shows that nothing else is under way.
    let last = world.test_hook(&hook).await;
    hook.listener.until(1, &last).await;
    assert_eq!(hook.listener.received(&id).len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_rotated_signs_beside_the_new_one() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    let path = format!("{}/{}/secret/rotate", super::WEBHOOKS, hook.id);
    let rotated = world.post(&path, &json!({})).send().await.ok();
    let secret = rotated["secret"].as_str().expect("a secret");
    assert_ne!(secret, hook.secret);
    known_everywhere().await;
    let delivery = world.test_hook(&hook).await;
    let told = hook.listener.until(1, &delivery).await.remove(0);
    assert_eq!(told.signatures.split(' ').count(), 2, "{told:?}");
    assert!(told.is_signed_with(secret) && told.is_signed_with(&hook.secret), "{told:?}");
    assert_eq!(told.json["data"], json!({"webhook_id": hook.id}));
    let until = world.hook_view(&hook).await["previous_secret_until"].as_str().map(str::to_owned);
    assert!(until.is_some(), "it is told until when both are good");
    for _ in 0..2 {
        world.post(&path, &json!({})).send().await.ok();
    }
    world.post(&path, &json!({})).send().await.refused(409, "The secret was rotated too often");
}

#[tokio::test]
async fn an_event_is_sent_again_when_an_administrator_asks() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    let id = world.test_hook(&hook).await;
    world.delivery_until(&hook, &id, |one| one["status"] == "delivered").await;
    let path = format!("{}/{}/deliveries/{id}/replay", super::WEBHOOKS, hook.id);
    let replayed = world.post(&path, &json!({})).send().await.is(202).json;
    assert_eq!(replayed["delivery_id"], id);
    let told = hook.listener.until(2, &id).await;
    assert_eq!(told[0].text, told[1].text, "the same bytes");
    told[1].is_genuine(&hook);
    let listed = world.delivery_until(&hook, &id, |one| one["attempts"] == 2 && one["status"] == "delivered").await;
    assert!(listed["replayed_at"].is_string(), "{listed}");
    for nobody in [uuid::Uuid::new_v4().to_string(), "none".to_owned()] {
        let path = format!("{}/{}/deliveries/{nobody}", super::WEBHOOKS, hook.id);
        world.get(&path).send().await.refused(404, "No such delivery");
        world.post(&format!("{path}/replay"), &json!({})).send().await.refused(404, "No such delivery");
    }
}

#[tokio::test]
async fn deliveries_are_listed_page_by_page_newest_first() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, world.test_hook(&hook).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/{}/deliveries?limit=2{cursor}", super::WEBHOOKS, hook.id);
        let page = eventually("the page is there", seconds(20), async || Ok(world.get(&path).send().await.ok())).await;
        // Between them may stand what others wrote meanwhile.
        let tests = page["deliveries"].as_array().expect("a list").iter().filter(|one| one["type"] == "webhook.test");
        seen.extend(tests.map(|one| one["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    // Two of the same millisecond may stand in either order.
    seen.sort_by_key(ToString::to_string);
    made.sort();
    assert_eq!(seen, made);
}
