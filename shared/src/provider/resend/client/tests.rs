use super::*;
use crate::clock::Clock;
use crate::provider::stub::{Owned, Script, Seen, Stub, email, full_email, hasty, reply, reply_with, text};

const NOW: &str = "2026-03-01T12:00:00Z";
const ID: &str = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";

fn resend(stub: &Stub) -> Resend {
    let settings = Settings { base_url: stub.base_url.clone(), clock: Clock::fixed(NOW.parse().unwrap()) };
    let credentials = ResendCredentials {
        api_key: "re_key".to_owned(),
        from_email: "hello@switchboard.example".to_owned(),
        from_name: "Switchboard".to_owned(),
    };
    Resend::new(hasty(), settings, credentials)
}

fn error(status: u16, name: &str) -> Script {
    reply(status, json!({"statusCode": status, "name": name, "message": "…"}))
}

async fn answered(script: Script) -> SendError {
    let stub = Stub::new([script]).await;
    resend(&stub).send(&email(Some("hi"), None)).await.unwrap_err()
}

async fn resolved(script: Option<Script>, since: &str) -> (Result<Resolution, SendError>, Vec<Seen>) {
    let stub = Stub::new(script).await;
    let result = resend(&stub).resolve(&email(Some("hi"), None), since.parse().unwrap(), &Owned(&[])).await;
    (result, stub.requests())
}

#[tokio::test]
async fn an_email_is_one_request_keyed_by_our_id() {
    let stub = Stub::new([reply(200, json!({"id": ID}))]).await;
    let message = email(Some("plain"), Some("<p>rich</p>"));
    assert_eq!(resend(&stub).send(&message).await, Ok(Accepted { provider_id: ID.to_owned() }));
    let seen = stub.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/emails"));
    assert_eq!(seen.header("authorization"), "Bearer re_key");
    assert_eq!(seen.header("idempotency-key"), message.id.to_string());
    let expected = json!({
        "from": "Switchboard <hello@switchboard.example>",
        "to": ["ada@example.com"],
        "subject": "Hello Grüße",
        "text": "plain",
        "html": "<p>rich</p>",
        "tags": [{"name": "message_id", "value": message.id.to_string()}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn marketing_can_be_left_with_one_click() {
    let stub = Stub::new([reply(200, json!({"id": ID}))]).await;
    let message =
        Outgoing { unsubscribe: Some("https://api.example/unsubscribe/t".to_owned()), ..email(Some("x"), None) };
    resend(&stub).send(&message).await.unwrap();
    let headers = json!({
        "List-Unsubscribe": "<https://api.example/unsubscribe/t>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    });
    assert_eq!(stub.only_request().json()["headers"], headers);
}

#[tokio::test]
async fn everybody_and_every_file_is_in_the_request() {
    let stub = Stub::new([reply(200, json!({"id": ID}))]).await;
    let message = full_email();
    resend(&stub).send(&message).await.unwrap();
    let expected = json!({
        "from": "Switchboard <hello@switchboard.example>",
        "to": ["ada@example.com", "bob@example.com"],
        "cc": ["cc@example.com"],
        "bcc": ["bcc@example.com"],
        "reply_to": "support@example.com",
        "subject": "Hello Grüße",
        "text": "plain",
        "html": "<p>rich</p>",
        "attachments": [
            {"content": "iVBORw0KGgo=", "content_type": "image/png", "filename": "chart.png"},
            {"content": "iVBORw0KGgo=", "content_type": "image/png", "filename": "logo.png", "content_id": "logo"},
        ],
        "tags": [
            {"name": "message_id", "value": message.id.to_string()},
            {"name": "category", "value": "Ann_e_7_8"},
        ],
    });
    assert_eq!(stub.only_request().json(), expected);
}

#[tokio::test]
async fn a_named_sender_is_used_as_it_is() {
    let stub = Stub::new([reply(200, json!({"id": ID}))]).await;
    let mut message = email(Some("hi"), None);
    message.from = Some("Ada <ada@b.example>".to_owned());
    resend(&stub).send(&message).await.unwrap();
    assert_eq!(stub.only_request().json()["from"], "Ada <ada@b.example>");
}

#[test]
fn a_configured_name_is_quoted_where_it_must_be() {
    assert_eq!(mailbox("Grüße & Co", "a@b.example"), "Grüße & Co <a@b.example>");
    assert_eq!(mailbox("Ada, \"Inc.\"", "a@b.example"), "\"Ada, \\\"Inc.\\\"\" <a@b.example>");
    assert_eq!(mailbox("", "a@b.example"), "a@b.example");
}

#[tokio::test]
async fn each_answer_has_its_class() {
    let error_of = answered(error(422, "invalid_from_address")).await;
    assert!(matches!(error_of, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error_of:?}");
    let error_of = answered(error(429, "daily_quota_exceeded")).await;
    assert!(matches!(error_of, SendError::Permanent { kind: PermanentKind::Quota, .. }), "{error_of:?}");
    let limited = reply_with(429, "retry-after: 1\r\nratelimit-reset: 5\r\n", json!({"name": "rate_limit_exceeded"}));
    let error_of = answered(limited).await;
    assert!(
        matches!(error_of, SendError::Throttled { retry_after: Some(wait), .. } if wait.as_secs() == 1),
        "{error_of:?}"
    );
    for script in
        [error(500, "internal_server_error"), error(409, "concurrent_idempotent_requests"), reply(503, "<html>")]
    {
        let error_of = answered(script.clone()).await;
        assert!(matches!(error_of, SendError::Repeatable { .. }), "{script:?} gave {error_of:?}");
    }
    let uncertain = [
        error(409, "invalid_idempotent_request"),
        reply(200, "garbage"),
        Script::Hang,
        Script::Reset,
        Script::BreakOff,
    ];
    for script in uncertain {
        let error_of = answered(script.clone()).await;
        assert!(matches!(error_of, SendError::Uncertain { .. }), "{script:?} gave {error_of:?}");
    }
}

#[tokio::test]
async fn resolving_sends_the_same_again_with_the_same_key() {
    let stub = Stub::new([Script::Hang, reply(200, json!({"id": ID}))]).await;
    let (resend, message) = (resend(&stub), email(Some("hi"), None));
    assert!(matches!(resend.send(&message).await, Err(SendError::Uncertain { .. })));
    let resolution = resend.resolve(&message, NOW.parse().unwrap(), &Owned(&[])).await;
    assert_eq!(resolution, Ok(Resolution::Accepted(Accepted { provider_id: ID.to_owned() })));
    let [first, second] = &stub.requests()[..] else { panic!("not two requests") };
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("idempotency-key"), second.header("idempotency-key"));
}

#[tokio::test]
async fn a_key_that_may_be_forgotten_is_never_used_again() {
    let (result, seen) = resolved(None, "2026-02-28T12:59:59Z").await;
    assert_eq!(result, Ok(Resolution::Unknowable));
    assert!(seen.is_empty());
    let (result, seen) = resolved(Some(reply(200, json!({"id": ID}))), "2026-02-28T13:00:00Z").await;
    assert!(matches!(result, Ok(Resolution::Accepted(_))));
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn resolving_may_stay_without_an_answer() {
    let (result, _) = resolved(Some(error(409, "invalid_idempotent_request")), NOW).await;
    assert_eq!(result, Ok(Resolution::Unknowable));
    let (result, _) = resolved(Some(error(409, "concurrent_idempotent_requests")), NOW).await;
    assert!(matches!(result, Err(SendError::Repeatable { .. })), "{result:?}");
    let (result, _) = resolved(Some(Script::Reset), NOW).await;
    assert!(matches!(result, Err(SendError::Uncertain { .. })), "{result:?}");
}

#[tokio::test]
async fn fetching_reports_the_last_event() {
    let found = json!({"object": "email", "id": ID, "to": ["ada@example.com"], "last_event": "delivered"});
    let stub =
        Stub::new([reply(200, found), error(404, "not_found"), error(401, "restricted_api_key"), Script::Reset]).await;
    let (resend, message) = (resend(&stub), MessageId::new());
    let expected = Report {
        provider: ProviderName::Resend,
        message_id: Some(message),
        provider_id: Some(ID.to_owned()),
        key: "last_event:delivered".to_owned(),
        event: Event::Delivered,
        at: NOW.parse().unwrap(),
        recipient: None,
        recording: None,
        provider_code: None,
        call: None,
    };
    assert_eq!(resend.fetch(message, ID).await, Ok(Some(expected)));
    assert_eq!(resend.fetch(message, ID).await, Ok(None));
    let refused = resend.fetch(message, ID).await;
    assert!(matches!(refused, Err(SendError::Permanent { kind: PermanentKind::Credentials, .. })), "{refused:?}");
    assert!(matches!(resend.fetch(message, ID).await, Err(SendError::Transient { .. })));
    assert_eq!(resend.fetch(message, "../domains").await, Ok(None));
    assert_eq!(stub.requests()[0].target, format!("/emails/{ID}"));
    assert_eq!(stub.requests().len(), 4);
}

#[tokio::test]
async fn a_text_is_not_for_resend() {
    let error = resend(&Stub::new([]).await).send(&text(crate::message::Channel::Sms, "hi", &[])).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error:?}");
}
