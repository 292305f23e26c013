//! What a message is. Read in this order: [`id`], [`channel`], [`address`], [`content`], [`secrets`], [`status`] (the one transition
//! table), [`lane`], [`segments`] (and [`smart`] and [`short_link`]: fewer of them), [`cost`], [`trigger`], [`template`], [`trail`],
//! [`engagement`], [`fallback`], [`budget`], [`retention`], [`call`], and last [`record`]: the whole message.

pub mod address;
pub mod auto_reply;
pub mod budget;
pub mod call;
pub mod channel;
pub mod content;
pub mod cost;
pub mod engagement;
pub mod fallback;
pub mod id;
pub mod lane;
pub mod line;
pub mod locale;
pub mod received;
pub mod record;
pub mod retention;
pub mod secrets;
pub mod segments;
pub mod short_link;
pub mod smart;
pub mod status;
pub mod template;
pub mod trail;
pub mod trigger;

pub use address::{Address, EmailAddress, PhoneNumber};
pub use channel::Channel;
pub use content::Content;
pub use cost::Micros;
pub use id::{IdKey, JobId, MessageId};
pub use lane::{Lane, Priority};
pub use locale::Locale;
pub use record::{Direction, Message};
pub use retention::Retention;
pub use secrets::MessageSecrets;
pub use status::Status;
pub use trail::TrailEntry;
pub use trigger::Trigger;
