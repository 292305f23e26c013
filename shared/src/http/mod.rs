//! The edge every HTTP function shares. A function lists its endpoints with [`Routes`]; each endpoint says who may call it,
//! whose object it touches, what it may cost and which rate limit counts it; the edge does the rest: request id, authentication, rate limit, error envelope,
//! access log line, metrics, panic guard.
//!
//! [`error`] (which constructor to use where) · [`access`] · [`auth`] · [`rate_limit`] · [`body`] · [`idempotency`] · [`observe`] · [`origin`] · [`page`] (HTML) · [`paging`].

pub mod access;
pub mod auth;
pub mod body;
pub mod error;
mod guard;
pub mod idempotency;
mod network_limit;
mod observe;
mod origin;
mod owner;
pub mod page;
pub mod paging;
pub mod rate_limit;
mod rate_steps;
pub mod refusals;
mod second_factor;
mod serve;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, head, post, put};

pub use access::{Access, Cost, OwnerRule, Who};
pub use auth::{AuthKeys, Caller, Scope};
pub use body::Body;
pub use error::ApiError;
pub use idempotency::IdempotencyKey;
pub use network_limit::NetworkLimit;
pub use observe::RequestId;
pub use origin::Origin;
pub use owner::{Made, Owned};
pub use rate_limit::{Limit, Limits, RecipientLimit};
use rate_steps::Steps;
pub use rate_steps::WRITES_PER_PROCESS;
pub use second_factor::{SecondFactor, SecondFactorAssertion};
pub use serve::serve;

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
    steps: Arc<Steps>,
    limits: Limits,
}

impl Edge {
    pub fn new(clock: Clock, auth: Secret<AuthKeys>, windows: Ephemera, limits: Limits) -> Self {
        Self { clock, auth: Arc::new(auth), windows, steps: Arc::default(), limits }
    }
}

/// One endpoint: a line of the table of routes.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: &'static str,
    /// Its name in logs, metrics and the `context` of errors, and its operation id in the API description.
    pub name: &'static str,
    pub access: Access,
}

/// A function's endpoints: the one place that states path, name, access and handler together.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    table: Vec<Endpoint>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), table: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub fn get<H, T>(self, path: &'static str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Endpoint { method: "GET", path, name, access }, get(handler))
    }

    /// For a path whose [`Self::get`] changes something: a request for the head alone is an endpoint of its own.
    pub fn head<H, T>(self, path: &'static str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Endpoint { method: "HEAD", path, name, access }, head(handler))
    }

    pub fn post<H, T>(self, path: &'static str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Endpoint { method: "POST", path, name, access }, post(handler))
    }

    pub fn put<H, T>(self, path: &'static str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Endpoint { method: "PUT", path, name, access }, put(handler))
    }

    pub fn delete<H, T>(self, path: &'static str, name: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Endpoint { method: "DELETE", path, name, access }, delete(handler))
    }

    /// The same as [`Self::post`] for an endpoint whose requests may be larger than the usual 2 MB: up to so many bytes.
    pub fn post_up_to<H, T>(
        self,
        bytes: usize,
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let method = post(handler).layer(DefaultBodyLimit::max(bytes));
        self.route(Endpoint { method: "POST", path, name, access }, method)
    }

    fn route(mut self, endpoint: Endpoint, method: MethodRouter<S>) -> Self {
        let method = method.layer(from_fn_with_state(endpoint, guard::guard));
        self.router = self.router.route(endpoint.path, method);
        self.table.push(endpoint);
        self
    }

    /// Returns the table of routes.
    pub fn table(&self) -> &[Endpoint] {
        &self.table
    }

    /// Builds the router to hand to the runtime. Endpoints that need tokens are checked by `edge`; a function without such
    /// endpoints has none. Those without are limited by `network`.
    pub fn finish(self, edge: Option<Edge>, network: NetworkLimit, seal: Arc<Seal>, state: S) -> Router {
        let router = self
            .router
            .fallback(async || ApiError::not_found("No such endpoint"))
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
            .layer(from_fn_with_state(seal, with_current_keys))
            .layer(from_fn(observe::observe))
            .layer(axum::Extension(network));
        let router = match edge {
            Some(edge) => router.layer(axum::Extension(edge)),
            None => router,
        };
        router.with_state(state)
    }
}

/// Seal keys that were rotated are taken up between two requests.
async fn with_current_keys(State(seal): State<Arc<Seal>>, request: Request, next: Next) -> Response {
    seal.keep_current().await;
    next.run(request).await
}
