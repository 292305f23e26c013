//! The providers' side: what truly arrived there, what they called back, and faults.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, eventually, seconds, stack::stack};

impl World {
    pub(crate) async fn simulator(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.stack.simulator_url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("the simulator answers");
        let (status, text) = (response.status(), response.text().await.expect("a body"));
        assert!(status.is_success(), "simulator {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// What arrived for an address, in order.
    pub(crate) async fn arrived(&self, to: &str) -> Vec<Value> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        let messages = self.simulator(Method::GET, &format!("/_sim/messages?{query}"), None).await;
        messages.as_array().expect("a list").clone()
    }

    /// The one message that arrived for an address on a channel.
    pub(crate) async fn the_one(&self, to: &str, channel: &str) -> Value {
        let mut arrived = self.arrived(to).await;
        arrived.retain(|message| message["channel"] == channel);
        assert_eq!(arrived.len(), 1, "exactly one {channel} message for {to}: {arrived:?}");
        arrived.remove(0)
    }

    /// The callbacks that hold this text in address or body, in the order they were answered.
    pub(crate) async fn called_back(&self, text: &str) -> Vec<Value> {
        let callbacks = self.simulator(Method::GET, &format!("/_sim/callbacks?contains={text}"), None).await;
        callbacks.as_array().expect("a list").clone()
    }

    /// Somebody writes to us, and only the provider hears of it, who knows "STOP" for a no.
    pub(crate) async fn writes(&self, from: &str, text: &str) {
        let inbound = json!({"channel": "sms", "from": from, "to": "+15005550006", "text": text, "webhook": "silent"});
        self.simulator(Method::POST, "/_sim/inbound", Some(&inbound)).await;
    }

    /// Somebody writes to us: what the provider's call of our webhook came to.
    pub(crate) async fn brings(&self, text: &Value) -> Value {
        self.simulator(Method::POST, "/_sim/inbound", Some(text)).await
    }

    /// What the person at a number does when they are called next.
    pub(crate) async fn will_do(&self, number: &str, deeds: &Value) {
        let body = json!({"number": number, "deeds": deeds});
        self.simulator(Method::PUT, "/_sim/callers", Some(&body)).await;
    }

    /// What Twilio answers to whoever asks for a recording.
    pub(crate) async fn recording(&self, sid: &str) -> u16 {
        let (account, token) = (self.stack.secret("twilio_account_sid"), self.stack.secret("twilio_auth_token"));
        let url = format!("{}/2010-04-01/Accounts/{account}/Recordings/{sid}.json", self.stack.simulator_url);
        let answer = self.http.get(url).basic_auth(account, Some(token)).send().await;
        answer.expect("the simulator answers").status().as_u16()
    }

    /// Somebody calls us and does these deeds; the call once it is over.
    pub(crate) async fn calls_us(&self, from: &str, deeds: &Value) -> Value {
        let inbound = json!({"channel": "voice", "from": from, "to": "+15005550006", "deeds": deeds});
        self.simulator(Method::POST, "/_sim/inbound", Some(&inbound)).await
    }

    /// Sets a fault; it ends with what this gives.
    pub(crate) async fn fault(&self, fault: Value) -> Fault {
        let answer = self.simulator(Method::PUT, "/_sim/faults", Some(&fault)).await;
        let ours = |active: &&Value| {
            ["provider", "channel", "kind", "operation"]
                .iter()
                .all(|name| fault[name].is_null() || active[name] == fault[name])
        };
        let active = answer["faults"].as_array().expect("faults").iter().rfind(ours);
        Fault { id: active.and_then(|active| active["id"].as_u64()).expect("the new fault's id") }
    }
}

/// A fault that is set. The line it strikes belongs to its test.
pub(crate) struct Fault {
    id: u64,
}

impl Fault {
    /// Waits until a fault with a count has struck that often.
    pub(crate) async fn used_up(&self, world: &World) {
        eventually("the fault strikes", seconds(30), async || {
            let faults = world.simulator(Method::GET, "/_sim/faults", None).await;
            let active =
                faults["faults"].as_array().expect("faults").iter().find(|active| active["id"] == self.id).cloned();
            active.map_or(Ok(()), |active| Err(active.to_string()))
        })
        .await;
    }
}

impl Drop for Fault {
    /// Also when its test fails: the next one finds a good line. On a thread of its own, because a test's runtime is
    /// busy with the test.
    fn drop(&mut self) {
        let url = format!("{}/_sim/faults/{}", stack().simulator_url, self.id);
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { reqwest::Client::new().delete(url).send().await }).map_err(std::io::Error::other)
        });
        let _ = deletion.join();
    }
}
