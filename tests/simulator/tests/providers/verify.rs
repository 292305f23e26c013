//! Twilio Verify and Lookup as a client sees them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";

impl World {
    /// A request of the account to Verify; its status and body.
    async fn verify(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/v2/Services/{SERVICE}/{path}", self.simulator.url);
        let request = if form.is_empty() { self.http.get(url) } else { self.http.post(url).form(form) };
        let request = request.basic_auth(&self.config.twilio_account_sid, Some(&self.config.twilio_auth_token));
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// What the newest message to a number says, but for its digits.
    async fn delivered(&self, to: &str) -> String {
        let messages = self.get(&format!("/_sim/messages?to={}", to.replace('+', "%2B"))).await;
        let newest = messages.as_array().and_then(|list| list.last()).expect("a message");
        newest["text"].as_str().expect("a text").rsplit(' ').next().expect("a code").to_owned()
    }
}

#[tokio::test]
async fn a_verification_is_sent_checked_and_then_gone() {
    let world = World::start().await;
    let to = "+14155550100";
    let (status, started) = world.verify("Verifications", &[("To", to), ("Channel", "sms")]).await;
    assert_eq!((status, &started["status"], &started["valid"]), (201, &json!("pending"), &json!(false)));
    let sid = started["sid"].as_str().expect("a sid").to_owned();
    assert!(sid.starts_with("VE") && sid.len() == 34);
    assert_eq!(started["send_code_attempts"][0]["channel"], "SMS");
    let code = world.delivered(to).await;
    let (_, again) = world.verify("Verifications", &[("To", to), ("Channel", "call")]).await;
    assert_eq!((again["sid"].as_str(), again["send_code_attempts"].as_array().map(Vec::len)), (Some(&*sid), Some(2)));
    assert_eq!(world.delivered(to).await, code, "the same code");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (status, looked_at) = world.verify("VerificationCheck", &[("To", to), ("Code", wrong)]).await;
    assert_eq!((status, &looked_at["status"]), (200, &json!("pending")));
    let path = format!("Verifications/{sid}");
    assert_eq!(world.verify(&path, &[]).await.1["status"], "pending");
    let (_, approved) = world.verify("VerificationCheck", &[("VerificationSid", &sid), ("Code", &code)]).await;
    assert_eq!((&approved["status"], &approved["valid"]), (&json!("approved"), &json!(true)));
    for (path, form) in [
        (&*path, vec![]),
        (&*path, vec![("Status", "canceled")]),
        ("VerificationCheck", vec![("To", to), ("Code", &code)]),
    ] {
        let (status, gone) = world.verify(path, &form).await;
        assert_eq!((status, &gone["code"]), (404, &json!(20404)), "{path}");
    }
}

#[tokio::test]
async fn the_sixth_send_and_the_sixth_check_are_refused_and_a_cancelled_code_is_worth_nothing() {
    let world = World::start().await;
    let (to, other) = ("+14155550101", "+14155550102");
    for _ in 0..5 {
        assert_eq!(world.verify("Verifications", &[("To", to), ("Channel", "sms")]).await.0, 201);
    }
    let (status, refused) = world.verify("Verifications", &[("To", to), ("Channel", "sms")]).await;
    assert_eq!((status, &refused["code"]), (429, &json!(60203)));
    let code = world.delivered(to).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(world.verify("VerificationCheck", &[("To", to), ("Code", wrong)]).await.0, 200);
    }
    let (status, refused) = world.verify("VerificationCheck", &[("To", to), ("Code", &code)]).await;
    assert_eq!((status, &refused["code"]), (429, &json!(60202)));
    let (_, started) = world.verify("Verifications", &[("To", other), ("Channel", "whatsapp")]).await;
    let sid = started["sid"].as_str().expect("a sid");
    let (status, ended) = world.verify(&format!("Verifications/{sid}"), &[("Status", "canceled")]).await;
    assert_eq!((status, &ended["status"]), (200, &json!("canceled")));
    let code = world.delivered(other).await;
    assert_eq!(world.verify("VerificationCheck", &[("VerificationSid", sid), ("Code", &code)]).await.0, 404);
}

#[tokio::test]
async fn a_code_can_be_sent_without_an_answer() {
    let world = World::start().await;
    let to = "+14155550103";
    world.fault(json!({"kind": "hang_after", "provider": "twilio", "channel": "sms", "count": 1})).await;
    let form = [("To", to), ("Channel", "sms")];
    assert!(tokio::time::timeout(Duration::from_secs(2), world.verify("Verifications", &form)).await.is_err());
    let code = world.delivered(to).await;
    assert_eq!(world.verify("VerificationCheck", &[("To", to), ("Code", &code)]).await.1["status"], "approved");
}

#[tokio::test]
async fn a_number_is_looked_up_with_the_packages_asked_for() {
    let world = World::start().await;
    let look = async |path: &str| {
        let request = world.http.get(format!("{}/v2/PhoneNumbers/{path}", world.simulator.url));
        let request = request.basic_auth(&world.config.twilio_account_sid, Some(&world.config.twilio_auth_token));
        request.send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let bare = look("+14155550104").await;
    assert_eq!((&bare["valid"], &bare["country_code"]), (&json!(true), &json!("US")));
    assert!(bare["line_type_intelligence"].is_null());
    let line = look("+15005550051?Fields=line_type_intelligence").await;
    assert_eq!(line["line_type_intelligence"]["type"], "landline");
    assert_eq!(look("+14155550104?Field=x").await["code"], 20001);
}
