//! People in calls: keys, words, recordings, somebody else on the line, and calls to the client.

use serde_json::{Value, json};

use crate::world::{World, is_signed};

const PERSON: &str = "+14155550100";

impl World {
    /// Calls somebody, who does these deeds, with TwiML from the client; what was heard, line by line.
    async fn talk(&self, deeds: Value, documents: &[&str]) -> Vec<String> {
        let callers = format!("{}/_sim/callers", self.simulator.url);
        let put = self.http.put(callers).json(&json!({"number": PERSON, "deeds": deeds}));
        assert_eq!(put.send().await.expect("an answer").status(), 204);
        documents.iter().for_each(|document| self.answer(document));
        let url = format!("{}/voice", self.callback_base);
        let form = [("To", PERSON), ("From", "+15005550006"), ("Url", url.as_str())];
        let call = self.http.post(self.twilio("Calls.json")).form(&form);
        let call = call.basic_auth(&self.config.twilio_account_sid, Some(&self.config.twilio_auth_token));
        assert_eq!(call.send().await.expect("an answer").status(), 201);
        let seen = self.wait_for("/_sim/messages", |list| list[0]["status"] == "completed").await;
        seen[0]["text"].as_str().unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

const ASK: &str = r#"<Response><Gather input="dtmf speech" numDigits="1" action="/chose?a=1&amp;b=2"><Say>Choose.</Say></Gather>
    <Redirect>/silent</Redirect></Response>"#;
const BYE: &str = "<Response><Say>Bye.</Say><Hangup/></Response>";

#[tokio::test]
async fn keys_and_words_go_to_the_action_signed_and_silence_goes_on() {
    let world = World::start().await;
    assert_eq!(world.talk(json!([{"press": "12"}]), &[ASK, BYE]).await, ["Choose.", "[pressed 12]", "Bye."]);
    let fetches = world.received();
    assert_eq!((fetches[1].path.as_str(), fetches[1].form("Digits").as_str()), ("/chose?a=1&b=2", "1"));
    assert!(fetches.iter().all(|fetch| is_signed(fetch, &world.callback_base, &world.config.twilio_auth_token)));

    let world = World::start().await;
    assert_eq!(world.talk(json!([{"say": "an agent"}]), &[ASK, BYE]).await, ["Choose.", "[said an agent]", "Bye."]);
    assert_eq!(world.received()[1].form("SpeechResult"), "an agent");

    let world = World::start().await;
    assert_eq!(world.talk(json!([]), &[ASK, BYE]).await, ["Choose.", "Bye."]);
    assert_eq!((world.received()[1].path.as_str(), world.received()[1].form("Digits").as_str()), ("/silent", ""));

    let world = World::start().await;
    assert_eq!(world.talk(json!(["hang_up"]), &[ASK, BYE]).await, ["Choose."]);
    assert_eq!(world.received().len(), 1);
}

#[tokio::test]
async fn a_recording_is_told_to_its_action_and_to_its_status_callback() {
    const RECORD: &str = r#"<Response><Record action="/recorded" recordingStatusCallback="CALLBACK"/><Redirect>/silent</Redirect></Response>"#;
    let world = World::start().await;
    let record = RECORD.replace("CALLBACK", &format!("{}/told", world.callback_base));
    let lines = world.talk(json!([{"say": "one two three"}]), &[&record, BYE, BYE]).await;
    assert_eq!(lines, ["[recorded one two three]", "Bye."]);
    let told = world.callbacks(3).await;
    let action = told.iter().find(|told| told.path == "/recorded").expect("the action");
    let callback = told.iter().find(|told| told.path == "/told").expect("the callback");
    assert_eq!(action.form("RecordingSid"), callback.form("RecordingSid"));
    assert_eq!(
        (callback.form("RecordingStatus").as_str(), callback.form("RecordingDuration").as_str()),
        ("completed", "2")
    );
    assert!(is_signed(callback, &world.callback_base, &world.config.twilio_auth_token));

    let world = World::start().await;
    world.talk(json!([]), &[RECORD, BYE]).await;
    assert_eq!(world.received()[1].path, "/silent", "there was nothing to record");
}

#[tokio::test]
async fn who_is_dialled_answers_or_does_not_by_their_number() {
    for (number, status) in [("+14155550101", "completed"), ("+15005550050", "busy"), ("+15005550055", "no-answer")] {
        let world = World::start().await;
        let dial =
            format!(r#"<Response><Dial action="/over"><Number>{number}</Number></Dial><Say>Never.</Say></Response>"#);
        let lines = world.talk(json!([]), &[&dial, BYE]).await;
        assert_eq!(lines, [format!("[dialled {number}: {status}]"), "Bye.".to_owned()]);
        assert_eq!(world.received()[1].form("DialCallStatus"), status);
    }
}

#[tokio::test]
async fn somebody_calls_the_client() {
    let world = World::start().await;
    world.answer(ASK);
    world.answer(BYE);
    let call = json!({"channel": "voice", "from": PERSON, "to": "+15005550006", "deeds": [{"press": "1"}]});
    let call = world.http.post(format!("{}/_sim/inbound", world.simulator.url)).json(&call).send().await;
    let call: Value = call.expect("an answer").json().await.expect("JSON");
    assert_eq!((&call["status"], &call["heard"]), (&json!("completed"), &json!(["Choose.", "[pressed 1]", "Bye."])));
    let told = world.callbacks(3).await;
    assert_eq!((told[0].path.as_str(), told[0].form("Direction").as_str()), ("/twilio/voice-response", "inbound"));
    let last = told.last().expect("the end");
    assert_eq!((last.path.as_str(), last.form("CallStatus").as_str()), ("/twilio/call-status", "completed"));
}
