//! Two people and one number: a family's phone, and a number that was given to somebody else.

use serde_json::{Value, json};
use switchboard::clock::plus_seconds;
use switchboard::ledger::Witness;
use switchboard::message::{Address, PhoneNumber};
use switchboard::person::{PersonId, Proof, ProofSource};

use super::is_erased;
use crate::inbound::{sms as inbound_sms, written};
use crate::world::{Line, World, fresh};

/// Somebody proved a number so many days ago.
async fn proved(world: &World, user: i64, phone: &str, days_ago: i64) {
    let at = plus_seconds(jiff::Timestamp::now(), -days_ago * 86_400);
    let address = Address::Phone(PhoneNumber::parse(phone, "US").expect("a number"));
    let (id, witness) = (PersonId::text(&user.to_string()).expect("an id"), Witness::new("a test", "test", at));
    let change = |person: &mut switchboard::person::Person| {
        person.recorded(|person| {
            person.claim_address(&address);
            person.prove(&address, Proof::new(ProofSource::Code, at));
        })
    };
    world.people().await.change(&id, &witness, change).await.expect("DynamoDB answers");
}

async fn events(world: &World, user: i64) -> Vec<String> {
    let ledger = world.get(&format!("/api/communication/ledger/{user}")).send().await.ok();
    let entries = ledger["entries"].as_array().expect("entries").iter();
    entries.map(|entry| entry["event"].as_str().expect("an event").to_owned()).collect()
}

#[tokio::test]
async fn family_phone_messages_that_name_nobody_are_neither_ones() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (one, two, phone) = (fresh::user(), fresh::user(), fresh::phone());
    proved(&world, one, &phone, 3).await;
    let alone = world.sms(&phone, &fresh::text()).await;
    world.proves(two, &phone).await;
    let both = world.sms(&phone, &fresh::text()).await;
    world.until(&both, "delivered").await;
    let text = written(&world, &inbound_sms(&phone, &fresh::text())).await;
    assert_eq!(text["user_id"], Value::Null, "{text}");
    let (of_one, of_two) = (world.takes_out_messages(one).await, world.takes_out_messages(two).await);
    assert!(of_one.contains(&alone) && !of_two.contains(&alone));
    assert!(!of_one.contains(&both) && !of_two.contains(&both));
    // Either's no counts, and neither's erasure touches what may be the other's.
    world.erases_themselves(two).await;
    assert!(!is_erased(&world.message(&both).await));
    assert!(!world.takes_out_messages(one).await.contains(&both), "it may have been for who is gone");
    assert!(world.takes_out_messages(one).await.contains(&alone));
}

#[tokio::test]
async fn recycled_number_is_its_new_owners() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (old, new, phone) = (fresh::user(), fresh::user(), fresh::phone());
    proved(&world, old, &phone, 60).await;
    let before = world.sms(&phone, &fresh::text()).await;
    world.proves_by_code(new, &phone).await;
    let after = world.sms(&phone, &fresh::text()).await;
    let text = written(&world, &inbound_sms(&phone, &fresh::text())).await;
    assert_eq!(text["user_id"], json!(new), "{text}");
    let of_new = world.takes_out_messages(new).await;
    assert!(of_new.contains(&after) && !of_new.contains(&before));
    // The old one's proof has ended: they get nothing there, and both ledgers say so.
    assert!(!world.takes_out_messages(old).await.contains(&after));
    let send = json!({"user_id": old, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
    let refused = world.post("/api/communication/send", &send).send().await.is(403).json;
    assert_eq!(refused["reason"], "address_unverified", "{refused}");
    assert!(events(&world, old).await.contains(&"address_proof_ended".to_owned()));
    let of_new = events(&world, new).await;
    assert!(["address_verified", "older_proofs_ended"].iter().all(|event| of_new.contains(&(*event).to_owned())));
    // What was theirs while it was theirs still is, when they want it gone.
    world.erases_themselves(old).await;
    assert!(is_erased(&world.message(&before).await));
    assert!(!is_erased(&world.message(&after).await));
}

#[tokio::test]
async fn shared_address_ledger_is_not_exported() {
    let world = World::new();
    let (one, two, phone) = (fresh::user(), fresh::user(), fresh::phone());
    proved(&world, one, &phone, 3).await;
    proved(&world, two, &phone, 2).await;
    let note = fresh::text();
    let add = json!({"address": phone, "channel": "sms", "note": note});
    let added = world.post("/api/communication/suppressions", &add).send().await;
    assert!(added.status < 300, "{}", added.text);
    for user in [one, two] {
        let pages = world.takes_out(user).await;
        assert!(pages.iter().all(|page| !page.to_string().contains(&note)), "{pages:?}");
    }
    // Of whoever has an address alone it is told.
    let (alone, own) = (fresh::user(), fresh::phone());
    proved(&world, alone, &own, 2).await;
    let add = json!({"address": own, "channel": "sms", "note": note});
    world.post("/api/communication/suppressions", &add).send().await;
    assert!(world.takes_out(alone).await.iter().any(|page| page.to_string().contains(&note)));
}

#[tokio::test]
async fn every_owners_no_is_heard_however_many_share_the_number() {
    let world = World::new();
    let phone = fresh::phone();
    let owners: Vec<i64> = (0..40).map(|_| fresh::user()).collect();
    for owner in &owners {
        proved(&world, *owner, &phone, 1).await;
    }
    let mut refusing = owners.clone();
    refusing.sort_by_key(ToString::to_string);
    // By the order of their ids: the first, one in the middle and the last.
    for owner in [refusing[0], refusing[20], refusing[39]] {
        world.prefers(owner, &json!({"sms_enabled": false})).await;
        let to = json!({"to": phone, "body": fresh::text()});
        let refused = world.post("/api/v1/twilio/send-sms", &to).send().await.is(403).json;
        assert_eq!(refused["reason"], "channel_disabled", "{refused}");
        world.prefers(owner, &json!({"sms_enabled": true})).await;
    }
}
