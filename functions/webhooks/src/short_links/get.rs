//! `GET /l/{code}`: a short link leads on to where it was made to lead.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::message::short_link::LinkCode;
use switchboard::road::Followed;

use super::page::{self, Which};
use super::visitor::visit;
use crate::App;

/// Follow a short link
///
/// Leads on to the address the link stood for in its text, and counts a click on its message. A request for the head alone, a
/// prefetch, and the known programs that show what is behind a link are no clicks. No token but the code in the link.
#[utoipa::path(
    get, path = "/l/{code}", tag = "Messages", operation_id = "short_link",
    params(("code" = String, Path, description = "As the link has it")),
    responses(
        (status = 302, description = "To where it leads", headers(("Location" = String, description = "An http or https address"))),
        (status = 404, description = "A page that says that the link is not ours", body = String, content_type = "text/html"),
        (status = 410, description = "A page that says that the link has ended", body = String, content_type = "text/html"),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Path(code): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Ok(code) = code.parse::<LinkCode>() else { return Ok(page::render(Which::Unknown, &headers)) };
    Ok(match app.road.follow(&code, visit(&method, &headers)).await? {
        Followed::To(target) => leads_to(target),
        Followed::Ended => page::render(Which::Ended, &headers),
        Followed::Unknown => page::render(Which::Unknown, &headers),
    })
}

/// Nobody may keep the answer (the next click would not be seen), list it, or tell the target where its reader came from.
fn leads_to(target: String) -> Response {
    let headers = [
        (header::LOCATION, target.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    (StatusCode::FOUND, headers).into_response()
}
