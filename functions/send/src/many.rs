//! Requests that make many tasks: each is accepted or refused by itself, and the answer sums them up.

use axum::Json;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::http::idempotency::mark_replay;
use switchboard::message::Micros;
use switchboard::road::Accepted;

use crate::accept::{refusal, total_cost};

/// The most tasks of one request.
pub(crate) const MOST: usize = 100;
/// How many are accepted at a time.
pub(crate) const AT_A_TIME: usize = 8;

/// What became of one task, with what the request called it by.
pub(crate) struct One<K> {
    pub(crate) of: K,
    /// Set where it is on record, refused by the decision or not.
    pub(crate) task_id: Option<String>,
    /// Whether it goes out on another channel than was asked for.
    pub(crate) fallback_used: bool,
    /// When it is to be sent, where that is not now.
    pub(crate) scheduled: Option<Timestamp>,
    /// Set where it goes out.
    pub(crate) cost: Option<Micros>,
    /// Why it does not, where it does not.
    pub(crate) error: Option<String>,
}

/// What became of all of them, in the request's order.
pub(crate) struct Many<K> {
    pub(crate) each: Vec<One<K>>,
    pub(crate) successful: usize,
    pub(crate) cost: Micros,
    replayed: bool,
}

impl<K> One<K> {
    fn new((of, taken): (K, Result<Accepted, ApiError>)) -> Self {
        let refused = taken.as_ref().map_or_else(|error| Some(error.clone()), refusal);
        let accepted = taken.ok();
        Self {
            of,
            task_id: accepted.as_ref().and_then(Accepted::task).map(|task| task.to_string()),
            fallback_used: accepted
                .as_ref()
                .is_some_and(|accepted| accepted.allowed().any(|message| message.asked.is_some())),
            scheduled: accepted.as_ref().and_then(Accepted::scheduled),
            cost: accepted.filter(|_| refused.is_none()).map(|accepted| total_cost(&accepted)),
            error: refused.map(|error| error.message().to_owned()),
        }
    }
}

impl<K> Many<K> {
    /// Sums up; the error of the whole request, if it has one.
    pub(crate) fn new(done: Vec<(K, Result<Accepted, ApiError>)>) -> Result<Self, ApiError> {
        if let Some(error) = whole(done.iter().map(|(_, taken)| taken)) {
            return Err(error);
        }
        for cause in done.iter().filter_map(|(_, taken)| taken.as_ref().err().and_then(ApiError::cause)) {
            tracing::error!(error = cause, "one of many was not accepted");
        }
        let replayed = done.iter().any(|(_, taken)| taken.as_ref().is_ok_and(|accepted| accepted.replayed));
        let each: Vec<One<K>> = done.into_iter().map(One::new).collect();
        let successful = each.iter().filter(|one| one.error.is_none()).count();
        let cost = each.iter().filter_map(|one| one.cost).sum();
        Ok(Self { each, successful, cost, replayed })
    }

    /// How many could not be accepted.
    pub(crate) fn failed(&self) -> usize {
        self.each.len() - self.successful
    }

    /// The answer with what `body` makes of it, marked if it was given before.
    pub(crate) fn answer<A: Serialize>(self, body: impl FnOnce(Self) -> A) -> Response {
        let replayed = self.replayed;
        let mut response = Json(body(self)).into_response();
        if replayed {
            mark_replay(response.headers_mut());
        }
        response
    }
}

/// What is wrong with a whole request: another body under the same key, or a store that took nothing at all. Anything
/// else is the matter of single tasks.
fn whole<'a>(done: impl Iterator<Item = &'a Result<Accepted, ApiError>> + Clone) -> Option<ApiError> {
    let other_body = done.clone().filter_map(|taken| taken.as_ref().err()).find(|error| error.is_other_body());
    let nothing = done.clone().all(|taken| taken.as_ref().is_err_and(ApiError::is_ours));
    other_body.or_else(|| done.filter(|_| nothing).find_map(|taken| taken.as_ref().err())).cloned()
}
