//! Errors at the edge. What the caller reads and what the log keeps are separate: the caller gets a sentence that names
//! the field and says what to do, the log gets the cause and the place.
//!
//! * bad input: [`ApiError::missing_field`], [`ApiError::invalid_field`], [`ApiError::bad_request`] (400)
//! * who: [`ApiError::unauthorized`] (401), [`ApiError::forbidden`] (403)
//! * what: [`ApiError::not_found`] (404), [`ApiError::conflict`] (409), [`ApiError::other_body`] (422)
//! * how often: [`ApiError::too_many_requests`] (429)
//! * us: every other error becomes a logged 500 or 503 with a constant body, by `?`.

use std::borrow::Cow;
use std::panic::Location;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::otp::CheckError;
use crate::road::NotAdmitted;
use crate::seal::SealError;
use crate::secrets::SecretError;
use crate::store::StoreError;
use crate::twofactor::Trouble;

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Always `false`.
    #[schema(example = false)]
    pub success: bool,
    /// What is wrong, in a sentence; names the field where there is one.
    #[schema(example = "Missing required field: user_id")]
    pub error: String,
    /// More on it, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The endpoint.
    #[schema(example = "send_communication")]
    pub context: String,
    /// The field that is missing or wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    error: Cow<'static, str>,
    details: Option<String>,
    /// More members of the body, where an endpoint's contract has them.
    fields: Map<String, Value>,
    retry_after: Option<u64>,
    /// It was answered before, to the same request with the same idempotency key.
    replayed: bool,
    /// For the log only.
    cause: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            error: error.into(),
            details: None,
            fields: Map::new(),
            retry_after: None,
            replayed: false,
            cause: None,
        }
    }

    pub fn bad_request(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub fn missing_field(name: &str) -> Self {
        Self::bad_request(format!("Missing required field: {name}")).field(name)
    }

    pub fn invalid_field(name: &str, why: impl Into<String>) -> Self {
        Self::bad_request(format!("Invalid value for field: {name}")).field(name).details(why)
    }

    pub fn unauthorized(error: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error)
    }

    pub fn forbidden(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error)
    }

    /// What a callback with a bad signature gets; nothing else was done.
    pub fn invalid_signature() -> Self {
        Self::forbidden("Invalid signature")
    }

    pub fn not_found(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }

    pub fn conflict(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    /// The idempotency key was used before, with another body.
    pub fn other_body() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key was used with another request body")
            .details("Repeat the request with the body it was first used with, or use a new key")
    }

    pub fn too_many_requests(limit: u32, seconds: u64) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")
            .details(format!("At most {limit} requests a minute; try again in {seconds} s"));
        error.retry_after = Some(seconds);
        error
    }

    /// A limit of the endpoint's own matter was reached; it may be asked again in so many seconds.
    pub fn try_later(error: &'static str, seconds: i64) -> Self {
        let seconds = u64::try_from(seconds).unwrap_or(0).max(1);
        let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, error)
            .details(format!("Nothing was sent; try again in {seconds} s"));
        refused.retry_after = Some(seconds);
        refused
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large")
    }

    /// Something we depend on is not there. Nothing was half done; the same request may be sent again.
    #[track_caller]
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Communication service error")
            .details("A service this depends on is unavailable; try again shortly")
            .because(cause);
        error.retry_after = Some(1);
        error
    }

    /// Our fault; the body says no more.
    #[track_caller]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error").because(cause)
    }

    #[track_caller]
    fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(format!("{cause} (at {})", Location::caller()));
        self
    }

    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Marks it as an answer that was given before.
    #[must_use]
    pub fn replayed(mut self) -> Self {
        self.replayed = true;
        self
    }

    fn field(self, name: &str) -> Self {
        self.with("field", name)
    }

    /// What the caller reads.
    pub fn message(&self) -> &str {
        &self.error
    }

    /// The idempotency key was used with another body.
    pub fn is_other_body(&self) -> bool {
        self.status == StatusCode::UNPROCESSABLE_ENTITY
    }

    /// Not the caller's fault.
    pub fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// What the log keeps.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The envelope: `success`, `error`, `details`, `context`, then what the endpoint added.
    pub(super) fn render(&self, context: &str) -> Response {
        let envelope = Envelope {
            success: false,
            error: &self.error,
            details: self.details.as_deref(),
            context,
            fields: &self.fields,
        };
        let mut response = (self.status, axum::Json(envelope)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.replayed {
            super::idempotency::mark_replay(headers);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
    context: &'a str,
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
}

/// The envelope is rendered by the outermost layer, which knows the context; the error travels there with the response.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<NotAdmitted> for ApiError {
    fn from(error: NotAdmitted) -> Self {
        let refused = match error.retry_after {
            Some(seconds) => Self::try_later(
                "The caller's messages for today are used up",
                i64::try_from(seconds).unwrap_or(i64::MAX),
            )
            .details("Nothing was sent; the next day (UTC) begins anew"),
            None => Self::forbidden("Sending is stopped")
                .details("An administrator stopped this caller or channel; nothing was sent"),
        };
        refused.with("reason", error.reason)
    }
}

impl From<StoreError> for ApiError {
    #[track_caller]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Contended { .. } => Self::unavailable(error),
            StoreError::BeingErased => Self::conflict("The user is being erased")
                .details("Nothing can be kept about them until that is done; try again after it"),
            // Another instance has a newer key already; the next request here takes it up.
            StoreError::Seal(SealError::UnknownKey(_)) => Self::unavailable(error),
            StoreError::Unreadable { .. } | StoreError::NoLedgerKeys | StoreError::Seal(_) => Self::internal(error),
        }
    }
}

impl From<CheckError> for ApiError {
    #[track_caller]
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => error.into(),
            CheckError::Provider(_) => Self::unavailable(error),
        }
    }
}

impl From<SecretError> for ApiError {
    #[track_caller]
    fn from(error: SecretError) -> Self {
        Self::unavailable(error)
    }
}

impl From<Trouble> for ApiError {
    #[track_caller]
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::Secret(error) => error.into(),
            Trouble::Check(error) => error.into(),
            Trouble::Key(_) | Trouble::Random(_) => Self::unavailable(trouble),
        }
    }
}
