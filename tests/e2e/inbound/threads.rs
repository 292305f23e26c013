//! A text becomes a message in the thread of whoever wrote it.

use serde_json::{Value, json};

use super::{OURS, brought, sms, thread, whatsapp, written};
use crate::world::{Line, World, eventually, fresh, seconds};

#[tokio::test]
async fn a_text_stands_in_its_writers_thread_once_however_often_it_is_brought() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (person, said) = (world.person().await, fresh::text());
    let direct = world.sms(&person.phone, &fresh::text()).await;
    let named = json!({"user_id": person.id, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
    let named = world.trigger(&named).await;
    let mut text = sms(&person.phone, &said);
    text["id"] = json!(fresh::sid());
    let message = written(&world, &text).await;
    for _ in 0..2 {
        brought(&world, &text).await;
    }
    assert_eq!((&message["direction"], &message["status"]), (&json!("inbound"), &json!("received")), "{message}");
    assert_eq!((&message["user_id"], &message["provider_id"]), (&json!(person.id), &text["id"]), "{message}");
    let received = &message["received"];
    assert_eq!((&received["from"], &received["to"]), (&json!(person.phone), &json!(OURS)), "{message}");
    assert_eq!((&received["text"], &received["media"]), (&json!(said), &json!([])), "{message}");

    let id = message["thread_id"].as_str().expect("a thread").to_owned();
    assert_eq!(id, format!("user:{}", person.id));
    let all = eventually("all of it is in the thread", seconds(20), async || {
        let page = thread(&world, &id, "").await;
        let messages = page["messages"].as_array().expect("messages").clone();
        if messages.len() == 3 { Ok(messages) } else { Err(page.to_string()) }
    })
    .await;
    // Newest first, both ways; what went to the number without naming anybody is theirs too.
    let ids: Vec<&str> = all.iter().filter_map(|message| message["id"].as_str()).collect();
    assert_eq!(ids, [message["id"].as_str().expect("an id"), &named, &direct], "{all:?}");
    assert_eq!((&all[0]["direction"], &all[0]["text"]), (&json!("inbound"), &json!(said)), "{all:?}");
    assert_eq!(all[1]["direction"], "outbound", "{all:?}");
    paged(&world, &id, &ids).await;
}

/// Page by page it is the same.
async fn paged(world: &World, id: &str, ids: &[&str]) {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = thread(world, id, &format!("?limit=1{cursor}")).await;
        found.extend(page["messages"].as_array().expect("messages").iter().map(|message| message["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(json!(found), json!(ids));
}

#[tokio::test]
async fn what_went_to_somebody_else_at_a_shared_number_stands_in_their_thread_alone() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (person, other) = (world.person().await, fresh::user());
    let shared = json!({"user_id": other, "phone_number": person.phone, "send_code": false});
    world.post("/api/communication/consent/sms", &shared).send().await.ok();
    let named = async |user: i64| {
        let named = json!({"user_id": user, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
        world.trigger(&named).await
    };
    let (own, direct, others) =
        (named(person.id).await, world.sms(&person.phone, &fresh::text()).await, named(other).await);
    let before = world.message(&direct).await;
    assert!(before["user_id"].is_null(), "it may be for either: {before}");
    for (user, expected) in [(person.id, vec![&own]), (other, vec![&others])] {
        let id = format!("user:{user}");
        eventually("the thread is theirs", seconds(20), async || {
            let page = thread(&world, &id, "").await;
            let ids: Vec<_> = page["messages"].as_array().expect("messages").iter().map(|each| &each["id"]).collect();
            if json!(ids) == json!(expected) { Ok(()) } else { Err(format!("{page} is not {expected:?}")) }
        })
        .await;
    }
    // What is left out holds no page up.
    paged(&world, &format!("user:{}", person.id), &[&own]).await;
}

#[tokio::test]
async fn files_are_kept_by_reference() {
    let world = World::new();
    let mut text = whatsapp(&fresh::phone(), "");
    text["media"] = json!([{"content_type": "application/pdf"}, "https://files.example/photo.png"]);
    let message = written(&world, &text).await;
    let media = &message["received"]["media"];
    let (kept, elsewhere) = (&media[0], &media[1]);
    let sid = kept["sid"].as_str().expect("an id");
    assert!(sid.starts_with("ME") && kept["url"].as_str().is_some_and(|url| url.ends_with(sid)), "{message}");
    assert_eq!(kept["content_type"], "application/pdf");
    assert_eq!(elsewhere, &json!({"url": "https://files.example/photo.png", "content_type": "image/png"}));
    assert_eq!(message["received"]["text"], Value::Null, "{message}");
    assert_eq!(message["received"]["profile_name"], "Simulated person", "{message}");
}

#[tokio::test]
async fn whom_nobody_knows_has_the_thread_of_their_address() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let phone = fresh::phone();
    let sent = world.sms(&phone, &fresh::text()).await;
    let message = written(&world, &sms(&phone, &fresh::text())).await;
    let id = message["thread_id"].as_str().expect("a thread");
    assert!(id.starts_with("address:") && message["user_id"].is_null(), "{message}");
    assert_eq!(world.message(&sent).await["thread_id"], id);
    let both = async || {
        let page = thread(&world, id, "").await;
        let messages = page["messages"].as_array().map_or(0, Vec::len);
        if messages == 2 { Ok(()) } else { Err(page.to_string()) }
    };
    eventually("both are in the thread", seconds(20), both).await;
    assert!(!id.contains(&phone[1..]), "an address is in no address");
}

#[tokio::test]
async fn what_names_no_thread_or_page_is_refused() {
    let world = World::new();
    let path = |id: &str, query: &str| format!("/api/v2/communications/threads/{id}/messages{query}");
    for id in ["123", "address:+14155552671", "user:"] {
        world.get(&path(id, "")).send().await.refused(400, "Invalid value for field: thread_id");
    }
    for (query, field) in [("?limit=0", "limit"), ("?limit=101", "limit"), ("?cursor=x", "cursor")] {
        world.get(&path("user:1", query)).send().await.refused(400, &format!("Invalid value for field: {field}"));
    }
    let nobody = thread(&world, &format!("user:{}", fresh::word()), "").await;
    assert_eq!(nobody["messages"], json!([]), "{nobody}");
    world.get(&path("user:1", "")).no_token().send().await.is(401);
}

#[tokio::test]
async fn a_text_cannot_be_cancelled_and_its_id_is_no_task_that_can_be_sent() {
    let world = World::new();
    let message = written(&world, &sms(&fresh::phone(), &fresh::text())).await;
    let id = message["id"].as_str().expect("an id");
    let cancelled = world.post(&format!("/api/communication/cancel/{id}"), &json!({})).send().await;
    assert!((400..500).contains(&cancelled.status), "{}", cancelled.text);
    assert_eq!(world.message(id).await["status"], "received");
    world.enqueue("standard", id).await;
    world.sweep().await;
    assert_eq!(world.message(id).await["trail"], message["trail"]);
}

#[tokio::test]
async fn a_short_code_is_kept_and_never_answered() {
    let world = World::new();
    let sid = fresh::sid();
    let token = world.stack.secret("twilio_auth_token");
    let form = [("MessageSid", sid.as_str()), ("From", "72345"), ("To", OURS), ("Body", "STOP"), ("NumMedia", "0")];
    world.twilio_form("/twilio/incoming-sms", &form, token, None).await.is(200);
    let message = super::attended(&world, &sid).await;
    assert_eq!(
        (&message["received"]["from"], &message["received"]["text"]),
        (&json!("72345"), &json!("STOP")),
        "{message}"
    );
    assert_eq!(super::steps(&message, "heeded"), Vec::<String>::new());
    assert_eq!(super::steps(&message, "not_answered"), ["not_a_number"]);
}
