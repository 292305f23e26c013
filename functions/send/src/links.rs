//! What a client ties a message to: its own words, kept and shown, never interpreted.

use switchboard::http::ApiError;

/// The longest of them, in characters.
const LONGEST: usize = 128;

/// One of them; an empty one is none.
pub(crate) fn link(field: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        let why = format!("It must be at most {LONGEST} printable characters");
        return Err(ApiError::invalid_field(field, why));
    }
    Ok(Some(text))
}
