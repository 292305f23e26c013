use serde_json::json;

use super::*;

fn valid() -> Value {
    json!({
        "from": "Switchboard <hello@switchboard.example>",
        "to": ["ann@example.com", "Bob <bob@example.com>"],
        "subject": "Hi",
        "text": "x",
        "tags": [{ "name": "message_id", "value": "m-1" }],
    })
}

fn refusal(change: impl FnOnce(&mut Map<String, Value>)) -> Option<&'static str> {
    let mut body = valid();
    change(body.as_object_mut().expect("an object"));
    messages(&body, "e-1", None, true).err().map(|error| error.name())
}

#[test]
fn each_recipient_is_a_message_with_our_id_from_key_or_tag() {
    let found = messages(&valid(), "e-1", None, true).expect("valid");
    let seen: Vec<_> = found.iter().map(|message| (message.to.as_str(), message.our_id.as_deref())).collect();
    assert_eq!(seen, [("ann@example.com", Some("m-1")), ("bob@example.com", Some("m-1"))]);
    let keyed = messages(&valid(), "e-1", Some("k-1"), true).expect("valid");
    assert_eq!(keyed[0].our_id.as_deref(), Some("k-1"));
}

#[test]
fn what_is_missing_or_malformed_has_the_providers_name() {
    for field in ["from", "to", "subject"] {
        assert_eq!(refusal(|body| drop(body.remove(field))), Some("missing_required_field"), "{field}");
    }
    assert_eq!(refusal(|body| drop(body.remove("text"))), Some("validation_error"));
    for (field, value, name) in [
        ("from", json!("nobody"), "invalid_from_address"),
        ("to", json!("ann@example"), "validation_error"),
        ("to", json!(vec!["a@b.example"; 51]), "validation_error"),
        ("tags", json!([{ "name": "a b", "value": "x" }]), "validation_error"),
        ("template", json!({ "id": "t" }), "validation_error"),
        ("scheduled_at", json!("soon"), "validation_error"),
        ("attachments", json!([{ "filename": "x" }]), "invalid_attachment"),
        ("attachments", json!([{ "filename": "x", "content": "not base64!" }]), "invalid_attachment"),
        ("colour", json!("red"), "validation_error"),
    ] {
        assert_eq!(refusal(|body| drop(body.insert(field.to_owned(), value))), Some(name), "{field}");
    }
}
