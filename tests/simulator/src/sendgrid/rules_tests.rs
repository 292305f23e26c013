use serde_json::json;

use super::*;

fn fields(mail: &Value) -> Vec<String> {
    let mail = mail.as_object().expect("an object");
    Check::new(mail, true, 1_000).errors().into_iter().filter_map(|error| error.field).collect()
}

fn valid() -> Value {
    json!({
        "personalizations": [{ "to": [{ "email": "ann@example.com", "name": "Ann" }] }],
        "from": { "email": "hello@switchboard.example" },
        "subject": "Hi",
        "content": [{ "type": "text/plain", "value": "x" }, { "type": "text/html", "value": "<p>x" }],
        "custom_args": { "message_id": "m-1" },
    })
}

#[test]
fn a_plain_mail_is_accepted() {
    assert_eq!(fields(&valid()), Vec::<String>::new());
}

#[test]
fn all_that_is_missing_is_reported_at_once() {
    assert_eq!(fields(&json!({})), ["from", "personalizations", "subject", "content"]);
    assert_eq!(
        fields(&json!({ "from": { "email": "a@b.example" }, "template_id": "d-1", "personalizations": [{}] })),
        ["personalizations.0.to"]
    );
}

#[test]
fn each_wrong_field_is_named() {
    for (pointer, value, field) in [
        ("/personalizations/0/to/0/email", json!("not an address"), "personalizations.0.to.0.email"),
        ("/from/email", json!("x@y"), "from.email"),
        ("/subject", json!(""), "subject"),
        ("/content/0/value", json!(""), "content.0.value"),
        ("/content/0/type", json!("text/html"), ""),
        ("/custom_args/message_id", json!(1), "custom_args"),
    ] {
        let mut mail = valid();
        *mail.pointer_mut(pointer).expect("a place") = value;
        let expected: Vec<&str> = if field.is_empty() { vec![] } else { vec![field] };
        assert_eq!(fields(&mail), expected, "{pointer}");
    }
}

#[test]
fn plain_text_after_html_is_refused() {
    let mut mail = valid();
    mail["content"] = json!([{ "type": "text/html", "value": "x" }, { "type": "text/plain", "value": "x" }]);
    assert_eq!(fields(&mail), ["content"]);
}

#[test]
fn an_address_may_stand_only_once_in_a_personalization() {
    let mut mail = valid();
    mail["personalizations"][0]["cc"] = json!([{ "email": "ANN@example.com" }]);
    assert_eq!(fields(&mail), ["personalizations.0"]);
}

#[test]
fn unknown_properties_sandbox_text_and_far_times_are_refused() {
    let mut mail = valid();
    mail["colour"] = json!("red");
    mail["send_at"] = json!(1_000 + 72 * 3600 + 1);
    mail["mail_settings"] = json!({ "sandbox_mode": { "enable": "true" } });
    assert_eq!(fields(&mail), ["colour", "send_at", "mail_settings.sandbox_mode.enable"]);
}

#[test]
fn files_are_base64_of_a_plain_type() {
    for (name, value, field) in [
        ("content", json!("not base64!"), Some("attachments.0.content")),
        ("content", json!(""), Some("attachments.0.content")),
        ("type", json!("text/plain; charset=utf-8"), Some("attachments.0.type")),
        ("disposition", json!("floating"), Some("attachments.0.disposition")),
        ("filename", json!("b.txt"), None),
    ] {
        let mut mail = valid();
        mail["attachments"] = json!([{ "content": "SGVsbG8=", "filename": "a.txt", "type": "text/plain" }]);
        mail["attachments"][0][name] = value;
        assert_eq!(fields(&mail), field.into_iter().collect::<Vec<_>>(), "{name}");
    }
}
