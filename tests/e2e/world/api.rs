//! Calling the API as a client does.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::World;

/// A request being put together. The administrator's, unless said otherwise.
pub(crate) struct Call {
    request: reqwest::RequestBuilder,
    token: Option<String>,
    what: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body, if it is JSON.
    pub(crate) json: Value,
    what: String,
}

impl World {
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let method = method.parse().expect("a method");
        let what = format!("{method} {path}");
        let request = self.http.request(method, format!("{}{path}", self.stack.api_url));
        Call { request, token: Some(self.stack.tokens.admin.clone()), what }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.post_text(path, &body.to_string())
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Call {
        self.call("PUT", path).header("content-type", "application/json").body(&body.to_string())
    }

    pub(crate) fn post_text(&self, path: &str, body: &str) -> Call {
        self.call("POST", path).header("content-type", "application/json").body(body)
    }
}

impl Call {
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn no_token(mut self) -> Self {
        self.token = None;
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.request = self.request.body(body.to_owned());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request = match &self.token {
            Some(token) => self.request.bearer_auth(token),
            None => self.request,
        };
        let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", self.what));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{}: {error}", self.what));
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, json, what: self.what }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        self.is(200).json
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text);
        self
    }

    /// It is the error envelope, with this error.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.json["success"], false, "{}: {}", answer.what, answer.text);
        assert_eq!(answer.json["error"], error, "{}: {}", answer.what, answer.text);
        let context = answer.json["context"].as_str().unwrap_or_default();
        assert!(!context.is_empty(), "{}: no context in {}", answer.what, answer.text);
        answer
    }
}
