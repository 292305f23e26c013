//! A text somebody wrote to us, as Twilio brings it.
//!
//! Source: Twilio's "Twilio's Request to your Incoming Message Webhook URL". `OptOutType` is there where the Messaging
//! Service has Advanced Opt-Out, and says what Twilio itself took the text for, in the words its owner set up. RCS comes as SMS does, from `rcs:` and
//! the number: what is said by one of them is said of all (Twilio shares the opt-out among SMS, MMS and RCS). `ProfileName`,
//! `ButtonText` and `ButtonPayload` come by WhatsApp. The JSON form `{"From", "Body"}` is read too. Whatever else stands there
//! is Twilio's to add without notice. Everything that is kept has a longest length, so that all of it fits a row (32 kB): what
//! is written to us can be kept without asking a second store.

pub mod call;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::MalformedCallback;
use super::callback::Parameters;
use crate::message::address::SCHEMES;
use crate::message::content::Text;
use crate::message::received::{MOST_MEDIA, Media, Received};
use crate::message::{Address, Channel, PhoneNumber};
use crate::person::words::{Keyword, Reply};

/// What is kept of the words, in characters: Twilio's longest text has 1,600, WhatsApp's 4,096.
const LONGEST_BODY: usize = 4_096;
/// Of an address that is no telephone number, a name, a button's payload, a content type.
const LONGEST_WORD: usize = 128;
/// Of a file's address; Twilio's have some 150. A longer one is not kept: a part of it leads nowhere.
const LONGEST_URL: usize = 512;
/// A text of 1,600 characters has eleven parts.
const MOST_SEGMENTS: u32 = 100;

/// What is read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Twilio's id of it. Without one it may be a request that was captured and is brought again: nothing in it says when it was
    /// made.
    pub sid: Option<String>,
    /// The hash of the request's body: the same request has the same, and another one another.
    pub digest: String,
    pub channel: Channel,
    /// `None`: it did not come from a telephone number (short codes and alphanumeric senders write texts too).
    pub from: Option<PhoneNumber>,
    /// The same, whatever it is.
    pub sender: Address,
    /// The number of ours it was written to.
    pub to: Option<String>,
    pub text: Text,
    pub segments: u32,
    pub reply: Reply,
}

/// Reads a webhook's body.
pub fn parse(body: &[u8]) -> Result<Inbound, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    let word = |names: &[&str]| Ok(parameters.text(names)?.map(|text| cut(text, LONGEST_WORD)));
    let from = parameters.text(&["From"])?.ok_or(MalformedCallback("no From"))?;
    let sid = word(&["MessageSid", "SmsSid", "SmsMessageSid"])?;
    let channel = if from.starts_with("whatsapp:") { Channel::Whatsapp } else { Channel::Sms };
    let taken_for = parameters.text(&["OptOutType"])?.and_then(Keyword::of_opt_out_type);
    let words = parameters.text(&["Body", "ButtonText"])?.map(|text| cut(text, LONGEST_BODY)).unwrap_or_default();
    let received = Received {
        media: media(&parameters)?,
        profile_name: word(&["ProfileName"])?,
        button: word(&["ButtonPayload"])?,
        taken_for,
    };
    let reply = received.reply(&words);
    // It names its country: there is no region to read it in.
    let number = PhoneNumber::parse(from, "").ok();
    let sender =
        number.clone().map_or_else(|| Address::stored(channel, cut(plain(from), LONGEST_WORD)), Address::Phone);
    let segments = parameters.number("NumSegments").and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
    Ok(Inbound {
        sid,
        digest: URL_SAFE_NO_PAD.encode(digest(&SHA256, body).as_ref()),
        channel,
        from: number,
        sender,
        to: word(&["To"])?.map(|to| plain(&to).to_owned()),
        text: Text { body: words, received: Some(received), ..Text::default() },
        segments: segments.clamp(1, MOST_SEGMENTS),
        reply,
    })
}

/// Its files, as many as it says and at most as many as there can be.
fn media(parameters: &Parameters) -> Result<Vec<Media>, MalformedCallback> {
    let said = parameters.number("NumMedia").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let mut media = Vec::new();
    for place in 0..said.min(MOST_MEDIA) {
        let Some(url) = parameters.text(&[&format!("MediaUrl{place}")])?.filter(|url| is_address(url)) else {
            continue;
        };
        let content_type = parameters.text(&[&format!("MediaContentType{place}")])?;
        let last = url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next());
        media.push(Media {
            url: url.to_owned(),
            content_type: content_type.map(|text| cut(text, LONGEST_WORD)),
            sid: last.filter(|last| is_media_sid(last)).map(str::to_owned),
        });
    }
    Ok(media)
}

/// `ME` and 32 hex digits: the last part of a file's address.
fn is_media_sid(text: &str) -> bool {
    let hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.strip_prefix("ME").is_some_and(hex)
}

fn is_address(url: &str) -> bool {
    url.len() <= LONGEST_URL && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Without what stands before a number. An RCS agent is no number: `rcs:` is a part of its name, and who answers as it needs it.
fn plain(address: &str) -> &str {
    let bare = SCHEMES.iter().find_map(|scheme| address.strip_prefix(scheme));
    bare.filter(|bare| !address.starts_with("rcs:") || bare.starts_with('+')).unwrap_or(address).trim()
}

/// Its beginning, without control characters but those of lines: nobody wrote them.
fn cut(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: &str =
        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME0123456789abcdef0123456789abcdef";

    fn read(form: &[(&str, &str)]) -> Inbound {
        parse(form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().as_bytes()).unwrap()
    }

    #[test]
    fn a_form_is_read_with_what_twilio_made_of_it() {
        let form = [
            ("ToCountry", "US"),
            ("MessageSid", "SM1"),
            ("SmsSid", "SM1"),
            ("From", "+14155552671"),
            ("To", "+15005550006"),
            ("Body", "Stop."),
            ("NumMedia", "0"),
            ("NumSegments", "1"),
            ("AccountSid", "AC1"),
        ];
        let inbound = read(&form);
        assert_eq!((inbound.sid.as_deref(), inbound.channel, inbound.segments), (Some("SM1"), Channel::Sms, 1));
        assert_eq!((inbound.sender.as_str(), inbound.to.as_deref()), ("+14155552671", Some("+15005550006")));
        assert_eq!((inbound.text.body.as_str(), inbound.reply), ("Stop.", Reply::Keyword(Keyword::Stop)));
        let own_word = read(&[("From", "+14155552671"), ("Body", "Genug jetzt"), ("OptOutType", "STOP")]);
        assert_eq!(own_word.reply, Reply::Keyword(Keyword::Stop));
        let help = read(&[("From", "+14155552671"), ("Body", "STOP"), ("OptOutType", "HELP")]);
        assert_eq!(help.reply, Reply::Keyword(Keyword::Help), "what the person was answered is what they asked for");
    }

    #[test]
    fn by_whatsapp_come_a_name_and_a_button() {
        let inbound = read(&[
            ("MessageSid", "SM1"),
            ("From", "whatsapp:+14155552671"),
            ("To", "whatsapp:+14155238886"),
            ("ProfileName", "Ada"),
            ("WaId", "14155552671"),
            ("ButtonText", "Yes, please"),
            ("ButtonPayload", "confirm"),
        ]);
        assert_eq!((inbound.channel, inbound.sender.as_str()), (Channel::Whatsapp, "+14155552671"));
        assert_eq!((inbound.to.as_deref(), inbound.text.body.as_str()), (Some("+14155238886"), "Yes, please"));
        let with = inbound.text.received.unwrap();
        assert_eq!((with.profile_name.as_deref(), with.button.as_deref()), (Some("Ada"), Some("confirm")));
    }

    #[test]
    fn files_are_kept_by_reference_and_never_more_than_there_can_be() {
        let media = |count: &str| {
            let mut form =
                vec![("From".to_owned(), "+14155552671".to_owned()), ("NumMedia".to_owned(), count.to_owned())];
            for place in 0..12 {
                form.push((format!("MediaUrl{place}"), PHOTO.to_owned()));
                form.push((format!("MediaContentType{place}"), "image/jpeg".to_owned()));
            }
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            read(&form).text.received.unwrap().media
        };
        let expected = Media {
            url: PHOTO.to_owned(),
            content_type: Some("image/jpeg".to_owned()),
            sid: Some("ME0123456789abcdef0123456789abcdef".to_owned()),
        };
        assert_eq!(media("2"), vec![expected; 2]);
        for (count, kept) in [("0", 0), ("10", 10), ("4000000000", 10), ("-1", 0), ("many", 0)] {
            assert_eq!(media(count).len(), kept, "{count}");
        }
        let elsewhere = read(&[("From", "+14155552671"), ("NumMedia", "1"), ("MediaUrl0", "https://x.example/a.jpg")]);
        assert_eq!(elsewhere.text.received.unwrap().media[0].sid, None);
        let long = format!("https://x.example/{}", "a".repeat(LONGEST_URL));
        let long = read(&[("From", "+14155552671"), ("NumMedia", "1"), ("MediaUrl0", &long)]);
        assert_eq!(long.text.received.unwrap().media, []);
    }

    #[test]
    fn the_json_form_is_read_too() {
        let read = parse(br#"{"From": "+1234567890", "Body": "STOP", "NumMedia": 0}"#).unwrap();
        assert_eq!((read.sid, read.reply), (None, Reply::Keyword(Keyword::Stop)));
        assert_eq!(read.from.unwrap().as_str(), "+1234567890");
    }

    #[test]
    fn an_empty_text_is_none_in_json_as_in_a_form() {
        let json = br#"{"MessageSid":"","SmsSid":"","From":"whatsapp:+14155552671","Body":"","ButtonText":"STOP"}"#;
        let form = b"MessageSid=&SmsSid=&From=whatsapp%3A%2B14155552671&Body=&ButtonText=STOP";
        for body in [&json[..], form] {
            let read = parse(body).unwrap();
            assert_eq!((read.sid, read.reply), (None, Reply::Keyword(Keyword::Stop)));
        }
        assert!(parse(br#"{"From": "", "Body": "STOP"}"#).is_err());
        let sid = parse(br#"{"MessageSid":"","SmsSid":"SM1","From":"+14155552671"}"#).unwrap().sid;
        assert_eq!(sid.as_deref(), Some("SM1"));
    }

    #[test]
    fn who_writes_by_rcs_writes_a_text_from_their_number() {
        let inbound =
            read(&[("MessageSid", "SM1"), ("From", "rcs:+14155552671"), ("To", "rcs:brand_agent"), ("Body", "STOP")]);
        assert_eq!((inbound.channel, inbound.sender.as_str()), (Channel::Sms, "+14155552671"));
        assert_eq!(inbound.from.unwrap().as_str(), "+14155552671");
        assert_eq!((inbound.to.as_deref(), inbound.reply), (Some("rcs:brand_agent"), Reply::Keyword(Keyword::Stop)));
        let to = read(&[("From", "rcs:+14155552671"), ("To", "rcs:+15005550006")]).to;
        assert_eq!(to.as_deref(), Some("+15005550006"));
    }

    #[test]
    fn who_has_no_number_is_nobody_we_write_to_and_who_is_not_named_is_malformed() {
        for from in ["72345", "ACME", "whatsapp:"] {
            let read = parse(format!("From={from}&Body=STOP").as_bytes()).unwrap();
            assert_eq!(read.from, None, "{from}");
        }
        assert_eq!(parse(b"From=72345").unwrap().sender.as_str(), "72345");
        assert_eq!(parse(b"From=%2B14155552671").unwrap().reply, Reply::Other, "a picture has no words");
        for body in [&b""[..], b"Body=STOP", b"{", br#"{"From": 7}"#, b"\xff"] {
            assert!(parse(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn what_is_kept_has_a_longest_length() {
        let long = "é".repeat(10_000);
        let read = read(&[("From", "ACME"), ("Body", &long), ("ProfileName", &long), ("NumSegments", "70000")]);
        assert_eq!((read.text.body.chars().count(), read.segments), (LONGEST_BODY, MOST_SEGMENTS));
        assert_eq!(read.text.received.unwrap().profile_name.unwrap().chars().count(), LONGEST_WORD);
    }

    #[test]
    fn the_longest_that_is_kept_fits_a_row() {
        let (words, url) = ("😀".repeat(5_000), format!("https://x.example/{}", "a".repeat(LONGEST_URL - 18)));
        let mut form = vec![("From".to_owned(), "ACME".to_owned()), ("NumMedia".to_owned(), "10".to_owned())];
        for name in ["Body", "ProfileName", "ButtonPayload"] {
            form.push((name.to_owned(), words.clone()));
        }
        for place in 0..MOST_MEDIA {
            form.push((format!("MediaUrl{place}"), url.clone()));
            form.push((format!("MediaContentType{place}"), words.clone()));
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = read(&form).text;
        assert_eq!(text.received.as_ref().unwrap().media.len(), MOST_MEDIA);
        assert!(serde_json::to_vec(&text).unwrap().len() < 31_000);
        let odd = read(&[("From", "+14155552671"), ("Body", "a\u{0}b\nc"), ("NumMedia", "1"), ("MediaUrl0", "a b")]);
        assert_eq!((odd.text.body.as_str(), odd.text.received.unwrap().media), ("ab\nc", Vec::new()));
    }
}
