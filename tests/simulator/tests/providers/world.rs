//! A client that receives callbacks, and short ways to call the simulator.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use simulator::{Config, Running};
use tokio::{net::TcpListener, time::Instant};

/// Verifies a signature by a way of its own: no code of the simulator.
pub(crate) fn is_signed(callback: &Callback, base: &str, token: &str) -> bool {
    let mut pairs: Vec<_> = form_urlencoded::parse(callback.body.as_bytes()).into_owned().collect();
    pairs.sort();
    let signed = pairs.iter().fold(format!("{base}{}", callback.path), |text, (name, value)| text + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature = STANDARD.decode(callback.header("x-twilio-signature")).expect("base64");
    hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

/// One callback as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Callback {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn form(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Default)]
struct Inbox {
    callbacks: Arc<Mutex<Vec<Callback>>>,
    /// The statuses to answer first; 200 after them.
    refusals: Arc<Mutex<Vec<u16>>>,
    /// The documents to answer first, as XML; an empty 200 after them.
    documents: Arc<Mutex<Vec<String>>>,
}

/// A simulator and the client it calls back.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) simulator: Running,
    pub(crate) config: Config,
    pub(crate) http: reqwest::Client,
    pub(crate) callback_base: String,
    inbox: Inbox,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let inbox = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let callback_base = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/{*path}", post(receive)).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut config = Config::generated(&callback_base).expect("a configuration");
        change(&mut config);
        let simulator = simulator::start(config.clone()).await.expect("a simulator");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { simulator, config, http, callback_base, inbox }
    }

    pub(crate) fn refuse(&self, statuses: &[u16]) {
        *self.inbox.refusals.lock().expect("a lock") = statuses.to_vec();
    }

    /// Answers a request for TwiML with this document, after those given before.
    pub(crate) fn answer(&self, document: &str) {
        self.inbox.documents.lock().expect("a lock").push(document.to_owned());
    }

    pub(crate) fn received(&self) -> Vec<Callback> {
        self.inbox.callbacks.lock().expect("a lock").clone()
    }

    /// The callbacks once there are this many.
    pub(crate) async fn callbacks(&self, count: usize) -> Vec<Callback> {
        self.until(|| Some(self.received()).filter(|received| received.len() >= count)).await
    }

    async fn until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(value) = ready() {
                return value;
            }
            assert!(Instant::now() < deadline, "not in time; received: {:#?}", self.received());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Polls the simulator until this answer is true of it.
    pub(crate) async fn wait_for(&self, path: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let value = self.get(path).await;
            if ready(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "not in time: {value:#}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.simulator.url);
        self.http.get(url).send().await.expect("an answer").json().await.expect("JSON")
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let url = format!("{}/_sim/faults", self.simulator.url);
        let response = self.http.put(url).json(&fault).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
    }

    pub(crate) fn twilio(&self, path: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/{path}", self.simulator.url, self.config.twilio_account_sid)
    }

    pub(crate) fn sms(&self, to: &str, our_id: &str) -> reqwest::RequestBuilder {
        let callback = format!("{}/twilio/sms-status?message={our_id}", self.callback_base);
        let from = if to.starts_with("whatsapp:") { "whatsapp:+14155238886" } else { "+15005550006" };
        self.http
            .post(self.twilio("Messages.json"))
            .basic_auth(&self.config.twilio_account_sid, Some(&self.config.twilio_auth_token))
            .form(&[("To", to), ("From", from), ("Body", "Hello & welcome 👋"), ("StatusCallback", callback.as_str())])
    }

    pub(crate) fn sendgrid(&self, mail: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/v3/mail/send", self.simulator.url);
        self.http.post(url).bearer_auth(&self.config.sendgrid_api_key).json(mail)
    }

    pub(crate) fn resend(&self, key: &str, email: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/emails", self.simulator.url);
        self.http.post(url).bearer_auth(&self.config.resend_api_key).header("Idempotency-Key", key).json(email)
    }
}

async fn receive(State(inbox): State<Inbox>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let callback = Callback { path, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() };
    inbox.callbacks.lock().expect("a lock").push(callback);
    let mut refusals = inbox.refusals.lock().expect("a lock");
    let status = if refusals.is_empty() { 200 } else { refusals.remove(0) };
    let mut documents = inbox.documents.lock().expect("a lock");
    if documents.is_empty() {
        return StatusCode::from_u16(status).expect("a status").into_response();
    }
    ([("content-type", "text/xml")], documents.remove(0)).into_response()
}
