//! `/api/v2/communications/switches/{scope}`: stops a caller, or all of them, at once. [`get`], [`put`].

pub mod get;
pub mod put;

use std::collections::BTreeSet;

use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::Channel;
use switchboard::store::budgets::LONGEST_SCOPE;
use switchboard::store::controls::Switch;

/// A kill switch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SwitchView {
    success: bool,
    /// `all`, or the subject of a caller's token.
    #[schema(example = "all")]
    scope: String,
    stopped: bool,
    /// The channels that are stopped; empty: all of them.
    channels: BTreeSet<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn view(scope: &str, switch: Switch) -> SwitchView {
    let Switch { stopped, channels, reason } = switch;
    SwitchView { success: true, scope: scope.to_owned(), stopped, channels, reason }
}

fn scope(text: &str) -> Result<&str, ApiError> {
    let fits = !text.is_empty() && text.len() <= LONGEST_SCOPE && !text.chars().any(char::is_control);
    let why = || format!("It must be all or a caller's name of at most {LONGEST_SCOPE} bytes");
    fits.then_some(text).ok_or_else(|| ApiError::invalid_field("scope", why()))
}
