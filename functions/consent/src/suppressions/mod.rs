//! `/api/communication/suppressions`: the addresses that must not be used, and why. What the endpoints share is here.
//!
//! An address is shown masked; all of it only to who may manage people's preferences. Whoever looks one up gives it in a
//! body: addresses stand in no URL.

pub mod add;
pub mod check;
pub mod list;
pub mod release;

use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::{ApiError, Caller, Scope};
use switchboard::message::{Address, Channel, EmailAddress, PhoneNumber};
use switchboard::person::suppression;
use switchboard::store::people::Listed;

use crate::App;

/// Why an address must not be used on a channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SuppressionView {
    /// With it the suppression can be released.
    #[schema(example = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA.email.hard_bounce")]
    id: String,
    /// Absent where nobody told us more than a fingerprint of it, or its owner was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "a***@example.com")]
    masked: Option<String>,
    /// All of it. Needs the scope `preferences:manage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    channel: Channel,
    reason: suppression::Reason,
    scope: suppression::Scope,
    /// Who told us: a provider, `sms_keyword`, `sms_free_text`, `unsubscribe_link`, `api`.
    #[schema(example = "sendgrid")]
    source: String,
    since: Timestamp,
    /// From then on it means nothing; absent: for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// It still means something.
    in_force: bool,
}

/// A suppression, as this caller may see it.
fn view(listed: Listed, caller: &Caller, now: Timestamp) -> SuppressionView {
    let Listed { id, suppression, address } = listed;
    let whole = caller.require(Scope::ManagePreferences).is_ok();
    SuppressionView {
        id: id.to_string(),
        masked: address.as_ref().map(Address::masked),
        address: address.filter(|_| whole).map(|address| address.as_str().to_owned()),
        channel: suppression.channel,
        reason: suppression.reason,
        scope: suppression.scope,
        in_force: suppression.is_in_force(now),
        source: suppression.source,
        since: suppression.at,
        until: suppression.until,
    }
}

/// A phone number or an e-mail address, whichever it is.
fn address(app: &App, text: &str) -> Result<Address, ApiError> {
    let read = if text.contains('@') {
        EmailAddress::parse(text).map(Address::Email)
    } else {
        PhoneNumber::parse(text, &app.region).map(Address::Phone)
    };
    read.map_err(|error| ApiError::invalid_field("address", format!("It is {error}")))
}

/// The channels an address can be used on, or the one that is named.
fn channels(address: &Address, named: Option<Channel>) -> Result<Vec<Channel>, ApiError> {
    let all: &[Channel] = match address {
        Address::Phone(_) => &[Channel::Sms, Channel::Whatsapp, Channel::Voice],
        Address::Email(_) => &[Channel::Email],
    };
    match named {
        None => Ok(all.to_vec()),
        Some(channel) if all.contains(&channel) => Ok(vec![channel]),
        Some(_) => Err(ApiError::invalid_field("channel", "The address cannot be used on it")),
    }
}
