//! JSON bodies. What cannot be read is a 400 that names the field, in the words of the API's contract.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ApiError;

/// A JSON body, read into `T`, with its canonical form beside it.
#[derive(Debug)]
pub struct Body<T> {
    pub value: T,
    /// The body with its members in order and without spaces: two spellings of one request compare equal.
    pub canonical: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| ApiError::too_large())?;
        read(&bytes)
    }
}

/// Reads a body.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, ApiError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("at line {}, column {}", error.line(), error.column());
        ApiError::bad_request("Invalid JSON").details(format!(
            "The request body is not JSON: {}",
            if bytes.is_empty() { "it is empty".to_owned() } else { place }
        ))
    })?;
    if !json.is_object() {
        return Err(ApiError::bad_request("Invalid JSON").details("The request body must be a JSON object"));
    }
    let canonical = json.to_string();
    Ok(Body { value: from_json(json)?, canonical })
}

/// Reads a part of a body.
pub fn from_json<T: DeserializeOwned>(json: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(json).map_err(|error| described(&error))
}

/// Serde's words as ours. `missing field` and a `null` in a required place are both missing.
fn described(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let path = error.path().to_string();
    let message = error.inner().to_string();
    if let Some(rest) = message.strip_prefix("missing field `") {
        let name = rest.split('`').next().unwrap_or_default();
        let full = if path == "." { name.to_owned() } else { format!("{path}.{name}") };
        return ApiError::missing_field(&full);
    }
    if message.starts_with("invalid type: null") {
        return ApiError::missing_field(&path);
    }
    ApiError::invalid_field(&path, message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Sample {
        user_id: u32,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Item {
        name: String,
    }

    async fn refusal(text: &str) -> Value {
        let response = read::<Sample>(text.as_bytes()).unwrap_err().render("test");
        assert_eq!(response.status(), 400);
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn the_field_is_named() {
        assert_eq!(refusal(r#"{"items": []}"#).await["error"], "Missing required field: user_id");
        assert_eq!(refusal(r#"{"user_id": null, "items": []}"#).await["error"], "Missing required field: user_id");
        assert_eq!(refusal(r#"{"user_id": "x", "items": []}"#).await["error"], "Invalid value for field: user_id");
        assert_eq!(
            refusal(r#"{"user_id": 1, "items": [{"name": "a"}, {}]}"#).await["error"],
            "Missing required field: items[1].name"
        );
        for text in ["", "{", "[]", "\"x\"", "nul"] {
            assert_eq!(refusal(text).await["error"], "Invalid JSON", "{text}");
        }
    }

    #[test]
    fn spelling_does_not_change_the_canonical_form() {
        let one = read::<Sample>(br#"{"user_id":1,"items":[]}"#).unwrap();
        let other = read::<Sample>(b"{ \"items\" : [ ],\n \"user_id\" : 1 }").unwrap();
        assert_eq!(one.canonical, other.canonical);
    }
}
