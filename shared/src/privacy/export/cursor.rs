//! Where an export goes on. It is handed out as text; what comes back may be anything, and leads only through the data of the
//! person who is asked for.

use std::fmt;
use std::str::FromStr;

use crate::store::messages::Place;

/// A place in an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Messages to the person.
    Messages(Option<Place>),
    /// Messages to the address of this number among theirs.
    Address(usize, Option<Place>),
    /// Entries of the subject of this number, before this one.
    Ledger(usize, Option<u64>),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |place: &Option<Place>| place.as_ref().map(ToString::to_string).unwrap_or_default();
        match self {
            Self::Messages(after) => write!(f, "messages:0:{}", place(after)),
            Self::Address(number, after) => write!(f, "address:{number}:{}", place(after)),
            Self::Ledger(number, before) => {
                write!(f, "ledger:{number}:{}", before.map(|before| before.to_string()).unwrap_or_default())
            }
        }
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        fn part<T: FromStr>(text: &str) -> Result<Option<T>, ()> {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| ()) }
        }
        let (stage, rest) = text.split_once(':').ok_or(())?;
        let (number, after) = rest.split_once(':').ok_or(())?;
        let number = number.parse().map_err(|_| ())?;
        match stage {
            "messages" => Ok(Self::Messages(part(after)?)),
            "address" => Ok(Self::Address(number, part(after)?)),
            "ledger" => Ok(Self::Ledger(number, part(after)?)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_nothing_else_is_one() {
        for text in [
            "messages:0:",
            "messages:0:17~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11",
            "address:1:17~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11",
            "ledger:2:",
            "ledger:0:57",
        ] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", "messages", "messages:x:", "messages:0:5", "ledger:0:x", "ledger:-1:", "all:0:"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
