//! What a request that sends something is answered, whatever fault it meets.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::answer::Error;
use crate::{
    app::App,
    faults::{self, Verdict},
};

/// Lets a request be accepted, as the fault it met says, and answers it so.
pub(super) async fn answered(
    app: &App,
    verdict: Verdict,
    accept: impl FnOnce() -> Result<Response, Error>,
) -> Response {
    match verdict {
        Verdict::Refuse(status) => Error::of_status(status).into_response(),
        Verdict::Cut => StatusCode::OK.into_response(),
        Verdict::Proceed => accept().unwrap_or_else(|error| refuse(app, error)),
        Verdict::AcceptThenRefuse(status) => {
            accept().map_or_else(|error| refuse(app, error), |_| Error::of_status(status).into_response())
        }
        Verdict::AcceptThenHang(delay) => match accept() {
            Err(error) => refuse(app, error),
            Ok(response) => {
                faults::hang(delay).await;
                response
            }
        },
    }
}

/// Counts a request that Twilio would refuse, and answers as it would.
pub(super) fn refuse(app: &App, error: Error) -> Response {
    app.store().stats_mut().refused += 1;
    error.into_response()
}
