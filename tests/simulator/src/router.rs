//! All endpoints, and the providers' own words for a path that does not exist.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
};
use http::Uri;

use crate::{app::App, control, resend, sendgrid, twilio};

/// The largest body any provider takes: Resend's 40 MB, and some JSON around it.
const LARGEST_BODY: usize = 56 * 1024 * 1024;

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .merge(twilio::routes())
        .merge(sendgrid::routes())
        .merge(resend::routes())
        .merge(control::routes())
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app)
}

async fn unknown(uri: Uri) -> Response {
    let path = uri.path();
    tracing::warn!(http.path = path, "path.unknown");
    if path.starts_with("/v3/") {
        sendgrid::not_found()
    } else if path.starts_with("/emails") {
        resend::not_found()
    } else {
        twilio::not_found(path).into_response()
    }
}
