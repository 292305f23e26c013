//! A person's id is the client's: an integer or a string, and it comes back as it came.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A person's id. `123` and `"123"` are the same person; the spelling of the request is kept for the answer.
#[derive(Clone, Debug)]
pub struct PersonId {
    text: String,
    number: bool,
}

/// The longest id we take, in bytes (it is a part of keys).
const LONGEST: usize = 128;

impl PersonId {
    /// An id from text, as a token's subject has it.
    pub fn text(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        fits.then(|| Self { text: text.to_owned(), number: false })
    }

    /// An id from a path, where a number has no other form than a text.
    pub fn path(text: &str) -> Option<Self> {
        let number = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        Self::text(text).map(|id| Self { number, ..id })
    }

    /// What tables key on.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for PersonId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PersonId {}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PersonId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text.parse::<i64>() {
            Ok(number) if self.number => serializer.serialize_i64(number),
            _ => serializer.serialize_str(&self.text),
        }
    }
}

impl<'de> Deserialize<'de> for PersonId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;

        impl Visitor<'_> for Id {
            type Value = PersonId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an integer or a string of 1 to {LONGEST} bytes")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<PersonId, E> {
                Ok(PersonId { text: number.to_string(), number: true })
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<PersonId, E> {
                i64::try_from(number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
                    .and_then(|n| self.visit_i64(n))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PersonId, E> {
                PersonId::text(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Id)
    }
}

impl utoipa::PartialSchema for PersonId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Integer))
            .item(ObjectBuilder::new().schema_type(Type::String))
            .description(Some("A person's id: an integer or a string, answered as it was given."))
            .into()
    }
}

impl utoipa::ToSchema for PersonId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_it_came_and_names_the_same_person() {
        let number: PersonId = serde_json::from_str("123").unwrap();
        let text: PersonId = serde_json::from_str("\"123\"").unwrap();
        assert_eq!(number, text);
        assert_eq!(serde_json::to_string(&number).unwrap(), "123");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"123\"");
        for (path, json) in [("123", "123"), ("-7", "-7"), ("0123", "\"0123\""), ("ada", "\"ada\"")] {
            assert_eq!(serde_json::to_string(&PersonId::path(path).unwrap()).unwrap(), json);
        }
        assert!(serde_json::from_str::<PersonId>("1.5").is_err());
        assert!(serde_json::from_str::<PersonId>("\"\"").is_err());
        assert!(serde_json::from_str::<PersonId>("18446744073709551615").is_err());
    }
}
