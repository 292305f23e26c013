//! People's own data is theirs: their token reaches it and nobody else's.

use serde_json::json;

use super::{erase_path, export_path};
use crate::world::{World, fresh, tokens};

const WALKS: [&str; 2] = ["/api/communication/privacy/reseal", "/api/communication/privacy/reindex"];

#[tokio::test]
async fn a_persons_token_reaches_their_own_data_and_nobody_elses() {
    let world = World::new();
    let (own, other) = (fresh::user(), fresh::user());
    let token = tokens::token(&own.to_string(), "");
    for path in [erase_path(other), export_path(other)] {
        world.get(&path).token(&token).send().await.refused(403, "Insufficient scope");
    }
    world.post(&erase_path(other), &json!({})).token(&token).send().await.refused(403, "Insufficient scope");
    world.get(&erase_path(other)).send().await.refused(404, "No erasure was asked for");

    world.get(&export_path(own)).token(&token).send().await.ok();
    world.post(&erase_path(own), &json!({})).token(&token).send().await.is(202);
    let erasure = world.get(&erase_path(own)).token(&token).send().await.ok();
    assert_eq!(erasure["requested_by"], json!(own.to_string()), "{erasure}");

    let sender = tokens::sender("somebody");
    for path in [erase_path(other), export_path(other)] {
        world.get(&path).token(&sender).send().await.is(403);
        world.get(&path).no_token().send().await.is(401);
    }
}

#[tokio::test]
async fn keys_are_an_operators_matter() {
    let world = World::new();
    let manager = tokens::token("console", "preferences:manage communication:send communication:read");
    for walk in WALKS {
        world.post(walk, &json!({})).token(&manager).send().await.refused(403, "Insufficient scope");
        world.get(walk).token(&manager).send().await.refused(403, "Insufficient scope");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new();
    let user = fresh::user();
    for reason in ["", "He wants it!", "ada@example.com", "tel_4155552671", &"x".repeat(65)] {
        let refused = world.post(&erase_path(user), &json!({"reason": reason})).send().await;
        assert_eq!(refused.refused(400, "Invalid value for field: reason").json["field"], "reason");
    }
    world.post_text(&erase_path(user), "[]").send().await.refused(400, "Invalid JSON");
    for cursor in ["x", "messages:0:17", "ledger:9"] {
        let path = format!("{}?cursor={cursor}", export_path(user));
        let refused = world.get(&path).send().await.refused(400, "Invalid value for field: cursor");
        assert_eq!(refused.json["field"], "cursor");
    }
    let long = "x".repeat(129);
    world.get(&export_path(&long)).send().await.refused(400, "Invalid value for field: user_id");
}
