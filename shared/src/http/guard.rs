//! What happens before a handler: who is it, may they, how often. Around it: the panic guard. And after: the rate-limit
//! headers, on every answer.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::StatusCode;

use super::auth::authenticate;
use super::rate_limit::{Standing, count};
use super::{ApiError, Caller, Edge, Endpoint, NetworkLimit, Origin, OwnerRule, Who};
use crate::telemetry;

pub(super) async fn guard(State(endpoint): State<Endpoint>, request: Request, next: Next) -> Response {
    let mut standing = None;
    let mut response = match admit(endpoint, request, &mut standing).await {
        Ok(request) => {
            let refused = Refused::of(endpoint, &request);
            let caller = request.extensions().get::<Caller>().cloned();
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            let answer = answer.unwrap_or_else(|_| ApiError::internal("a handler panicked").into_response());
            refused.count(answer.status()).await;
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

/// What counts a callback whose signature is refused.
struct Refused {
    limit: Option<NetworkLimit>,
    ip: Option<IpAddr>,
}

impl Refused {
    fn of(endpoint: Endpoint, request: &Request) -> Self {
        let signed = endpoint.access.owner == OwnerRule::Signature;
        let limit = request.extensions().get::<NetworkLimit>().filter(|_| signed).cloned();
        Self { limit, ip: Origin::of(request.extensions()).ip }
    }

    async fn count(&self, status: StatusCode) {
        if let Some(limit) = self.limit.as_ref().filter(|_| status == StatusCode::FORBIDDEN) {
            telemetry::count("callback_refused", 1);
            // This answer stays as it is; the next request of a flood is refused.
            let _ = limit.count(self.ip).await;
        }
    }
}

async fn admit(endpoint: Endpoint, mut request: Request, standing: &mut Option<Standing>) -> Result<Request, ApiError> {
    let (scope, limit) = match endpoint.access.who {
        Who::Unauthenticated => {
            let limit = request.extensions().get::<NetworkLimit>().cloned();
            let ip = Origin::of(request.extensions()).ip;
            match (limit, endpoint.access.owner) {
                // A callback counts once its signature was refused; one with a link before it is looked at.
                (Some(limit), OwnerRule::Signature) => limit.check(ip)?,
                (Some(limit), _) => limit.count(ip).await?,
                (None, _) => {}
            }
            return Ok(request);
        }
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
