//! What did they write.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::world::flows::Person;
use crate::world::{World, fresh};

const SEND: &str = "/api/communication/send";

fn to(person: &Person, field: &str, value: Value) -> Value {
    let mut body = json!({"user_id": person.id, "trigger_type": "payment_reminder", "data": {}, "channel": "sms"});
    body[field] = value;
    body
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let world = World::new();
    for body in ["", "{", "not json", "[]", "\"text\"", "null", "{\"user_id\": 1,}"] {
        let refused = world.post_text(SEND, body).send().await.refused(400, "Invalid JSON");
        assert_eq!(refused.json["context"], "send_communication", "{body}");
        assert_eq!(refused.json["fallback_used"], false, "{body}");
        world.post_text("/api/v1/twilio/send-sms", body).send().await.refused(400, "Invalid JSON");
    }
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let world = World::new();
    let whole = json!({"user_id": 1, "trigger_type": "payment_reminder", "data": {}});
    for field in ["user_id", "trigger_type", "data"] {
        let mut body = whole.clone();
        body.as_object_mut().expect("an object").remove(field);
        let refused = world.post(SEND, &body).send().await.refused(400, &format!("Missing required field: {field}"));
        assert_eq!((&refused.json["field"], &refused.json["fallback_used"]), (&json!(field), &json!(false)));
        body[field] = Value::Null;
        world.post(SEND, &body).send().await.refused(400, &format!("Missing required field: {field}"));
    }
    for (path, body, field) in [
        ("/api/v1/twilio/send-sms", json!({"body": "x"}), "to"),
        ("/api/v1/twilio/send-sms", json!({"to": "+14155552671"}), "body"),
        ("/api/v1/twilio/send-whatsapp", json!({"to": "+14155552671", "body": " "}), "body"),
        ("/api/v1/twilio/send-email", json!({"to": "a@b.example", "text": "x"}), "subject"),
        ("/api/v1/twilio/send-email", json!({"to": "a@b.example", "subject": "x"}), "text"),
    ] {
        let refused = world.post(path, &body).send().await.refused(400, &format!("Missing required field: {field}"));
        assert_eq!(refused.json["field"], field, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_trigger_type_is_named() {
    let world = World::new();
    let body = json!({"user_id": 1, "trigger_type": "x", "data": {}});
    let refused = world.post(SEND, &body).send().await.refused(400, "Invalid trigger type: x");
    assert_eq!(refused.json["fallback_used"], false);
}

#[tokio::test]
async fn an_unknown_person_is_not_found() {
    let world = World::new();
    for user in [json!(fresh::user()), json!(fresh::word())] {
        let body = json!({"user_id": user, "trigger_type": "payment_reminder", "data": {}});
        let refused = world.post(SEND, &body).send().await.is(404);
        assert_eq!((&refused.json["success"], &refused.json["field"]), (&json!(false), &json!("user_id")));
    }
}

#[tokio::test]
async fn a_user_id_comes_back_as_it_came() {
    let world = World::new();
    let _lines = world.share(&[crate::world::Line::Sms]).await;
    for user in [json!(fresh::user()), json!(fresh::word()), json!(fresh::user().to_string())] {
        let consent = json!({"user_id": user, "phone_number": fresh::phone(), "send_code": false});
        world.post("/api/communication/consent/sms", &consent).send().await.ok();
        let task = world.trigger(&json!({"user_id": user, "trigger_type": "payment_reminder", "data": {}})).await;
        assert_eq!(world.until(&task, "delivered").await["user_id"], user);
    }
}

#[tokio::test]
async fn a_wrong_value_is_refused_by_the_name_of_its_field() {
    let world = World::new();
    let person = world.person().await;
    for (field, value) in [
        ("user_id", json!([1])),
        ("user_id", json!({})),
        ("user_id", json!(true)),
        ("trigger_type", json!(7)),
        ("data", json!("text")),
        ("data", json!([])),
        ("channel", json!("pigeon")),
        ("channel", json!(1)),
        ("fallback", json!("pigeon")),
        ("fallback", json!(["pigeon"])),
        ("fallback", json!(true)),
        ("priority", json!("whenever")),
        ("scheduled_time", json!("tomorrow")),
        ("scheduled_time", json!("2999-01-01T00:00:00Z")),
        ("scheduled_time", json!(1_700_000_000)),
    ] {
        let refused = world.post(SEND, &to(&person, field, value.clone())).send().await;
        let refused = refused.refused(400, &format!("Invalid value for field: {field}"));
        assert_eq!(refused.json["field"], field, "{value}");
        assert_eq!(refused.json["fallback_used"], false, "{value}");
    }
    for (path, body, field) in [
        ("send-sms", json!({"to": "12", "body": "x"}), "to"),
        ("send-sms", json!({"to": "not a number", "body": "x"}), "to"),
        ("send-sms", json!({"to": "+1415555267155555555", "body": "x"}), "to"),
        ("send-sms", json!({"to": 14_155_552_671_i64, "body": "x"}), "to"),
        ("send-sms", json!({"to": "+14155552671", "body": "x".repeat(1601)}), "body"),
        ("send-sms", json!({"to": "+14155552671", "body": "x", "from": "!"}), "from"),
        ("send-whatsapp", json!({"to": "whatsapp:1", "body": "x"}), "to"),
        ("send-email", json!({"to": "nobody", "subject": "x", "text": "x"}), "to"),
        ("send-email", json!({"to": "a@b.example", "from": "me", "subject": "x", "text": "x"}), "from"),
        ("send-email", json!({"to": "a@b.example", "subject": "x\r\nBcc: c@d.example", "text": "x"}), "subject"),
    ] {
        let refused = world.post(&format!("/api/v1/twilio/{path}"), &body).send().await;
        let refused = refused.refused(400, &format!("Invalid value for field: {field}"));
        assert_eq!(refused.json["field"], field, "{body}");
    }
    assert!(world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn a_person_without_an_address_on_the_channel_cannot_be_written_to_there() {
    let world = World::new();
    let user = fresh::user();
    let consent = json!({"user_id": user, "phone_number": fresh::phone(), "send_code": false});
    world.post("/api/communication/consent/sms", &consent).send().await.ok();
    let body = json!({"user_id": user, "trigger_type": "payment_reminder", "data": {}, "channel": "email", "fallback": "none"});
    let refused = world.post(SEND, &body).send().await;
    refused.refused(400, &format!("User {user} does not have an e-mail address"));
}

#[tokio::test]
async fn an_address_that_is_none_of_ours_is_not_found() {
    let world = World::new();
    world.get("/api/communication/nothing").send().await.is(404);
    world.get("/").send().await.is(404);
    // A path of ours with another method is answered at the gateway, as an HTTP API does: 404, or 405 by the function.
    let answer = world.call("DELETE", SEND).send().await;
    assert!([404, 405].contains(&answer.status), "{}: {}", answer.status, answer.text);
}

/// What is answered to a request line as it stands, which no HTTP client would send.
fn answer_to(world: &World, target: &str) -> String {
    let address = world.stack.api_url.strip_prefix("http://").expect("an address").to_owned();
    let mut stream = TcpStream::connect(&address).expect("the API listens");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test]
async fn odd_query_is_answered_by_the_function_and_is_no_panic() {
    let world = World::new();
    for target in ["/l/abcdefghijkl?x=\"y\"", "/l/abcdefghijkl?<script>", "/unsubscribe/x?a=^`{|}\\"] {
        let answer = answer_to(&world, target);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(status, "404", "{target}: {answer}");
        assert!(answer.to_lowercase().contains("\r\nx-request-id: "), "{target}: the function answered: {answer}");
    }
}
