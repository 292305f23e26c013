//! `GET /emails/{id}`

use std::time::Instant;

use axum::{
    Json,
    extract::{ConnectInfo, Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};

use super::{
    answer::{self, Error},
    auth,
};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request, Verdict},
    store::Provider,
};

pub(super) async fn one(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    app.store().stats_mut().reads += 1;
    let rate = app.idempotency().rate(Instant::now());
    let checked = match auth::check(&app.config, &headers) {
        Ok(()) if rate.exceeded => Err(Error::of_status(429)),
        checked => checked,
    };
    let response = match checked {
        Err(error) => error.into_response(),
        Ok(()) => match faults::meet(&app, &line, Request::reads(Provider::Resend, None)).await {
            Verdict::Refuse(status) | Verdict::AcceptThenRefuse(status) => Error::of_status(status).into_response(),
            Verdict::Cut => return StatusCode::OK.into_response(),
            Verdict::Proceed => found(&app, &id),
            Verdict::AcceptThenHang(delay) => {
                faults::hang(delay).await;
                found(&app, &id)
            }
        },
    };
    answer::with_rate(response, rate)
}

fn found(app: &App, id: &str) -> Response {
    match app.store().find(Provider::Resend, id) {
        Some((_, message)) => Json(answer::resource(message)).into_response(),
        None => Error::new(404, "not_found", "Email not found").into_response(),
    }
}
