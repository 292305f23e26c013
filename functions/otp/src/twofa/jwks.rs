//! `GET /.well-known/jwks.json`: the public keys assertions are verified with. It needs no token and may be cached.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::Value;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;

use crate::App;

/// A JWK set (RFC 7517).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JwksDocument {
    /// The key that signs now, and the one before it.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

/// As long as a running function goes on signing with the key of before. Verifiers that see an unknown key id look again.
const CACHED: &str = "public, max-age=300";
/// RFC 7517 §8.5.2.
const TYPE: &str = "application/jwk-set+json";

/// The keys assertions are verified with
///
/// ES256 keys by their RFC 7638 thumbprints. Needs no token.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "Two-factor", operation_id = "jwks",
    responses(
        (status = 200, description = "The keys", body = JwksDocument, content_type = "application/jwk-set+json"),
        (status = 503, description = "The signing secret cannot be read", body = ErrorBody),
    ),
    security(()),
)]
pub async fn handle(State(app): State<App>) -> Result<Response, ApiError> {
    let set = app.twofactor.jwks().await?;
    let keys = set.keys.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(ApiError::internal)?;
    let mut response = Json(JwksDocument { keys }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHED));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TYPE));
    Ok(response)
}
