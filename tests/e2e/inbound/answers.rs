//! What is answered by itself. The answers are the deployment's, so one test has them.

use serde_json::{Value, json};

use super::{OURS, attended, sms, steps, whatsapp, written};
use crate::world::{Line, World, fresh};

const PATH: &str = "/api/v2/communications/auto-replies";

#[tokio::test]
async fn a_word_is_answered_once_a_text_and_only_so_often() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp]).await;
    let (word, answer, only) = (fresh::word(), fresh::text(), fresh::word());
    let replies = json!({
        "replies": [
            {"keywords": [word, "opening hours"], "text": answer},
            {"keywords": [only], "text": answer, "channels": ["whatsapp"]},
        ],
        "per_hour": 2,
    });
    let set = world.put(PATH, &replies).send().await.ok();
    assert_eq!(set, world.get(PATH).send().await.ok());
    assert_eq!((&set["replies"], &set["per_hour"]), (&replies["replies"], &json!(2)), "{set}");

    let phone = fresh::phone();
    let mut first = sms(&phone, &format!(" {}! ", word.to_uppercase()));
    first["id"] = json!(fresh::sid());
    let message = written(&world, &first).await;
    let [id] = steps(&message, "answered").try_into().expect("one answer");
    world.brings(&first).await;
    let sent = world.until(&id, "delivered").await;
    assert_eq!((&sent["consent_class"], &sent["purpose"]), (&json!("transactional"), &json!("auto_reply")), "{sent}");
    let there = world.the_one(&phone, "sms").await;
    assert_eq!(
        (&there["text"], &there["from"]),
        (&json!(answer), &json!(OURS)),
        "from the number they wrote to: {there}"
    );

    // The answer that went is counted once, however often its text is attended to.
    for _ in 0..3 {
        crate::repeats::again(&world, first["id"].as_str().expect("an id")).await;
    }
    let message = attended(&world, first["id"].as_str().expect("an id")).await;
    assert!(steps(&message, "not_answered").is_empty() && !steps(&message, "answered").is_empty(), "{message}");
    // A machine that answers our answer with the word comes to an end, and so does one that sends our words back.
    assert_eq!(steps(&written(&world, &sms(&phone, &word)).await, "answered").len(), 1);
    for _ in 0..2 {
        assert_eq!(steps(&written(&world, &sms(&phone, &word)).await, "not_answered"), ["too_many"]);
    }
    assert_eq!(steps(&written(&world, &sms(&fresh::phone(), &answer)).await, "not_answered"), ["our_own_words"]);
    assert_eq!(steps(&written(&world, &sms("+14155238886", &word)).await, "not_answered"), ["our_own_number"]);
    let said = fresh::text();
    for silent in [said.as_str(), only.as_str(), "help", "tell me your opening hours"] {
        let message = written(&world, &sms(&fresh::phone(), silent)).await;
        assert_eq!(message["trail"].as_array().map(Vec::len), Some(1), "{silent}: {message}");
    }

    // Who said no is not answered.
    let unwilling = fresh::phone();
    written(&world, &sms(&unwilling, "STOP")).await;
    assert_eq!(steps(&written(&world, &sms(&unwilling, &word)).await, "not_answered"), ["refused"]);
    assert_eq!(world.arrived(&unwilling).await, Vec::<Value>::new());

    // By WhatsApp they just wrote, so their window is open.
    let friend = fresh::phone();
    let [id] = steps(&written(&world, &whatsapp(&friend, &only)).await, "answered").try_into().expect("one answer");
    let sent = world.until(&id, "delivered").await;
    let window =
        sent["decision"]["checks"].as_array().expect("checks").iter().find(|check| check["rule"] == "whatsapp_window");
    assert_eq!(window.expect("it was looked at")["reason"], "window_open", "{sent}");
    world.put(PATH, &json!({"replies": []})).send().await.ok();
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_its_place() {
    let world = World::new();
    let reply = |keyword: &str, text: &str| json!({"replies": [{"keywords": [keyword], "text": text}]});
    for (body, field) in [
        (reply("STOP", "x"), "replies[0].keywords"),
        (reply("hours", ""), "replies[0].text"),
        (json!({"replies": [], "per_hour": 21}), "per_hour"),
    ] {
        world.put(PATH, &body).send().await.refused(400, &format!("Invalid value for field: {field}"));
    }
    for service in [world.get(PATH), world.put(PATH, &json!({"replies": []}))] {
        service.token(&crate::world::tokens::sender("a service")).send().await.is(403);
    }
}
