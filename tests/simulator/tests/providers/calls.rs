//! Twilio calls as a client sees them: answers, statuses, callbacks, TwiML.

use serde_json::{Value, json};

use crate::world::{Callback, World, is_signed};

const EVENTS: [(&str, &str); 4] = [
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
];

const HELLO: (&str, &str) = ("Twiml", "<Response><Say>Hello &amp; welcome to the show tonight</Say></Response>");

impl World {
    async fn call(&self, to: &str, extra: &[(&str, &str)]) -> Value {
        let response = self.calling(to, extra).send().await.expect("an answer");
        assert_eq!(response.status(), 201);
        response.json().await.expect("JSON")
    }

    fn calling(&self, to: &str, extra: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let callback = format!("{}/twilio/call-status?message=c-1", self.callback_base);
        let mut form = vec![("To", to), ("From", "+15005550006"), ("StatusCallback", callback.as_str())];
        form.extend(extra);
        self.post("Calls.json", &form)
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.http
            .post(self.twilio(path))
            .basic_auth(&self.config.twilio_account_sid, Some(&self.config.twilio_auth_token))
            .form(form)
    }

    async fn read(&self, path: &str) -> Value {
        let request = self
            .http
            .get(self.twilio(path))
            .basic_auth(&self.config.twilio_account_sid, Some(&self.config.twilio_auth_token));
        request.send().await.expect("an answer").json().await.expect("JSON")
    }
}

fn forms(callbacks: &[Callback], name: &str) -> Vec<String> {
    callbacks.iter().map(|callback| callback.form(name)).collect()
}

#[tokio::test]
async fn a_call_is_answered_and_every_event_is_called_back_signed_and_numbered() {
    let world = World::start().await;
    let created = world.call("+14155550100", &[&EVENTS[..], &[HELLO]].concat()).await;
    assert_eq!((&created["status"], &created["direction"]), (&"queued".into(), &"outbound-api".into()));
    assert!(created["start_time"].is_null() && created["duration"].is_null() && created["answered_by"].is_null());
    assert_eq!(created["to_formatted"], "(415) 555-0100");

    let mut callbacks = world.callbacks(4).await;
    callbacks.sort_by_key(|callback| callback.form("SequenceNumber"));
    assert_eq!(forms(&callbacks, "CallStatus"), ["initiated", "ringing", "in-progress", "completed"]);
    assert_eq!(forms(&callbacks, "SequenceNumber"), ["0", "1", "2", "3"]);
    for callback in &callbacks {
        assert!(is_signed(callback, &world.callback_base, &world.config.twilio_auth_token));
        assert_eq!(callback.path, "/twilio/call-status?message=c-1");
        assert_eq!(callback.form("CallSid"), created["sid"].as_str().expect("a sid"));
        assert!(callback.form("Timestamp").ends_with("+0000"));
    }
    let last = &callbacks[3];
    assert_eq!((last.form("CallDuration").as_str(), last.form("Duration").as_str()), ("3", "1"));
    assert!(!last.body.contains("AnsweredBy"));

    let sid = created["sid"].as_str().expect("a sid");
    let fetched = loop {
        let fetched = world.read(&format!("Calls/{sid}.json")).await;
        if fetched["price"] == "-0.01400" {
            break fetched;
        }
    };
    assert_eq!((&fetched["status"], &fetched["duration"]), (&"completed".into(), &"3".into()));
    let seen = world.get("/_sim/messages?channel=voice").await;
    assert_eq!(seen[0]["text"], "Hello & welcome to the show tonight");
    assert_eq!((&seen[0]["our_id"], &seen[0]["id"]), (&"c-1".into(), &created["sid"]));
    assert_eq!(world.get("/_sim/stats").await["by_channel"]["voice"], 1);
}

#[tokio::test]
async fn only_the_end_is_told_unless_more_is_asked_for() {
    let world = World::start().await;
    for (to, status, response) in
        [("+15005550050", "busy", "486"), ("+15005550051", "no-answer", "487"), ("+15005550052", "failed", "404")]
    {
        let before = world.received().len();
        let created = world.call(to, &[HELLO]).await;
        let last = world.callbacks(before + 1).await.pop().expect("a callback");
        assert_eq!((last.form("CallStatus").as_str(), last.form("SipResponseCode").as_str()), (status, response));
        assert_eq!((last.form("SequenceNumber").as_str(), last.form("CallDuration").as_str()), ("0", "0"));
        let sid = created["sid"].as_str().expect("a sid");
        let fetched = world.read(&format!("Calls/{sid}.json")).await;
        assert_eq!((&fetched["status"], &fetched["duration"]), (&status.into(), &Value::Null));
        let seen = world.get(&format!("/_sim/messages?to={}", to.replace('+', "%2B"))).await;
        assert!(seen[0]["text"].is_null(), "nobody heard a word: {seen}");
    }
    assert_eq!(world.received().len(), 3);
}

#[tokio::test]
async fn a_machine_is_told_only_where_it_was_listened_for() {
    let world = World::start().await;
    for (detection, answered_by) in [("Enable", "machine_start"), ("DetectMessageEnd", "machine_end_beep"), ("", "")] {
        let before = world.received().len();
        world.call("+15005550053", &[HELLO, ("MachineDetection", detection)]).await;
        let last = world.callbacks(before + 1).await.pop().expect("a callback");
        assert_eq!((last.form("CallStatus").as_str(), last.form("AnsweredBy").as_str()), ("completed", answered_by));
    }
}

#[tokio::test]
async fn twiml_is_fetched_signed_and_followed() {
    let world = World::start().await;
    let url = format!("{}/voice", world.callback_base);
    world.answer("<Response><Say>First.</Say><Redirect>/more?a=1&amp;b=2</Redirect></Response>");
    world.answer("<Response><Say>Second.</Say></Response>");
    world.call("+14155550100", &[("Url", &url), ("MachineDetection", "Enable")]).await;
    let seen = world.wait_for("/_sim/messages", |list| list[0]["status"] == "completed").await;
    assert_eq!(seen[0]["text"], "First.\nSecond.");
    let fetches = world.callbacks(3).await;
    assert_eq!((fetches[0].path.as_str(), fetches[1].path.as_str()), ("/voice", "/more?a=1&b=2"));
    for fetch in &fetches[..2] {
        assert!(is_signed(fetch, &world.callback_base, &world.config.twilio_auth_token));
        assert_eq!((fetch.form("CallStatus").as_str(), fetch.form("AnsweredBy").as_str()), ("in-progress", "human"));
    }
}

#[tokio::test]
async fn what_is_no_twiml_is_apologised_for_with_its_code() {
    let world = World::start().await;
    let url = format!("{}/voice", world.callback_base);
    world.answer("{}");
    world.call("+14155550100", &[("Url", &url)]).await;
    let seen = world.wait_for("/_sim/messages", |list| list[0]["status"] == "completed").await;
    assert_eq!(seen[0]["error_code"], 12100);
    assert!(seen[0]["text"].as_str().expect("words").contains("application error"));
}

#[tokio::test]
async fn a_call_is_canceled_while_it_rings_and_redirected_while_it_is_answered() {
    let world = World::start().await;
    let rings = world.call("+15005550055", &[HELLO]).await;
    let path = format!("Calls/{}.json", rings["sid"].as_str().expect("a sid"));
    let refused = world.post(&path, &[HELLO]).send().await.expect("an answer");
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], 21220);
    let canceled = world.post(&path, &[("Status", "canceled")]).send().await.expect("an answer");
    assert_eq!(canceled.json::<Value>().await.expect("JSON")["status"], "canceled");
    assert_eq!(world.callbacks(1).await[0].form("CallStatus"), "canceled");

    let stays = world.call("+15005550056", &[HELLO]).await;
    let path = format!("Calls/{}.json", stays["sid"].as_str().expect("a sid"));
    world.wait_for("/_sim/messages?to=%2B15005550056", |list| list[0]["status"] == "in-progress").await;
    let again = ("Twiml", "<Response><Say>Still there?</Say></Response>");
    assert_eq!(world.post(&path, &[again]).send().await.expect("an answer").status(), 200);
    let heard = |list: &Value| list[0]["text"].as_str().is_some_and(|text| text.ends_with("Still there?"));
    world.wait_for("/_sim/messages?to=%2B15005550056", heard).await;
    world.post(&path, &[("Status", "completed")]).send().await.expect("an answer");
    assert_eq!(world.callbacks(2).await[1].form("CallStatus"), "completed");
    let refused = world.post(&path, &[("Status", "completed")]).send().await.expect("an answer");
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], 21220);
}

#[tokio::test]
async fn calls_and_texts_have_lists_of_their_own() {
    let world = World::start().await;
    let call = world.call("+14155550100", &[HELLO]).await;
    world.sms("+14155550100", "m-1").send().await.expect("an answer");
    world.wait_for("/_sim/messages?channel=voice", |list| list[0]["status"] == "completed").await;
    let calls = world.read("Calls.json?To=%2B14155550100&Status=completed").await;
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1));
    assert_eq!(calls["calls"][0]["sid"], call["sid"]);
    assert_eq!(world.read("Calls.json?Status=busy").await["calls"], json!([]));
    let texts = world.read("Messages.json?To=%2B14155550100").await;
    assert_eq!(texts["messages"].as_array().map(Vec::len), Some(1));
    let sid = call["sid"].as_str().expect("a sid");
    assert_eq!(world.read(&format!("Messages/{sid}.json")).await["code"], 20404);
}

#[tokio::test]
async fn faults_strike_calls_as_they_strike_messages() {
    let world = World::start().await;
    world.fault(json!({ "kind": "status", "status": 503, "channel": "voice", "count": 1 })).await;
    assert_eq!(world.calling("+14155550100", &[HELLO]).send().await.expect("an answer").status(), 503);
    assert_eq!(world.sms("+14155550100", "m-1").send().await.expect("an answer").status(), 201);
    world.fault(json!({ "kind": "hang_after", "channel": "voice", "count": 1 })).await;
    let hung = world.calling("+14155550100", &[HELLO]).timeout(std::time::Duration::from_secs(2)).send().await;
    assert!(hung.expect_err("no answer").is_timeout());
    world.wait_for("/_sim/messages?channel=voice", |list| list[0]["status"] == "completed").await;
    let seen = world.get("/_sim/messages?channel=voice").await;
    assert_eq!((seen.as_array().map(Vec::len), &seen[0]["requests"]), (Some(1), &2.into()));
}

#[tokio::test]
async fn free_text_on_whatsapp_needs_a_window_or_a_template() {
    let world = World::start().await;
    let status = async |extra: &[(&str, &str)]| {
        let form = [&[("To", "whatsapp:+15005550032"), ("From", "whatsapp:+14155238886")][..], extra].concat();
        let made = world.post("Messages.json", &form).send().await.expect("an answer");
        assert_eq!(made.status(), 201);
        let made: Value = made.json().await.expect("JSON");
        let ended = |list: &Value| {
            let mine = list.as_array().and_then(|list| list.iter().find(|message| message["id"] == made["sid"]));
            mine.is_some_and(|mine| mine["status"] == "failed" || mine["status"] == "delivered")
        };
        let list = world.wait_for("/_sim/messages", ended).await;
        let mine = list.as_array().and_then(|list| list.iter().find(|message| message["id"] == made["sid"])).cloned();
        mine.expect("the message")
    };
    assert_eq!(status(&[("Body", "Hello")]).await["error_code"], 63016);
    let sid = ("ContentSid", "HX00000000000000000000000000000001");
    let sent = status(&[sid, ("ContentVariables", r#"{"1":"Ann","2":"Monday"}"#)]).await;
    assert_eq!(
        (&sent["status"], &sent["text"]),
        (&"delivered".into(), &"Hello Ann, your booking on Monday is confirmed.".into())
    );
    assert_eq!(status(&[sid, ("ContentVariables", r#"{"1":"Ann"}"#)]).await["error_code"], 63028);
    let unknown = [
        ("To", "whatsapp:+14155550100"),
        ("From", "whatsapp:+14155238886"),
        ("ContentSid", "HX0000000000000000000000000000000f"),
    ];
    let refused = world.post("Messages.json", &unknown).send().await.expect("an answer");
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], 21655);

    let inbound = json!({ "channel": "whatsapp", "from": "+15005550032", "to": "+14155238886", "text": "hi" });
    world.http.post(format!("{}/_sim/inbound", world.simulator.url)).json(&inbound).send().await.expect("an answer");
    assert_eq!(status(&[("Body", "Hello")]).await["status"], "delivered");
}
