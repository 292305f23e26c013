//! What was agreed to by e-mail counts when the link that went to the address was followed.

use jiff::Timestamp;
use serde_json::{Value, json};
use switchboard::clock::plus_seconds;
use switchboard::message::{Address, EmailAddress};
use switchboard::person::PersonId;
use switchboard::person::confirm::ConfirmLinks;

use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const EMAIL: &str = "/api/communication/consent/email";
const CONFIRM: &str = "/api/communication/consent/email/confirm/";

/// The path of the link in the newest mail to an address, once there are so many.
async fn link(world: &World, email: &str, mails: usize) -> String {
    let mails = eventually(&format!("{mails} mails came"), seconds(40), async || {
        let arrived = world.arrived(email).await;
        if arrived.len() == mails { Ok(arrived) } else { Err(format!("{} came", arrived.len())) }
    })
    .await;
    let text = mails.last().and_then(|mail| mail["text"].as_str()).expect("a text").to_owned();
    let from = text.find(CONFIRM).unwrap_or_else(|| panic!("no link in {text}"));
    text[from..].split_whitespace().next().expect("a link").to_owned()
}

async fn standing(world: &World, user: i64, kind: &str) -> (Value, Value) {
    let check = json!({"user_id": user, "message_type": kind, "channel": "email"});
    let mut answer = world.post("/api/communication/consent/check", &check).send().await.ok();
    (answer["reason"].take(), answer["consent_status"].take())
}

fn pair(reason: &str, status: &str) -> (Value, Value) {
    (json!(reason), json!(status))
}

#[tokio::test]
async fn marketing_waits_for_the_button_behind_the_link_and_the_rest_does_not() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email) = (fresh::user(), fresh::email());
    let body = json!({"user_id": user, "email": email, "message_types": ["monthly_report", "career_insight"],
                      "consent_source": "web_form", "consent_text": "I want the monthly report.", "ip_address": "192.0.2.44"});
    let answer = world.post(EMAIL, &body).send().await.ok();
    let expected =
        json!({"success": true, "message": "Email consent granted successfully", "verification_required": true});
    assert_eq!(answer, expected);
    assert_eq!(standing(&world, user, "monthly_report").await, pair("consent_pending", "pending"));
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("no_consent", "none"));
    assert_eq!(standing(&world, user, "payment_reminder").await, pair("transactional_message", "none"));
    let send = json!({"user_id": user, "trigger_type": "monthly_report", "channel": "email", "data": {"month": "May"}});
    let refused = world.post("/api/communication/send", &send).send().await;
    let refused = refused.refused(403, "The recipient has not confirmed yet that they agreed to these messages");
    assert_eq!(refused.json["reason"], "consent_pending");

    // Looking at the link changes nothing: scanners do.
    let path = link(&world, &email, 1).await;
    for _ in 0..2 {
        let page = world.get(&path).no_token().send().await.is(200);
        assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
        assert!(page.text.contains("<form method=\"post\">") && page.text.contains("Monthly Report"), "{}", page.text);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert!(!page.text.contains(&email));
    }
    assert_eq!(standing(&world, user, "monthly_report").await, pair("consent_pending", "pending"));

    let form = |path: &str| {
        world.call("POST", path).no_token().header("content-type", "application/x-www-form-urlencoded").body("")
    };
    let done = form(&path).send().await.is(200);
    assert!(done.text.contains("Thank you") && !done.text.contains("<form"), "{}", done.text);
    assert_eq!(standing(&world, user, "monthly_report").await, pair("explicit_consent", "granted"));
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("no_consent", "none"));
    world.prefers(user, &json!({"time_zone": fresh::zone_at(12)})).await;
    world.until(&world.trigger(&send).await, "delivered").await;

    // Again it changes nothing, and after a no it brings nothing back.
    form(&path).send().await.is(200);
    world.post("/api/communication/opt-out", &json!({"user_id": user, "channel": "email"})).send().await.ok();
    form(&path).send().await.is(200);
    assert_eq!(standing(&world, user, "monthly_report").await, pair("opted_out", "revoked"));
    let ledger = world.get(&format!("/api/communication/ledger/{user}")).send().await.ok();
    let events: Vec<&str> = ledger["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .rev()
        .filter_map(|entry| entry["event"].as_str())
        .collect();
    let expected = [
        "address_changed",
        "consent_requested",
        "address_verified",
        "consent_granted",
        "preferences_changed",
        // Of everything, and of the kinds they had agreed to.
        "opted_out",
        "opted_out",
    ];
    assert_eq!(events, expected);
    let requested = &ledger["entries"][5];
    assert_eq!(requested["personal"]["text_shown"], "I want the monthly report.", "{requested}");
    assert_eq!(
        (&requested["personal"]["stated_ip"], &requested["personal"]["address"]),
        (&json!("192.0.2.44"), &json!(email))
    );
    assert_eq!(
        (&requested["details"]["source"], &requested["caller"]),
        (&json!("web_form"), &json!("admin")),
        "{requested}"
    );
    let granted = &ledger["entries"][3];
    assert_eq!(
        (&granted["caller"], &granted["details"]["source"]),
        (&json!("confirmation_link"), &json!("double_opt_in"))
    );
}

#[tokio::test]
async fn a_proven_address_needs_no_other_link_and_another_address_does() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email, other) = (fresh::user(), fresh::email(), fresh::email());
    world.agrees_to_mail(user, &email).await;
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("explicit_consent", "granted"));
    let body = json!({"user_id": user, "email": other, "locale": "de"});
    let answer = world.post(EMAIL, &body).send().await.ok();
    assert_eq!(answer["verification_required"], true);
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("consent_pending", "pending"));
    // Asked for again within minutes, it is the same mail.
    world.post(EMAIL, &body).send().await.ok();
    let path = link(&world, &other, 1).await;
    let page = world.get(&path).no_token().send().await.is(200).text;
    assert!(page.contains("<html lang=\"de\">") && page.contains("Bestätigen"), "{page}");
    world.call("POST", &path).no_token().send().await.is(200);
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("explicit_consent", "granted"));
    assert_eq!(world.arrived(&other).await.len(), 1);
    let answer = world.post(EMAIL, &body).send().await.ok();
    assert_eq!(answer["verification_required"], false);
}

#[tokio::test]
async fn what_was_confirmed_elsewhere_counts_and_the_ledger_says_so() {
    let world = World::new();
    let (user, email) = (fresh::user(), fresh::email());
    let body = json!({"user_id": user, "email": email, "message_types": ["monthly_report"], "send_link": false});
    let own = tokens::token(&user.to_string(), "");
    let refused = world.post(EMAIL, &body).token(&own).send().await.refused(403, "Insufficient scope");
    assert_eq!(refused.json["field"], "send_link");
    world.post(EMAIL, &body).send().await.ok();
    assert_eq!(standing(&world, user, "monthly_report").await, pair("explicit_consent", "granted"));
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("no_consent", "none"));
    let ledger = world.get(&format!("/api/communication/ledger/{user}?limit=1")).send().await.ok();
    assert_eq!(ledger["entries"][0]["details"]["confirmed"], "elsewhere", "{ledger}");
    assert!(world.arrived(&email).await.is_empty());
}

#[tokio::test]
async fn a_link_that_is_not_ours_or_not_good_any_more_confirms_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.post(EMAIL, &json!({"user_id": user, "email": email})).send().await.ok();
    let links = ConfirmLinks::new(world.seal().await, world.keys().await.links().expect("keys"), "");
    let (id, now) = (PersonId::text(&user.to_string()).expect("an id"), Timestamp::now());
    let address = |text: &str| Address::Email(EmailAddress::parse(text).expect("an address"));
    let (mine, elsewhere) = (links.url(&id, &address(&email), now), links.url(&id, &address(&fresh::email()), now));
    let eight_days_ago = links.url(&id, &address(&email), plus_seconds(now, -8 * 86_400));
    let nobody = PersonId::text(&fresh::word()).expect("an id");
    let nobodys = links.url(&nobody, &address(&email), now);
    let cut = mine[..mine.len() - 1].to_owned();
    for (path, status) in
        [(&cut, 403), (&format!("{CONFIRM}x"), 403), (&eight_days_ago, 410), (&elsewhere, 410), (&nobodys, 410)]
    {
        for method in ["GET", "POST"] {
            let page = world.call(method, path).no_token().send().await.is(status);
            assert!(page.text.contains("This link does not work"), "{}", page.text);
        }
    }
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("consent_pending", "pending"));
    world.call("POST", &mine).no_token().send().await.is(200);
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("explicit_consent", "granted"));
    world.get(&format!("/api/communication/preferences/{nobody}")).send().await.is(404);
}

#[tokio::test]
async fn a_repeated_request_sends_nothing_and_grants_nothing_again() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email, key) = (fresh::user(), fresh::email(), fresh::word());
    let own = tokens::token(&user.to_string(), "");
    let body = json!({"user_id": user, "email": email});
    let first = world.post(EMAIL, &body).token(&own).key(&key).send().await.ok();
    link(&world, &email, 1).await;
    world.post("/api/communication/opt-out", &json!({"user_id": user, "channel": "email"})).send().await.ok();
    let again = world.post(EMAIL, &body).token(&own).key(&key).send().await;
    assert_eq!(again.header("idempotency-replay"), "true");
    assert_eq!(again.ok(), first);
    // What they gave is only claimed; the no stands beside it.
    assert_eq!(standing(&world, user, "weekly_checkin").await, pair("address_unverified", "revoked"));
    let other = json!({"user_id": user, "email": email, "message_types": ["monthly_report"]});
    world.post(EMAIL, &other).token(&own).key(&key).send().await.is(422);
    assert_eq!(world.arrived(&email).await.len(), 1);
}

#[tokio::test]
async fn link_mails_are_limited_whatever_the_idempotency_key() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email) = (fresh::user(), fresh::email());
    let own = tokens::token(&user.to_string(), "");
    let ask = |email: &str, key: Option<String>| {
        let body = json!({"user_id": user, "email": email, "message_types": ["monthly_report"]});
        let call = world.post(EMAIL, &body).token(&own);
        let call = match key {
            Some(key) => call.header("idempotency-key", &key),
            None => call,
        };
        async move { call.send().await.ok() }
    };
    // Six requests under six keys are one mail.
    for _ in 0..6 {
        assert_eq!(ask(&email, Some(fresh::word())).await["verification_required"], true);
    }
    link(&world, &email, 1).await;
    // So is one mail to each of many addresses, until the person has had ten in an hour.
    let mut refused = 0;
    for _ in 0..12 {
        let answer = ask(&fresh::email(), None).await;
        let reason = answer["reason"].as_str();
        refused += usize::from(reason == Some("too_many_for_person"));
        assert_eq!(reason.is_some(), answer["retry_after"].as_i64().is_some_and(|wait| wait > 0), "{answer}");
    }
    assert_eq!(refused, 3, "ten mails in an hour");
    link(&world, &email, 1).await;
}

#[tokio::test]
async fn mailbox_gets_five_link_mails_a_day_whoever_asks() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let email = fresh::email();
    let mut reasons = Vec::new();
    for _ in 0..7 {
        let body = json!({"user_id": fresh::user(), "email": email, "message_types": ["monthly_report"]});
        let answer = world.post(EMAIL, &body).send().await.ok();
        reasons.push(answer["reason"].as_str().map(str::to_owned));
    }
    let refused = Some("too_many_for_address".to_owned());
    assert_eq!(reasons, [vec![None; 5], vec![refused; 2]].concat());
    link(&world, &email, 5).await;
}
