//! Where a call is. It is not stored: each answer puts it into the addresses of the next request, whose query the
//! provider signs with the rest.

use std::fmt;

use crate::message::MessageId;
use crate::message::record::MOST_RECORDINGS;

/// No call gets more answers than this; then it hears the goodbye.
pub const MOST_STEPS: u8 = 40;
// Each may record something, and all of it is kept.
const _: () = assert!(MOST_RECORDINGS > MOST_STEPS as usize);

/// Where a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The node that was spoken last.
    pub node: String,
    /// How often its question was not answered, in a row.
    pub misses: u8,
    /// How many answers the call has had.
    pub step: u8,
    pub origin: Origin,
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of ours: the message it is.
    Message(MessageId),
    /// One of ours, known by the provider's id.
    Ours,
    /// Somebody called us.
    Inbound,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    Nothing,
    Digits(&'a str),
    /// Words, as the provider understood them.
    Speech(&'a str),
    /// The caller was put through, and that conversation is over.
    Connected,
}

impl Place {
    /// A call that begins.
    pub fn outset(origin: Origin) -> Self {
        Self { node: String::new(), misses: 0, step: 0, origin }
    }

    /// Reads it from a query. A number that is not readable is taken for the largest, so that what cannot be counted ends.
    pub fn read(query: &str) -> Self {
        let mut place = Self::outset(Origin::read(query));
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "node" => place.node = value.into_owned(),
                "misses" => place.misses = value.parse().unwrap_or(u8::MAX),
                "step" => place.step = value.parse().unwrap_or(u8::MAX),
                _ => {}
            }
        }
        place
    }
}

/// As a query, without its question mark.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("node", &self.node);
        query.append_pair("misses", &self.misses.to_string()).append_pair("step", &self.step.to_string());
        if let Some((name, value)) = self.origin.pair() {
            query.append_pair(name, &value);
        }
        f.write_str(&query.finish())
    }
}

impl Origin {
    /// Reads it from a query.
    pub fn read(query: &str) -> Self {
        let mut origin = Self::Ours;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (name.as_ref(), value.as_ref()) {
                ("message", id) => origin = id.parse().map_or(origin, Self::Message),
                ("direction", "inbound") => origin = Self::Inbound,
                _ => {}
            }
        }
        origin
    }

    /// Its name and value in a query.
    pub fn pair(self) -> Option<(&'static str, String)> {
        match self {
            Self::Message(id) => Some(("message", id.to_string())),
            Self::Ours => None,
            Self::Inbound => Some(("direction", "inbound".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        for origin in [Origin::Message(MessageId::new()), Origin::Ours, Origin::Inbound] {
            let place = Place { node: "main".to_owned(), misses: 2, step: 7, origin };
            assert_eq!(Place::read(&place.to_string()), place);
        }
        assert_eq!(Place::read(""), Place::outset(Origin::Ours));
        let strange = Place::read("node=%26x&misses=-1&step=256&message=nobody&more=1");
        assert_eq!(strange, Place { node: "&x".to_owned(), misses: 255, step: 255, origin: Origin::Ours });
    }
}
