//! What is written down about people, and that it shows when somebody tampers with it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use switchboard::ledger::{Event, Witness};
use switchboard::person::PersonId;

use crate::world::aws::{number, text};
use crate::world::{World, fresh};

/// Somebody with five entries: an address, a consent, two changes of preferences, a no.
async fn somebody(world: &World) -> i64 {
    let user = fresh::user();
    let grant =
        json!({"user_id": user, "phone_number": fresh::phone(), "consent_source": "web_form", "send_code": false});
    world.post("/api/communication/consent/sms", &grant).send().await.ok();
    world.prefers(user, &json!({"frequency_preference": "weekly", "time_zone": "Asia/Tokyo"})).await;
    world.prefers(user, &json!({"sms_enabled": false})).await;
    let no = json!({"user_id": user, "channel": "sms", "message_type": "weekly_checkin", "reason": "too_frequent"});
    world.post("/api/communication/opt-out", &no).send().await.ok();
    user
}

async fn page(world: &World, user: i64, query: &str) -> Value {
    world.get(&format!("/api/communication/ledger/{user}{query}")).send().await.ok()
}

async fn verify(world: &World, user: i64) -> Value {
    world.get(&format!("/api/communication/ledger/{user}/verify")).send().await.ok()
}

fn broken(user: i64, sequence: u64, fault: &str) -> Value {
    json!({"success": true, "user_id": user, "status": "broken", "intact": false,
           "first_broken": {"sequence": sequence, "fault": fault}})
}

/// Sets or removes a part of an entry, past the product.
async fn tamper(world: &World, user: i64, sequence: u64, name: &str, value: Option<AttributeValue>) {
    let update = world.dynamodb().update_item().table_name(&world.stack.tables["ledger"]);
    let update = update.key("subject", text(&format!("person#{user}"))).key("sequence", number(sequence as i64));
    let update = update.expression_attribute_names("#n", name);
    let update = match value {
        Some(value) => update.update_expression("SET #n = :v").expression_attribute_values(":v", value),
        None => update.update_expression("REMOVE #n"),
    };
    update.send().await.expect("DynamoDB answers");
}

async fn remove(world: &World, user: i64, sequence: u64) {
    let delete = world.dynamodb().delete_item().table_name(&world.stack.tables["ledger"]);
    let delete = delete.key("subject", text(&format!("person#{user}"))).key("sequence", number(sequence as i64));
    delete.send().await.expect("DynamoDB answers");
}

/// Changes the row that says how far the entries go, past the product; `#n` is the number.
async fn head_of(world: &World, user: i64, change: &str, values: &[(&str, AttributeValue)]) {
    let mut update = world.dynamodb().update_item().table_name(&world.stack.tables["people"]);
    update = update.key("pk", text(&format!("person#{user}"))).key("sk", text("ledger")).update_expression(change);
    update = update.expression_attribute_names("#n", "sequence");
    for (name, value) in values {
        update = update.expression_attribute_values(*name, value.clone());
    }
    update.send().await.expect("DynamoDB answers");
}

#[tokio::test]
async fn every_change_is_an_entry_with_who_what_from_to_and_where_from() {
    let world = World::new();
    let user = somebody(&world).await;
    let ledger = page(&world, user, "").await;
    assert_eq!(
        (&ledger["intact"], &ledger["user_id"], &ledger["next_cursor"]),
        (&json!(true), &json!(user), &Value::Null)
    );
    let entries = ledger["entries"].as_array().expect("entries");
    let told: Vec<_> =
        entries.iter().rev().map(|entry| (entry["event"].as_str().unwrap_or_default(), &entry["details"])).collect();
    assert_eq!(
        told.iter().map(|(event, _)| *event).collect::<Vec<_>>(),
        [
            "address_changed",
            "address_verified",
            "consent_granted",
            "preferences_changed",
            "preferences_changed",
            "opted_out"
        ]
    );
    assert_eq!(
        told[2].1,
        &json!({"channel": "sms", "message_types": "all", "from": "none", "to": "granted", "source": "web_form"})
    );
    assert_eq!(
        told[3].1["changes"],
        json!({"frequency_preference": {"from": "daily", "to": "weekly"},
        "time_zone": {"from": null, "to": "Asia/Tokyo"}})
    );
    assert_eq!(
        told[5].1,
        &json!({"channel": "sms", "message_types": ["weekly_checkin"], "from": "granted",
        "to": "revoked", "source": "api"})
    );
    for (entry, sequence) in entries.iter().rev().zip(1..) {
        assert_eq!(entry["sequence"], json!(sequence));
        assert_eq!(entry["caller"], "admin", "{entry}");
        let at: jiff::Timestamp = entry["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        assert!(jiff::Timestamp::now().duration_since(at).as_secs().abs() < 120);
        assert_eq!(entry["personal"]["observed_ip"], "127.0.0.1", "{entry}");
    }
    assert_eq!(entries[0]["personal"]["reason"], "too_frequent");
    // The address at the time stands in the entry, and nowhere in the table.
    let phone = entries[3]["personal"]["address"].as_str().expect("an address").to_owned();
    let query = world.dynamodb().query().table_name(&world.stack.tables["ledger"]);
    let query = query
        .key_condition_expression("subject = :s")
        .expression_attribute_values(":s", text(&format!("person#{user}")));
    let rows = format!("{:?}", query.send().await.expect("DynamoDB answers").items());
    assert!(rows.contains("personal_mark") && !rows.contains(&phone) && !rows.contains(&phone[2..]));
    // What changes nothing is not written down.
    world.prefers(user, &json!({"sms_enabled": false})).await;
    assert_eq!(page(&world, user, "").await, ledger);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let world = World::new();
    let user = somebody(&world).await;
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let ledger = page(&world, user, &query).await;
        assert_eq!(ledger["intact"], true);
        seen.extend(
            ledger["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["sequence"].as_u64()),
        );
        let Some(cursor) = ledger["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
    let nobody = fresh::user();
    assert_eq!(page(&world, nobody, "").await["entries"], json!([]));
    let none = json!({"success": true, "user_id": nobody, "status": "intact", "intact": true, "entries": 0});
    assert_eq!(verify(&world, nobody).await, none);
    let path = format!("/api/communication/ledger/{user}");
    for query in ["?limit=0", "?limit=101", "?limit=x"] {
        world.get(&format!("{path}{query}")).send().await.refused(400, "Invalid value for field: limit");
    }
    for query in ["?cursor=0", "?cursor=x", "/verify?cursor=0"] {
        world.get(&format!("{path}{query}")).send().await.refused(400, "Invalid value for field: cursor");
    }
    let onward = world.get(&format!("{path}/verify?cursor=3")).send().await.ok();
    assert_eq!((&onward["status"], &onward["entries"]), (&json!("intact"), &json!(6)), "{onward}");
}

#[tokio::test]
async fn a_long_ledger_is_verified_in_steps() {
    let world = World::new();
    let (user, people) = (fresh::user(), world.people().await);
    let id = PersonId::text(&user.to_string()).expect("an id");
    let witness = Witness::new("a test", "test", jiff::Timestamp::now());
    // As many as fit into a transaction, twelve times.
    for _ in 0..12 {
        people.change(&id, &witness, |_| vec![Event::new("tried"); 90]).await.expect("DynamoDB answers");
    }
    let first = verify(&world, user).await;
    assert_eq!((&first["status"], &first["intact"]), (&json!("intact_so_far"), &json!(true)), "{first}");
    let cursor = first["next_cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(cursor, "1000");
    let onward =
        async || world.get(&format!("/api/communication/ledger/{user}/verify?cursor={cursor}")).send().await.ok();
    let rest = onward().await;
    assert_eq!((&rest["status"], &rest["entries"]), (&json!("intact"), &json!(1_080)), "{rest}");
    // The step goes on from the entry it ended with, so one that changed since is found.
    tamper(&world, user, 1_000, "caller", Some(text("thief"))).await;
    assert_eq!(onward().await, broken(user, 1_000, "changed"));
    tamper(&world, user, 1_000, "caller", Some(text("a test"))).await;
    remove(&world, user, 1_080).await;
    assert_eq!(onward().await, broken(user, 1_080, "missing"));
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    let world = World::new();
    for (sequence, name, value, fault) in [
        (3, "facts", Some(text("{\"channel\":\"sms\",\"to\":\"granted\"}")), "changed"),
        (3, "caller", Some(text("somebody else")), "changed"),
        (6, "facts", Some(text("{}")), "changed"),
        (6, "at", Some(number(1)), "changed"),
        (4, "event", None, "changed"),
        (3, "personal_mark", None, "changed"),
        (3, "personal", Some(text("k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), "personal_changed"),
    ] {
        let user = somebody(&world).await;
        let intact = json!({"success": true, "user_id": user, "status": "intact", "intact": true, "entries": 6});
        assert_eq!(verify(&world, user).await, intact);
        tamper(&world, user, sequence, name, value).await;
        let found = verify(&world, user).await;
        // Without its mark a personal part is not the one it was either.
        let fault = if name == "personal_mark" { "personal_changed" } else { fault };
        assert_eq!(found, broken(user, sequence, fault), "{name} of {sequence}");
    }
    // What was erased is told, and everything still holds.
    let user = somebody(&world).await;
    tamper(&world, user, 3, "personal", None).await;
    assert_eq!(verify(&world, user).await["status"], "intact");
    let ledger = page(&world, user, "").await;
    assert_eq!((&ledger["entries"][3]["personal_erased"], &ledger["intact"]), (&json!(true), &json!(true)), "{ledger}");
}

#[tokio::test]
async fn a_removed_entry_is_found_also_the_last_and_also_later() {
    let world = World::new();
    let user = somebody(&world).await;
    remove(&world, user, 3).await;
    assert_eq!(verify(&world, user).await, broken(user, 3, "missing"));
    assert_eq!(page(&world, user, "").await["intact"], false);

    // The end, cut off. What comes after goes on where it was, so it stays a gap.
    let user = somebody(&world).await;
    for sequence in [5, 6] {
        remove(&world, user, sequence).await;
    }
    assert_eq!(verify(&world, user).await, broken(user, 5, "missing"));
    world.prefers(user, &json!({"sms_enabled": true})).await;
    assert_eq!(page(&world, user, "").await["entries"][0]["sequence"], 7);
    assert_eq!(verify(&world, user).await, broken(user, 5, "missing"));

    // All of it.
    let user = somebody(&world).await;
    for sequence in 1..=6 {
        remove(&world, user, sequence).await;
    }
    assert_eq!(verify(&world, user).await, broken(user, 1, "missing"));
}

#[tokio::test]
async fn a_head_that_was_put_back_or_taken_away_is_found_and_stops_nobody() {
    let world = World::new();
    let user = somebody(&world).await;
    head_of(&world, user, "SET #n = :n", &[(":n", number(3))]).await;
    let found = verify(&world, user).await;
    assert_eq!(found["first_broken"]["fault"], "head", "{found}");
    // Somebody who wants no more messages is heard all the same.
    let no = json!({"user_id": user, "channel": "all"});
    world.post("/api/communication/opt-out", &no).send().await.ok();
    let check = json!({"user_id": user, "message_type": "financial_alert", "channel": "sms"});
    assert_eq!(world.post("/api/communication/consent/check", &check).send().await.ok()["reason"], "opted_out");
    assert_eq!(page(&world, user, "?limit=1").await["entries"][0]["sequence"], 10);

    head_of(&world, user, "REMOVE #n", &[]).await;
    assert_eq!(verify(&world, user).await["first_broken"]["fault"], "head");
    world.post("/api/communication/opt-out", &no).send().await.ok();
    assert_eq!(page(&world, user, "?limit=1").await["entries"][0]["sequence"], 14);

    let user = somebody(&world).await;
    let delete = world.dynamodb().delete_item().table_name(&world.stack.tables["people"]);
    let delete = delete.key("pk", text(&format!("person#{user}"))).key("sk", text("ledger"));
    delete.send().await.expect("DynamoDB answers");
    assert_eq!(verify(&world, user).await, broken(user, 6, "head"));
    world.post("/api/communication/opt-out", &json!({"user_id": user, "channel": "email"})).send().await.ok();
    assert_eq!(page(&world, user, "?limit=1").await["entries"][0]["sequence"], 7);
}
