//! Outgoing events: what happens to messages is told to subscribers (the API calls them webhooks), each of which named a
//! URL and the types of event it wants.
//!
//! In reading order: [`kind`] (which events there are) · [`payload`] (what is told: no address, no content) ·
//! [`subscriber`] · [`secret`] (whose signature it bears) · [`target`] (where it may go: never into a private network) ·
//! [`health`] (how it fares) · [`delivery`] (one event on its way to one subscriber, and when it is tried again) · [`call`] (one try).
//!
//! An event arrives at least once, with the same id each time; the order is not promised.

pub mod call;
pub mod delivery;
pub mod health;
pub mod kind;
pub mod payload;
pub mod secret;
pub mod subscriber;
pub mod target;

pub use call::{Answer, Caller};
pub use delivery::{Delivery, DeliveryId, DeliveryState};
pub use health::Failing;
pub use kind::EventType;
pub use payload::Happened;
pub use secret::Secrets;
pub use subscriber::{Disabled, Subscriber, SubscriberId};
pub use target::{Reach, Target};
