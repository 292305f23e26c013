//! What Verify's refusals mean for the one who asked for a code. Twilio's codes and their classes are in
//! [`crate::provider::twilio::errors`].

use crate::provider::SendError;

/// What a refusal of Verify's means for the one who asked (60200 and so on: Twilio's error dictionary).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It sends nothing to this address.
    Address,
    /// Another channel to the same address may do: not on a landline, not switched on.
    Channel,
    /// The address had its codes.
    MostSends,
    /// All its checks were made.
    MostChecks,
    /// Whether a code was sent is not known, or it was not for a reason that is ours.
    Ours,
}

/// What a start that failed means.
pub(super) fn meaning(error: &SendError) -> Meaning {
    match error {
        SendError::Permanent { kind, provider_code, .. } => match provider_code.as_str() {
            "60205" | "60223" => Meaning::Channel,
            // Where Verify sends is set up by an operator, and is no fault of ours.
            "60605" => Meaning::Address,
            _ if kind.is_of_the_account() => Meaning::Ours,
            _ => Meaning::Address,
        },
        SendError::Transient { provider_code, .. } | SendError::Throttled { provider_code, .. } => {
            match provider_code.as_str() {
                "60203" => Meaning::MostSends,
                "60202" => Meaning::MostChecks,
                // Blocked for fraud, "temporarily": told as for good, because when it ends is not said.
                "60410" => Meaning::Address,
                _ => Meaning::Ours,
            }
        }
        SendError::Repeatable { .. } | SendError::Uncertain { .. } => Meaning::Ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::PermanentKind;

    fn permanent(code: &str, kind: PermanentKind) -> SendError {
        SendError::Permanent { kind, provider_code: code.to_owned(), reason: String::new() }
    }

    fn transient(code: &str) -> SendError {
        SendError::Transient { provider_code: code.to_owned(), reason: String::new(), retry_after: None }
    }

    fn throttled(code: &str) -> SendError {
        SendError::Throttled { provider_code: code.to_owned(), reason: String::new(), retry_after: None }
    }

    #[test]
    fn each_refusal_has_its_meaning() {
        use PermanentKind::{Configuration, Credentials, Filtered, InvalidNumber, Rejected};
        for (error, expected) in [
            (permanent("60200", InvalidNumber), Meaning::Address),
            (permanent("60205", InvalidNumber), Meaning::Channel),
            (permanent("60223", Rejected), Meaning::Channel),
            (permanent("60410", Filtered), Meaning::Address),
            (permanent("60605", Configuration), Meaning::Address),
            (permanent("60204", Configuration), Meaning::Ours),
            (permanent("20404", Configuration), Meaning::Ours),
            (permanent("20003", Credentials), Meaning::Ours),
            (transient("60203"), Meaning::MostSends),
            (transient("60202"), Meaning::MostChecks),
            (throttled("60203"), Meaning::MostSends),
            (throttled("20429"), Meaning::Ours),
            (transient("60410"), Meaning::Address),
            (transient("60212"), Meaning::Ours),
            (SendError::Uncertain { provider_code: None, reason: String::new() }, Meaning::Ours),
        ] {
            assert_eq!(meaning(&error), expected, "{error:?}");
        }
    }
}
