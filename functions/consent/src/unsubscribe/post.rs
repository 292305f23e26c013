//! `POST /unsubscribe/{token}`: unsubscribes.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use switchboard::http::error::ErrorBody;
use switchboard::http::{ApiError, Origin};
use switchboard::store::people::Details;

use super::page::{self, Which};
use super::target;
use crate::App;

/// Unsubscribe
///
/// With one click: by a mail program (`List-Unsubscribe=One-Click`, RFC 8058) or the page's button; whatever the body says,
/// the link says enough. No marketing e-mail goes to the address any more, and whoever's it is has revoked their consent to
/// it; transactional and security e-mails still arrive. A second click changes nothing. No token but the one in the link.
#[utoipa::path(
    post, path = "/unsubscribe/{token}", tag = "Suppressions", operation_id = "unsubscribe",
    params(("token" = String, Path, description = "As the link has it")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`List-Unsubscribe=One-Click`"),
    responses(
        (status = 200, description = "Unsubscribed: a page that says so", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is not ours", body = String, content_type = "text/html"),
        (status = 503, description = "Something this needs did not answer; try again", body = ErrorBody),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Path(token): Path<String>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(said) = app.unsubscribe.read(&token) else { return Ok(page::render(Which::BadLink, &headers)) };
    let witness = origin.witness_of_link("link", "unsubscribe_link", app.road.clock.now());
    let details = Details { message_type: said.message_type, ..Details::default() };
    app.road.leave_marketing(&target(&said), &witness, &details).await?;
    Ok(page::render(Which::Done, &headers))
}
