//! The edge every HTTP function shares. A function lists its endpoints with [`Routes`]; each endpoint says who may call it
//! and which rate limit counts it; the edge does the rest: request id, authentication, rate limit, error envelope,
//! access log line, metrics, panic guard.
//!
//! [`error`] (which constructor to use where) · [`auth`] · [`rate_limit`] · [`body`] · [`idempotency`] · [`observe`] · [`origin`] · [`page`] (HTML) · [`paging`].

pub mod auth;
pub mod body;
pub mod error;
mod guard;
pub mod idempotency;
mod observe;
mod origin;
pub mod page;
pub mod paging;
pub mod rate_limit;
pub mod refusals;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, head, post, put};

pub use auth::{AuthKeys, Caller, Scope};
pub use body::Body;
pub use error::ApiError;
pub use idempotency::IdempotencyKey;
pub use observe::RequestId;
pub use origin::Origin;
pub use rate_limit::{Limit, Limits};

use crate::clock::Clock;
use crate::seal::Seal;
use crate::secrets::Secret;
use crate::store::Ephemera;

/// What the edge itself needs.
#[derive(Clone, Debug)]
pub struct Edge {
    clock: Clock,
    auth: Arc<Secret<AuthKeys>>,
    windows: Ephemera,
    limits: Limits,
}

impl Edge {
    pub fn new(clock: Clock, auth: Secret<AuthKeys>, windows: Ephemera, limits: Limits) -> Self {
        Self { clock, auth: Arc::new(auth), windows, limits }
    }
}

/// What the edge must know of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Its name in logs, metrics and the `context` of errors.
    pub name: &'static str,
    pub access: Access,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the handler checks a signature itself.
    Signed,
    /// Anybody: what it says is meant for everybody.
    Public,
    /// Holders of a token with this scope.
    Scoped(Scope, Limit),
    /// Holders of any token; the handler checks whose data it is.
    Authenticated(Limit),
}

/// A function's endpoints.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    edge: Option<Edge>,
    seal: Arc<Seal>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Endpoints that need tokens, and work with what is sealed with these keys.
    pub fn new(edge: Edge, seal: Arc<Seal>) -> Self {
        Self { router: Router::new(), edge: Some(edge), seal }
    }

    /// Endpoints that are all [`Access::Signed`].
    pub fn signed(seal: Arc<Seal>) -> Self {
        Self { router: Router::new(), edge: None, seal }
    }

    pub fn get<H, T>(self, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, get(handler))
    }

    /// For a path whose [`Self::get`] changes something: a request for the head alone is an endpoint of its own.
    pub fn head<H, T>(self, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, head(handler))
    }

    pub fn post<H, T>(self, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, post(handler))
    }

    pub fn put<H, T>(self, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, put(handler))
    }

    pub fn delete<H, T>(self, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, delete(handler))
    }

    /// The same as [`Self::post`] for an endpoint whose requests may be larger than the usual 2 MB: up to so many bytes.
    pub fn post_up_to<H, T>(self, bytes: usize, path: &str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(path, Endpoint { name, access }, post(handler).layer(DefaultBodyLimit::max(bytes)))
    }

    fn route(mut self, path: &str, endpoint: Endpoint, method: MethodRouter<S>) -> Self {
        let method = method.layer(from_fn_with_state((self.edge.clone(), endpoint), guard::guard));
        self.router = self.router.route(path, method);
        self
    }

    /// The router to hand to the runtime.
    pub fn finish(self, state: S) -> Router {
        self.router
            .fallback(async || ApiError::not_found("No such endpoint"))
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
            .layer(from_fn_with_state(self.seal, with_current_keys))
            .layer(from_fn(observe::observe))
            .with_state(state)
    }
}

/// Seal keys that were rotated are taken up between two requests.
async fn with_current_keys(State(seal): State<Arc<Seal>>, request: Request, next: Next) -> Response {
    seal.keep_current().await;
    next.run(request).await
}
