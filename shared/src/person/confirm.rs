//! The links with which somebody confirms that an e-mail address is theirs, and that they agreed to what was agreed to in
//! their name (double opt-in).
//!
//! A link names the person and the address, by its fingerprint, and when it ends, and carries a keyed mark over all of it:
//! so it cannot be made for somebody else's address, is worth nothing for another one, and needs no sign-in. It is
//! good as long as the links' secret lists its key ([`LinkKeys`]).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::PersonId;
use crate::clock::plus_seconds;
use crate::message::Address;
use crate::seal::Seal;
use crate::seal::lookup::{self, FINGERPRINT_BYTES};
use crate::seal::purpose::LinkKeys;
use crate::seal::signed;

const LABEL: &str = "e-mail confirmation v1";
/// For how long a link is good.
pub const DAYS: i64 = 7;
/// A time in seconds, in bytes.
const TIME: usize = 8;

/// Makes and reads the links.
#[derive(Clone)]
pub struct ConfirmLinks {
    keys: LinkKeys,
    seal: Arc<Seal>,
    public_url: Arc<str>,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    pub person: PersonId,
    /// When it was sent.
    pub sent: Timestamp,
    fingerprint: String,
}

/// Why a link says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConfirmation {
    #[error("the link is none of ours")]
    Invalid,
    #[error("the link has expired")]
    Expired,
}

impl fmt::Debug for ConfirmLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmLinks[…]")
    }
}

impl ConfirmLinks {
    /// `public_url`: where people reach this API, without a slash at the end.
    pub fn new(seal: Arc<Seal>, keys: LinkKeys, public_url: &str) -> Self {
        Self { keys, seal, public_url: public_url.into() }
    }

    /// The link with which this person confirms this address, from now on.
    pub fn url(&self, person: &PersonId, address: &Address, now: Timestamp) -> String {
        let token = self.token(person, address, plus_seconds(now, DAYS * 86_400));
        format!("{}/api/communication/consent/email/confirm/{token}", self.public_url)
    }

    fn token(&self, person: &PersonId, address: &Address, until: Timestamp) -> String {
        let mut payload = until.as_second().to_be_bytes().to_vec();
        // What is no fingerprint is marked all the same, and never read.
        payload.extend(lookup::to_bytes(&self.seal.fingerprint(address)).unwrap_or_default());
        payload.extend_from_slice(person.as_str().as_bytes());
        signed::sign(&self.keys.active(LABEL).1, &payload)
    }

    /// What a token says, if we made it and it is good still.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Confirmation, NoConfirmation> {
        let (until, confirmation) = self.said(token).ok_or(NoConfirmation::Invalid)?;
        if now.as_second() < until { Ok(confirmation) } else { Err(NoConfirmation::Expired) }
    }

    fn said(&self, token: &str) -> Option<(i64, Confirmation)> {
        let payload = signed::verify(&self.keys.each(LABEL), token)?;
        let (until, rest) = payload.split_at_checked(TIME)?;
        let (fingerprint, person) = rest.split_at_checked(FINGERPRINT_BYTES)?;
        let person = PersonId::path(std::str::from_utf8(person).ok()?)?;
        let until = i64::from_be_bytes(until.try_into().ok()?);
        let sent = Timestamp::from_second(until.checked_sub(DAYS * 86_400)?).ok()?;
        Some((until, Confirmation { person, sent, fingerprint: lookup::from_bytes(fingerprint)? }))
    }

    /// Whether a confirmation is about this address.
    pub fn is_about(&self, confirmation: &Confirmation, address: &Address) -> bool {
        self.seal.is_fingerprint_of(&confirmation.fingerprint, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EmailAddress;
    use crate::seal::purpose::LinkKeys;
    use crate::seal::purpose::tests::{links as link_keys, secret};
    use crate::seal::tests::test_seal;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn links() -> ConfirmLinks {
        ConfirmLinks::new(Arc::new(test_seal()), link_keys(), "https://api.example")
    }

    fn mail(text: &str) -> Address {
        Address::Email(EmailAddress::parse(text).unwrap())
    }

    fn token(url: &str) -> &str {
        url.rsplit('/').next().unwrap()
    }

    #[test]
    fn a_link_is_good_for_a_week_for_one_person_and_one_address() {
        let (links, ada) = (links(), PersonId::text("123").unwrap());
        let url = links.url(&ada, &mail("ada@example.com"), NOW);
        assert!(url.starts_with("https://api.example/api/communication/consent/email/confirm/"));
        let confirmation = links.read(token(&url), NOW).unwrap();
        assert_eq!((&confirmation.person, confirmation.sent), (&ada, NOW));
        assert!(links.is_about(&confirmation, &mail("Ada@Example.com")));
        assert!(!links.is_about(&confirmation, &mail("bob@example.com")));
        assert!(links.read(token(&url), plus_seconds(NOW, 7 * 86_400 - 1)).is_ok());
        assert_eq!(links.read(token(&url), plus_seconds(NOW, 7 * 86_400)), Err(NoConfirmation::Expired));
        let shown = String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(token(&url)).unwrap()).to_lowercase();
        assert!(!shown.contains("example.com"));
    }

    #[test]
    fn no_bit_of_a_link_can_be_changed() {
        let (links, ada) = (links(), PersonId::text("123").unwrap());
        let url = links.url(&ada, &mail("ada@example.com"), NOW);
        let bytes = URL_SAFE_NO_PAD.decode(token(&url)).unwrap();
        for place in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            let found = links.read(&URL_SAFE_NO_PAD.encode(changed), NOW);
            assert_eq!(found, Err(NoConfirmation::Invalid), "bit {place}");
        }
        for text in ["", "x", "{token}", &URL_SAFE_NO_PAD.encode([0; 56])] {
            assert_eq!(links.read(text, NOW), Err(NoConfirmation::Invalid), "{text}");
        }
        let others = LinkKeys::fixed(secret("u1", &[("u1", 6)])).unwrap();
        let another = ConfirmLinks { keys: others, ..links.clone() };
        assert_eq!(another.read(token(&url), NOW), Err(NoConfirmation::Invalid));
    }
}
