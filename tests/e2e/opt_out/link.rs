//! The link in marketing e-mails.

use serde_json::{Value, json};

use super::{known, mail, names, told, trigger_refusal};
use crate::world::{Line, World, fresh, tokens};

const MAIL: [Line; 2] = [Line::Sendgrid, Line::Resend];

/// A marketing mail to this person by this provider, as it arrived.
async fn report(world: &World, user: i64, email: &str, provider: &str) -> Value {
    let body = json!({
        "user_id": user, "trigger_type": "monthly_report", "channel": "email", "data": {"month": "May"},
        "scheduled_time": crate::world::flows::in_an_hour(),
    });
    let id = world.trigger(&body).await;
    world.release(&id, provider, "fixed").await;
    world.until(&id, "delivered").await;
    world.arrived(email).await.pop().expect("a mail")
}

/// The path of the link in a mail's header.
fn link(world: &World, mail: &Value) -> String {
    let header = mail["headers"]["List-Unsubscribe"].as_str().unwrap_or_else(|| panic!("no header: {mail}"));
    let url = header.strip_prefix('<').and_then(|url| url.strip_suffix('>')).expect("a URL in angle brackets");
    url.strip_prefix(&world.stack.api_url).expect("an address of ours").to_owned()
}

#[tokio::test]
async fn marketing_can_be_left_with_one_click_and_everything_else_still_arrives() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for provider in ["sendgrid", "resend"] {
        let person = world.person().await;
        let sent = report(&world, person.id, &person.email, provider).await;
        assert_eq!(sent["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click", "{provider}: {sent}");
        let path = link(&world, &sent);
        assert!(!path.contains(&person.email) && !path.contains("mailbox"), "{path}");
        let url = format!("{}{path}", world.stack.api_url);
        for part in ["text", "html"] {
            let body = sent[part].as_str().expect("a body");
            assert!(body.contains(&url) && !body.contains("unsubscribe.invalid"), "{provider} {part}: {body}");
        }

        // To look is not to leave, however often.
        for _ in 0..3 {
            let page = world.get(&path).no_token().send().await.is(200);
            assert!(page.header("content-type").starts_with("text/html"), "{}", page.header("content-type"));
            assert!(page.text.contains("<form method=\"post\">") && page.text.contains("Unsubscribe from our"));
            assert!(!page.text.contains(&person.email));
        }
        assert_eq!(known(&world, &person.email).await, Vec::<String>::new());
        assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "email").await, "");

        // As a mail program does it (RFC 8058 §3.2), and once more.
        for _ in 0..2 {
            let call = world.call("POST", &path).no_token();
            let call = call.header("content-type", "application/x-www-form-urlencoded");
            let done = call.body("List-Unsubscribe=One-Click").send().await.is(200);
            assert!(done.text.contains("You are unsubscribed"), "{}", done.text);
        }
        assert_eq!(known(&world, &person.email).await, ["email unsubscribe marketing"]);
        for trigger in ["monthly_report", "weekly_checkin", "career_insight"] {
            assert_eq!(trigger_refusal(&world, person.id, trigger, "email").await, "address_suppressed", "{trigger}");
        }
        for trigger in ["payment_confirmation", "security_alert", "email_verification"] {
            let data = json!({"code": "x"});
            let body = json!({"user_id": person.id, "trigger_type": trigger, "channel": "email", "data": data});
            assert_eq!(super::refusal(&world, "/api/communication/send", &body).await, "", "{trigger}");
        }
        assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "sms").await, "", "it is about e-mails");
        let check = json!({"user_id": person.id, "message_type": "weekly_checkin", "channel": "email"});
        let check = world.post("/api/communication/consent/check", &check).send().await.ok();
        assert_eq!((&check["can_send"], &check["consent_status"]), (&json!(false), &json!("revoked")), "{check}");

        let told = told(&world, &mail(&person.email)).await;
        assert_eq!(names(&told), ["address_suppressed"], "a second click says nothing new");
        let (source, kind) = (&told[0].1["source"], &told[0].1["message_type"]);
        assert_eq!((source, kind), (&json!("unsubscribe_link"), &json!("monthly_report")));
        let ledger = world.get(&format!("/api/communication/ledger/{}", person.id)).send().await.ok();
        let last = &ledger["entries"][0];
        assert_eq!((&last["event"], &last["caller"]), (&json!("consent_revoked"), &json!("link")), "{ledger}");
        assert!(last["details"]["message_types"].to_string().contains("weekly_checkin"), "{last}");
    }
}

#[tokio::test]
async fn what_is_no_marketing_has_no_such_header() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    for provider in ["sendgrid", "resend"] {
        let to = fresh::email();
        let body = json!({"to": to, "subject": "x", "text": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
        let sent = world.post("/api/v2/communications/email", &body).send().await.ok();
        world.release(sent["message_id"].as_str().expect("an id"), provider, "fixed").await;
        world.until(sent["message_id"].as_str().expect("an id"), "delivered").await;
        assert_eq!(world.the_one(&to, "email").await["headers"], json!({}), "{provider}");
    }
}

#[tokio::test]
async fn a_link_that_is_not_ours_changes_nothing_and_a_page_says_so() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    let person = world.person().await;
    let path = link(&world, &report(&world, person.id, &person.email, "resend").await);
    let (head, token) = path.rsplit_once('/').expect("a token");
    let first = if token.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{first}{}", &token[1..]);
    for wrong in [forged.as_str(), &token[..token.len() - 4], "x", "%3Cscript%3E"] {
        for method in ["GET", "POST"] {
            let page = world.call(method, &format!("{head}/{wrong}")).no_token().send().await.is(404);
            assert!(page.text.contains("This link does not work"), "{method} {wrong}: {}", page.text);
            assert!(!page.text.contains("<script"), "{}", page.text);
        }
    }
    assert_eq!(known(&world, &person.email).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_page_speaks_the_readers_language_and_lets_nothing_in() {
    let world = World::new();
    let page = world.get("/unsubscribe/x").no_token().header("accept-language", "de-AT, en;q=0.5").send().await.is(404);
    assert!(page.text.contains("<html lang=\"de\">") && page.text.contains("Dieser Link funktioniert nicht"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

#[tokio::test]
async fn who_left_comes_back_by_their_own_word_and_not_by_a_clients() {
    let world = World::new();
    let _lines = world.share(&MAIL).await;
    let person = world.person().await;
    let path = link(&world, &report(&world, person.id, &person.email, "resend").await);
    world.call("POST", &path).no_token().body("").send().await.is(200);
    let again = json!({"user_id": person.id, "email": person.email, "message_types": ["monthly_report"]});
    world.post("/api/communication/consent/email", &again).send().await.ok();
    assert_eq!(known(&world, &person.email).await, ["email unsubscribe marketing"], "a client says so");
    assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "email").await, "address_suppressed");
    let own = tokens::token(&person.id.to_string(), "");
    world.post("/api/communication/consent/email", &again).token(&own).send().await.ok();
    assert_eq!(known(&world, &person.email).await, Vec::<String>::new());
    assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "email").await, "");
    assert_eq!(
        trigger_refusal(&world, person.id, "weekly_checkin", "email").await,
        "opted_out",
        "what they did not name"
    );
    let told = told(&world, &mail(&person.email)).await;
    assert_eq!(names(&told), ["address_suppressed", "address_released"]);
}
