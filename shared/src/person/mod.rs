//! Who may be contacted: [`id`], [`profile`] (addresses and consents), [`suppression`], and [`decision`]: may we send
//! this to them now, and why.

pub mod decision;
pub mod id;
pub mod profile;
pub mod suppression;

pub use decision::{Check, Decision, Outcome, Question};
pub use id::PersonId;
pub use profile::{ChannelConsent, ConsentState, ContactPoint, Person};
pub use suppression::Suppression;
