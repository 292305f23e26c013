use super::*;
use crate::clock::Clock;
use crate::provider::stub::{Owned, Script, Stub, email, full_email, hasty, reply, reply_with, text};

fn sendgrid(stub: &Stub) -> Sendgrid {
    let settings =
        Settings { base_url: stub.base_url.clone(), clock: Clock::fixed(Timestamp::from_second(1_000).unwrap()) };
    let credentials = SendgridCredentials {
        api_key: "SG.key".to_owned(),
        from_email: "hello@switchboard.example".to_owned(),
        from_name: "Switchboard".to_owned(),
    };
    Sendgrid::new(hasty(), settings, credentials)
}

async fn answered(script: Script) -> SendError {
    let stub = Stub::new([script]).await;
    sendgrid(&stub).send(&email(Some("hi"), None)).await.unwrap_err()
}

#[tokio::test]
async fn an_email_is_one_request_with_our_id_in_it() {
    let stub = Stub::new([reply_with(202, "X-Message-Id: LRzXl_NHStOGhQ4kofSm_A\r\n", "")]).await;
    let message = email(Some("plain"), Some("<p>rich</p>"));
    let accepted = sendgrid(&stub).send(&message).await;
    assert_eq!(accepted, Ok(Accepted { provider_id: "LRzXl_NHStOGhQ4kofSm_A".to_owned() }));
    let seen = stub.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v3/mail/send"));
    assert_eq!(seen.header("authorization"), "Bearer SG.key");
    assert_eq!(seen.header("content-type"), "application/json");
    let expected = json!({
        "personalizations": [{"to": [{"email": "ada@example.com"}]}],
        "from": {"email": "hello@switchboard.example", "name": "Switchboard"},
        "subject": "Hello Grüße",
        "content": [{"type": "text/plain", "value": "plain"}, {"type": "text/html", "value": "<p>rich</p>"}],
        "custom_args": {"message_id": message.id.to_string()},
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn marketing_can_be_left_with_one_click_and_by_one_link_only() {
    let stub = Stub::new([reply_with(202, "X-Message-Id: a\r\n", "")]).await;
    let message =
        Outgoing { unsubscribe: Some("https://api.example/unsubscribe/t".to_owned()), ..email(Some("x"), None) };
    sendgrid(&stub).send(&message).await.unwrap();
    let body = stub.only_request().json();
    let headers = json!({
        "List-Unsubscribe": "<https://api.example/unsubscribe/t>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    });
    assert_eq!(body["headers"], headers);
    assert_eq!(body["tracking_settings"], json!({"subscription_tracking": {"enable": false}}));
}

#[tokio::test]
async fn everybody_and_every_file_is_in_the_request() {
    let stub = Stub::new([reply_with(202, "X-Message-Id: a\r\n", "")]).await;
    let message = full_email();
    sendgrid(&stub).send(&message).await.unwrap();
    let expected = json!({
        "personalizations": [{
            "to": [{"email": "ada@example.com"}, {"email": "bob@example.com"}],
            "cc": [{"email": "cc@example.com"}],
            "bcc": [{"email": "bcc@example.com"}],
        }],
        "from": {"email": "hello@switchboard.example", "name": "Switchboard"},
        "reply_to": {"email": "support@example.com"},
        "subject": "Hello Grüße",
        "content": [{"type": "text/plain", "value": "plain"}, {"type": "text/html", "value": "<p>rich</p>"}],
        "attachments": [
            {"content": "iVBORw0KGgo=", "type": "image/png", "filename": "chart.png", "disposition": "attachment"},
            {"content": "iVBORw0KGgo=", "type": "image/png", "filename": "logo.png", "disposition": "inline",
             "content_id": "logo"},
        ],
        "categories": ["Ann_e 7/8"],
        "custom_args": {"message_id": message.id.to_string()},
    });
    assert_eq!(stub.only_request().json(), expected);
}

#[tokio::test]
async fn empty_parts_are_left_out_and_a_named_sender_is_used() {
    let table = [
        ("Ada <ada@b.example>", json!({"email": "ada@b.example", "name": "Ada"})),
        ("\"Ada, Inc.\" <ada@b.example>", json!({"email": "ada@b.example", "name": "Ada, Inc."})),
        ("ada@b.example", json!({"email": "ada@b.example"})),
    ];
    for (from, expected) in table {
        let stub = Stub::new([reply_with(202, "x-message-id: a\r\n", "")]).await;
        let mut message = email(Some(""), Some("<p>rich</p>"));
        message.from = Some(from.to_owned());
        sendgrid(&stub).send(&message).await.unwrap();
        let body = stub.only_request().json();
        assert_eq!(body["from"], expected);
        assert_eq!(body["content"], json!([{"type": "text/html", "value": "<p>rich</p>"}]));
    }
}

#[tokio::test]
async fn each_answer_has_its_class() {
    let invalid = json!({"errors": [{"message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email", "help": null}]});
    let error = answered(reply(400, invalid)).await;
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::InvalidEmail, .. }), "{error:?}");
    let error = answered(reply(401, "{}")).await;
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Credentials, .. }), "{error:?}");
    let error = answered(reply_with(429, "X-RateLimit-Reset: 1009\r\n", "{}")).await;
    assert!(matches!(error, SendError::Throttled { retry_after: Some(wait), .. } if wait.as_secs() == 9), "{error:?}");
    let uncertain = [
        reply(500, "{}"),
        reply(503, "<html>"),
        reply(202, ""),
        reply_with(200, "x-message-id: a\r\n", ""),
        Script::Hang,
        Script::Reset,
        Script::BreakOff,
    ];
    for script in uncertain {
        let error = answered(script.clone()).await;
        assert!(matches!(error, SendError::Uncertain { .. }), "{script:?} gave {error:?}");
    }
}

#[tokio::test]
async fn it_cannot_be_asked_and_sends_no_texts() {
    let stub = Stub::new([]).await;
    let sendgrid = sendgrid(&stub);
    let resolved = sendgrid.resolve(&email(Some("hi"), None), Timestamp::UNIX_EPOCH, &Owned(&[])).await;
    assert_eq!(resolved, Ok(Resolution::Unknowable));
    assert_eq!(sendgrid.fetch(MessageId::new(), "a").await, Ok(None));
    let error = sendgrid.send(&text(crate::message::Channel::Sms, "hi", &[])).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error:?}");
    assert!(stub.requests().is_empty());
}
