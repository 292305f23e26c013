//! How much of a list a request asks for.

use std::fmt::Display;
use std::str::FromStr;

use super::ApiError;

/// The query's `limit`: a number of 1 to `most`; `usual` where there is none.
pub fn limit<N>(text: Option<&str>, usual: N, most: N) -> Result<N, ApiError>
where
    N: FromStr + PartialOrd + From<u8> + Display + Copy,
{
    let Some(text) = text else { return Ok(usual) };
    let number = text.parse().ok().filter(|limit| (N::from(1)..=most).contains(limit));
    number.ok_or_else(|| ApiError::invalid_field("limit", format!("It must be 1 to {most}")))
}
