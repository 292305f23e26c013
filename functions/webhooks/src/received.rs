//! A callback as it came: its bytes, its headers, and the URL its sender signed.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use lambda_http::RequestExt;
use serde::Serialize;
use switchboard::http::ApiError;

use crate::App;

/// A callback.
#[derive(Debug)]
pub struct Received {
    /// The public address, the raw path and the raw query.
    pub url: String,
    /// The raw query, without the question mark.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// Its body is a JSON object, whatever its headers say.
    pub(crate) fn is_json(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"{")
    }
}

/// The callback was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Acknowledged {
    #[schema(example = true)]
    pub success: bool,
}

impl FromRequest<App> for Received {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let path = match request.raw_http_path() {
            "" => request.uri().path(),
            raw => raw,
        };
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", app.public_url);
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, app).await.map_err(|_| ApiError::too_large())?;
        Ok(Self { url, query, headers, body })
    }
}
