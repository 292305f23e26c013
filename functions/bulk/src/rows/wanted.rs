//! What a row asks for: to whom, and what to fill in.

use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::job::Fault;
use switchboard::person::PersonId;

/// A row's wish, not yet looked at closely.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    pub recipient: Recipient,
    pub variables: Map<String, Value>,
}

/// To whom.
#[derive(Clone, PartialEq, Eq)]
pub enum Recipient {
    /// An address as it was written.
    Address(String),
    /// Somebody we know.
    Person(PersonId),
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(_) => f.write_str("Address[…]"),
            Self::Person(id) => write!(f, "Person[{id}]"),
        }
    }
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wanted[{:?}, {} variables]", self.recipient, self.variables.len())
    }
}

/// A recipient as a request's JSON has it.
#[derive(Deserialize)]
struct Given {
    to: Option<String>,
    user_id: Option<PersonId>,
    #[serde(default)]
    variables: Map<String, Value>,
}

impl Wanted {
    /// Reads a line of JSON. What is wrong with it is said without quoting it.
    pub fn from_json(line: &[u8]) -> Result<Self, Fault> {
        let given: Given = serde_json::from_slice(line)
            .map_err(|_| Fault::new("", "It is no object of to or user_id, and variables"))?;
        let recipient = match (given.to, given.user_id) {
            (Some(_), Some(_)) => return Err(Fault::new("user_id", "Either an address or a user, not both")),
            (Some(address), None) => Recipient::Address(address),
            (None, Some(person)) => Recipient::Person(person),
            (None, None) => return Err(Fault::new("to", "Missing recipient")),
        };
        Ok(Self { recipient, variables: given.variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_an_address_or_a_user_with_variables() {
        let read = |text: &str| Wanted::from_json(text.as_bytes());
        let wanted = read(r#"{"to": "+1", "variables": {"n": 2}}"#).unwrap();
        assert_eq!(wanted.recipient, Recipient::Address("+1".to_owned()));
        assert_eq!(wanted.variables["n"], 2);
        assert_eq!(read(r#"{"user_id": 7}"#).unwrap().recipient, Recipient::Person(PersonId::text("7").unwrap()));
        assert_eq!(read("{}").unwrap_err().field, "to");
        assert_eq!(read(r#"{"to": "+1", "user_id": 7}"#).unwrap_err().field, "user_id");
        assert_eq!(read(r#""+1""#).unwrap_err().field, "");
        assert_eq!(read(r#"{"to": "+1", "variables": []}"#).unwrap_err().field, "");
    }
}
