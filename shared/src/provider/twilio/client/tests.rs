use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::message::PhoneNumber;
use crate::provider::Event;
use crate::provider::stub::{Owned, Script, Seen, Stub, hasty, reply, reply_with, text};

pub(super) const NOW: &str = "2026-03-01T12:00:00Z";
const MESSAGES: &str = "/2010-04-01/Accounts/ACtest/Messages.json";

pub(super) fn twilio_with(stub: &Stub, service: Option<&str>) -> Twilio {
    let settings = Settings {
        base_url: stub.base_url.clone(),
        public_base_url: "https://api.example.com/".to_owned(),
        clock: Clock::fixed(NOW.parse().unwrap()),
    };
    let credentials = TwilioCredentials {
        account_sid: "ACtest".to_owned(),
        auth_token: "token".to_owned(),
        phone_number: "+15005550006".to_owned(),
        whatsapp_number: "+14155238886".to_owned(),
        messaging_service_sid: service.map(str::to_owned),
        verify_service_sid: None,
        api_key_sid: None,
        api_key_secret: None,
    };
    Twilio::new(hasty(), settings, credentials)
}

async fn sent(service: Option<&str>, message: &Outgoing) -> (Result<Accepted, SendError>, Seen) {
    let stub =
        Stub::new([reply(201, json!({"sid": "SM1", "status": "queued", "error_code": null, "num_segments": "1"}))])
            .await;
    (twilio_with(&stub, service).send(message).await, stub.only_request())
}

async fn answered(script: Script) -> SendError {
    let stub = Stub::new([script]).await;
    twilio_with(&stub, None).send(&text(Channel::Sms, "hi", &[])).await.unwrap_err()
}

fn pairs(seen: &Seen) -> Vec<(String, String)> {
    seen.form()
}

pub(super) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn an_sms_is_one_form_with_basic_authentication() {
    let message = text(Channel::Sms, "Grüße & 100% + more", &[]);
    let (result, seen) = sent(None, &message).await;
    assert_eq!(result, Ok(Accepted { provider_id: "SM1".to_owned() }));
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", MESSAGES));
    assert_eq!(seen.header("authorization"), "Basic QUN0ZXN0OnRva2Vu");
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let callback = format!("https://api.example.com/twilio/sms-status?message={}", message.id);
    let expected = [
        ("To", "+14155552671"),
        ("From", "+15005550006"),
        ("Body", "Grüße & 100% + more"),
        ("StatusCallback", &callback),
    ];
    assert_eq!(pairs(&seen), owned(&expected));
}

#[tokio::test]
async fn whatsapp_prefixes_both_numbers_and_repeats_the_media() {
    let message = text(Channel::Whatsapp, "", &["https://a.example/1", "https://a.example/2"]);
    let (_, seen) = sent(Some("MG1"), &message).await;
    let callback = format!("https://api.example.com/twilio/whatsapp-status?message={}", message.id);
    let expected = [
        ("To", "whatsapp:+14155552671"),
        ("From", "whatsapp:+14155238886"),
        ("MediaUrl", "https://a.example/1"),
        ("MediaUrl", "https://a.example/2"),
        ("StatusCallback", &callback),
    ];
    assert_eq!(pairs(&seen), owned(&expected));
}

#[tokio::test]
async fn a_messaging_service_sends_unless_a_sender_is_named() {
    let mut message = text(Channel::Sms, "hi", &[]);
    let (_, seen) = sent(Some("MG1"), &message).await;
    assert!(pairs(&seen).contains(&("MessagingServiceSid".to_owned(), "MG1".to_owned())));
    assert!(pairs(&seen).iter().all(|(name, _)| name != "From"));
    message.from = Some("+15005550009".to_owned());
    let (_, seen) = sent(Some("MG1"), &message).await;
    assert!(pairs(&seen).contains(&("From".to_owned(), "+15005550009".to_owned())));
    assert!(pairs(&seen).iter().all(|(name, _)| name != "MessagingServiceSid"));
}

#[tokio::test]
async fn each_answer_has_its_class() {
    let invalid = json!({"code": 21211, "message": "The 'To' number +1… is not valid", "more_info": "", "status": 400});
    let error = answered(reply(400, invalid)).await;
    let reason = "not a valid phone number".to_owned();
    assert_eq!(
        error,
        SendError::Permanent { kind: PermanentKind::InvalidNumber, provider_code: "21211".to_owned(), reason }
    );

    let error = answered(reply_with(429, "Retry-After: 7\r\n", json!({"code": 20429}))).await;
    assert!(matches!(error, SendError::Throttled { retry_after: Some(wait), .. } if wait.as_secs() == 7), "{error:?}");

    let uncertain = [
        reply(500, "<html>oops</html>"),
        reply(200, "garbage"),
        reply(201, "{}"),
        Script::Hang,
        Script::Reset,
        Script::BreakOff,
    ];
    for script in uncertain {
        let error = answered(script.clone()).await;
        assert!(matches!(error, SendError::Uncertain { .. }), "{script:?} gave {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_safe_to_try_again() {
    let mut twilio = twilio_with(&Stub::new([]).await, None);
    twilio.settings.base_url = "http://127.0.0.1:1".to_owned();
    let error = twilio.send(&text(Channel::Sms, "hi", &[])).await.unwrap_err();
    assert!(matches!(&error, SendError::Transient { provider_code, .. } if provider_code == "connect"), "{error:?}");
    twilio.settings.base_url = "nonsense".to_owned();
    let error = twilio.send(&text(Channel::Sms, "hi", &[])).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error:?}");
}

fn listed(sid: &str, second: u32, changes: serde_json::Value) -> serde_json::Value {
    let mut message = json!({
        "sid": sid, "status": "sent", "error_code": null, "body": "hi", "to": "+14155552671", "from": "+15005550006",
        "messaging_service_sid": null, "direction": "outbound-api",
        "date_created": format!("Sun, 01 Mar 2026 12:00:{second:02} +0000"),
    });
    for (name, value) in changes.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

fn page(messages: &[serde_json::Value], next: Option<&str>) -> Script {
    reply(200, json!({"messages": messages, "next_page_uri": next, "page": 0}))
}

async fn resolved(script: Vec<Script>) -> (Result<Resolution, SendError>, Vec<Seen>) {
    let stub = Stub::new(script).await;
    let message = text(Channel::Sms, "hi", &[]);
    let result = twilio_with(&stub, None).resolve(&message, NOW.parse().unwrap(), &Owned(&["SMtaken"])).await;
    (result, stub.requests())
}

fn accepted(sid: &str) -> Result<Resolution, SendError> {
    Ok(Resolution::Accepted(Accepted { provider_id: sid.to_owned() }))
}

#[tokio::test]
async fn resolving_finds_exactly_this_message() {
    let others = [
        listed("SMtaken", 0, json!({})),
        listed("SMtext", 0, json!({"body": "hi!"})),
        listed("SMfrom", 0, json!({"from": "+15005550009"})),
        listed("SMto", 0, json!({"to": "+14155552672"})),
        listed("SMin", 0, json!({"direction": "inbound"})),
        listed("SMold", 0, json!({"date_created": "Sun, 01 Mar 2026 11:59:29 +0000"})),
        listed("SMdateless", 0, json!({"date_created": null})),
    ];
    let next = format!("{MESSAGES}?To=%2B14155552671&Page=1&PageToken=PASM1");
    let last = [listed("SMlater", 9, json!({})), listed("SMthis", 2, json!({}))];
    let (result, seen) = resolved(vec![page(&others, Some(&next)), page(&last, None)]).await;
    assert_eq!(result, accepted("SMthis"));
    let targets: Vec<&str> = seen.iter().map(|seen| seen.target.as_str()).collect();
    let first = format!("{MESSAGES}?To=%2B14155552671&DateSent%3E=2026-03-01&PageSize=100");
    assert_eq!(targets, [first.as_str(), next.as_str()]);

    let (result, seen) = resolved(vec![page(&others, None), page(&[], None)]).await;
    assert_eq!(result, Ok(Resolution::NotFound));
    assert_eq!(seen[1].target, format!("{MESSAGES}?To=%2B14155552671&PageSize=100"));
}

#[tokio::test]
async fn a_message_still_queued_is_found_without_its_sent_date() {
    let (result, _) =
        resolved(vec![page(&[], None), page(&[listed("SMqueued", 1, json!({"status": "queued"}))], None)]).await;
    assert_eq!(result, accepted("SMqueued"));
    let trial = listed("SMtrial", 1, json!({"body": "Sent from your Twilio trial account - hi"}));
    assert_eq!(resolved(vec![page(&[trial], None)]).await.0, accepted("SMtrial"));
}

#[tokio::test]
async fn a_search_without_an_end_is_no_answer_and_other_hosts_are_not_followed() {
    let endless: Vec<Script> = (0..20).map(|_| page(&[], Some(&format!("{MESSAGES}?Page=1")))).collect();
    let (result, seen) = resolved(endless).await;
    assert_eq!(result, Ok(Resolution::Unknowable));
    assert_eq!(seen.len(), MOST_PAGES + 1);
    let (result, seen) = resolved(vec![page(&[], Some("@evil.example/x")), page(&[], None)]).await;
    assert_eq!(result, Ok(Resolution::NotFound));
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_question_without_an_answer_may_be_asked_again() {
    for script in [reply(500, ""), reply(200, "garbage"), Script::Hang, Script::Reset] {
        let (result, _) = resolved(vec![script]).await;
        assert!(matches!(result, Err(SendError::Transient { .. })), "{result:?}");
    }
    let (result, _) = resolved(vec![reply(401, json!({"code": 20003}))]).await;
    assert!(matches!(result, Err(SendError::Permanent { kind: PermanentKind::Credentials, .. })), "{result:?}");
}

#[tokio::test]
async fn fetching_reports_the_present_state() {
    let body = json!({"sid": "SM1", "status": "undelivered", "error_code": 30005, "date_updated": "Sun, 01 Mar 2026 12:00:09 +0000"});
    let stub = Stub::new([reply(200, body), reply(404, json!({"code": 20404}))]).await;
    let (twilio, id) = (twilio_with(&stub, None), MessageId::new());
    let expected = Report {
        provider: ProviderName::Twilio,
        message_id: Some(id),
        provider_id: Some("SM1".to_owned()),
        key: "undelivered:30005".to_owned(),
        event: Event::Undelivered(PermanentKind::InvalidNumber),
        at: "2026-03-01T12:00:09Z".parse().unwrap(),
        recipient: None,
        recording: None,
        provider_code: Some("30005".to_owned()),
        call: None,
    };
    assert_eq!(twilio.fetch(id, "SM1").await, Ok(Some(expected)));
    assert_eq!(twilio.fetch(id, "SM2").await, Ok(None));
    assert_eq!(twilio.fetch(id, "../Calls").await, Ok(None));
    assert_eq!(stub.requests()[0].target, "/2010-04-01/Accounts/ACtest/Messages/SM1.json");
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn an_email_is_not_for_twilio() {
    let message = crate::provider::stub::email(Some("hi"), None);
    let error = twilio_with(&Stub::new([]).await, None).send(&message).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error:?}");
}

#[tokio::test]
async fn a_template_goes_without_a_text_of_ours_and_is_never_taken_for_another() {
    let mut message = text(Channel::Whatsapp, "Hello Ann", &["https://a.example/1"]);
    let template = crate::message::content::ProviderTemplate {
        sid: "HX1".to_owned(),
        variables: [("1".to_owned(), "Ann \"A\"".to_owned())].into(),
    };
    if let Content::Text(text) = &mut message.content {
        text.template = Some(template);
    }
    message.valid_until = Some("2026-03-01T12:01:30.5Z".parse().unwrap());
    let (_, seen) = sent(None, &message).await;
    let callback = format!("https://api.example.com/twilio/whatsapp-status?message={}", message.id);
    let expected = [
        ("To", "whatsapp:+14155552671"),
        ("From", "whatsapp:+14155238886"),
        ("ContentSid", "HX1"),
        ("ContentVariables", r#"{"1":"Ann \"A\""}"#),
        ("ValidityPeriod", "90"),
        ("StatusCallback", &callback),
    ];
    assert_eq!(pairs(&seen), owned(&expected));

    let changes =
        json!({"to": "whatsapp:+14155552671", "from": "whatsapp:+14155238886", "body": "Hello Ann \"A\", see you"});
    let resolved = async |entry: serde_json::Value, taken: &'static [&'static str]| {
        let stub = Stub::new([page(&[entry], None), page(&[], None)]).await;
        twilio_with(&stub, None).resolve(&message, NOW.parse().unwrap(), &Owned(taken)).await
    };
    // It may be this one or another to the same number: nothing tells, so it is not taken for it.
    let entry = listed("MMthis", 2, changes);
    assert_eq!(resolved(entry.clone(), &[]).await, Ok(Resolution::Unknowable));
    assert_eq!(resolved(entry.clone(), &["MMthis"]).await, Ok(Resolution::NotFound));
    let mut late = entry;
    late["date_created"] = json!("Sun, 01 Mar 2026 12:00:41 +0000");
    assert_eq!(resolved(late, &[]).await, Ok(Resolution::NotFound), "it was made after the call was over");
}

#[tokio::test]
async fn entry_made_after_the_call_is_another_message() {
    for (second, expected) in [(40, accepted("SMthis")), (41, Ok(Resolution::NotFound))] {
        let (result, _) = resolved(vec![page(&[listed("SMthis", second, json!({}))], None), page(&[], None)]).await;
        assert_eq!(result, expected, "{second} s after the claim");
    }
}

#[tokio::test]
async fn respelled_text_and_number_are_the_same_message() {
    let mut message = text(Channel::Sms, "It’s “you” – 5\u{a0}€…", &[]);
    message.to = Address::Phone(PhoneNumber::parse("+5215512345678", "MX").unwrap());
    let Address::Phone(to) = &message.to else { panic!() };
    let other = if to.as_str().starts_with("+521") { "+525512345678" } else { "+5215512345678" };
    let entry = listed("SMthis", 2, json!({"body": "It's \"you\" - 5 €...", "to": other}));
    let answers = [page(&[], None), page(&[], None), page(&[entry], None), page(&[], None)];
    let stub = Stub::new(answers).await;
    let found = twilio_with(&stub, None).resolve(&message, NOW.parse().unwrap(), &Owned(&[])).await;
    assert_eq!(found, accepted("SMthis"), "{:?}", stub.requests());
}

#[test]
fn numbers_are_listed_under_both_spellings() {
    for (number, other) in [
        ("+5215512345678", Some("+525512345678")),
        ("+525512345678", Some("+5215512345678")),
        ("+5491123456789", Some("+541123456789")),
        ("+541123456789", Some("+5491123456789")),
        ("whatsapp:+5511987654321", Some("whatsapp:+551187654321")),
        ("whatsapp:+551187654321", Some("whatsapp:+5511987654321")),
        ("+14155552671", None),
    ] {
        let expected: Vec<&str> = std::iter::once(number).chain(other).collect();
        assert_eq!(spellings(number), expected);
    }
}
