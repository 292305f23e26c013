//! The links with which somebody leaves our marketing e-mails, one click away (RFC 2369, RFC 8058).
//!
//! A link names an address by its fingerprint and the kind of message it stood in, and carries a keyed mark over both: so it
//! shows nobody an address, cannot be made for somebody else's, and needs no sign-in, as RFC 8058 §3.1 asks. It never runs
//! out: whoever finds an old mail wants to leave all the same (CAN-SPAM asks for 30 days, 15 U.S.C. § 7704(a)(3)). It is good as
//! long as the links' secret lists its key ([`LinkKeys`]).

use std::fmt;
use std::sync::Arc;

use crate::message::content::{Email, UNSUBSCRIBE_LINK};
use crate::message::trigger::Class;
use crate::message::{Address, Content, Message, Trigger};
use crate::provider::Outgoing;
use crate::seal::Seal;
use crate::seal::lookup::{self, FINGERPRINT_BYTES};
use crate::seal::purpose::LinkKeys;
use crate::seal::signed;

const LABEL: &str = "unsubscribe v1";
/// What stands for the link, as it is and as a template's engine escapes it in HTML.
const SPELLINGS: [&str; 2] = [UNSUBSCRIBE_LINK, "https:&#x2f;&#x2f;unsubscribe.invalid&#x2f;link"];
/// Makes and reads the links.
#[derive(Clone)]
pub struct UnsubscribeLinks {
    keys: LinkKeys,
    seal: Arc<Seal>,
    public_url: Arc<str>,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The address, by its fingerprint.
    pub fingerprint: String,
    /// The kind of message it stood in, where that had one.
    pub message_type: Option<Trigger>,
}

impl fmt::Debug for UnsubscribeLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsubscribeLinks[…]")
    }
}

impl UnsubscribeLinks {
    /// `public_url`: where people reach this API, without a slash at the end.
    pub fn new(seal: Arc<Seal>, keys: LinkKeys, public_url: &str) -> Self {
        Self { keys, seal, public_url: public_url.into() }
    }

    /// What reads links and makes none.
    pub fn reader(seal: Arc<Seal>, keys: LinkKeys) -> Self {
        Self::new(seal, keys, "")
    }

    /// The link in a mail of this kind to this address.
    pub fn url(&self, to: &Address, message_type: Option<Trigger>) -> String {
        let fingerprint = self.seal.fingerprint(to);
        format!("{}/unsubscribe/{}", self.public_url, self.token(&Unsubscribe { fingerprint, message_type }))
    }

    fn token(&self, said: &Unsubscribe) -> String {
        // What is no fingerprint is marked all the same, and never read.
        let mut payload = lookup::to_bytes(&said.fingerprint).unwrap_or_default();
        payload.extend_from_slice(said.message_type.map_or("", Trigger::as_str).as_bytes());
        signed::sign(&self.keys.active(LABEL).1, &payload)
    }

    /// What a token says, if we made it.
    pub fn read(&self, token: &str) -> Option<Unsubscribe> {
        let payload = signed::verify(&self.keys.each(LABEL), token)?;
        let (fingerprint, kind) = payload.split_at_checked(FINGERPRINT_BYTES)?;
        // A kind we do not know any more unsubscribes like any other.
        let message_type = std::str::from_utf8(kind).ok().and_then(|kind| kind.parse().ok());
        Some(Unsubscribe { fingerprint: lookup::from_bytes(fingerprint)?, message_type })
    }

    /// A message as its provider gets it, with its link: in the header where it is marketing, and wherever its words ask for
    /// it. The same message always has the same link, so a repeated call carries the same bytes.
    pub fn complete(&self, message: &Message, outgoing: Outgoing) -> Outgoing {
        let Content::Email(email) = &outgoing.content else { return outgoing };
        let marketing = message.class == Class::Marketing;
        // Everybody who gets it could use the link, and it is one recipient's.
        if !email.others.is_empty() || !(marketing || asks_for_link(email)) {
            return outgoing;
        }
        let url = self.url(&message.to, message.trigger);
        let mut email = email.clone();
        for part in [&mut email.text, &mut email.html].into_iter().flatten() {
            // What our address is made of means nothing in HTML, so it stands there as it is.
            *part = SPELLINGS.iter().fold(std::mem::take(part), |part, spelling| part.replace(spelling, &url));
        }
        Outgoing { content: Content::Email(email), unsubscribe: marketing.then_some(url), ..outgoing }
    }
}

/// Whether an e-mail's words ask for its link.
pub fn asks_for_link(email: &Email) -> bool {
    let asks = |part: &Option<String>| {
        part.as_deref().is_some_and(|part| SPELLINGS.iter().any(|spelling| part.contains(spelling)))
    };
    asks(&email.text) || asks(&email.html)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::clock::from_millis;
    use crate::message::template::{Ask, Template};
    use crate::message::{Channel, EmailAddress, Locale};
    use crate::seal::purpose::tests::links as link_keys;
    use crate::seal::tests::test_seal;
    use crate::testing::sample_message;

    fn links() -> UnsubscribeLinks {
        UnsubscribeLinks::new(Arc::new(test_seal()), link_keys(), "https://api.example")
    }

    fn ada() -> Address {
        Address::Email(EmailAddress::parse("Ada@example.com").unwrap())
    }

    fn token(url: &str) -> &str {
        url.strip_prefix("https://api.example/unsubscribe/").unwrap()
    }

    #[test]
    fn a_link_says_who_and_what_and_shows_no_address() {
        let links = links();
        for kind in [None, Some(Trigger::WeeklyCheckin)] {
            let url = links.url(&ada(), kind);
            let said = links.read(token(&url)).unwrap();
            assert_eq!(said, Unsubscribe { fingerprint: test_seal().fingerprint(&ada()), message_type: kind });
            let shown = URL_SAFE_NO_PAD.decode(token(&url)).unwrap();
            let shown = String::from_utf8_lossy(&shown).to_lowercase();
            assert!(!url.contains("ada") && !shown.contains("example.com"), "{url}");
        }
        assert_eq!(
            links.url(&ada(), None),
            links.url(&Address::stored(Channel::Email, "ADA@EXAMPLE.COM".to_owned()), None)
        );
    }

    #[test]
    fn no_byte_of_a_link_can_be_changed_and_no_other_key_makes_one() {
        let links = links();
        let url = links.url(&ada(), Some(Trigger::WeeklyCheckin));
        let bytes = URL_SAFE_NO_PAD.decode(token(&url)).unwrap();
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(links.read(&URL_SAFE_NO_PAD.encode(&forged)), None, "{place}");
            assert_eq!(links.read(&URL_SAFE_NO_PAD.encode(&bytes[..place])), None, "{place}");
        }
        // A mark of ours, made for another use.
        let payload = signed::verify(&link_keys().each(LABEL), token(&url)).unwrap();
        assert_eq!(links.read(&signed::sign(&link_keys().active("another").1, &payload)), None);
    }

    fn outgoing(class: Class, text: &str, html: Option<&str>) -> Outgoing {
        let mut message = sample_message(from_millis(0));
        (message.channel, message.to, message.class) = (Channel::Email, ada(), class);
        let (text, html) = (Some(text.to_owned()), html.map(str::to_owned));
        message.content = Content::Email(Email { text, html, ..Email::default() });
        links().complete(&message, message.outgoing())
    }

    #[test]
    fn a_template_of_an_email_has_the_link_without_being_given_it() {
        let template: Template = serde_json::from_value(json!({"locales": {"en": {
            "subject": "News", "email": "News. {{ unsubscribe_url }}", "html": "<a href=\"{{ unsubscribe_url }}\">Leave</a>",
        }}}))
        .unwrap();
        assert!(template.required_variables().is_empty());
        let (data, english) = (Map::new(), Locale::english());
        let ask = Ask { channel: Channel::Email, wanted: None, default: &english, key: "1", data: &data };
        let Content::Email(email) = template.render("news", 1, &ask).unwrap().content else { panic!("no e-mail") };
        let sent = outgoing(Class::Marketing, &email.text.unwrap(), email.html.as_deref());
        let url = links().url(&ada(), None);
        let Content::Email(email) = &sent.content else { panic!("no e-mail") };
        assert_eq!(email.text.as_deref(), Some(format!("News. {url}").as_str()));
        assert_eq!(email.html.as_deref(), Some(format!("<a href=\"{url}\">Leave</a>").as_str()));
    }

    #[test]
    fn marketing_has_the_link_in_its_header_and_anything_has_it_where_it_is_asked_for() {
        let url = links().url(&ada(), None);
        let plain = outgoing(Class::Marketing, "News", None);
        assert_eq!(plain.unsubscribe.as_deref(), Some(url.as_str()));
        let says = outgoing(Class::Transactional, &format!("Leave: {UNSUBSCRIBE_LINK}."), Some(UNSUBSCRIBE_LINK));
        let Content::Email(email) = &says.content else { panic!("no e-mail") };
        assert_eq!((email.text.clone(), email.html.clone()), (Some(format!("Leave: {url}.")), Some(url)));
        assert_eq!(says.unsubscribe, None, "only marketing can be left with one click");
        assert_eq!(outgoing(Class::Security, "Your code", None).unsubscribe, None);
    }

    /// The attack: a mail to somebody whose words ask for their link, and a copy of it to oneself.
    #[test]
    fn unsubscribe_link_of_one_recipient_is_not_told_to_others() {
        use crate::message::content::{Place, Recipient};

        let mut message = sample_message(from_millis(0));
        (message.channel, message.to) = (Channel::Email, ada());
        let other = Recipient { place: Place::Bcc, address: EmailAddress::parse("eve@example.com").unwrap() };
        let text = Some(format!("Leave: {UNSUBSCRIBE_LINK}"));
        message.content = Content::Email(Email { text, others: vec![other], ..Email::default() });
        let sent = links().complete(&message, message.outgoing());
        assert!(sent.content == message.content && sent.unsubscribe.is_none());
    }

    proptest! {
        #[test]
        fn any_token_is_read_and_none_that_is_not_ours_is_taken(token in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(links().read(&token), None);
            prop_assert_eq!(links().read(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}
