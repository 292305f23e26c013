//! What somebody who merely gives an address cannot find out about its owner, and cannot have sent to themselves.

use serde_json::{Value, json};

use super::{GRANT, own};
use crate::inbound::{sms as inbound_sms, written};
use crate::world::{Line, World, fresh, tokens};

const CHECK: &str = "/api/communication/consent/check";

/// Whether somebody agreed to texts, and what their ledger says of it.
async fn standing(world: &World, user: i64) -> (Value, String) {
    let token = own(user);
    let preferences = world.get("/api/sms/preferences").token(&token).send().await.ok();
    let ledger = world.get(&format!("/api/communication/ledger/{user}")).token(&token).send().await.ok();
    (preferences["consent_status"].clone(), ledger["entries"].to_string())
}

/// The attack: claim a stranger's number, and see in one's own consent when its owner writes STOP.
#[tokio::test]
async fn strangers_stop_is_not_seen_by_whoever_claims_the_number() {
    let world = World::new();
    let phone = fresh::phone();
    // Ids before and behind the one that is on file.
    let claimants: Vec<i64> = (0..40).map(|n| if n % 2 == 0 { fresh::user() } else { 9_000_000_000_000 + n }).collect();
    for claimant in &claimants {
        world.claims_number(*claimant, &phone).await;
    }
    let before = standing(&world, claimants[0]).await;
    let filed = fresh::user();
    world.post(GRANT, &json!({"user_id": filed, "phone_number": phone})).send().await.ok();
    let heard = written(&world, &inbound_sms(&phone, "STOP")).await;
    assert!(heard.to_string().contains("stopped"), "{heard}");
    assert_eq!(standing(&world, claimants[0]).await, before);
    // Who is reached there does not hear from us any more, however many claim the number.
    assert_eq!(standing(&world, filed).await.0, "revoked");
}

/// The attack: ask about a claimed address with a kind of message that may go there.
#[tokio::test]
async fn no_kind_of_message_tells_whether_a_claimed_number_is_suppressed() {
    let world = World::new();
    let (free, suppressed) = (fresh::phone(), fresh::phone());
    world.post("/api/communication/suppressions", &json!({"address": suppressed})).send().await.ok();
    let kinds = world.get("/api/communication/trigger-types").send().await.ok();
    for kind in kinds["trigger_types"].as_array().expect("kinds") {
        let mut answers = Vec::new();
        for phone in [&free, &suppressed] {
            let mallory = fresh::user();
            world.claims_number(mallory, phone).await;
            let check = json!({"user_id": mallory, "message_type": kind["value"], "channel": "sms"});
            answers.push(world.post(CHECK, &check).token(&own(mallory)).send().await.ok());
        }
        assert_eq!(answers[0], answers[1], "{kind}");
        assert_eq!(answers[0]["reason"], "address_unverified", "{kind}");
    }
}

/// The attack: claim a number of one's own with a stolen token, and have a client's sign-in codes sent there.
#[tokio::test]
async fn clients_sign_in_code_does_not_go_to_a_claimed_number() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    world.claims_number(user, &phone).await;
    let send = json!({
        "user_id": user, "trigger_type": "one_time_code", "channel": "sms", "data": {"code": "778899", "minutes": 10},
    });
    let service = tokens::sender(&fresh::word());
    let refused = world.post("/api/communication/send", &send).token(&service).send().await.is(403).json;
    assert_eq!(refused["reason"], "address_unverified", "{refused}");
    assert!(world.arrived(&phone).await.is_empty());
    // A code of ours to that very number is how it is proven.
    let code = json!({"user_id": user, "phone_number": phone, "purpose": "verification"});
    world.post("/api/v2/communications/otp/send", &code).token(&service).send().await.ok();
    world.codes_until(1, &phone, "sms").await;
}

/// The attack: a grant that was recorded on its way is brought again after its person took it back.
#[tokio::test]
async fn repeated_grant_does_not_undo_a_revocation() {
    let world = World::new();
    let (user, phone, email) = (fresh::user(), fresh::phone(), fresh::email());
    world.proves(user, &phone).await;
    world.owns(user, &email).await;
    let token = own(user);
    let grants = [
        (GRANT, json!({"user_id": user, "phone_number": phone}), "sms"),
        (super::EMAIL, json!({"user_id": user, "email": email}), "email"),
    ];
    for (path, grant, channel) in grants {
        let key = fresh::word();
        let first = world.post(path, &grant).token(&token).key(&key).send().await.ok();
        assert_eq!(first["verification_required"], false, "{first}");
        let no = json!({"user_id": user, "channel": channel});
        world.post("/api/communication/consent/revoke", &no).token(&token).send().await.ok();
        let again = world.post(path, &grant).token(&token).key(&key).send().await.is(200);
        assert_eq!((&again.json, again.header("idempotency-replay")), (&first, "true"));
        let check = json!({"user_id": user, "message_type": "weekly_checkin", "channel": channel});
        let check = world.post(CHECK, &check).token(&token).send().await.ok();
        assert_eq!(check["consent_status"], "revoked", "{channel}: {check}");
        let mut other = grant.clone();
        other["consent_source"] = json!("another");
        world.post(path, &other).token(&token).key(&key).send().await.is(422);
    }
}
