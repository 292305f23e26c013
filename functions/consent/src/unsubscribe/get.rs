//! `GET /unsubscribe/{token}`: asks whether they mean it.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;

use super::page::{self, Which};
use crate::App;

/// Page to unsubscribe on
///
/// Changes nothing: mail scanners follow links. Its button posts to the same address. No token but the one in the link.
#[utoipa::path(
    get, path = "/unsubscribe/{token}", tag = "Suppressions", operation_id = "unsubscribe_page",
    params(("token" = String, Path, description = "As the link has it")),
    responses(
        (status = 200, description = "A page with a button", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is not ours", body = String, content_type = "text/html"),
    ),
)]
pub async fn handle(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let page = if app.unsubscribe.read(&token).is_some() { Which::Ask } else { Which::BadLink };
    page::render(page, &headers)
}
