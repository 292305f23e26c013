//! SendGrid and Resend as a client sees them.

use crate::world::{Callback, World};
use aws_lc_rs::{
    hmac,
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

fn mail(to: &str) -> Value {
    json!({
        "personalizations": [{ "to": [{ "email": to }] }],
        "from": { "email": "hello@switchboard.example" },
        "subject": "Hi",
        "content": [{ "type": "text/plain", "value": "x" }],
        "custom_args": { "message_id": "m-1" },
    })
}

fn email(to: &str) -> Value {
    let tags = json!([{ "name": "message_id", "value": "m-1" }]);
    json!({ "from": "Acme <hello@switchboard.example>", "to": [to], "subject": "Hi", "html": "<p>x", "tags": tags })
}

fn events(callbacks: &[Callback]) -> Vec<Value> {
    let parsed = callbacks.iter().map(|callback| serde_json::from_str::<Vec<Value>>(&callback.body).expect("an array"));
    parsed.flatten().collect()
}

#[tokio::test]
async fn sendgrid_tells_processed_and_delivered_in_signed_arrays() {
    let world = World::start().await;
    let response = world.sendgrid(&mail("ann@example.com")).send().await.expect("an answer");
    assert_eq!(response.status(), 202);
    let id = response.headers()["x-message-id"].to_str().expect("text").to_owned();

    world.wait_for("/_sim/stats", |stats| stats["by_status"]["delivered"] == 1).await;
    let callbacks = world.callbacks(1).await;
    let first = &callbacks[0];
    assert!(first.body.starts_with('[') && first.body.ends_with("]\r\n"));
    let spki = public_key(&world.config.sendgrid_signing_key);
    let signed = format!("{}{}", first.header("x-twilio-email-event-webhook-timestamp"), first.body);
    let signature = STANDARD.decode(first.header("x-twilio-email-event-webhook-signature")).expect("base64");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki)
        .verify(signed.as_bytes(), &signature)
        .expect("a good signature");

    world.wait_for("/_sim/callbacks?provider=sendgrid&contains=delivered", |log| log[0].is_object()).await;
    let events = events(&world.received());
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().expect("a name")).collect();
    assert_eq!(names, ["processed", "delivered"]);
    for event in &events {
        assert!(event["sg_message_id"].as_str().expect("an id").starts_with(&format!("{id}.recvd-")));
        assert_eq!((&event["message_id"], &event["email"]), (&"m-1".into(), &"ann@example.com".into()));
    }
    assert_ne!(events[0]["sg_event_id"], events[1]["sg_event_id"]);
}

/// The uncompressed point of the public half.
fn public_key(private_pkcs8: &str) -> Vec<u8> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    let der = STANDARD.decode(private_pkcs8).expect("base64");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).expect("a key");
    pair.public_key().as_ref().to_vec()
}

#[tokio::test]
async fn events_of_many_mails_travel_together_and_none_is_lost() {
    let world = World::start().await;
    for index in 0..40 {
        world.sendgrid(&mail(&format!("p{index}@example.com"))).send().await.expect("an answer");
    }
    world.wait_for("/_sim/stats", |stats| stats["by_status"]["delivered"] == 40).await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while events(&world.received()).len() < 80 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(world.received().len() < 40, "fewer than mails");
}

#[tokio::test]
async fn an_email_to_several_is_shown_whole_in_every_mailbox_and_told_for_each() {
    let world = World::start().await;
    let mut full = mail("ann@example.com");
    full["personalizations"][0]["cc"] = json!([{ "email": "bounced@simulator.example" }]);
    full["personalizations"][0]["bcc"] = json!([{ "email": "eve@example.com" }]);
    full["attachments"] = json!([{ "content": "SGVsbG8=", "filename": "a.txt", "type": "text/plain" }]);
    assert_eq!(world.sendgrid(&full).send().await.expect("an answer").status(), 202);
    let mut same = email("ann@example.org");
    same["cc"] = json!(["bob@example.org"]);
    same["bcc"] = json!("eve@example.org");
    same["attachments"] = json!([{ "content": "SGVsbG8=", "filename": "a.txt", "content_type": "text/plain" }]);
    assert_eq!(world.resend("k-1", &same).send().await.expect("an answer").status(), 200);

    for (to, cc) in [("eve@example.com", "bounced@simulator.example"), ("eve@example.org", "bob@example.org")] {
        let seen = world.get(&format!("/_sim/messages?to={to}")).await[0].clone();
        assert_eq!((&seen["cc"], &seen["bcc"]), (&json!([cc]), &json!([to])), "{seen}");
        let file = &seen["attachments"][0];
        assert_eq!(
            (&file["filename"], &file["size"], &file["content_type"]),
            (&json!("a.txt"), &json!(5), &json!("text/plain"))
        );
        assert_eq!(file["sha256"], "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969");
    }
    world.wait_for("/_sim/stats", |stats| stats["by_status"]["bounced"] == 1).await;
    world.wait_for("/_sim/callbacks?provider=sendgrid&contains=bounce_classification", |log| log[0].is_object()).await;
    let bounced =
        events(&world.received().into_iter().filter(|callback| callback.body.starts_with('[')).collect::<Vec<_>>());
    let of_cc: Vec<_> = bounced.iter().filter(|event| event["email"] == "bounced@simulator.example").collect();
    assert!(of_cc.iter().any(|event| event["event"] == "bounce"), "{bounced:?}");
}

#[tokio::test]
async fn the_sandbox_checks_and_sends_nothing() {
    let world = World::start().await;
    let mut mail = mail("ann@example.com");
    mail["mail_settings"] = json!({ "sandbox_mode": { "enable": true } });
    assert_eq!(world.sendgrid(&mail).send().await.expect("an answer").status(), 200);
    assert_eq!(world.get("/_sim/stats").await["messages"], 0);
}

#[tokio::test]
async fn a_refused_event_callback_comes_again() {
    let world = World::start().await;
    world.refuse(&[500, 503]);
    world.resend("k-1", &email("ann@example.com")).send().await.expect("an answer");
    let callbacks = world.callbacks(4).await;
    let mut ids: Vec<_> = callbacks.iter().map(|callback| callback.header("svix-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2, "a try again keeps its svix-id");
}

#[tokio::test]
async fn resend_replays_a_key_and_refuses_it_with_another_body() {
    let world = World::start().await;
    let send = async |body: &Value| -> (u16, Value) {
        let response = world.resend("k-1", body).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    };
    let first = send(&email("ann@example.com")).await;
    assert_eq!(first.0, 200);
    assert_eq!(send(&email("ann@example.com")).await, first);
    let (status, body) = send(&email("bob@example.com")).await;
    assert_eq!((status, &body["name"]), (409, &"invalid_idempotent_request".into()));
    let stats = world.get("/_sim/stats").await;
    assert_eq!((&stats["messages"], &stats["duplicates"], &stats["replayed"]), (&1.into(), &0.into(), &1.into()));
    assert_eq!(world.get("/_sim/messages?to=ann@example.com").await[0]["requests"], 2);
}

#[tokio::test]
async fn resend_events_are_signed_as_svix_and_carry_tags_as_a_map() {
    let world = World::start().await;
    let response = world.resend("k-1", &email("complained@resend.dev")).send().await.expect("an answer");
    let id = response.json::<Value>().await.expect("JSON")["id"].clone();
    let callbacks = world.callbacks(3).await;
    let kinds: Vec<Value> = callbacks
        .iter()
        .map(|callback| {
            let secret = world.config.resend_webhook_secret.strip_prefix("whsec_").expect("a secret");
            let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).expect("base64"));
            let signed =
                format!("{}.{}.{}", callback.header("svix-id"), callback.header("svix-timestamp"), callback.body);
            let signature = callback.header("svix-signature").strip_prefix("v1,").expect("v1");
            hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(signature).expect("base64"))
                .expect("a good signature");
            let event: Value = serde_json::from_str(&callback.body).expect("JSON");
            assert_eq!((&event["data"]["email_id"], &event["data"]["tags"]["message_id"]), (&id, &"m-1".into()));
            event["type"].clone()
        })
        .collect();
    assert_eq!(kinds, ["email.sent", "email.delivered", "email.complained"]);
    let url = format!("{}/emails/{}", world.simulator.url, id.as_str().expect("text"));
    let fetched = world.http.get(url).bearer_auth(&world.config.resend_api_key).send().await.expect("an answer");
    assert_eq!(fetched.json::<Value>().await.expect("JSON")["last_event"], "complained");
}
