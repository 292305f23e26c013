//! How often: per minute and caller, by class of endpoint. When the store of windows does not answer, requests are let
//! through and counted (fail open on how much).

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use super::rate_steps::Count;
use super::{ApiError, Caller, Edge};
use crate::config::optional;
use crate::store::ephemera::Window;
use crate::telemetry;

/// The length of a window.
const WINDOW_SECONDS: i64 = 60;

/// The classes of endpoints that are limited apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Limit {
    General,
    Send,
    Batch,
    Analytics,
    /// Recipients of batches and bulk texts: each counts once, beside the request.
    Recipients,
}

impl Limit {
    /// Its name in a token's `limits` claim, in settings and in keys.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Requests a minute, unless the deployment or the token says otherwise.
    fn default_rate(self) -> u32 {
        match self {
            Self::General => 100,
            Self::Send => 10,
            Self::Batch => 5,
            Self::Analytics => 50,
            Self::Recipients => 1_000,
        }
    }
}

/// This deployment's limits.
#[derive(Clone, Debug)]
pub struct Limits(Vec<(Limit, u32)>);

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::iter().map(|limit| (limit, limit.default_rate())).collect())
    }
}

impl Limits {
    /// `RATE_LIMIT_GENERAL`, `RATE_LIMIT_SEND`, `RATE_LIMIT_BATCH`, `RATE_LIMIT_ANALYTICS`: requests a minute;
    /// `RATE_LIMIT_RECIPIENTS`: recipients a minute.
    pub fn from_env() -> Self {
        let rate = |limit: Limit| {
            let name = format!("RATE_LIMIT_{}", limit.as_str().to_uppercase());
            optional(&name, "").parse().unwrap_or_else(|_| limit.default_rate())
        };
        Self(Limit::iter().map(|limit| (limit, rate(limit))).collect())
    }

    fn rate(&self, limit: Limit) -> u32 {
        self.0.iter().find(|(known, _)| *known == limit).map_or_else(|| limit.default_rate(), |(_, rate)| *rate)
    }
}

/// Where a caller stands after a request was counted; goes on every answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) limit: u32,
    pub(super) window: Window,
}

impl Standing {
    fn is_over(&self) -> bool {
        self.window.count > self.limit
    }

    /// `X-RateLimit-Limit`, `-Remaining`, and `-Reset` in epoch seconds.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let resets = whole_seconds(self.window.resets.as_millisecond());
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.limit.saturating_sub(self.window.count)));
        headers.insert("x-ratelimit-reset", HeaderValue::from(resets));
    }

    /// The refusal, if the caller is over the limit.
    pub(super) fn refusal(&self, now: Timestamp) -> Option<ApiError> {
        let wait = whole_seconds(self.window.resets.as_millisecond() - now.as_millisecond());
        self.is_over().then(|| ApiError::too_many_requests(self.limit, wait.max(1)))
    }
}

/// Up to the next whole second: nobody should come back too early.
fn whole_seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000)
}

/// Counts a request.
pub(super) async fn count(edge: &Edge, caller: &Caller, limit: Limit) -> Option<Standing> {
    count_by(edge, caller, limit, 1).await
}

async fn count_by(edge: &Edge, caller: &Caller, limit: Limit, by: u32) -> Option<Standing> {
    let key = format!("rate#{}#{}", limit.as_str(), caller.subject);
    let rate = caller.limit(limit).unwrap_or_else(|| edge.limits.rate(limit));
    let now = edge.clock.now();
    let add = match edge.steps.count(&key, by, rate, now) {
        Count::Done(window) => return Some(Standing { limit: rate, window }),
        Count::Add(add) => add,
    };
    match edge.windows.count_by(&key, add, WINDOW_SECONDS, now).await {
        Ok(window) => Some(Standing { limit: rate, window: edge.steps.added(&key, by, add, window, now) }),
        Err(error) => {
            tracing::warn!(error = %error, "rate limit not counted, request let through");
            telemetry::count("rate_limit_unavailable", 1);
            None
        }
    }
}

/// Counts the recipients of a request that has many.
#[derive(Clone, Debug)]
pub struct RecipientLimit {
    edge: Edge,
    caller: Caller,
}

impl RecipientLimit {
    /// Counts so many recipients; refuses them if the caller is over the limit. Nothing of the request was done yet.
    pub async fn count(&self, recipients: usize) -> Result<(), ApiError> {
        let by = u32::try_from(recipients).unwrap_or(u32::MAX);
        let standing = count_by(&self.edge, &self.caller, Limit::Recipients, by).await;
        standing.and_then(|standing| standing.refusal(self.edge.clock.now())).map_or(Ok(()), Err)
    }
}

impl<S: Sync> FromRequestParts<S> for RecipientLimit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let (edge, caller) = (parts.extensions.get::<Edge>().cloned(), parts.extensions.get::<Caller>().cloned());
        let found = edge.zip(caller).map(|(edge, caller)| Self { edge, caller });
        found.ok_or_else(|| ApiError::unauthorized("Authentication required"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn standing(count: u32) -> Standing {
        Standing { limit: 10, window: Window { count, resets: from_millis(61_500) } }
    }

    #[test]
    fn the_eleventh_request_is_refused_and_told_when_to_come_back() {
        assert!(standing(10).refusal(from_millis(1_000)).is_none());
        let refusal = standing(11).refusal(from_millis(1_000)).unwrap().render("test");
        assert_eq!(refusal.status(), 429);
        assert_eq!(refusal.headers()["retry-after"], "61");
    }

    #[test]
    fn headers_tell_where_the_caller_stands() {
        let mut headers = HeaderMap::new();
        standing(12).write(&mut headers);
        assert_eq!(headers["x-ratelimit-limit"], "10");
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert_eq!(headers["x-ratelimit-reset"], "62");
    }
}
