//! A subscriber: it keeps what it is sent, and answers as a test wants it to. A stack has the events of all tests, so what it
//! answers is set for one message or type.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use super::Hook;
use crate::world::signing::svix;
use crate::world::{eventually, seconds};

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// Takes it and never answers.
    Hang,
    /// Takes it, after two seconds and a half.
    Slow,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signatures: String,
    pub(crate) text: String,
    pub(crate) json: Value,
}

#[derive(Default)]
struct Inbox {
    received: Vec<Received>,
    /// By message id or event type.
    replies: HashMap<String, VecDeque<Reply>>,
    /// Whatever else comes is answered with this, or else with 204.
    otherwise: Option<Reply>,
}

pub(crate) struct Listener {
    pub(crate) url: String,
    inbox: Arc<Mutex<Inbox>>,
    server: tokio::task::JoinHandle<()>,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", socket.local_addr().expect("an address"));
        let router = Router::new().route("/hook", post(take)).with_state(inbox.clone());
        let server = tokio::spawn(async move { axum::serve(socket, router).await.expect("it serves") });
        Self { url, inbox, server }
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers events of a message, or of a type, like this, one after the other; then as all the others.
    pub(crate) fn replies(&self, to: &str, replies: impl IntoIterator<Item = Reply>) {
        self.inbox().replies.insert(to.to_owned(), replies.into_iter().collect());
    }

    /// Answers whatever else comes like this: also what other tests do is told here.
    pub(crate) fn otherwise(&self, reply: Option<Reply>) {
        self.inbox().otherwise = reply;
    }

    /// What came of a message, or under a `webhook-id`, in order.
    pub(crate) fn received(&self, of: &str) -> Vec<Received> {
        let inbox = self.inbox();
        inbox.received.iter().filter(|one| one.id == of || one.json["data"]["id"] == of).cloned().collect()
    }

    /// The same, once there are so many.
    pub(crate) async fn until(&self, count: usize, of: &str) -> Vec<Received> {
        eventually(&format!("{count} requests about {of}"), seconds(60), async || {
            let received = self.received(of);
            if received.len() >= count { Ok(received) } else { Err(format!("{received:?}")) }
        })
        .await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Received {
    /// Whether one of the signatures is this secret's.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let expected = svix(secret, &self.id, self.timestamp, &self.text);
        self.signatures.split(' ').any(|signature| signature == expected)
    }

    #[track_caller]
    pub(crate) fn is_genuine(&self, hook: &Hook) -> &Self {
        assert!(self.is_signed_with(&hook.secret), "{self:?}");
        let age = jiff::Timestamp::now().as_second() - self.timestamp;
        assert!((-5..300).contains(&age), "{age} s old: {self:?}");
        self
    }
}

async fn take(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let reply = {
        let mut inbox = inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [&json["data"]["id"], &json["type"]].map(|key| key.as_str().unwrap_or_default().to_owned());
        let next = keys.iter().find_map(|key| inbox.replies.get_mut(key)?.pop_front());
        let next = next.or(inbox.otherwise);
        inbox.received.push(Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp").parse().expect("a number"),
            signatures: header("webhook-signature"),
            text,
            json,
        });
        next.unwrap_or(Reply::Status(204))
    };
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).expect("a status"),
        Reply::Hang => std::future::pending().await,
        Reply::Slow => {
            tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
            StatusCode::NO_CONTENT
        }
    }
}
