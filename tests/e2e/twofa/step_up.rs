//! What somebody with a stolen token of a person who has a second factor cannot do: erase them, change their proven addresses, or
//! remove the factor. The person can, with a fresh assertion for that action.

use serde_json::{Value, json};
use switchboard::person::PersonId;

use crate::world::api::Answer;
use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const LINES: [Line; 3] = [Line::Sms, Line::Resend, Line::Sendgrid];
const HEADER: &str = "second-factor-assertion";
const PREFERENCES: &str = "/api/sms/preferences";
const REMOVE: &str = "/api/v2/2fa/remove";

/// Somebody with a second factor, whose own token a thief has too.
struct Victim {
    user: i64,
    token: String,
    factor: String,
    recovery: Vec<String>,
}

impl Victim {
    async fn new(world: &World) -> Self {
        let (user, factor) = (fresh::user(), fresh::phone());
        let recovery = world.enrolled(user, &factor).await;
        Self { user, token: tokens::token(&user.to_string(), ""), factor, recovery }
    }

    fn erase_path(&self) -> String {
        format!("/api/communication/privacy/{}/erase", self.user)
    }

    async fn erases(&self, world: &World, assertion: &str) -> Answer {
        let call = world.post(&self.erase_path(), &json!({})).token(&self.token);
        call.header(HEADER, assertion).send().await
    }

    async fn claims(&self, world: &World, phone: &str, assertion: &str) -> Answer {
        let call = world.put(PREFERENCES, &json!({"phone_number": phone})).token(&self.token);
        call.header(HEADER, assertion).send().await
    }

    /// The answer to the code that was sent for `started`, checked for `target`. `sent`: how many codes went there by then.
    async fn checked(&self, world: &World, started: Value, target: Value, sent: usize) -> Value {
        let mut start = json!({"user_id": self.user});
        let mut check = start.clone();
        for (body, more) in [(&mut start, started), (&mut check, target)] {
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        }
        world.post("/api/v2/2fa/start", &start).send().await.ok();
        check["code"] = json!(world.codes_until(sent, &self.factor, "sms").await.pop().expect("a code"));
        world.post("/api/v2/2fa/check", &check).send().await.ok()
    }

    /// A fresh assertion for an action, by a code.
    async fn proves(&self, world: &World, action: &str, sent: usize) -> String {
        let action = json!({"action": action});
        let passed = self.checked(world, action.clone(), action, sent).await;
        passed["assertion"].as_str().unwrap_or_else(|| panic!("{passed}")).to_owned()
    }

    /// The same by a recovery code.
    async fn recovers(&self, world: &World, action: &str, which: usize) -> String {
        let check = json!({"user_id": self.user, "recovery_code": self.recovery[which], "action": action});
        let passed = world.post("/api/v2/2fa/check", &check).send().await.ok();
        passed["assertion"].as_str().unwrap_or_else(|| panic!("{passed}")).to_owned()
    }
}

fn is_required(answer: &Answer) -> bool {
    answer.status == 403 && answer.json["reason"] == "second_factor_required"
}

fn is_invalid(answer: &Answer) -> bool {
    answer.status == 403 && answer.json["reason"] == "second_factor_invalid"
}

#[tokio::test]
async fn fresh_second_factor_erases_at_once_and_a_replayed_one_never() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let victim = Victim::new(&world).await;
    let assertion = victim.proves(&world, "erase_person", 2).await;
    assert!(is_invalid(&victim.erases(&world, &format!("{assertion}A")).await));
    let begun = victim.erases(&world, &assertion).await.is(202).json;
    assert_eq!(begun["status"], "erasing", "{begun}");
    // The factor goes with the erasure; as long as it is there, a replay is refused.
    let replayed = victim.erases(&world, &assertion).await;
    assert!(is_invalid(&replayed) || replayed.json["status"] == "erasing", "{}", replayed.text);
    world.until_erased(victim.user).await;
}

#[tokio::test]
async fn replayed_assertion_changes_no_second_address() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let victim = Victim::new(&world).await;
    let (proven, new) = (fresh::phone(), fresh::phone());
    world.has_proven(&PersonId::text(&victim.user.to_string()).expect("an id"), &proven).await;
    let assertion = victim.proves(&world, "change_address", 2).await;
    let changed = victim.claims(&world, &new, &assertion).await.ok();
    assert_eq!(
        (&changed["phone_number"], &changed["pending_phone_number"]),
        (&json!(proven), &json!(new)),
        "{changed}"
    );
    assert!(is_invalid(&victim.claims(&world, &fresh::phone(), &assertion).await));
    let now = world.get(PREFERENCES).token(&victim.token).send().await.ok();
    assert_eq!(now["pending_phone_number"], json!(new), "{now}");
}

#[tokio::test]
async fn stolen_token_replaces_no_proven_address() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let victim = Victim::new(&world).await;
    let (phone, email) = (fresh::phone(), fresh::email());
    world.has_proven(&PersonId::text(&victim.user.to_string()).expect("an id"), &phone).await;
    world.owns(victim.user, &email).await;
    let (thiefs, mailbox) = (fresh::phone(), fresh::email());
    for (method, path, body) in [
        ("PUT", PREFERENCES, json!({"phone_number": thiefs})),
        ("POST", "/api/communication/consent/sms", json!({"user_id": victim.user, "phone_number": thiefs})),
        ("POST", "/api/communication/consent/email", json!({"user_id": victim.user, "email": mailbox})),
    ] {
        let call = world.call(method, path).token(&victim.token).header("content-type", "application/json");
        let refused = call.body(&body.to_string()).send().await;
        assert!(is_required(&refused), "{path}: {}", refused.text);
        assert!(
            refused.json["details"].as_str().is_some_and(|how| how.contains("/api/v2/2fa/check")),
            "{}",
            refused.text
        );
    }
    assert!(world.arrived(&thiefs).await.is_empty() && world.arrived(&mailbox).await.is_empty());
    // The proven one, named again, is no change; and an administrator changes it as before.
    let same = world.put(PREFERENCES, &json!({"phone_number": phone})).token(&victim.token).send().await.ok();
    assert_eq!((&same["phone_verified"], same.get("pending_phone_number")), (&json!(true), None), "{same}");
    let administrators = json!({"user_id": victim.user, "email": fresh::email()});
    world.post("/api/communication/consent/email", &administrators).send().await.ok();
}

#[tokio::test]
async fn assertion_for_another_action_person_or_portal_is_refused() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let (victim, mallory) = (Victim::new(&world).await, Victim::new(&world).await);
    // Mallory's own, for this very action.
    let mallorys = mallory.recovers(&world, "erase_person", 0).await;
    assert!(is_invalid(&victim.erases(&world, &mallorys).await));
    let other_action = victim.recovers(&world, "remove_second_factor", 1).await;
    assert!(is_invalid(&victim.erases(&world, &other_action).await));
    // What a portal got when the person signed in there.
    let portal = json!({"user_id": victim.user, "recovery_code": victim.recovery[2], "audience": "lender-portal"});
    let portal = world.post("/api/v2/2fa/check", &portal).send().await.ok();
    let portal = portal["assertion"].as_str().expect("an assertion");
    assert!(is_invalid(&victim.erases(&world, portal).await));
    world.get(&victim.erase_path()).send().await.refused(404, "No erasure was asked for");
    let status = world.get(&format!("/api/v2/2fa/status/{}", victim.user)).send().await.ok();
    assert_eq!(status["enrolled"], true, "{status}");
}

/// A portal that asks for a code to sign in cannot have an erasure confirmed with it, nor the other way round.
#[tokio::test]
async fn sign_in_code_confirms_no_action() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let victim = Victim::new(&world).await;
    let denied = victim.checked(&world, json!({}), json!({"action": "erase_person"}), 2).await;
    assert_eq!((&denied["verified"], denied.get("assertion")), (&json!(false), None), "{denied}");
    let portal = json!({"audience": "lender-portal"});
    let denied = victim.checked(&world, json!({"action": "change_address"}), portal, 3).await;
    assert_eq!(denied["verified"], false, "{denied}");
    let other = json!({"action": "change_address"});
    let denied = victim.checked(&world, json!({"action": "erase_person"}), other, 4).await;
    assert_eq!(denied["verified"], false, "{denied}");
}

#[tokio::test]
async fn stolen_token_removes_no_second_factor() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let victim = Victim::new(&world).await;
    let body = json!({"user_id": victim.user});
    assert!(is_required(&world.post(REMOVE, &body).token(&victim.token).send().await));
    let other_action = victim.recovers(&world, "erase_person", 0).await;
    let refused = world.post(REMOVE, &body).token(&victim.token).header(HEADER, &other_action).send().await;
    assert!(is_invalid(&refused), "{}", refused.text);
    let another = json!({"user_id": fresh::user()});
    world.post(REMOVE, &another).token(&victim.token).send().await.refused(403, "Insufficient scope");
    let assertion = victim.proves(&world, "remove_second_factor", 2).await;
    let removed = world.post(REMOVE, &body).token(&victim.token).header(HEADER, &assertion).send().await.ok();
    assert_eq!(removed["removed"], true, "{removed}");
}

/// Whoever has this token gives an e-mail address for this person; the link that goes there.
async fn confirmation_link(world: &World, user: i64, email: &str, token: Option<&str>) -> String {
    let call = world.post("/api/communication/consent/email", &json!({"user_id": user, "email": email}));
    let call = if let Some(token) = token { call.token(token) } else { call };
    call.send().await.ok();
    let confirm = "/api/communication/consent/email/confirm/";
    eventually("the link arrives", seconds(60), async || {
        let mails = world.arrived(email).await;
        let text = mails.first().and_then(|mail| mail["text"].as_str()).ok_or("no mail")?;
        let from = text.find(confirm).ok_or("no link")?;
        Ok::<_, String>(text[from..].split_whitespace().next().unwrap_or_default().to_owned())
    })
    .await
}

async fn presses(world: &World, link: &str) -> Answer {
    let form = world.call("POST", link).no_token().header("content-type", "application/x-www-form-urlencoded");
    form.body("").send().await
}

/// A thief who claimed an address before the present one was proven was asked for no second factor.
#[tokio::test]
async fn link_sent_before_the_proof_replaces_no_proven_address() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let (victim, email, thiefs) = (Victim::new(&world).await, fresh::email(), fresh::email());
    // An administrator put the address on file; the person has not followed their link yet.
    let persons = confirmation_link(&world, victim.user, &email, None).await;
    let link = confirmation_link(&world, victim.user, &thiefs, Some(&victim.token)).await;
    world.get(&link).no_token().send().await.is(200);
    presses(&world, &persons).await.is(200);
    world.get(&link).no_token().send().await.is(410);
    presses(&world, &link).await.is(410);
    let exported = world.get(&format!("/api/communication/privacy/{}/export", victim.user)).send().await.ok();
    let shown = &exported["profile"]["email"];
    assert_eq!((&shown["address"], &shown["verified"]), (&json!(email), &json!(true)), "{exported}");
}

/// A thief who claimed an address before the factor was enrolled has its link in their own mailbox.
#[tokio::test]
async fn link_sent_before_the_enrolment_replaces_no_proven_address() {
    let world = World::new();
    let _lines = world.share(&LINES).await;
    let (user, email, thiefs) = (fresh::user(), fresh::email(), fresh::email());
    world.owns(user, &email).await;
    let link = confirmation_link(&world, user, &thiefs, Some(&tokens::token(&user.to_string(), ""))).await;
    world.get(&link).no_token().send().await.is(200);
    world.enrolled(user, &fresh::phone()).await;
    world.get(&link).no_token().send().await.is(410);
    presses(&world, &link).await.is(410);
    let exported = world.get(&format!("/api/communication/privacy/{user}/export")).send().await.ok();
    assert_eq!(exported["profile"]["email"]["address"], json!(email), "{}", exported["profile"]);
}
