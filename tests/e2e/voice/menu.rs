//! Another menu: checked, stored, heard; and the shipped one again.

use serde_json::{Value, json};

use super::{ASKED, MENU, heard, person, walk};
use crate::world::{Line, World, fresh, seconds, tokens};

async fn put(world: &World, menu: &Value) -> Value {
    world.put(MENU, &json!({"menu": menu})).send().await.ok()
}

async fn shipped(world: &World) -> Value {
    world.get(&format!("{MENU}?version=0")).send().await.ok()["menu"].clone()
}

/// A menu that puts through to `number`, else says so.
fn dialling(number: &str) -> Value {
    json!({
        "language": "de-DE", "start": "hallo", "tries": 2,
        "no_input": "Wir haben nichts gehört.", "wrong_input": "Das steht nicht zur Wahl.", "goodbye": "Auf Wiederhören.",
        "nodes": {
            "hallo": {"say": "Guten Tag. Für Fragen & Antworten die 42.", "then": {"ask": {"choices": [
                {"digits": "42", "words": ["Fragen"], "to": "agentin"}, {"digits": "#*", "to": "extern"}]}}},
            "agentin": {"say": "Einen Moment.", "then": {"dial": {"number": number, "ring_seconds": 20, "otherwise": "besetzt"}}},
            "besetzt": {"say": "Leider ist besetzt.", "then": "hangup"},
            "extern": {"then": {"redirect": {"url": "https://example.com/twiml"}}},
        },
    })
}

/// Each worker remembers for five seconds which menu is in force. There is nothing to look at that would tell that all of
/// them forgot it.
async fn remembered_nowhere() {
    tokio::time::sleep(seconds(8)).await;
}

/// Calls hear the menu in force begin so.
async fn begins(world: &World, words: &str) {
    remembered_nowhere().await;
    let call = world.calls_us(&person(), &json!(["hang_up"])).await;
    assert!(call["heard"].to_string().contains(words), "{call}");
}

#[tokio::test]
async fn another_menu_puts_callers_through_and_the_shipped_one_comes_back() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let shipped = shipped(&world).await;
    let before = world.get(MENU).send().await.ok()["version"].as_u64().unwrap();

    let dry = json!({"menu": dialling("+14155550100"), "dry_run": true});
    let dry = world.put(MENU, &dry).send().await;
    assert_eq!(dry.ok()["version"], before, "nothing was stored");
    let number = person();
    let stored = put(&world, &dialling(&number)).await;
    assert_eq!((&stored["version"], &stored["put_by"].is_string()), (&json!(before + 1), &true), "{stored}");
    begins(&world, "Guten Tag. Für Fragen & Antworten die 42.").await;

    let (_, lines) = walk(&world, &person(), &json!([{"press": "42"}]), &json!({})).await;
    heard(&lines, &["Guten Tag", "[pressed 42]", "Einen Moment.", &format!("[dialled {number}: completed]")]);
    assert_eq!(lines.len(), 4, "after the conversation the call is over: {lines:#?}");

    // The magic number is always busy.
    put(&world, &dialling("+15005550050")).await;
    remembered_nowhere().await;
    let (_, lines) = walk(&world, &person(), &json!([{"say": "Ich habe Fragen"}]), &json!({})).await;
    heard(&lines, &["Einen Moment.", "[dialled +15005550050: busy]", "Leider ist besetzt."]);

    let conflict = json!({"menu": shipped, "expected_version": before});
    let conflict = world.put(MENU, &conflict).send().await.refused(409, "Another version is in force");
    assert_eq!(conflict.json["current_version"], before + 2, "{}", conflict.text);
    let back = json!({"menu": shipped, "expected_version": before + 2});
    assert_eq!(world.put(MENU, &back).send().await.ok()["version"], before + 3);
    begins(&world, ASKED).await;
    let kept = world.get(&format!("{MENU}?version={}", before + 1)).send().await.ok();
    assert_eq!(kept["menu"]["nodes"]["agentin"]["then"]["dial"]["number"], json!(number), "{kept}");
    world.get(&format!("{MENU}?version=999999")).send().await.refused(404, "Menu not found");
    world.get(&format!("{MENU}?version=x")).send().await.refused(400, "Invalid value for field: version");
}

#[tokio::test]
async fn what_is_wrong_with_a_menu_is_named_by_its_node() {
    let world = World::new();
    let good = shipped(&world).await;
    let refused = async |change: &dyn Fn(&mut Value), field: &str| {
        let mut menu = good.clone();
        change(&mut menu);
        let answer = world.put(MENU, &json!({"menu": menu, "dry_run": true})).send().await;
        answer.refused(400, &format!("Invalid value for field: {field}"))
    };
    refused(
        &|menu| menu["nodes"]["more"]["then"]["ask"]["choices"][1]["to"] = json!("gone"),
        "menu.nodes.more.then.ask.choices[1].to",
    )
    .await;
    refused(&|menu| menu["nodes"]["lonely"] = json!({"say": "x", "then": "hangup"}), "menu.nodes.lonely").await;
    refused(
        &|menu| menu["nodes"]["agent"]["then"]["record"]["notice"] = json!(""),
        "menu.nodes.agent.then.record.notice",
    )
    .await;
    refused(&|menu| menu["nodes"]["main"]["say"] = json!("x".repeat(1001)), "menu.nodes.main.say").await;
    let ours = format!("{}/twilio/voice-response", world.stack.api_url);
    refused(
        &|menu| menu["nodes"]["thanks"]["then"] = json!({"redirect": {"url": ours}}),
        "menu.nodes.thanks.then.redirect.url",
    )
    .await;
    let looping =
        refused(&|menu| menu["nodes"]["thanks"]["then"] = json!({"go": {"to": "agent"}}), "menu.nodes.agent").await;
    let faults: Vec<&str> =
        looping.json["faults"].as_array().unwrap().iter().filter_map(|fault| fault["field"].as_str()).collect();
    assert_eq!(faults, ["menu.nodes.agent", "menu.nodes.thanks"], "{}", looping.text);
    let unknown = json!({"menu": {"nodes": {}}, "dry_run": true});
    world.put(MENU, &unknown).send().await.refused(400, "Missing required field: menu.language");
    let mut strange = good.clone();
    strange["nodes"]["main"]["then"] = json!({"sing": {}});
    world.put(MENU, &json!({"menu": strange})).send().await.is(400);
}

#[tokio::test]
async fn only_administrators_read_and_change_it() {
    let world = World::new();
    let others = tokens::sender(&fresh::word());
    world.get(MENU).token(&others).send().await.is(403);
    world.put(MENU, &json!({})).token(&others).send().await.is(403);
    world.get(MENU).no_token().send().await.is(401);
}
