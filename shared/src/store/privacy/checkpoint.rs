//! How far a walk is: the key of the last row it has behind it, as a text.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::unreadable;
use crate::store::{Item, StoreError};

/// A key's part, as a checkpoint keeps it.
#[derive(Serialize, Deserialize)]
enum KeyPart {
    S(String),
    N(String),
}

/// As a checkpoint keeps it.
pub(super) fn key_text(key: &Item) -> Result<String, StoreError> {
    let part = |(name, value): (&String, &AttributeValue)| {
        let word = value.as_s().ok().map(|text| KeyPart::S(text.clone()));
        let part = word.or_else(|| value.as_n().ok().map(|text| KeyPart::N(text.clone())));
        Some((name.clone(), part?))
    };
    let parts: HashMap<String, KeyPart> = key.iter().filter_map(part).collect();
    serde_json::to_string(&parts).map_err(unreadable)
}

/// The key it was made of.
pub(super) fn key_from(text: &str) -> Result<Item, StoreError> {
    let parts: HashMap<String, KeyPart> = serde_json::from_str(text).map_err(unreadable)?;
    let value = |part| match part {
        KeyPart::S(text) => AttributeValue::S(text),
        KeyPart::N(text) => AttributeValue::N(text),
    };
    Ok(parts.into_iter().map(|(name, part)| (name, value(part))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{number, text};

    #[test]
    fn a_checkpoint_is_the_key_it_was_made_of() {
        let key = Item::from([("subject".to_owned(), text("person#1")), ("sequence".to_owned(), number(7))]);
        assert_eq!(key_from(&key_text(&key).unwrap()).unwrap(), key);
        assert!(key_from("x").is_err());
    }
}
