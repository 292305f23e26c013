//! What happens before a handler: who is it, may they, how often. Around it: the panic guard. And after: the rate-limit
//! headers, on every answer.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::auth::authenticate;
use super::rate_limit::{Standing, count};
use super::{ApiError, Caller, Edge, Endpoint, Who};

pub(super) async fn guard(State(endpoint): State<Endpoint>, request: Request, next: Next) -> Response {
    let mut standing = None;
    let mut response = match admit(endpoint, request, &mut standing).await {
        Ok(request) => {
            let caller = request.extensions().get::<Caller>().cloned();
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            let answer = answer.unwrap_or_else(|_| ApiError::internal("a handler panicked").into_response());
            unless_unchecked(endpoint, caller.as_ref(), answer)
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response.extensions_mut().insert(endpoint);
    response
}

/// Withholds an answer of a handler that must ask whose object it is and did not: what was forgotten shows in the first
/// test of the endpoint.
fn unless_unchecked(endpoint: Endpoint, caller: Option<&Caller>, answer: Response) -> Response {
    let checked = caller.is_some_and(Caller::was_checked);
    if endpoint.access.owner.is_checked_by_handler() && answer.status().is_success() && !checked {
        return ApiError::internal("a handler did not ask whose object it is").into_response();
    }
    answer
}

async fn admit(endpoint: Endpoint, mut request: Request, standing: &mut Option<Standing>) -> Result<Request, ApiError> {
    let (scope, limit) = match endpoint.access.who {
        Who::Unauthenticated => return Ok(request),
        Who::Scoped(scope, limit) => (Some(scope), limit),
        Who::Authenticated(limit) => (None, limit),
    };
    let edge = request.extensions().get::<Edge>().cloned();
    let edge = edge.ok_or_else(|| ApiError::internal("an endpoint that needs a token is on a router without keys"))?;
    let caller = authenticate(request.headers(), &edge.auth).await?;
    *standing = count(&edge, &caller, limit).await;
    if let Some(scope) = scope {
        caller.require(scope)?;
    }
    if let Some(refusal) = standing.as_ref().and_then(|standing| standing.refusal(edge.clock.now())) {
        return Err(refusal);
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}

/// The caller the guard let in.
impl<S: Sync> axum::extract::FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::unauthorized("Authentication required"))
    }
}
