//! Numbers that fail on purpose.
//!
//! Refused at once, as Twilio's own test credentials have it:
//!
//! | number | as From | as To |
//! |---|---|---|
//! | +15005550001 | 21212 | 21217 |
//! | +15005550002 | 21210 | 21214 |
//! | +15005550003 | 21210 | 21215 |
//! | +15005550004 | 21210 | 21216 |
//! | +15005550007 | 21210 | |
//!
//! Accepted, and ending as the simulator has it, as To:
//!
//! | number | |
//! |---|---|
//! | +15005550050 | busy |
//! | +15005550051 | no-answer |
//! | +15005550052 | failed: the number does not exist |
//! | +15005550053 | a machine answers, hears what is said, and the call is completed |
//! | +15005550054 | a fax answers |
//! | +15005550055 | rings until the call is canceled |
//! | +15005550056 | is answered and stays on the line until the call is completed through the API |
//! | any other | a person answers, listens to the end, and the call is completed |

use super::{super::answer::Error, Detection};
use crate::store::Status;

/// What becomes of a call that rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(Party),
    /// Answered by a person who never hangs up.
    Stays,
    /// Nobody answers and nobody gives up.
    Rings,
    /// It ends so, with this SIP response.
    Ends(Status, u16),
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Person,
    Machine,
    Fax,
}

impl Party {
    /// As `AnsweredBy` spells it.
    pub(super) fn as_str(self, detection: Detection) -> Option<&'static str> {
        match (self, detection) {
            (_, Detection::Off) => None,
            (Self::Person, Detection::Enable | Detection::MessageEnd) => Some("human"),
            (Self::Machine, Detection::Enable) => Some("machine_start"),
            (Self::Machine, Detection::MessageEnd) => Some("machine_end_beep"),
            (Self::Fax, Detection::Enable | Detection::MessageEnd) => Some("fax"),
        }
    }
}

/// The outcome of a call to this number.
pub(super) fn outcome(to: &str) -> Outcome {
    match to.strip_prefix("+150055500").unwrap_or_default() {
        "50" => Outcome::Ends(Status::Busy, 486),
        "51" => Outcome::Ends(Status::NoAnswer, 487),
        "52" => Outcome::Ends(Status::Failed, 404),
        "53" => Outcome::Answered(Party::Machine),
        "54" => Outcome::Answered(Party::Fax),
        "55" => Outcome::Rings,
        "56" => Outcome::Stays,
        _ => Outcome::Answered(Party::Person),
    }
}

/// The refusal that this pair of numbers calls for.
pub(super) fn refusal(from: &str, to: &str) -> Option<Error> {
    match from {
        "+15005550001" => return Some(invalid_from(from)),
        "+15005550002" | "+15005550003" | "+15005550004" | "+15005550007" => {
            let message = format!(
                "The source phone number provided, {from}, is not yet verified for your account. You may only make \
                 calls from phone numbers that you've verified or purchased from Twilio."
            );
            return Some(Error::new(21210, message));
        }
        _ => {}
    }
    match to {
        "+15005550001" => Some(invalid_to(to)),
        "+15005550002" => Some(Error::new(21214, format!("'To' phone number {to} cannot be reached"))),
        "+15005550003" => {
            let message = format!(
                "Account not authorized to call {to}. Perhaps you need to enable some international permissions"
            );
            Some(Error::new(21215, message))
        }
        "+15005550004" => Some(Error::new(21216, format!("Account not allowed to call {to}"))),
        _ => None,
    }
}

pub(super) fn invalid_to(to: &str) -> Error {
    Error::new(21217, format!("The phone number you are attempting to call, {to}, is not valid."))
}

pub(super) fn invalid_from(from: &str) -> Error {
    Error::new(21212, format!("Invalid 'From' Phone Number: {from}"))
}
