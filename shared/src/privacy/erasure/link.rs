//! The link with which a person cancels their erasure before it begins. It names the person and the one erasure, needs no
//! sign-in, and is worth nothing for another erasure.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::Erasure;
use crate::person::PersonId;
use crate::seal::purpose::LinkKeys;
use crate::seal::signed;

const LABEL: &str = "erasure cancellation v1";
/// The length of an erasure's id, in bytes.
const ID: usize = 16;

/// Makes and reads the links.
#[derive(Clone)]
pub struct CancelLinks {
    keys: LinkKeys,
    public_url: Arc<str>,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelLink {
    pub person: PersonId,
    /// The erasure's id.
    pub erasure: String,
}

impl fmt::Debug for CancelLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelLinks[…]")
    }
}

impl CancelLinks {
    /// `public_url`: where people reach this API, without a slash at the end.
    pub fn new(keys: LinkKeys, public_url: &str) -> Self {
        Self { keys, public_url: public_url.into() }
    }

    /// Returns the link that cancels this erasure.
    pub(super) fn url(&self, erasure: &Erasure) -> String {
        // An erasure's id is a UUID that we made; another text is signed all the same, and never read.
        let id = Uuid::try_parse(&erasure.id).unwrap_or_default();
        let payload = [id.as_bytes().as_slice(), erasure.person.as_str().as_bytes()].concat();
        format!("{}/cancel-erasure/{}", self.public_url, signed::sign(&self.keys.active(LABEL).1, &payload))
    }

    /// Returns what a token says, if we made it.
    pub fn read(&self, token: &str) -> Option<CancelLink> {
        let payload = signed::verify(&self.keys.each(LABEL), token)?;
        let (id, person) = payload.split_at_checked(ID)?;
        let person = PersonId::path(std::str::from_utf8(person).ok()?)?;
        Some(CancelLink { person, erasure: Uuid::from_slice(id).ok()?.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::privacy::erasure::Authority;
    use crate::seal::purpose::tests::links;

    fn erasure(person: &str) -> Erasure {
        let by = (person.to_owned(), Authority::Person);
        Erasure::new(PersonId::text(person).unwrap(), by, None, from_millis(0))
    }

    #[test]
    fn cancel_link_names_one_erasure_of_one_person() {
        let links = CancelLinks::new(links(), "https://api.example");
        let (one, other) = (erasure("7"), erasure("7"));
        let url = links.url(&one);
        let token = url.strip_prefix("https://api.example/cancel-erasure/").unwrap();
        assert_eq!(links.read(token), Some(CancelLink { person: one.person.clone(), erasure: one.id.clone() }));
        assert_ne!(links.read(token).map(|link| link.erasure), Some(other.id));
    }

    #[test]
    fn cancel_link_made_for_another_use_is_refused() {
        let links = CancelLinks::new(links(), "https://api.example");
        let one = erasure("7");
        let payload = [Uuid::try_parse(&one.id).unwrap().as_bytes().as_slice(), b"7"].concat();
        let forged = signed::sign(&links.keys.active("unsubscribe v1").1, &payload);
        assert_eq!(links.read(&forged), None);
        let ours = signed::sign(&links.keys.active(LABEL).1, &payload);
        assert!(links.read(&ours).is_some());
        for token in ["", "x", &ours[1..], &format!("A{}", &ours[1..])] {
            assert!(links.read(token).is_none() || token == ours, "{token}");
        }
    }
}
