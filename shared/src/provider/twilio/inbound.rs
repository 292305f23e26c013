//! A text somebody wrote to us, as Twilio brings it.
//!
//! Source: Twilio's "Twilio's Request to your Incoming Message Webhook URL". `OptOutType` is there where the Messaging
//! Service has Advanced Opt-Out, and says what Twilio itself took the text for, in the words its owner set up. The JSON form
//! `{"From", "Body"}` is read too.

use super::super::MalformedCallback;
use super::callback::Parameters;
use crate::message::{Channel, PhoneNumber};
use crate::person::words::{Keyword, Reply};

/// What is read of it. The text itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Twilio's id of it.
    pub sid: Option<String>,
    pub channel: Channel,
    /// `None`: it did not come from a telephone number (short codes and alphanumeric senders write texts too).
    pub from: Option<PhoneNumber>,
    pub reply: Reply,
}

/// Reads a webhook's body.
pub fn parse(body: &[u8]) -> Result<Inbound, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    let from = parameters.text(&["From"])?.ok_or(MalformedCallback("no From"))?;
    let sid = parameters.text(&["MessageSid", "SmsSid", "SmsMessageSid"])?.map(str::to_owned);
    let channel = if from.starts_with("whatsapp:") { Channel::Whatsapp } else { Channel::Sms };
    let taken_for = parameters.text(&["OptOutType"])?.and_then(Keyword::of_opt_out_type);
    let text = parameters.text(&["Body"])?.unwrap_or_default();
    let reply = taken_for.map_or_else(|| Reply::read(text), Reply::Keyword);
    // It names its country: there is no region to read it in.
    Ok(Inbound { sid, channel, from: PhoneNumber::parse(from, "").ok(), reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_what_twilio_made_of_it() {
        let form = b"ToCountry=US&MessageSid=SM1&SmsSid=SM1&From=%2B14155552671&To=%2B15005550006&Body=Stop.&NumMedia=0&AccountSid=AC1";
        let from = PhoneNumber::parse("+14155552671", "").ok();
        let stop = Reply::Keyword(Keyword::Stop);
        let expected = Inbound { sid: Some("SM1".to_owned()), channel: Channel::Sms, from, reply: stop };
        assert_eq!(parse(form), Ok(expected.clone()));
        let whatsapp = parse(b"MessageSid=SM1&From=whatsapp%3A%2B14155552671&Body=STOP");
        assert_eq!(whatsapp, Ok(Inbound { channel: Channel::Whatsapp, ..expected.clone() }));
        let own_word = parse(b"MessageSid=SM1&From=%2B14155552671&Body=Genug+jetzt&OptOutType=STOP");
        assert_eq!(own_word, Ok(expected));
        let help = parse(b"MessageSid=SM1&From=%2B14155552671&Body=STOP&OptOutType=HELP").unwrap();
        assert_eq!(help.reply, Reply::Keyword(Keyword::Help), "what the person was answered is what they asked for");
    }

    #[test]
    fn the_json_form_is_read_too() {
        let read = parse(br#"{"From": "+1234567890", "Body": "STOP"}"#).unwrap();
        assert_eq!((read.sid, read.reply), (None, Reply::Keyword(Keyword::Stop)));
        assert_eq!(read.from.unwrap().as_str(), "+1234567890");
    }

    #[test]
    fn who_has_no_number_is_nobody_we_write_to_and_who_is_not_named_is_malformed() {
        for from in ["72345", "ACME", "whatsapp:"] {
            let read = parse(format!("From={from}&Body=STOP").as_bytes()).unwrap();
            assert_eq!(read.from, None, "{from}");
        }
        assert_eq!(parse(b"From=%2B14155552671").unwrap().reply, Reply::Other, "a picture has no words");
        for body in [&b""[..], b"Body=STOP", b"{", br#"{"From": 7}"#, b"\xff"] {
            assert!(parse(body).is_err(), "{body:?}");
        }
    }
}
