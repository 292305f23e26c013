//! The suppression list over the API.

use serde_json::{Value, json};

use super::{CHECK, LIST, RELEASE, known, mail, names, phone, refusal, told, trigger_refusal};
use crate::world::{World, aws, fresh, tokens};

const SEND: &str = "/api/v2/communications/email";

async fn add(world: &World, body: Value) -> Value {
    world.post(LIST, &body).send().await.ok()
}

#[tokio::test]
async fn an_address_is_put_on_the_list_found_there_and_taken_off_with_a_reason() {
    let world = World::new();
    let email = fresh::email();
    let message = json!({"to": email, "subject": "x", "text": "x"});
    assert_eq!(refusal(&world, SEND, &message).await, "");
    let added = add(&world, json!({"address": email.to_uppercase(), "reason": "complaint", "note": "A letter"})).await;
    assert_eq!(added["message"], "Address suppressed successfully");
    assert_eq!(added["suppressions"].as_array().map(Vec::len), Some(1), "{added}");
    assert_eq!(refusal(&world, SEND, &message).await, "address_suppressed");
    add(&world, json!({"address": email, "reason": "complaint"})).await;

    // Others are put on it meanwhile: it is looked for page by page.
    let (mut own, mut path) = (Vec::new(), format!("{LIST}?limit=100"));
    loop {
        let page = world.get(&path).send().await.ok();
        let listed = page["suppressions"].as_array().expect("a list").iter();
        own.extend(listed.filter(|view| view["id"] == added["suppressions"][0]["id"]).cloned());
        match page["next_cursor"].as_str().filter(|_| own.is_empty()) {
            Some(cursor) => path = format!("{LIST}?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(
        (&own[0]["address"], &own[0]["reason"], &own[0]["source"]),
        (
            &json!(email.to_uppercase().replace("MAILBOX.EXAMPLE", "mailbox.example")),
            &json!("complaint"),
            &json!("api")
        )
    );

    let id = own[0]["id"].as_str().expect("an id");
    let release = json!({"id": id, "reason": "It was somebody else"});
    let released = world.post(RELEASE, &release).send().await.ok();
    assert_eq!(
        (&released["message"], &released["released"][0]["id"]),
        (&json!("Address released successfully"), &json!(id))
    );
    assert_eq!(refusal(&world, SEND, &message).await, "");
    world.post(RELEASE, &release).send().await.refused(404, "The address is not on the suppression list");
    let told = told(&world, &mail(&email)).await;
    assert_eq!(names(&told), ["address_suppressed", "address_released"]);
    let entry = told[1].1.to_string();
    assert!(entry.contains(r#""source":"api""#) && !entry.contains("somebody"), "a note may speak of people: {entry}");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_newest_first() {
    let world = World::new();
    let emails: Vec<String> = (0..5).map(|_| fresh::email()).collect();
    for (place, email) in emails.iter().enumerate() {
        let reason = if place % 2 == 0 { "hard_bounce" } else { "unsubscribe" };
        add(&world, json!({"address": email, "reason": reason})).await;
    }
    for (filter, expected) in [("", vec![4, 3, 2, 1, 0]), ("&reason=hard_bounce", vec![4, 2, 0])] {
        let (mut seen, mut ids, mut cursor) = (Vec::new(), Vec::new(), String::new());
        // Other tests put addresses on it meanwhile; ours are within the first pages.
        for _ in 0..200 {
            let page = world.get(&format!("{LIST}?limit=2{filter}{cursor}")).send().await.ok();
            for view in page["suppressions"].as_array().expect("a list") {
                ids.push(view["id"].clone());
                seen.extend(emails.iter().position(|email| view["address"] == email.as_str()));
            }
            let Some(next) = page["next_cursor"].as_str().filter(|_| seen.len() < expected.len()) else { break };
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, expected, "{filter}");
        let all = ids.len();
        ids.sort_by_key(ToString::to_string);
        ids.dedup();
        assert_eq!(ids.len(), all, "nothing twice");
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor"), ("reason=spam", "reason")]
    {
        let refused = world.get(&format!("{LIST}?{query}")).send().await;
        refused.refused(400, &format!("Invalid value for field: {field}"));
    }
}

#[tokio::test]
async fn what_expired_stops_nothing_and_can_be_said_anew() {
    let world = World::new();
    let person = world.person().await;
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string();
    let passing = json!({"address": person.phone, "channel": "sms", "expires_at": soon});
    let added = add(&world, passing.clone()).await;
    assert_eq!(added["suppressions"][0]["in_force"], true, "{added}");
    assert_eq!(trigger_refusal(&world, person.id, "payment_reminder", "sms").await, "address_suppressed");
    let past = jiff::Timestamp::now().as_millisecond() - 1;
    world.rewrite_suppression(&phone(&person.phone), "sms#manual", "SET #u = :v", aws::number(past)).await;
    assert_eq!(trigger_refusal(&world, person.id, "payment_reminder", "sms").await, "");
    assert_eq!(known(&world, &person.phone).await, Vec::<String>::new());
    let still = world.post(CHECK, &json!({"address": person.phone})).send().await.ok();
    assert_eq!(
        (&still["suppressed"], &still["suppressions"][0]["in_force"]),
        (&json!(false), &json!(false)),
        "{still}"
    );
    add(&world, passing).await;
    assert_eq!(known(&world, &person.phone).await, ["sms manual all"]);
    assert_eq!(told(&world, &phone(&person.phone)).await.len(), 2);
}

#[tokio::test]
async fn a_marketing_one_stops_marketing_and_says_so_in_the_decision() {
    let world = World::new();
    let person = world.person().await;
    add(&world, json!({"address": person.email, "scope": "marketing"})).await;
    assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "email").await, "address_suppressed");
    for trigger in ["payment_confirmation", "security_alert"] {
        assert_eq!(trigger_refusal(&world, person.id, trigger, "email").await, "", "{trigger}");
    }
    let body = json!({"user_id": person.id, "trigger_type": "payment_confirmation", "channel": "email", "data": {}, "scheduled_time": crate::world::flows::in_an_hour()});
    let message = world.message(&world.trigger(&body).await).await;
    let check = &message["decision"]["checks"][0];
    assert_eq!((&check["passed"], &check["detail"]), (&json!(true), &json!("manual, marketing only")), "{message}");
    // More than that takes its place, less does not.
    add(&world, json!({"address": person.email, "scope": "all"})).await;
    add(&world, json!({"address": person.email, "scope": "marketing"})).await;
    assert_eq!(known(&world, &person.email).await, ["email manual all"]);
}

#[tokio::test]
async fn who_may_only_read_sees_no_address_and_changes_nothing() {
    let world = World::new();
    let email = fresh::email();
    let added = add(&world, json!({"address": email})).await;
    let id = added["suppressions"][0]["id"].as_str().expect("an id");
    let reader = tokens::sender(&fresh::word());
    let person = tokens::token(&fresh::user().to_string(), "");
    let seen = world.post(CHECK, &json!({"address": email})).token(&reader).send().await.ok();
    let view = &seen["suppressions"][0];
    assert_eq!(view["address"], Value::Null, "{seen}");
    assert_eq!(view["masked"], json!(format!("{}***@mailbox.example", &email[..1])), "{seen}");
    let list = world.get(&format!("{LIST}?limit=100")).token(&reader).send().await.ok().to_string();
    assert!(!list.contains(&email) && !list.contains("\"address\""), "{list}");
    for (path, body) in [
        (LIST, json!({"address": email})),
        (RELEASE, json!({"id": id, "reason": "x"})),
        (RELEASE, json!({"address": email, "reason": "x"})),
    ] {
        world.post(path, &body).token(&reader).send().await.refused(403, "Insufficient scope");
        world.post(path, &body).token(&person).send().await.refused(403, "Insufficient scope");
        world.post(path, &body).no_token().send().await.refused(401, "Authentication required");
    }
    world.post(CHECK, &json!({"address": email})).token(&person).send().await.refused(403, "Insufficient scope");
    world.get(LIST).token(&person).send().await.refused(403, "Insufficient scope");
    assert_eq!(known(&world, &email).await, ["email manual all"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let world = World::new();
    let email = fresh::email();
    for (path, body, error) in [
        (LIST, json!({}), "Missing required field: address"),
        (LIST, json!({"address": "12"}), "Invalid value for field: address"),
        (LIST, json!({"address": "nobody@"}), "Invalid value for field: address"),
        (LIST, json!({"address": email, "channel": "sms"}), "Invalid value for field: channel"),
        (LIST, json!({"address": email, "channel": "pigeon"}), "Invalid value for field: channel"),
        (LIST, json!({"address": email, "reason": "spam"}), "Invalid value for field: reason"),
        (LIST, json!({"address": email, "scope": "some"}), "Invalid value for field: scope"),
        (LIST, json!({"address": email, "expires_at": "2020-01-01T00:00:00Z"}), "Invalid value for field: expires_at"),
        (LIST, json!({"address": email, "note": "x".repeat(257)}), "Invalid value for field: note"),
        (CHECK, json!({}), "Missing required field: address"),
        (RELEASE, json!({"address": email}), "Missing required field: reason"),
        (RELEASE, json!({"reason": "x"}), "Missing required field: address"),
        (RELEASE, json!({"reason": "x", "id": "x"}), "Invalid value for field: id"),
        (RELEASE, json!({"reason": "x", "id": "x", "address": email}), "Invalid value for field: address"),
    ] {
        world.post(path, &body).send().await.refused(400, error);
    }
    assert_eq!(known(&world, &email).await, Vec::<String>::new());
}
