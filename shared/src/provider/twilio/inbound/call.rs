//! A call somebody made to us, as Twilio tells of it: when it asks for TwiML, and when the call is over.
//!
//! Source: Twilio's pages "TwiML Voice" (what every request holds) and "Phone number status callbacks". Who withholds their
//! number comes as a word (`anonymous`) or as letters on a keypad (`+266696687`).

use super::{Address, Channel, LONGEST_WORD, MalformedCallback, Parameters, PhoneNumber, cut};
use crate::message::record::CallFacts;

/// What is read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundCall {
    /// Twilio's id of it.
    pub sid: String,
    /// Who calls: a number, or what stands in its place.
    pub caller: Address,
    /// The number of ours that was called.
    pub to: Option<String>,
    /// How far it is.
    pub facts: Option<CallFacts>,
}

/// Reads a request's body; `None`: it is about a call of ours.
pub fn parse(body: &[u8]) -> Result<Option<InboundCall>, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    if parameters.text(&["Direction"])? != Some("inbound") {
        return Ok(None);
    }
    let sid = parameters.text(&["CallSid"])?.ok_or(MalformedCallback("no CallSid"))?;
    let from = parameters.text(&["From", "Caller"])?.unwrap_or("anonymous");
    let number = PhoneNumber::parse(from, "").map(Address::Phone);
    let progress = parameters.text(&["CallStatus"])?;
    Ok(Some(InboundCall {
        sid: cut(sid, LONGEST_WORD),
        caller: number.unwrap_or_else(|_| Address::stored(Channel::Voice, cut(from, LONGEST_WORD))),
        to: parameters.text(&["To", "Called"])?.map(|to| cut(to, LONGEST_WORD)),
        facts: progress.and_then(|word| CallFacts::default().at(word)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_whom_is_read_and_calls_of_ours_are_not_these() {
        let read = |form: &str| parse(form.as_bytes()).unwrap();
        let call =
            read("CallSid=CA1&Direction=inbound&From=%2B14155552671&To=%2B15005550006&CallStatus=ringing").unwrap();
        assert_eq!((call.sid.as_str(), call.caller.as_str()), ("CA1", "+14155552671"));
        assert_eq!(
            (call.to.as_deref(), call.facts.unwrap().progress.as_deref()),
            (Some("+15005550006"), Some("ringing"))
        );
        assert_eq!(read("CallSid=CA1&Direction=outbound-api&From=%2B1"), None);
        assert_eq!(read("CallSid=CA1"), None);
        for hidden in ["anonymous", "Restricted", "sip%3Aada%40example.com"] {
            let call = read(&format!("CallSid=CA1&Direction=inbound&From={hidden}")).unwrap();
            assert!(PhoneNumber::parse(call.caller.as_str(), "").is_err(), "{hidden}");
        }
        assert_eq!(read("CallSid=CA1&Direction=inbound").unwrap().caller.as_str(), "anonymous");
        assert!(parse(b"Direction=inbound").is_err());
    }
}
