//! Query strings.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use switchboard::http::ApiError;

/// A query string as it was meant.
pub(crate) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|error| ApiError::bad_request("Invalid query").details(error.body_text()))
}
