//! E-mails to several, with files.

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::world::flows::{Person, in_an_hour, trail};
use crate::world::{Line, World, eventually, fresh, seconds};

const PATH: &str = "/api/v2/communications/email";
const MAIL: [Line; 2] = [Line::Sendgrid, Line::Resend];
/// A sender the client names is SendGrid's.
const SENDER: &str = "hello@mailbox.example";

/// Accepts an e-mail and sends it through this provider.
async fn through(world: &World, provider: &str, body: &Value) -> String {
    let mut body = body.clone();
    if provider == "sendgrid" {
        body["from"] = json!(SENDER);
    } else {
        body["scheduled_time"] = json!(in_an_hour());
    }
    let answer = world.post(PATH, &body).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    if provider == "resend" {
        world.release(&id, provider, "fixed").await;
    }
    id
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that cannot be made smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    bytes
}

/// Somebody who wants no e-mails any more.
async fn refuses_mail(world: &World) -> Person {
    let person = world.person().await;
    world.prefers(person.id, &json!({"email_enabled": false})).await;
    person
}

#[tokio::test]
async fn an_email_with_everything_arrives_whole_at_either_provider() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for provider in ["sendgrid", "resend"] {
        let [to, other, cc, bcc] = [(); 4].map(|()| fresh::email());
        let (text, file) = (fresh::text(), noise(3_000));
        let body = json!({
            "to": [to, other], "cc": cc, "bcc": [bcc], "subject": "Your documents", "text": text,
            "html": format!("<p>{text}</p>"), "replyTo": "support@mailbox.example", "priority": "high",
            "contact_id": "c-1024", "application_id": "a-77", "category": "documents",
            "attachments": [
                {"filename": "Vertrag März.pdf", "content": BASE64_STANDARD.encode(&file), "type": "application/pdf"},
                {"filename": "logo.png", "content": "iVBORw0KGgo=", "content_type": "image/png", "content_id": "logo"},
            ],
        });
        let id = through(&world, provider, &body).await;
        let message = world.until(&id, "delivered").await;
        assert_eq!((&message["provider"], &message["lane"]), (&json!(provider), &json!("urgent")), "{message}");
        for (name, value) in [("contact_id", "c-1024"), ("application_id", "a-77"), ("category", "documents")] {
            assert_eq!(message[name], value, "{message}");
        }
        assert_eq!(message["cost"], 0.0036, "each of four recipients costs what it was accepted at: {message}");
        for mailbox in [&to, &other, &cc, &bcc] {
            let there = world.the_one(mailbox, "email").await;
            assert_eq!(there["provider"], provider, "{there}");
            assert_eq!((&there["subject"], &there["text"]), (&json!("Your documents"), &json!(text)), "{there}");
            assert_eq!(
                (&there["to_all"], &there["cc"], &there["bcc"]),
                (&json!([to, other]), &json!([cc]), &json!([bcc]))
            );
            assert_eq!(there["reply_to"], json!(["support@mailbox.example"]), "{there}");
            let files = there["attachments"].as_array().expect("files");
            let seen = |index: usize, name: &str| files[index][name].clone();
            assert_eq!((seen(0, "filename"), seen(0, "sha256")), (json!("Vertrag März.pdf"), json!(sha256(&file))));
            assert_eq!(
                (seen(1, "content_type"), seen(1, "content_id")),
                (json!("image/png"), json!("logo")),
                "{there}"
            );
        }
    }
}

#[tokio::test]
async fn a_large_file_goes_through_and_the_row_stays_small() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    let (to, file) = (fresh::email(), noise(1_500_000));
    let files = json!([{"filename": "large.bin", "content": BASE64_STANDARD.encode(&file)}]);
    let body = json!({"to": to, "subject": "A large file", "text": fresh::text(), "attachments": files});
    let key = fresh::word();
    let answer = world.post(PATH, &body).key(&key).send().await.ok();
    let id = answer["message_id"].as_str().expect("an id").to_owned();
    let again = world.post(PATH, &body).key(&key).send().await;
    assert_eq!((again.header("idempotency-replay"), &again.json), ("true", &answer));
    let mut other = body.clone();
    other["attachments"][0]["content"] = json!(BASE64_STANDARD.encode(noise(1_500_000)));
    world.post(PATH, &other).key(&key).send().await.is(422);

    world.until(&id, "delivered").await;
    let there = world.the_one(&to, "email").await;
    assert_eq!(there["attachments"][0]["sha256"], sha256(&file), "what was accepted is what was sent");
    let row = world.row(&id).await;
    let size: usize = row.values().map(|value| format!("{value:?}").len()).sum();
    assert!(size < 8_000 && row.contains_key("content_key"), "{size} bytes");
}

#[tokio::test]
async fn a_recipient_who_wants_no_mail_refuses_the_whole_and_is_named() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    let (to, cc, unwilling) = (fresh::email(), fresh::email(), refuses_mail(&world).await);
    for (field, body) in [
        ("cc[1]", json!({"to": to, "cc": [cc, unwilling.email], "subject": "x", "text": fresh::text()})),
        ("to[1]", json!({"to": [to, unwilling.email], "cc": [cc], "subject": "x", "text": fresh::text()})),
    ] {
        let refused = world.post(PATH, &body).send().await.is(403);
        assert_eq!((&refused.json["field"], &refused.json["reason"]), (&json!(field), &json!("channel_disabled")));
        let id = refused.json["task_id"].as_str().expect("it is on record");
        let message = world.message(id).await;
        assert_eq!(message["status"], "blocked", "{message}");
        let checks = message["decision"]["checks"].as_array().expect("checks").clone();
        assert!(checks.iter().any(|check| check["rule"] == format!("recipient {field}")), "{message}");
    }
    // A newsletter goes to one at a time: the link to unsubscribe in it is theirs.
    let willing = world.person().await;
    let body = json!({"to": willing.email, "cc": cc, "subject": "x", "text": "x", "category": "newsletter"});
    world.post(PATH, &body).send().await.refused(400, "Invalid value for field: cc[0]");
    for address in [&to, &cc, &unwilling.email, &willing.email] {
        assert!(world.arrived(address).await.is_empty(), "nothing was sent");
    }
}

#[tokio::test]
async fn who_says_no_before_it_is_sent_is_left_out_and_the_others_get_it() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for provider in ["sendgrid", "resend"] {
        let (to, cc, changes) = (fresh::email(), fresh::email(), world.person().await);
        let body = json!({
            "to": to, "cc": [changes.email, cc], "subject": "x", "text": fresh::text(), "scheduled_time": in_an_hour(),
        });
        let answer = world.post(PATH, &body).send().await.ok();
        let id = answer["message_id"].as_str().expect("an id");
        world.prefers(changes.id, &json!({"email_enabled": false})).await;
        world.release(id, provider, "fixed").await;
        let message = world.until(id, "delivered").await;
        let checks = message["decision"]["checks"].as_array().expect("checks");
        let left_out = checks.iter().find(|check| check["rule"] == "recipient cc[0]").expect("it says so");
        assert_eq!((&left_out["passed"], &left_out["reason"]), (&json!(false), &json!("channel_disabled")));
        assert_eq!(world.the_one(&to, "email").await["cc"], json!([cc]), "{provider}");
        world.the_one(&cc, "email").await;
        assert!(world.arrived(&changes.email).await.is_empty(), "{provider}");
    }
}

#[tokio::test]
async fn what_becomes_of_another_recipient_is_noted_and_is_not_what_becomes_of_the_message() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for (provider, cc, code) in
        [("sendgrid", "simulator.example", "bounce 5.1.1"), ("resend", "resend.dev", "Permanent General")]
    {
        let (to, cc) = (fresh::email(), format!("bounced+{}@{cc}", fresh::word()));
        let body = json!({"to": to, "cc": cc, "subject": "x", "text": fresh::text()});
        let id = through(&world, provider, &body).await;
        world.until(&id, "delivered").await;
        let detail = format!("another recipient: {code}");
        eventually("the other's bounce is noted", seconds(20), async || {
            let message = world.message(&id).await;
            let steps = message["trail"].as_array().expect("a trail").iter();
            let mut noted = steps.filter(|step| step["event"] == "undelivered" && step["detail"] == detail.as_str());
            if noted.next().is_some() { Ok(()) } else { Err(message.to_string()) }
        })
        .await;
        let message = world.message(&id).await;
        assert_eq!((&message["status"], &message["reason"]), (&json!("delivered"), &Value::Null), "{message}");
    }
}

#[tokio::test]
async fn who_complains_or_unsubscribes_is_not_written_to_again_and_it_is_them_not_the_message() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for (provider, kind, domain) in [
        ("sendgrid", "complained", "simulator.example"),
        ("sendgrid", "unsubscribed", "simulator.example"),
        ("resend", "complained", "resend.dev"),
    ] {
        let (to, cc) = (fresh::email(), format!("{kind}+{}@{domain}", fresh::word()));
        let body = json!({"to": to, "cc": cc, "subject": "x", "text": fresh::text()});
        let id = through(&world, provider, &body).await;
        world.until(&id, "delivered").await;
        let again = json!({"to": cc, "subject": "x", "text": fresh::text()});
        let refused = eventually("the address is not used again", seconds(20), async || {
            // A dry look: what is accepted here is due in an hour.
            let mut later = again.clone();
            later["scheduled_time"] = json!(in_an_hour());
            let answer = world.post(PATH, &later).send().await;
            if answer.status == 403 { Ok(answer.json) } else { Err(answer.text) }
        })
        .await;
        assert_eq!(refused["reason"], "address_suppressed", "{provider} {kind}: {refused}");
        let body = json!({"to": to, "subject": "x", "text": fresh::text()});
        world.post(PATH, &body).send().await.ok();
    }
}

#[tokio::test]
async fn anothers_delivery_does_not_deliver_the_message() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    let (to, cc) = (format!("bounced+{}@simulator.example", fresh::word()), fresh::email());
    let body = json!({"to": to, "cc": cc, "subject": "x", "text": fresh::text()});
    let id = through(&world, "sendgrid", &body).await;
    let message = world.until(&id, "undelivered").await;
    assert_eq!(message["reason"], "invalid_email", "{message}");
    world.the_one(&cc, "email").await;
    assert!(trail(&message).contains(&"undelivered"), "{message}");
}

#[tokio::test]
async fn what_no_provider_would_take_is_refused_by_its_field() {
    let world = World::new();
    let whole = json!({"to": "a@x.example", "subject": "x", "text": "x"});
    let crowd: Vec<String> = (0..51).map(|number| format!("p{number}@x.example")).collect();
    let file = |name: &str, content: &str| json!([{"filename": name, "content": content}]);
    for (field, value, named) in [
        ("to", json!(crowd), "to"),
        ("to", json!(7), "to"),
        ("cc", json!(["b@x.example", "A@x.example"]), "cc[1]"),
        ("bcc", json!("nobody"), "bcc[0]"),
        ("subject", json!("x\r\nBcc: c@d.example"), "subject"),
        ("attachments", file("../secret", "AAAA"), "attachments[0].filename"),
        ("attachments", file("a.txt", "not base64!"), "attachments[0].content"),
        ("attachments", json!([{"filename": "a.txt"}]), "attachments[0].content"),
        ("priority", json!("extreme"), "priority"),
        ("category", json!("x".repeat(129)), "category"),
        ("expires_at", json!("2020-01-01T00:00:00Z"), "expires_at"),
    ] {
        let mut body = whole.clone();
        body[field] = value;
        let refused = world.post(PATH, &body).send().await.is(400);
        assert_eq!(refused.json["field"], named, "{}", refused.text);
    }
}
