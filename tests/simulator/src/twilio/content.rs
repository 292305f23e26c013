//! Content templates: what a WhatsApp message says outside the window in which a business may write freely.
//!
//! These are there from the start; a test adds its own with `PUT /_sim/templates`:
//!
//! | ContentSid | body |
//! |---|---|
//! | HX00000000000000000000000000000001 | Hello {{1}}, your booking on {{2}} is confirmed. |
//! | HX00000000000000000000000000000002 | Your order {{1}} has been shipped. |
//! | HX00000000000000000000000000000003 | We are open again. See you soon! |
//!
//! Any other is unknown: 21655. Variables that do not fit the body are accepted, and fail later with 63028.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{answer::Error, form, segments};
use crate::store::{Channel, Detail, NewMessage};

const SHIPPED: &[(&str, &str)] = &[
    ("HX00000000000000000000000000000001", "Hello {{1}}, your booking on {{2}} is confirmed."),
    ("HX00000000000000000000000000000002", "Your order {{1}} has been shipped."),
    ("HX00000000000000000000000000000003", "We are open again. See you soon!"),
];

/// The longest value of a variable, in characters (21658).
const LONGEST_VALUE: usize = 1600;

/// The templates of the account.
#[derive(Debug, Default)]
pub(crate) struct Templates(HashMap<String, String>);

impl Templates {
    /// Adds one, or puts another body in its place.
    pub(crate) fn put(&mut self, sid: &str, body: &str) -> Result<(), String> {
        if !form::is_sid(sid, "HX") {
            return Err(format!("not HX and 32 hex digits: {sid}"));
        }
        self.0.insert(sid.to_owned(), body.to_owned());
        Ok(())
    }

    fn body(&self, sid: &str) -> Option<&str> {
        let shipped = || SHIPPED.iter().find(|(known, _)| *known == sid).map(|(_, body)| *body);
        self.0.get(sid).map(String::as_str).or_else(shipped)
    }

    /// Gives a message that names a template the template's text.
    pub(super) fn render(&self, message: &mut NewMessage) -> Result<(), Error> {
        let Detail::Twilio(detail) = &mut message.detail else { return Ok(()) };
        let Some((sid, variables)) = &detail.template else { return Ok(()) };
        let body = self.body(sid).ok_or_else(|| Error::new(21655, format!("The ContentSid {sid} is invalid")))?;
        let variables: Map<String, Value> =
            variables.as_deref().map(serde_json::from_str).transpose().unwrap_or_default().unwrap_or_default();
        if variables.values().any(|value| value.as_str().is_some_and(|text| text.chars().count() > LONGEST_VALUE)) {
            return Err(Error::new(21658, "A content variable exceeds the 1600 character limit"));
        }
        let (text, fits) = fill(body, &variables);
        detail.misfit = !fits;
        if message.channel == Channel::Sms {
            detail.segments = segments::count(&text);
        }
        message.text = Some(text);
        Ok(())
    }
}

/// The body with its places filled; whether every place had a variable and every variable a place.
fn fill(body: &str, variables: &Map<String, Value>) -> (String, bool) {
    let (mut text, mut rest, mut fits) = (String::new(), body, true);
    let mut used = 0;
    let mut seen = Vec::new();
    while let Some((before, name, after)) = place(rest) {
        text.push_str(before);
        match variables.get(name).and_then(Value::as_str) {
            Some(value) => text.push_str(value),
            None => fits = false,
        }
        if !seen.contains(&name) {
            seen.push(name);
            used += usize::from(variables.contains_key(name));
        }
        rest = after;
    }
    text.push_str(rest);
    (text, fits && used == variables.len())
}

/// The text before the next place, its name, and the text after it.
fn place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(body: &str, variables: &str) -> (String, bool) {
        fill(body, &serde_json::from_str(variables).expect("an object"))
    }

    #[test]
    fn every_place_is_filled_and_what_does_not_fit_is_noticed() {
        assert_eq!(filled("Hi {{1}} and {{ 2 }}{{1}}!", r#"{"1":"A","2":"B"}"#), ("Hi A and BA!".to_owned(), true));
        assert_eq!(filled("Hi {{1}}", "{}"), ("Hi ".to_owned(), false));
        assert_eq!(filled("Hi", r#"{"1":"A"}"#), ("Hi".to_owned(), false));
        assert_eq!(filled("Hi {{1", "{}"), ("Hi {{1".to_owned(), true));
    }

    #[test]
    fn only_a_sid_names_a_template() {
        let mut templates = Templates::default();
        assert!(templates.put("HX1", "x").is_err());
        assert!(templates.put("HX0123456789abcdef0123456789abcdef", "x").is_ok());
        assert_eq!(templates.body("HX0123456789abcdef0123456789abcdef"), Some("x"));
        assert_eq!(templates.body("HX00000000000000000000000000000003"), Some("We are open again. See you soon!"));
        assert_eq!(templates.body("HX00000000000000000000000000000009"), None);
    }
}
