//! The outermost layer: request id, error envelope, one access-log line, metrics.

use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, header};
use lambda_http::request::RequestContext;

use super::{ApiError, Endpoint};
use crate::telemetry::RequestMetrics;

/// The id of this request: in the answer's `X-Request-Id`, in the log, and at the gateway.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The gateway's id of the request; one of ours where there is no gateway.
    fn of(request: &Request) -> Self {
        let gateways = match request.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        Self(gateways.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()))
    }
}

pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    request.extensions_mut().insert(id.clone());

    let mut response = next.run(request).await;
    let name = response.extensions().get::<Endpoint>().map_or("unmatched", |endpoint| endpoint.name);
    let mut cause = None;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        cause = error.cause().map(str::to_owned);
        let headers = std::mem::take(response.headers_mut());
        response = error.render(name);
        for (header, value) in headers.iter().filter(|(header, _)| header.as_str().starts_with("x-")) {
            response.headers_mut().insert(header, value.clone());
        }
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", value);
    }
    // An answer may hold a person's data, or a secret that is shown once: it is kept nowhere unless its endpoint says so.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let duration = started.elapsed().as_secs_f64() * 1000.0;
    let status = response.status().as_u16();
    tracing::info!(
        request.id = id.0,
        http.method = %method,
        http.route = route.as_deref().unwrap_or("unmatched"),
        http.status = status,
        endpoint = name,
        duration_ms = duration,
        error = cause.as_deref(),
        "access"
    );
    RequestMetrics { timestamp: SystemTime::now(), endpoint: name, status_class: class(status), requests: 1, duration }
        .emit();
    response
}

fn class(status: u16) -> &'static str {
    match status {
        ..400 => "2xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
