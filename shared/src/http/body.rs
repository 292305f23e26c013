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

/// Reads a part of a body. A field that nothing reads is refused: what is misspelt must not be passed over, least of all what keeps
/// something secret or stops it.
pub fn from_json<T: DeserializeOwned>(json: Value) -> Result<T, ApiError> {
    let (mut track, mut unknown) = (serde_path_to_error::Track::new(), Vec::new());
    let reader = serde_path_to_error::Deserializer::new(json, &mut track);
    let read = serde_ignored::deserialize(reader, |path| unknown.push(spelled(&path)));
    match read {
        Ok(_) if !unknown.is_empty() => Err(no_such_fields(&unknown)),
        Ok(value) => Ok(value),
        Err(error) => Err(described(&serde_path_to_error::Error::new(track.path(), error))),
    }
}

fn no_such_fields(unknown: &[String]) -> ApiError {
    let all = unknown.join(", ");
    let first = unknown.first().map_or("", String::as_str);
    ApiError::invalid_field(first, format!("There is no such field; nothing was done. Unknown: {all}"))
}

/// A place in a body as clients write it: `items[1].name`.
fn spelled(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", spelled(parent)),
        Path::Map { parent, key } => match spelled(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => spelled(parent),
    }
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

    #[tokio::test]
    async fn unknown_fields_are_refused_and_all_are_named() {
        let refused = refusal(r#"{"user_id": 1, "items": [{"name": "a", "Name": "b"}], "itemz": []}"#).await;
        assert_eq!(refused["error"], "Invalid value for field: items[0].Name");
        let details = refused["details"].as_str().unwrap();
        assert!(details.ends_with("Unknown: items[0].Name, itemz"), "{details}");
    }

    #[test]
    fn spelling_does_not_change_the_canonical_form() {
        let one = read::<Sample>(br#"{"user_id":1,"items":[]}"#).unwrap();
        let other = read::<Sample>(b"{ \"items\" : [ ],\n \"user_id\" : 1 }").unwrap();
        assert_eq!(one.canonical, other.canonical);
    }
}
