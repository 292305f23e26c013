//! `/api/communication/ledger/{user_id}`: what became of somebody's consents, preferences and addresses, who did it, and
//! whether that is still what was written down.

pub mod get;
pub mod verify;

use switchboard::http::ApiError;

/// The number a cursor stands for.
fn place(cursor: &str) -> Result<u64, ApiError> {
    let invalid = || ApiError::invalid_field("cursor", "It must be the next_cursor of an answer");
    cursor.parse().ok().filter(|place| (1..=LAST).contains(place)).ok_or_else(invalid)
}

/// No ledger has so many entries, and DynamoDB's numbers are exact far beyond.
const LAST: u64 = 1 << 53;
