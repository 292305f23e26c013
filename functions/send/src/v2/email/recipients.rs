//! Who an e-mail goes to: `to`, `cc` and `bcc`, each one address or a list of them.

use serde::Deserialize;
use switchboard::http::ApiError;
use switchboard::message::content::{Place, Recipient};
use switchboard::message::{Address, EmailAddress};

use crate::email::address;

/// One address, or a list of them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "it must be an address or a list of addresses")]
pub enum Addresses {
    One(String),
    Many(Vec<String>),
}

/// The most recipients of one e-mail, all fields together (Resend's limit; SendGrid's is 1000).
const MOST: usize = 50;

impl Default for Addresses {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Addresses {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(address) => vec![address],
            Self::Many(addresses) => addresses,
        }
    }
}

/// The message's own recipient, and the others. An address stands once: SendGrid refuses a message with a double.
pub(super) fn read(to: Addresses, cc: Addresses, bcc: Addresses) -> Result<(EmailAddress, Vec<Recipient>), ApiError> {
    let fields = [(Place::To, "to", to.list()), (Place::Cc, "cc", cc.list()), (Place::Bcc, "bcc", bcc.list())];
    if fields.iter().map(|(.., list)| list.len()).sum::<usize>() > MOST {
        let why = format!("An e-mail must have at most {MOST} recipients in to, cc and bcc together");
        return Err(ApiError::invalid_field("to", why));
    }
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut all = Vec::new();
    for (place, name, list) in fields {
        for (index, text) in list.into_iter().enumerate() {
            let field = format!("{name}[{index}]");
            let address = address(&field, &text)?;
            let canonical = Address::Email(address.clone()).canonical();
            if let Some((first, _)) = seen.iter().find(|(_, known)| *known == canonical) {
                return Err(ApiError::invalid_field(&field, format!("It is the same address as {first}")));
            }
            seen.push((field, canonical));
            all.push(Recipient { place, address });
        }
    }
    match all.first().map(|first| first.place) {
        Some(Place::To) => {
            let own = all.remove(0);
            Ok((own.address, all))
        }
        Some(Place::Cc | Place::Bcc) | None => Err(ApiError::missing_field("to")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(addresses: &[&str]) -> Addresses {
        Addresses::Many(addresses.iter().map(|&address| address.to_owned()).collect())
    }

    #[test]
    fn the_first_is_the_messages_own_and_the_others_keep_their_places() {
        let (own, others) =
            read(many(&["a@x.example", "b@x.example"]), many(&["c@x.example"]), many(&["d@x.example"])).unwrap();
        assert_eq!(own.as_str(), "a@x.example");
        let places: Vec<_> = others.iter().map(|other| (other.place, other.address.as_str())).collect();
        assert_eq!(places, [(Place::To, "b@x.example"), (Place::Cc, "c@x.example"), (Place::Bcc, "d@x.example")]);
        let (own, others) = read(Addresses::One("a@x.example".to_owned()), many(&[]), many(&[])).unwrap();
        assert_eq!((own.as_str(), others.len()), ("a@x.example", 0));
    }

    #[test]
    fn an_address_stands_once_whatever_its_letters_case() {
        for (to, cc, bcc, field) in [
            (many(&["a@x.example", "A@X.example"]), many(&[]), many(&[]), "to[1]"),
            (many(&["a@x.example"]), many(&["b@x.example", "A@x.example"]), many(&[]), "cc[1]"),
            (many(&["a@x.example"]), many(&["b@x.example"]), many(&["B@x.example"]), "bcc[0]"),
        ] {
            let error = read(to, cc, bcc).expect_err("a double");
            assert_eq!(error.message(), format!("Invalid value for field: {field}"));
        }
    }

    #[test]
    fn there_is_a_recipient_and_there_are_not_too_many() {
        assert_eq!(
            read(many(&[]), many(&["c@x.example"]), many(&[])).unwrap_err().message(),
            "Missing required field: to"
        );
        let crowd = |count: usize| Addresses::Many((0..count).map(|n| format!("p{n}@x.example")).collect());
        assert_eq!(read(crowd(50), many(&[]), many(&[])).unwrap().1.len(), 49);
        assert!(read(crowd(50), many(&["c@x.example"]), many(&[])).is_err());
        assert_eq!(
            read(many(&["a@x.example"]), many(&["nobody"]), many(&[])).unwrap_err().message(),
            "Invalid value for field: cc[0]"
        );
    }
}
