use serde_json::{Value, json};

use super::super::tests::{NOW, owned, twilio_with};
use super::*;
use crate::message::{Address, Channel, Content};
use crate::provider::stub::{Owned, Script as Answer, Seen, Stub, reply, text};
use crate::provider::{PermanentKind, Provider};

const CALLS: &str = "/2010-04-01/Accounts/ACtest/Calls.json";

fn calling(script: Script, machine: MachineDetection) -> Outgoing {
    Outgoing {
        channel: Channel::Voice,
        content: Content::Call(Call { script, machine }),
        ..text(Channel::Sms, "", &[])
    }
}

fn saying(words: &str) -> Outgoing {
    calling(Script::Say { text: words.to_owned(), language: None }, MachineDetection::Off)
}

async fn sent(message: &Outgoing) -> Seen {
    let stub = Stub::new([reply(201, json!({"sid": "CA1", "status": "queued"}))]).await;
    let result = twilio_with(&stub, Some("MG1")).send(message).await;
    assert_eq!(result, Ok(Accepted { provider_id: "CA1".to_owned() }));
    stub.only_request()
}

#[tokio::test]
async fn a_call_says_its_text_and_asks_for_every_event() {
    let message =
        calling(Script::Say { text: "Tom & Ann".to_owned(), language: Some("en-GB".to_owned()) }, MachineDetection::On);
    let seen = sent(&message).await;
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", CALLS));
    let callback = format!("https://api.example.com/twilio/call-status?message={}", message.id);
    let expected = [
        ("To", "+14155552671"),
        ("From", "+15005550006"),
        ("Twiml", r#"<Response><Say language="en-GB">Tom &amp; Ann</Say></Response>"#),
        ("MachineDetection", "Enable"),
        ("Timeout", "60"),
        ("StatusCallback", &callback),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
    ];
    assert_eq!(seen.form(), owned(&expected));
}

#[tokio::test]
async fn a_call_by_url_rings_no_longer_than_it_is_worth_something() {
    let script = Script::Url("https://example.com/voice?a=1&b=2".to_owned());
    let mut message = calling(script, MachineDetection::Off);
    message.from = Some("+15005550009".to_owned());
    for (left, rings) in [(20, "20"), (1, "5"), (3_600, "60")] {
        message.valid_until = Some(NOW.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_secs(left));
        let form = sent(&message).await.form();
        let expected = [("From", "+15005550009"), ("Url", "https://example.com/voice?a=1&b=2"), ("Timeout", rings)];
        assert_eq!(form[1..4], owned(&expected));
    }
}

fn listed(sid: &str, second: u8, changes: Value) -> Value {
    let mut call = json!({
        "sid": sid, "status": "ringing", "to": "+14155552671", "from": "+15005550006", "direction": "outbound-api",
        "answered_by": null, "duration": null,
        "date_created": format!("Sun, 01 Mar 2026 12:00:{second:02} +0000"),
    });
    call.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    call
}

fn page(calls: &[Value]) -> Answer {
    reply(200, json!({ "calls": calls, "next_page_uri": null }))
}

async fn resolved(pages: Vec<Answer>) -> (Result<Resolution, SendError>, Vec<Seen>) {
    let stub = Stub::new(pages).await;
    let since = NOW.parse().unwrap();
    let result = twilio_with(&stub, None).resolve(&saying("hi"), since, &Owned(&["CAtaken"])).await;
    (result, stub.requests())
}

#[tokio::test]
async fn a_call_without_an_answer_is_never_taken_for_another() {
    let others = [
        listed("CAtaken", 0, json!({})),
        listed("CAfrom", 0, json!({"from": "+15005550009"})),
        listed("CAto", 0, json!({"to": "+14155552672"})),
        listed("CAin", 0, json!({"direction": "inbound"})),
        listed("CAdial", 0, json!({"direction": "outbound-dial"})),
        listed("CAold", 0, json!({"date_created": "Sun, 01 Mar 2026 11:59:29 +0000"})),
        listed("CAdateless", 0, json!({"date_created": null})),
    ];
    // What a call says stands in no list: one that may be it is not taken for it.
    let both = [&others[..], &[listed("CAthis", 2, json!({}))]].concat();
    assert_eq!(resolved(vec![page(&both), page(&[])]).await.0, Ok(Resolution::Unknowable));

    let queued = page(&[listed("CAqueued", 1, json!({"status": "queued"}))]);
    let (result, seen) = resolved(vec![page(&others), queued]).await;
    assert_eq!(result, Ok(Resolution::Unknowable), "a call that was not dialled yet has no start to be found by");
    assert_eq!(seen[0].target, format!("{CALLS}?To=%2B14155552671&StartTime%3E=2026-03-01&PageSize=100"));
    assert_eq!(seen[1].target, format!("{CALLS}?To=%2B14155552671&PageSize=100"));

    assert_eq!(resolved(vec![page(&others), page(&others)]).await.0, Ok(Resolution::NotFound));
}

#[tokio::test]
async fn fetching_a_call_reports_how_it_went() {
    let done = json!({"sid": "CA1", "status": "completed", "answered_by": "machine_start", "duration": "12",
        "date_updated": "Sun, 01 Mar 2026 12:00:09 +0000"});
    let busy = json!({"sid": "CA2", "status": "busy", "answered_by": null, "duration": null, "date_updated": null});
    let stub = Stub::new([reply(200, done), reply(200, busy), reply(404, json!({"code": 20404}))]).await;
    let (twilio, id) = (twilio_with(&stub, None), MessageId::new());
    let expected = Report {
        recipient: None,
        recording: None,
        provider: ProviderName::Twilio,
        message_id: Some(id),
        provider_id: Some("CA1".to_owned()),
        key: "completed".to_owned(),
        event: Event::Delivered,
        at: NOW.parse().unwrap(),
        provider_code: None,
        call: CallFacts::new(Some("machine_start".to_owned()), Some(12)).and_then(|call| call.at("completed")),
    };
    let fetched = twilio.fetch(id, "CA1").await.unwrap().unwrap();
    assert_eq!(fetched.detail().as_deref(), Some("machine_start, 12 s"));
    assert_eq!(Report { at: expected.at, ..fetched }, expected);
    let busy = twilio.fetch(id, "CA2").await.unwrap().unwrap();
    assert_eq!(busy.event, Event::Undelivered(PermanentKind::Unreachable));
    assert_eq!((busy.provider_code.as_deref(), busy.call), (Some("busy"), CallFacts::default().at("busy")));
    assert_eq!(twilio.fetch(id, "CA3").await, Ok(None));
    assert_eq!(stub.requests()[0].target, "/2010-04-01/Accounts/ACtest/Calls/CA1.json");
}

#[tokio::test]
async fn a_refused_call_has_its_class() {
    for (code, kind) in
        [(21217, PermanentKind::InvalidNumber), (21205, PermanentKind::Content), (21215, PermanentKind::Configuration)]
    {
        let stub = Stub::new([reply(400, json!({"code": code, "status": 400}))]).await;
        let error = twilio_with(&stub, None).send(&saying("hi")).await.unwrap_err();
        assert!(matches!(error, SendError::Permanent { kind: class, .. } if class == kind), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_no_number_is_not_called() {
    let mut message = saying("hi");
    message.to = Address::Email(crate::message::EmailAddress::parse("a@example.com").unwrap());
    let error = twilio_with(&Stub::new([]).await, None).send(&message).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent { kind: PermanentKind::Configuration, .. }), "{error:?}");
}

#[tokio::test]
async fn a_call_of_the_menu_asks_us_for_its_words() {
    let message = calling(Script::Menu, MachineDetection::Off);
    let url = format!("https://api.example.com/twilio/voice-response?message={}", message.id);
    assert!(sent(&message).await.form().contains(&("Url".to_owned(), url)));
}
