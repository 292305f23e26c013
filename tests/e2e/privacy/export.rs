//! Everything about a person, opened, page by page, and written down that it was taken out.

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{export_path, long_text};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, fresh};

/// All pages.
async fn pages(world: &World, user: i64) -> Vec<Value> {
    let mut pages: Vec<Value> = Vec::new();
    let mut path = export_path(user);
    loop {
        let page = world.get(&path).send().await.ok();
        let next = page["next_cursor"].as_str().map(str::to_owned);
        pages.push(page);
        assert!(pages.len() < 50, "it ends");
        match next {
            Some(next) => path = format!("{}?cursor={next}", export_path(user)),
            None => return pages,
        }
    }
}

fn all<'a>(pages: &'a [Value], part: &str) -> Vec<&'a Value> {
    pages.iter().flat_map(|page| page[part].as_array().expect("a list")).collect()
}

#[tokio::test]
async fn everything_about_a_person_is_told_once_and_opened() {
    let world = World::new();
    let _lines = world.share(&Line::ALL[..5]).await;
    let person = world.person().await;
    let id = person.id;
    let (direct, body, beside, due) = (fresh::text(), long_text().1, fresh::text(), fresh::text());
    let sent = world.sms(&person.phone, &direct).await;
    world.until(&sent, "delivered").await;
    let later = json!({"user_id": id, "trigger_type": "payment_reminder", "channel": "sms", "scheduled_time": in_an_hour(),
        "data": {"amount": 7, "due_date": due, "account": "checking"}});
    let later = world.trigger(&later).await;
    let mail = |body: &Value| {
        let call = world.post("/api/v2/communications/email", body);
        async move { call.send().await.ok()["message_id"].as_str().expect("an id").to_owned() }
    };
    let at = in_an_hour();
    let large = mail(&json!({"to": person.email, "subject": "Long", "text": body, "scheduled_time": at})).await;
    let (other, hidden) = (fresh::email(), fresh::email());
    let beside_them = json!({"to": other, "cc": [person.email], "bcc": [hidden], "subject": "Both", "text": beside, "scheduled_time": at});
    let beside_them = mail(&beside_them).await;
    let code = json!({"to": person.phone, "channel": "sms", "purpose": "login", "user_id": id});
    world.post("/api/v2/communications/otp/send", &code).send().await.ok();
    world.post("/api/v2/2fa/enrol", &json!({"user_id": id, "phone_number": person.phone})).send().await.ok();

    let pages = pages(&world, id).await;
    let profile = &pages[0]["profile"];
    assert_eq!(profile["phone_number"]["address"], json!(person.phone), "{profile}");
    assert_eq!(profile["email"]["address"], json!(person.email), "{profile}");
    assert_eq!(profile["two_factor_pending"], json!(person.phone), "{profile}");
    assert_eq!(profile["consents"]["sms"]["all"]["state"], "granted", "{profile}");
    assert!(profile["preferences"]["time_zone"].is_string(), "{profile}");
    assert!(pages[1..].iter().all(|page| page["profile"].is_null()));

    let messages = all(&pages, "messages");
    let told = |id: &str| {
        let told: Vec<_> = messages.iter().filter(|message| message["id"] == id).collect();
        assert_eq!(told.len(), 1, "{id} is told once");
        told[0]
    };
    assert_eq!(told(&sent)["content"]["text"]["body"], json!(direct));
    assert_eq!((&told(&sent)["to"], &told(&sent)["status"]), (&json!(person.phone), &json!("delivered")));
    assert!(told(&sent)["times"]["delivered_at"].is_i64() && told(&sent)["decision"]["outcome"] == "allowed");
    assert!(told(&later)["content"]["text"]["body"].as_str().expect("a text").contains(&due));
    assert_eq!(told(&later)["status"], "scheduled");
    assert_eq!(told(&large)["content"]["email"]["text"], json!(body), "large content is fetched");
    // An e-mail to somebody else, as this person got it: without those who stand beside them.
    let got = told(&beside_them);
    assert_eq!((&got["as"], &got["content"]["email"]["text"]), (&json!("cc[0]"), &json!(beside)), "{got}");
    assert!(!got["content"].to_string().contains(&hidden), "{got}");
    // A code's message is there, and its code is not.
    let codes: Vec<_> = messages.iter().filter(|message| message["trigger_type"] == "one_time_code").collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| code["content"].to_string().contains("[code]")), "{codes:?}");

    let ledger = all(&pages, "ledger");
    let events: Vec<_> = ledger.iter().map(|entry| (&entry["about"], &entry["event"])).collect();
    let happened = |about: &str, event: &str| events.contains(&(&json!(about), &json!(event)));
    assert!(happened("person", "consent_granted") && happened("person", "exported"), "{events:?}");
    assert!(happened("two_factor", "enrolment_started"), "{events:?}");
    let granted = ledger.iter().find(|entry| entry["event"] == "consent_granted").expect("an entry");
    assert!(granted["personal"]["address"].is_string(), "{granted}");
    // What is left out of every export is told of every one, alike.
    assert_eq!(all(&pages[..1], "left_out").len(), 1);
}

#[tokio::test]
async fn many_messages_come_in_pages_and_none_is_lost_between_them() {
    let world = World::new();
    let person = world.person().await;
    let send = async |number: i32| {
        let body = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
            "scheduled_time": in_an_hour(), "data": {"amount": number, "due_date": "soon", "account": "a"}});
        world.trigger(&body).await
    };
    let mut sent: Vec<String> = stream::iter(0..130).map(send).buffer_unordered(8).collect().await;
    let pages = pages(&world, person.id).await;
    assert!(pages.len() > 1);
    let mut told: Vec<String> =
        all(&pages, "messages").iter().map(|message| message["id"].as_str().expect("an id").to_owned()).collect();
    told.sort();
    sent.sort();
    assert_eq!(told, sent);
    // Some large ones: a page ends before it is more than an answer can be.
    let (_, long) = long_text();
    for _ in 0..3 {
        let body =
            json!({"to": person.email, "subject": "Long", "text": long.repeat(10), "scheduled_time": in_an_hour()});
        world.post("/api/v2/communications/email", &body).send().await.ok();
    }
    let again = self::pages(&world, person.id).await;
    assert_eq!(all(&again, "messages").len(), 133);
}

#[tokio::test]
async fn what_may_be_somebody_elses_is_left_out_and_that_is_told() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let other = json!({"user_id": fresh::user(), "phone_number": person.phone, "send_code": false});
    world.post("/api/communication/consent/sms", &other).send().await.ok();
    let shared = world.sms(&person.phone, &fresh::text()).await;
    let pages = pages(&world, person.id).await;
    assert!(all(&pages, "messages").iter().all(|message| message["id"] != shared));
    let left_out = pages.iter().filter_map(|page| page["left_out"].as_array()).flatten().count();
    assert_eq!(left_out, 1, "{pages:?}");
    let unknown = world.get(&export_path(fresh::user())).send().await.ok();
    assert_eq!(unknown["profile"]["unknown"], true, "{unknown}");
}
