//! `HEAD /l/{code}`: where a short link leads, for programs that check links. Nobody followed it.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;

use super::get;
use crate::App;

/// Where a short link leads
///
/// The answer to the same `GET` without its page, for programs that check links. It is no click.
#[utoipa::path(
    head, path = "/l/{code}", tag = "Messages", operation_id = "short_link_head",
    params(("code" = String, Path, description = "As the link has it")),
    responses(
        (status = 302, description = "To where it leads", headers(("Location" = String, description = "An http or https address"))),
        (status = 404, description = "The link is not ours"),
        (status = 410, description = "The link has ended"),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn handle(
    state: State<App>,
    path: Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    get::handle(state, path, method, headers).await
}
