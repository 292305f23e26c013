//! `/unsubscribe/{token}`: where the links in our marketing e-mails lead (RFC 8058). [`get`] shows a page and changes nothing,
//! for mail scanners follow links; [`post`] unsubscribes, by the page's button or the mail program's. The token in the link is
//! all the proof there is, and all it can do.

pub mod get;
mod page;
pub mod post;

use switchboard::person::unsubscribe::Unsubscribe;
use switchboard::store::people::Target;

/// The address a link is about. It holds a fingerprint, and no more.
fn target(said: &Unsubscribe) -> Target {
    Target { fingerprint: said.fingerprint.clone(), address: None }
}
