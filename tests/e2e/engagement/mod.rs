//! What people do with a message once they have it.

mod actions;
mod mail;
mod replies;
mod short_links;

use serde_json::{Value, json};

/// The counts of a message: openings by people and by programs, clicks, previews, replies.
pub(crate) fn counts(message: &Value) -> Value {
    let engagement = &message["engagement"];
    json!(["opens", "machine_opens", "clicks", "previews", "replies"].map(|name| engagement[name].clone()))
}
