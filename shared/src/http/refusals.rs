//! What endpoints of a kind may refuse with, for the API description: named once, so that every endpoint says the same.

use utoipa::IntoResponses;

use super::error::ErrorBody;

/// Of endpoints that send.
#[derive(Debug, IntoResponses)]
pub enum SendRefusals {
    /// Bad input; the field is named
    #[response(status = 400)]
    BadInput(ErrorBody),
    /// No valid token
    #[response(status = 401)]
    NoToken(ErrorBody),
    /// Scope missing, or the recipient must not be contacted
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The idempotency key was used with another body
    #[response(status = 422)]
    OtherBody(ErrorBody),
    /// Too many requests
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// Something this needs did not answer; nothing was half done
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Of endpoints that read or change one thing.
#[derive(Debug, IntoResponses)]
pub enum Refusals {
    /// No valid token
    #[response(status = 401)]
    NoToken(ErrorBody),
    /// Scope missing, or not one's own
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// Too many requests
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// Something this needs did not answer
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Of endpoints that providers call.
#[derive(Debug, IntoResponses)]
pub enum CallbackRefusals {
    /// Signed, but not readable
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// Invalid signature
    #[response(status = 403)]
    Forged(ErrorBody),
    /// Not taken; call again
    #[response(status = 503)]
    Unavailable(ErrorBody),
}
