//! A proven address that changes is told, and what we saw stands apart from what a client said.

use serde_json::{Value, json};

use super::{EMAIL, GRANT, VERIFY, own};
use crate::world::signing::sha256_hex;
use crate::world::{Line, World, eventually, fresh, seconds};

/// The texts that arrived for an address and speak of a change.
async fn notices(world: &World, to: &str, word: &str) -> Vec<Value> {
    let mut arrived = world.arrived(to).await;
    arrived.retain(|message| {
        message["text"].as_str().or(message["body"].as_str()).is_some_and(|text| text.contains(word))
    });
    arrived
}

async fn one_notice(world: &World, to: &str, word: &str) -> Value {
    let mut found = eventually("the old address is told", seconds(60), async || {
        let found = notices(world, to, word).await;
        if found.is_empty() { Err("nothing came".to_owned()) } else { Ok(found) }
    })
    .await;
    assert_eq!(found.len(), 1, "once: {found:?}");
    found.remove(0)
}

#[tokio::test]
async fn changed_address_notifies_the_old_one() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let (user, old, new) = (fresh::user(), fresh::phone(), fresh::phone());
    world.proves(user, &old).await;
    // A claim takes nothing away: the old number stays in force, and nothing is told yet.
    let answer = world.claims_number(user, &new).await;
    assert_eq!((&answer["phone_number"], &answer["phone_verified"]), (&json!(old), &json!(true)), "{answer}");
    assert_eq!(answer["pending_phone_number"], json!(new), "{answer}");
    let send = json!({"user_id": user, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
    let sent = world.trigger(&send).await;
    world.until(&sent, "delivered").await;
    assert!(world.arrived(&new).await.is_empty() && world.arrived(&old).await.len() == 1, "it went to the old one");
    assert!(notices(&world, &old, "was changed").await.is_empty());
    world.proves_by_code(user, &new).await;
    one_notice(&world, &old, "was changed").await;
    // By an administrator's word too, in the person's language, and only where it was proven.
    let (person, email, other) = (fresh::user(), fresh::email(), fresh::email());
    world.owns(person, &email).await;
    let body = json!({"user_id": person, "email": other, "locale": "de"});
    world.post(EMAIL, &body).send().await.ok();
    one_notice(&world, &email, "wurde geändert").await;
    world.post(EMAIL, &json!({"user_id": person, "email": fresh::email()})).send().await.ok();
    assert!(notices(&world, &other, "wurde geändert").await.is_empty());
    // Asked for again, nothing more is told.
    world.post(EMAIL, &body).send().await.ok();
    assert_eq!(notices(&world, &email, "wurde geändert").await.len(), 1);
}

#[tokio::test]
async fn consent_evidence_keeps_observed_and_stated_apart() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email, shown) = (fresh::user(), fresh::email(), fresh::text());
    let body = json!({"user_id": user, "email": email, "consent_text": shown, "ip_address": "192.0.2.44",
                      "user_agent": "Victim/1.0"});
    let agent = "Mallory/2.0";
    world.post(EMAIL, &body).token(&own(user)).header("user-agent", agent).send().await.ok();
    let ledger = world.get(&format!("/api/communication/ledger/{user}")).send().await.ok();
    let entries = ledger["entries"].as_array().expect("entries");
    let requested = entries.iter().find(|entry| entry["event"] == "consent_requested").expect("an entry");
    let personal = &requested["personal"];
    assert_eq!(personal["observed_ip"], "127.0.0.1", "{requested}");
    assert_eq!(personal["observed_agent"], agent, "{requested}");
    assert_eq!((&personal["stated_ip"], &personal["stated_agent"]), (&json!("192.0.2.44"), &json!("Victim/1.0")));
    assert!(personal["ip_address"].is_null() && personal["user_agent"].is_null(), "{requested}");
    assert_eq!(personal["text_shown"], json!(shown), "{requested}");
    assert_eq!(requested["details"]["text_sha256"], json!(sha256_hex(&shown)), "{requested}");
    // Nobody states anything for somebody else but an administrator.
    let other = json!({"user_id": fresh::user(), "email": fresh::email(), "ip_address": "192.0.2.44"});
    world.post(EMAIL, &other).token(&own(user)).send().await.is(403);
}

#[tokio::test]
async fn proof_stands_in_the_ledger_with_time_and_source() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    world.proves(user, &phone).await;
    let attested = fresh::user();
    world
        .post(GRANT, &json!({"user_id": attested, "phone_number": fresh::phone(), "send_code": false}))
        .send()
        .await
        .ok();
    for (user, proof) in [(user, "code"), (attested, "attested")] {
        let ledger = world.get(&format!("/api/communication/ledger/{user}")).send().await.ok();
        let entries = ledger["entries"].as_array().expect("entries");
        let verified = entries.iter().find(|entry| entry["event"] == "address_verified").expect("an entry");
        assert_eq!(verified["details"]["proof"], proof, "{verified}");
        let at = verified["details"]["proven_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        assert!(at.is_some_and(|at| jiff::Timestamp::now().duration_since(at).as_secs() < 120), "{verified}");
    }
    // A code is worth nothing for a number they no longer claim.
    let (moved, first, second) = (fresh::user(), fresh::phone(), fresh::phone());
    let grant = |phone: &str| json!({"user_id": moved, "phone_number": phone});
    world.post(GRANT, &grant(&first)).token(&own(moved)).send().await.ok();
    let code = world.codes_until(1, &first, "sms").await.remove(0);
    world.claims_number(moved, &second).await;
    let entered = json!({"phone_number": first, "verification_code": code});
    world.post(VERIFY, &entered).token(&own(moved)).send().await.is(400);
}
