//! `Idempotency-Key`, on every POST that sends. There is no store of keys: the key makes the message's id, and the
//! message's row is the record (see [`crate::road::accept`]).

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::ApiError;

/// The key of this request, if it carries one.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

/// As the field's IETF draft and the providers have it: up to 255 printable characters.
const LONGEST: usize = 255;

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= LONGEST);
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(ApiError::bad_request("Invalid Idempotency-Key header")
                .details(format!("It must be 1 to {LONGEST} printable ASCII characters"))),
        }
    }
}

/// The header, for the API description.
impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("Repeating a request with its key does not send again"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST))));
        vec![header.build()]
    }
}

/// Marks an answer that was given before.
pub fn mark_replay(headers: &mut HeaderMap) {
    headers.insert("idempotency-replay", HeaderValue::from_static("true"));
}
