//! Codes as clients ask for them and people get them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const SEND: &str = "/api/v2/communications/otp/send";
const VERIFY: &str = "/api/v2/communications/otp/verify";

/// The digits that stand alone in a text, or one by one with commas between them, as a call says them.
pub(super) fn code_in(text: &str) -> Option<String> {
    let joined = text.replace(", ", "");
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let words = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find(is_code).map(str::to_owned);
    words(text).or_else(|| words(&joined))
}

impl World {
    /// The codes that arrived for an address on a channel, in order.
    pub(crate) async fn codes(&self, to: &str, channel: &str) -> Vec<String> {
        let arrived = self.arrived(to).await;
        let says = |message: &Value| {
            let parts = ["text", "subject", "html"].map(|part| message[part].as_str().unwrap_or_default().to_owned());
            parts.iter().find_map(|part| code_in(part))
        };
        arrived.iter().filter(|message| message["channel"] == channel).filter_map(says).collect()
    }

    /// The first `count` codes that arrive for an address on a channel.
    pub(crate) async fn codes_until(&self, count: usize, to: &str, channel: &str) -> Vec<String> {
        eventually(&format!("{count} codes arrive by {channel}"), seconds(40), async || {
            let codes = self.codes(to, channel).await;
            if codes.len() >= count { Ok(codes) } else { Err(format!("{codes:?}")) }
        })
        .await
    }

    async fn verify(&self, body: &Value) -> Value {
        self.post(VERIFY, body).send().await.ok()
    }
}

pub(crate) fn other_than(code: &str) -> String {
    let digit = if code.starts_with('1') { '2' } else { '1' };
    format!("{digit}{}", &code[1..])
}

#[tokio::test]
async fn a_texted_code_verifies_once_for_its_own_purpose_and_stands_in_no_answer_row_or_log() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let (send, asked) = (json!({"phone_number": to, "purpose": "login"}), Instant::now());
    let sent = world.post(SEND, &send).send().await.is(200);
    assert_eq!(
        (&sent.json["success"], &sent.json["status"], &sent.json["channel"]),
        (&json!(true), &json!("pending"), &json!("sms"))
    );
    // They count from within the request.
    let (most, told) = (asked.elapsed().as_secs() + 1, |field: &str| sent.json[field].as_u64().expect("seconds"));
    assert!((600 - most..=600).contains(&told("expires_in")), "{}", sent.text);
    assert!((30 - most.min(30)..=30).contains(&told("resend_after")), "{}", sent.text);
    let code = world.codes_until(1, &to, "sms").await.remove(0);
    // Asked for again, it is the same code in a message of its own.
    let again = world.post(SEND, &send).send().await.is(200);
    assert_eq!(world.codes_until(2, &to, "sms").await, [code.clone(), code.clone()]);
    let verify = |purpose: &str, code: &str| json!({"phone_number": to, "purpose": purpose, "code": code});
    let nothing = json!({"success": true, "verified": false, "status": "expired"});
    assert_eq!(world.verify(&verify("transfer", &code)).await, nothing);
    let wrong = world.verify(&verify("login", &other_than(&code))).await;
    assert_eq!(wrong, json!({"success": true, "verified": false, "status": "pending", "checks_left": 4}));
    let right = world.post(VERIFY, &verify("login", &code)).send().await.is(200);
    assert_eq!(right.json, json!({"success": true, "verified": true, "status": "approved"}));
    assert_eq!(world.verify(&verify("login", &code)).await, nothing, "a code is used once");
    for answer in [&sent.text, &again.text, &right.text] {
        assert!(!answer.contains(&code), "{answer}");
    }
    no_log_says(&world, &code);
}

/// The code as a word of its own: not a part of an id, a time or a fraction.
fn no_log_says(world: &World, code: &str) {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let mut lines = 0;
    for function in world.stack.functions.values() {
        let log = std::fs::read_to_string(world.stack.logs.join(format!("{function}.log"))).unwrap_or_default();
        for line in log.lines() {
            lines += 1;
            for (at, _) in line.match_indices(code) {
                let (before, after) = (line[..at].chars().next_back(), line[at + code.len()..].chars().next());
                assert!(is_part(before) || is_part(after), "{function} logs the code {code}: {line}");
            }
        }
    }
    assert!(lines > 0, "no function logged anything");
}

#[tokio::test]
async fn codes_come_by_mail_whatsapp_and_call_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp, Line::Voice, Line::Sendgrid, Line::Resend]).await;
    let (email, whatsapp, voice) = (fresh::email(), fresh::phone(), fresh::phone());
    let sends = [
        (json!({"email": email, "purpose": "login"}), &email, "email"),
        (json!({"phone_number": whatsapp, "purpose": "login", "channel": "whatsapp"}), &whatsapp, "whatsapp"),
        (json!({"phone_number": voice, "purpose": "login", "channel": "call", "locale": "de"}), &voice, "voice"),
    ];
    world.will_do(&voice, &json!([{"press": "1"}])).await;
    for (body, to, channel) in sends {
        let sent = world.post(SEND, &body).send().await.ok();
        assert_eq!(sent["channel"], channel, "{sent}");
        let code = world.codes_until(1, to, channel).await.remove(0);
        let mut verify = json!({"purpose": "login", "code": code});
        let address = if channel == "email" { "email" } else { "phone_number" };
        verify[address] = json!(to);
        assert_eq!(world.verify(&verify).await["verified"], true, "{channel}");
    }
}

#[tokio::test]
async fn answering_machine_hears_no_code() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let voice = fresh::phone();
    // A mailbox answers and presses nothing.
    let body = json!({"phone_number": voice, "purpose": "login", "channel": "call", "fallback": "none"});
    world.post(SEND, &body).send().await.ok();
    let heard = eventually("the call is over", seconds(40), async || {
        let calls = world.arrived(&voice).await;
        let over = calls.first().filter(|call| call["status"] == "completed").cloned();
        over.ok_or_else(|| format!("{calls:?}"))
    })
    .await;
    assert!(heard.to_string().contains("Press any key to hear your code."), "{heard}");
    assert_eq!(world.codes(&voice, "voice").await, Vec::<String>::new(), "{heard}");
}

#[tokio::test]
async fn other_callers_neither_check_nor_use_up_a_code() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    world.post(SEND, &json!({"phone_number": to, "purpose": "login"})).send().await.ok();
    let code = world.codes_until(1, &to, "sms").await.remove(0);
    let verify = json!({"phone_number": to, "purpose": "login", "code": code});
    let other = tokens::sender(&fresh::word());
    for _ in 0..6 {
        let answer = world.post(VERIFY, &verify).token(&other).send().await.ok();
        assert_eq!((&answer["verified"], &answer["status"]), (&json!(false), &json!("expired")), "{answer}");
    }
    assert_eq!(world.verify(&verify).await["verified"], true);
}

#[tokio::test]
async fn what_cannot_arrive_by_whatsapp_comes_as_a_text() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp, Line::Sms, Line::Voice]).await;
    // Not on WhatsApp, nor on the network: the code ends up in a call. The second one, when that is known, begins with it.
    let nowhere = fresh::magic_phone("31");
    world.will_do(&nowhere, &json!([{"press": "1"}, {"press": "#"}])).await;
    for calls in [1, 2] {
        let purpose = fresh::word();
        let body = json!({"phone_number": nowhere, "purpose": purpose, "channel": "whatsapp"});
        world.post(SEND, &body).send().await.ok();
        let code = world.codes_until(calls, &nowhere, "voice").await.pop().expect("a code");
        let verify = json!({"phone_number": nowhere, "purpose": purpose, "code": code});
        assert_eq!(world.verify(&verify).await["verified"], true);
    }
    assert_eq!(world.arrived(&nowhere).await.len(), 4, "by WhatsApp, by SMS, and two calls");
}

#[tokio::test]
async fn the_sixth_send_is_told_when_to_come_back_and_the_sixth_check_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let send = json!({"toNumber": to});
    for _ in 0..5 {
        world.post("/api/sms/send-2fa", &send).send().await.ok();
    }
    let refused = world.post("/api/sms/send-2fa", &send).send().await.refused(429, "Too many codes were asked for");
    assert_eq!(refused.json["reason"], "too_many_sends");
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=600).contains(&wait), "{wait}");
    let code = world.codes_until(1, &to, "sms").await.remove(0);
    let verify = |code: &str| json!({"phone_number": to, "purpose": "two_factor", "code": code});
    for left in [4, 3, 2, 1] {
        assert_eq!(world.verify(&verify(&other_than(&code))).await["checks_left"], left);
    }
    for code in [other_than(&code), code] {
        let ended = world.verify(&verify(&code)).await;
        assert_eq!((&ended["status"], &ended["verified"]), (&json!("max_attempts_reached"), &json!(false)), "{ended}");
        assert!(ended["retry_after"].as_i64().is_some_and(|wait| (1..=600).contains(&wait)), "{ended}");
    }
}

#[tokio::test]
async fn an_address_that_must_not_be_used_gets_nothing_and_the_answer_does_not_tell() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms]).await;
    let (said_no, anybody) = (fresh::phone(), fresh::phone());
    // Who said no is suppressed when the provider refuses the first message.
    world.writes(&said_no, "STOP").await;
    let first = world.sms(&said_no, &fresh::text()).await;
    world.until(&first, "failed").await;
    let ask = async |to: &str| {
        let mut answer = world.post(SEND, &json!({"phone_number": to, "purpose": "login"})).send().await.is(200);
        let body = answer.json.as_object_mut().expect("an object");
        body.sort_keys();
        // They count down from each one's own request.
        for seconds in ["expires_in", "resend_after"] {
            assert!(body.insert(seconds.to_owned(), Value::Null).is_some_and(|told| told.is_u64()), "{seconds}");
        }
        (answer.json, answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (told, would) = (ask(&anybody).await, ask(&said_no).await);
    assert_eq!(told, would);
    world.codes_until(1, &anybody, "sms").await;
    assert!(world.codes(&said_no, "sms").await.is_empty());
    let verify = json!({"phone_number": said_no, "purpose": "login", "code": "000000"});
    let others = json!({"phone_number": anybody, "purpose": "login", "code": "000000"});
    let (of_no, of_anybody) = (world.verify(&verify).await, world.verify(&others).await);
    assert!(of_no == of_anybody || of_anybody["verified"] == true || of_no["verified"] == true, "{of_no} {of_anybody}");
}

#[tokio::test]
async fn a_repeated_send_is_answered_again_and_sends_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, key) = (fresh::phone(), fresh::word());
    let body = json!({"phone_number": to, "purpose": "login"});
    for _ in 0..7 {
        world.post(SEND, &body).key(&key).send().await.ok();
    }
    let again = world.post(SEND, &body).key(&key).send().await.is(200);
    assert_eq!(again.header("idempotency-replay"), "true");
    world.codes_until(1, &to, "sms").await;
    assert_eq!(world.arrived(&to).await.len(), 1);
    let other = json!({"phone_number": to, "purpose": "transfer"});
    world.post(SEND, &other).key(&key).send().await.is(422);
}

#[tokio::test]
async fn a_number_is_looked_up_once_a_week_and_only_when_asked_for() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (path, number) = ("/api/sms/validate-phone", fresh::phone());
    let plain = world.post(path, &json!({"phone_number": number})).send().await.ok();
    assert_eq!(
        (&plain["valid"], &plain["type"], plain.get("lookup")),
        (&json!(true), &json!("landline_or_mobile"), None)
    );
    let ask = json!({"phone_number": number, "lookup": true});
    let found = world.post(path, &ask).send().await.ok();
    let lookup = json!({
        "valid": true, "country_code": "US", "line_type": "mobile", "carrier_name": "Simulated Wireless",
        "mobile_country_code": "310", "mobile_network_code": "004",
    });
    assert_eq!(found["lookup"], lookup);
    assert_eq!(world.post(path, &ask).send().await.ok(), found, "kept");
    let premium = world.post(path, &json!({"phone_number": "+15005550056", "lookup": true})).send().await.ok();
    assert_eq!(premium["lookup"]["line_type"], "premium", "{premium}");
    let nothing = world.post(path, &json!({"phone_number": "+15005550001", "lookup": true})).send().await.ok();
    assert_eq!(nothing["lookup"], json!({"valid": false, "validation_errors": ["INVALID_BUT_POSSIBLE"]}));
}
