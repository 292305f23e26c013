//! Who may be contacted, and when: [`id`], [`profile`] (addresses), [`ownership`] (whose an address was, by proof), [`consent`], [`confirm`], [`preferences`], [`defaults`], [`suppression`], [`events`]
//! (what the ledger says of all that); the rules of time: [`zones`] (where somebody's clock hangs), [`quiet_hours`], [`frequency`], [`preferred`], [`engagement`] (when they read), and [`rules`] (what
//! of it is in force here); [`decision`]: may we send this to them now, and why; [`words`]: what a text they write means;
//! [`window`]: how long after it WhatsApp may answer freely; and [`unsubscribe`]: the link with which they leave.

pub mod confirm;
pub mod consent;
pub mod decision;
pub mod defaults;
pub mod engagement;
pub mod events;
pub mod frequency;
pub mod id;
pub mod ownership;
pub mod preferences;
pub mod preferred;
pub mod profile;
pub mod quiet_hours;
mod recipients;
pub mod rules;
pub mod suppression;
pub mod unsubscribe;
pub mod window;
pub mod words;
pub mod zones;

pub use consent::{ChannelConsent, ConsentState, Standing};
pub use decision::{ADDRESS_UNVERIFIED, Check, Decision, INVALID_ADDRESS, Intent, NO_ADDRESS, Outcome, Question};
pub use engagement::Engagement;
pub use frequency::{Frequencies, Quota};
pub use id::PersonId;
pub use ownership::{Holders, Proof, ProofSource, ProvenAddress};
pub use preferences::{Frequency, Preferences};
pub use profile::{Claims, ContactPoint, Person};
pub use quiet_hours::QuietHours;
pub use rules::TimeRules;
pub use suppression::{Reason, Scope, Suppression, SuppressionId};
pub use unsubscribe::UnsubscribeLinks;
pub use window::OUTSIDE_WINDOW;
pub use zones::Zones;
