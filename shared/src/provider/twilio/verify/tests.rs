use serde_json::json;

use super::*;
use crate::clock::from_millis;
use crate::provider::stub::{Script, Stub, hasty, reply, reply_with};
use crate::secrets::Versions;

const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
const SID: &str = "VE0123456789abcdef0123456789abcdef";

async fn verify(script: Vec<Script>) -> (Stub, Verify) {
    let stub = Stub::new(script).await;
    let credentials = serde_json::from_value(json!({
        "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
        "verify_service_sid": SERVICE,
    }))
    .unwrap();
    let secret = Arc::new(Secret::fixed(Versions { current: credentials, previous: None }));
    let verify = Verify::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), secret);
    (stub, verify)
}

fn resource(status: &str) -> Script {
    reply(201, json!({"sid": SID, "status": status, "valid": status == "approved", "send_code_attempts": [{}, {}]}))
}

fn error(status: u16, code: u32) -> Script {
    reply_with(
        status,
        "retry-after: 7\r\n",
        json!({"code": code, "message": "+14155552671", "more_info": "", "status": status}),
    )
}

fn phone() -> Address {
    Address::stored(Channel::Sms, "+14155552671".to_owned())
}

fn pairs(seen: &crate::provider::stub::Seen) -> Vec<String> {
    seen.form().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[tokio::test]
async fn a_start_says_to_whom_how_and_in_which_language() {
    let (stub, verify) = verify(vec![resource("pending")]).await;
    let (to, locale) = (phone(), "pt-PT".parse().unwrap());
    let ask = Ask { to: &to, channel: Channel::Voice, locale: Some(&locale) };
    assert_eq!(verify.start(&ask).await.unwrap(), Verification { sid: SID.to_owned(), sends: 2 });
    let seen = stub.only_request();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", &*format!("/v2/Services/{SERVICE}/Verifications"))
    );
    assert_eq!(pairs(&seen), ["To=+14155552671", "Channel=call", "Locale=pt"]);
    assert_eq!(seen.header("authorization"), "Basic QUMxOnQ=");
}

#[tokio::test]
async fn a_check_is_read_as_twilio_means_it() {
    for (script, outcome) in [
        (resource("approved"), Outcome::Approved),
        (resource("pending"), Outcome::Wrong),
        (resource("max_attempts_reached"), Outcome::TooMany),
        (resource("canceled"), Outcome::Gone),
        (error(404, 20404), Outcome::Gone),
        (error(429, 60202), Outcome::TooMany),
    ] {
        let (stub, verify) = verify(vec![script]).await;
        assert_eq!(verify.check(SID, "482913").await.unwrap(), outcome);
        assert_eq!(pairs(&stub.only_request()), [format!("VerificationSid={SID}"), "Code=482913".to_owned()]);
    }
}

#[tokio::test]
async fn refusals_are_told_apart_and_quote_no_number() {
    let to = phone();
    let ask = Ask { to: &to, channel: Channel::Sms, locale: None };
    for (status, code, class) in [
        (400, 60200, "invalid_number"),
        (403, 60205, "invalid_number"),
        (403, 60410, "filtered"),
        (403, 60605, "configuration"),
    ] {
        let (_stub, verify) = verify(vec![error(status, code)]).await;
        let refused = verify.start(&ask).await.unwrap_err();
        assert!(!refused.to_string().contains("4155552671"), "{refused}");
        let SendError::Permanent { kind, .. } = refused else { panic!("{code}: {refused}") };
        assert_eq!(kind.as_str(), class, "{code}");
    }
    let (_stub, limited) = verify(vec![error(429, 60203)]).await;
    let refused = limited.start(&ask).await.unwrap_err();
    assert!(matches!(&refused, SendError::Throttled { provider_code, retry_after: Some(wait), .. }
        if provider_code == "60203" && wait.as_secs() == 7));
    let (_stub, broken) = verify(vec![reply(500, "")]).await;
    assert!(matches!(broken.start(&ask).await, Err(SendError::Uncertain { .. })));
}

#[tokio::test]
async fn what_has_ended_is_cancelled_without_error_and_has_no_status() {
    let (stub, verify) = verify(vec![
        resource("canceled"),
        error(404, 20404),
        reply(200, json!({"sid": SID, "status": "pending"})),
        error(404, 20404),
    ])
    .await;
    verify.cancel(SID).await.unwrap();
    verify.cancel(SID).await.unwrap();
    assert_eq!(verify.status(SID).await.unwrap().as_deref(), Some("pending"));
    assert_eq!(verify.status(SID).await.unwrap(), None);
    let seen = stub.requests();
    assert_eq!(pairs(&seen[0]), ["Status=canceled"]);
    assert_eq!(
        (seen[2].method.as_str(), seen[2].target.as_str()),
        ("GET", &*format!("/v2/Services/{SERVICE}/Verifications/{SID}"))
    );
}

#[tokio::test]
async fn a_start_without_an_answer_is_made_once_and_is_uncertain() {
    let to = phone();
    let ask = Ask { to: &to, channel: Channel::Sms, locale: None };
    for script in [Script::Hang, Script::Reset, Script::BreakOff, reply(201, "{}"), reply(503, "")] {
        let (stub, verify) = verify(vec![script.clone(), resource("pending")]).await;
        let error = verify.start(&ask).await.unwrap_err();
        assert!(matches!(error, SendError::Uncertain { .. }), "{script:?} gave {error:?}");
        assert_eq!(stub.requests().len(), 1, "{script:?}");
    }
}

#[tokio::test]
async fn what_was_refused_for_its_credentials_is_not_sent_with_the_same_ones_again() {
    let to = phone();
    let (stub, verify) = verify(vec![error(401, 20003), resource("pending")]).await;
    let refused = verify.start(&Ask { to: &to, channel: Channel::Sms, locale: None }).await.unwrap_err();
    assert!(matches!(&refused, SendError::Permanent { kind: PermanentKind::Credentials, .. }), "{refused:?}");
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn without_a_service_nothing_is_asked() {
    let stub = Stub::new([resource("pending")]).await;
    let credentials = json!({
        "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
    });
    let secret = Secret::fixed(Versions { current: serde_json::from_value(credentials).unwrap(), previous: None });
    let verify = Verify::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), Arc::new(secret));
    let refused = verify.check(SID, "482913").await.unwrap_err();
    assert!(matches!(&refused, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{refused:?}");
    assert!(stub.requests().is_empty());
}
