//! What happens before a handler: who is it, may they, how often. Around it: the panic guard. And after: the rate-limit
//! headers, on every answer.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::auth::authenticate;
use super::rate_limit::{Standing, count};
use super::{Access, ApiError, Edge, Endpoint};

pub(super) async fn guard(
    State((edge, endpoint)): State<(Option<Edge>, Endpoint)>,
    request: Request,
    next: Next,
) -> Response {
    let mut standing = None;
    let mut response = match admit(edge.as_ref(), endpoint, request, &mut standing).await {
        Ok(request) => {
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            answer.unwrap_or_else(|_| ApiError::internal("a handler panicked").into_response())
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response.extensions_mut().insert(endpoint);
    response
}

async fn admit(
    edge: Option<&Edge>,
    endpoint: Endpoint,
    mut request: Request,
    standing: &mut Option<Standing>,
) -> Result<Request, ApiError> {
    let (scope, limit) = match endpoint.access {
        Access::Signed | Access::Public => return Ok(request),
        Access::Scoped(scope, limit) => (Some(scope), limit),
        Access::Authenticated(limit) => (None, limit),
    };
    let edge = edge.ok_or_else(|| ApiError::internal("an endpoint that needs a token is on a router without keys"))?;
    let caller = authenticate(request.headers(), &edge.auth).await?;
    *standing = count(edge, &caller, limit).await;
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
impl<S: Sync> axum::extract::FromRequestParts<S> for super::Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::unauthorized("Authentication required"))
    }
}
