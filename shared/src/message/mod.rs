//! What a message is. Read in this order: [`id`], [`channel`], [`address`], [`content`], [`status`] (the one transition
//! table), [`lane`], [`segments`], [`cost`], [`trigger`], [`template`], and last [`Message`], the row that carries them.

pub mod address;
pub mod channel;
pub mod content;
pub mod id;
pub mod segments;
pub mod status;

pub use address::{Address, EmailAddress, PhoneNumber};
pub use channel::Channel;
pub use content::Content;
pub use id::MessageId;
pub use status::Status;
