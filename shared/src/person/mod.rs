//! Who may be contacted, and when: [`id`], [`profile`] (addresses and consents), [`preferences`], [`suppression`]; the
//! rules of time: [`zones`] (where somebody's clock hangs), [`quiet_hours`], [`frequency`], [`preferred`], and [`rules`] (what
//! of it is in force here); and [`decision`]: may we send this to them now, and why.

pub mod decision;
pub mod frequency;
pub mod id;
pub mod preferences;
pub mod preferred;
pub mod profile;
pub mod quiet_hours;
mod recipients;
pub mod rules;
pub mod suppression;
pub mod zones;

pub use decision::{Check, Decision, Intent, Outcome, Question};
pub use frequency::{Frequencies, Quota};
pub use id::PersonId;
pub use preferences::{Frequency, Preferences};
pub use profile::{ChannelConsent, ConsentState, ContactPoint, Person};
pub use quiet_hours::QuietHours;
pub use rules::TimeRules;
pub use suppression::Suppression;
pub use zones::Zones;
