//! Calls that ask what to say: verify, read, answer with TwiML. Nothing is written on the way but that somebody calls us, and
//! what was recorded.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use switchboard::http::ApiError;
use switchboard::provider::MalformedCallback;
use switchboard::provider::twilio::callback::voice::Request;
use switchboard::provider::twilio::inbound::{self, call::InboundCall};
use switchboard::provider::twilio::twiml;
use switchboard::store::messages::Created;
use switchboard::telemetry;
use switchboard::voice::{Menu, Turn};

use crate::App;
use crate::received::Received;
use crate::reports::verify_twilio;

/// How a call begins. A call to us is kept, beside reading the menu, with one write; whoever calls is answered even if that
/// fails, and then its end is what keeps it.
pub(crate) async fn begin(app: &App, received: &Received) -> Result<Response, ApiError> {
    verify_twilio(app, received).await?;
    let call = inbound::call::parse(&received.body).map_err(malformed)?;
    let (answer, ()) = futures::join!(
        turn(app, received, |menu, request| menu.begin(request.party, &request.place)),
        keep(app, call),
    );
    answer
}

async fn keep(app: &App, call: Option<InboundCall>) {
    let Some(call) = call else { return };
    match app.road.receive_call(call).await {
        Ok((id, Created::New)) => {
            telemetry::count("inbound_received", 1);
            tracing::info!(message.id = %id, message.channel = "voice", "received");
        }
        Ok((id, Created::Exists)) => tracing::info!(message.id = %id, "received before"),
        Err(error) => {
            telemetry::count("inbound_lost", 1);
            tracing::error!(error = %error, "a call to us was not kept");
        }
    }
}

/// What the next turn of a call is, by the menu in force.
pub(crate) async fn answer(
    app: &App,
    received: &Received,
    next: impl for<'m> FnOnce(&'m Menu, &Request) -> Turn<'m>,
) -> Result<Response, ApiError> {
    verify_twilio(app, received).await?;
    turn(app, received, next).await
}

async fn turn(
    app: &App,
    received: &Received,
    next: impl for<'m> FnOnce(&'m Menu, &Request) -> Turn<'m>,
) -> Result<Response, ApiError> {
    let request = Request::read(&received.query, &received.body).map_err(malformed)?;
    let menu = app.menus.in_force().await?;
    let turn = next(&menu, &request);
    tracing::info!(call.node = request.place.node, call.step = request.place.step, "call answered");
    Ok(xml(twiml::turn::turn(&menu, &turn, &app.public_url)))
}

/// A document, as Twilio wants it.
pub(crate) fn xml(document: String) -> Response {
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}

pub(crate) fn malformed(malformed: MalformedCallback) -> ApiError {
    ApiError::bad_request("Malformed callback").details(malformed.0)
}
