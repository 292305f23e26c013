//! Everything about a person, page by page, opened. What is theirs alone is told whole; of what is others' too it is told that it
//! was left out, and why. No secret is in it: no recovery code, no device token, no one-time code (messages hold none).
//!
//! A page holds so much that it fits into an answer, whatever stands in the messages; [`Cursor`] says where the next begins.

mod cursor;
mod pages;
mod told;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::person::PersonId;

pub use cursor::Cursor;
pub use pages::Exporter;

/// A page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExportedPage)]
pub struct Page {
    pub user_id: PersonId,
    /// Who they are; on the first page only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Messages to them, whatever became of them and when they are to go, the oldest first; then those to an address
    /// that name nobody, and e-mails to others that they got too, of the time in which the address was proven to be theirs alone.
    pub messages: Vec<ExportedMessage>,
    /// What the ledger says of them, their second factor and their proven addresses, the newest first in each.
    pub ledger: Vec<ExportedEntry>,
    /// What is not in this export, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    #[serde(skip)]
    pub next: Option<Cursor>,
}

/// Who somebody is.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = ExportedProfile)]
pub struct Profile {
    /// Nothing is known of them: no profile was ever made, or it was erased.
    pub unknown: bool,
    pub phone_number: Option<ExportedAddress>,
    pub email: Option<ExportedAddress>,
    /// What they gave as their number, and have not proven. Nothing of it is in the export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_phone_number: Option<String>,
    /// The same of an e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_email: Option<String>,
    pub locale: Option<String>,
    /// What they agreed to, by channel.
    #[schema(value_type = Object)]
    pub consents: Value,
    #[schema(value_type = Object)]
    pub preferences: Value,
    /// When they read what they are sent: points by channel and hour of their day.
    #[schema(value_type = Object)]
    pub reading_hours: Value,
    pub two_factor: Option<ExportedFactor>,
    /// The phone of an enrolment that waits for its code.
    pub two_factor_pending: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// Since when they are being erased.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erasing_since: Option<Timestamp>,
}

/// An address.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedAddress {
    pub address: String,
    /// Whether it was proven to be theirs; since when, in `verified_at`.
    pub verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Timestamp>,
    /// Why it must not be used, by channel. Told of a verified address.
    #[schema(value_type = Vec<Object>)]
    pub suppressions: Vec<Value>,
}

/// A second factor, without what it is proved with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedFactor {
    pub phone_number: String,
    #[schema(value_type = String, format = DateTime)]
    pub confirmed_at: Timestamp,
    pub recovery_codes_left: usize,
    #[schema(value_type = Vec<Object>)]
    pub trusted_devices: Vec<Value>,
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedMessage {
    pub id: String,
    pub task_id: String,
    /// `recipient`; or where they stand in an e-mail to somebody else: `cc[0]`.
    #[serde(rename = "as")]
    #[schema(example = "recipient")]
    pub place: String,
    pub channel: String,
    pub consent_class: String,
    pub trigger_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub template: Value,
    pub to: String,
    pub from: Option<String>,
    /// What it says: `text`, `email` or `call`. A one-time code is not in it.
    #[schema(value_type = Object)]
    pub content: Value,
    /// What is sent instead, if it does not arrive.
    #[schema(value_type = Vec<Object>)]
    pub fallbacks: Value,
    /// What the client tied it to.
    #[schema(value_type = Object)]
    pub links: Value,
    pub status: String,
    pub reason: Option<String>,
    pub provider: String,
    pub provider_id: Option<String>,
    /// A call: how it went.
    #[schema(value_type = Option<Object>)]
    pub call: Value,
    /// What was recorded in it; the sound is with the provider.
    #[schema(value_type = Vec<Object>)]
    pub recordings: Value,
    /// May it be sent, and why.
    #[schema(value_type = Object)]
    pub decision: Value,
    /// Every step.
    #[schema(value_type = Object)]
    pub trail: Value,
    /// When what happened, in epoch milliseconds: `created_at`, `scheduled_at`, `sent_at`, `delivered_at`, `opened_at` …
    #[schema(value_type = Object)]
    pub times: Value,
}

/// An entry of the ledger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedEntry {
    /// Of what: `person`, `two_factor` or `address`.
    pub about: &'static str,
    pub sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub event: String,
    /// The subject of the token it was done with.
    pub caller: String,
    #[schema(value_type = Object)]
    pub details: Value,
    /// The address at the time, from where, which text; what was erased of it is not there.
    #[schema(value_type = Object)]
    pub personal: Value,
}
