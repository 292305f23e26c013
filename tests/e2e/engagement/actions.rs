//! What a client tells of what somebody did.

use serde_json::json;

use crate::world::tokens::token;
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn an_action_is_kept_once_with_the_first_beside_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let id = world.sms(&fresh::phone(), &fresh::text()).await;
    world.until(&id, "delivered").await;
    let path = format!("/api/communication/track/{id}");
    let note = fresh::text();
    let first = json!({"action": "viewed_forecast", "metadata": {"note": note}});
    let expected = |action: &str, recorded| json!({"success": true, "task_id": id, "message_id": id, "action": action, "recorded": recorded});
    assert_eq!(world.post(&path, &first).send().await.ok(), expected("viewed_forecast", true));
    assert_eq!(world.post(&path, &first).send().await.ok(), expected("viewed_forecast", false));
    assert_eq!(world.post(&path, &json!({"action": "paid"})).send().await.ok(), expected("paid", true));
    let message = world.message(&id).await;
    assert_eq!((&message["action_taken"], &message["status"]), (&json!("viewed_forecast"), &json!("delivered")));
    let actions = message["engagement"]["actions"].as_array().expect("actions");
    assert_eq!(actions.len(), 2, "{message}");
    assert_eq!((&actions[0]["action"], &actions[0]["metadata"]["note"]), (&json!("viewed_forecast"), &json!(note)));
    assert_eq!((&actions[1]["action"], &actions[1]["metadata"]), (&json!("paid"), &json!(null)));
    for more in 0..18 {
        world.post(&path, &json!({"action": format!("more_{more}")})).send().await.ok();
    }
    world.post(&path, &json!({"action": "one_too_many"})).send().await.refused(409, "Too many actions");
    assert_eq!(world.post(&path, &first).send().await.ok(), expected("viewed_forecast", false));
}

#[tokio::test]
async fn people_track_their_own_and_nobody_elses() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let body = json!({"user_id": person.id, "trigger_type": "security_alert", "channel": "sms", "data": {"event": "a new device"}});
    let id = world.trigger(&body).await;
    let path = format!("/api/communication/track/{id}");
    let action = json!({"action": "reviewed"});
    let own = token(&person.id.to_string(), "");
    let stranger = token(&fresh::user().to_string(), "");
    world.post(&path, &action).token(&own).send().await.ok();
    world.post(&path, &action).token(&stranger).send().await.refused(403, "Insufficient scope");
    world.post(&path, &action).no_token().send().await.is(401);
    // Which ids there are is not told to somebody else.
    let none = format!("/api/communication/track/{}", uuid::Uuid::now_v7());
    world.post(&none, &action).token(&stranger).send().await.refused(403, "Insufficient scope");
    world.post(&none, &action).send().await.refused(404, "Task not found");
    for (body, field) in [
        (json!({}), "action"),
        (json!({"action": ""}), "action"),
        (json!({"action": "two words"}), "action"),
        (json!({"action": "a".repeat(65)}), "action"),
        (json!({"action": "a", "metadata": {"x": "y".repeat(2_000)}}), "metadata"),
        (json!({"action": "a", "metadata": "text"}), "metadata"),
    ] {
        let answer = world.post(&path, &body).send().await.is(400);
        assert_eq!(answer.json["field"], field, "{body}: {}", answer.text);
    }
}
