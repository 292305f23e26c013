//! Starting a verification, checking a code, reading and cancelling.

use axum::{
    extract::{ConnectInfo, Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::{
    super::{
        answer::{Error, answer as respond},
        auth,
        form::{Form, is_sid},
        progress, sending,
    },
    answer,
    request::Start,
    state::{State as Outcome, Verification},
};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request, Verdict},
    ids,
    store::{Channel, Detail, Direction, NewMessage, Provider, Status},
};

const BASE: &str = "https://verify.twilio.com";

/// Whether the request comes from our account and names a service.
fn admit(app: &App, headers: &HeaderMap, service: &str) -> Result<(), Error> {
    auth::check(&app.config, headers, &app.config.twilio_account_sid)?;
    if is_sid(service, "VA") { Ok(()) } else { Err(gone(&format!("/Services/{service}"))) }
}

fn gone(path: &str) -> Error {
    Error::not_found(path)
}

/// `POST …/Verifications`
pub(super) async fn start(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    app.store().stats_mut().requests += 1;
    if let Err(error) = admit(&app, &headers, &service) {
        return sending::refuse(&app, error);
    }
    let form = Form::parse(&body);
    let start = match form.start(app.config.strict) {
        Ok(start) => start,
        Err(error) => return sending::refuse(&app, error),
    };
    let channel = start.way.channel();
    let verdict = faults::meet(&app, &line, Request::sends_to(form.get("To"), channel)).await;
    sending::answered(&app, verdict, || begin(&app, &service, &start)).await
}

/// Starts a verification, or goes on with it, and delivers its code.
fn begin(app: &App, service: &str, start: &Start) -> Result<Response, Error> {
    let code = format!("{:06}", (app.chance.roll() * 1_000_000.0) as u32);
    let verification = app.verifications().start(service, start, &code, Timestamp::now())?;
    deliver(app, &verification);
    Ok(respond(StatusCode::CREATED, &answer::verification(&app.config.twilio_account_sid, BASE, &verification)))
}

/// The code reaches its recipient, in Twilio's words and from a sender of Twilio's.
fn deliver(app: &App, verification: &Verification) {
    let channel = verification.way.channel();
    let to = match channel {
        Channel::Whatsapp => format!("whatsapp:{}", verification.to),
        Channel::Sms | Channel::Voice | Channel::Email => verification.to.clone(),
    };
    let message = NewMessage {
        id: ids::sid("SM"),
        provider: Provider::Twilio,
        channel,
        direction: Direction::Outbound,
        to,
        from: if channel == Channel::Email { "verify@twilio.example" } else { "+15005550020" }.to_owned(),
        subject: (channel == Channel::Email).then(|| "Your verification code".to_owned()),
        text: Some(format!("Your verification code is: {}", verification.code)),
        html: None,
        media: Vec::new(),
        our_id: verification.sends.last().map(|(_, _, attempt)| attempt.clone()),
        status: Status::Queued,
        detail: Detail::Twilio(Box::default()),
    };
    let mut store = app.store();
    store.carry(message.identity());
    let handle = store.accept(message);
    drop(store);
    tokio::spawn(progress::run(app.clone(), handle));
}

/// Lets a request that sends nothing meet its fault; `None`: it goes on as usual.
async fn read_fault(app: &App, line: &Line) -> Option<Response> {
    app.store().stats_mut().reads += 1;
    match faults::meet(app, line, Request::reads(Provider::Twilio, None)).await {
        Verdict::Proceed => None,
        Verdict::AcceptThenHang(delay) => {
            faults::hang(delay).await;
            None
        }
        Verdict::Refuse(status) | Verdict::AcceptThenRefuse(status) => Some(Error::of_status(status).into_response()),
        Verdict::Cut => Some(StatusCode::OK.into_response()),
    }
}

/// `POST …/VerificationCheck`
pub(super) async fn check(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    admit(&app, &headers, &service)?;
    if let Some(response) = read_fault(&app, &line).await {
        return Ok(response);
    }
    let form = Form::parse(&body);
    let (which, code) = form.check(app.config.strict)?;
    let checked = app.verifications().check(&service, which, code, Timestamp::now())?;
    let checked = checked.ok_or_else(|| gone(&format!("/Services/{service}/VerificationCheck")))?;
    Ok(respond(StatusCode::OK, &answer::check(&app.config.twilio_account_sid, &checked)))
}

/// `GET …/Verifications/{VE}`
pub(super) async fn fetch(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((service, sid)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    admit(&app, &headers, &service)?;
    if let Some(response) = read_fault(&app, &line).await {
        return Ok(response);
    }
    let open = app.verifications().open(&service, &sid, Timestamp::now()).cloned();
    let open = open.ok_or_else(|| gone(&format!("/Services/{service}/Verifications/{sid}")))?;
    Ok(respond(StatusCode::OK, &answer::verification(&app.config.twilio_account_sid, BASE, &open)))
}

/// `POST …/Verifications/{VE}`: `Status=canceled` or `approved`.
pub(super) async fn update(
    State(app): State<App>,
    Path((service, sid)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    admit(&app, &headers, &service)?;
    let form = Form::parse(&body);
    if app.config.strict {
        form.only(&["Status"])?;
    }
    let outcome = match form.get("Status") {
        Some("canceled") => Outcome::Canceled,
        Some("approved") => Outcome::Approved,
        _ => return Err(Error::new(60200, "Invalid parameter `Status`")),
    };
    let mut verifications = app.verifications();
    let now = Timestamp::now();
    let open = verifications.open(&service, &sid, now);
    let open = open.ok_or_else(|| gone(&format!("/Services/{service}/Verifications/{sid}")))?;
    (open.state, open.updated) = (outcome, now);
    Ok(respond(StatusCode::OK, &answer::verification(&app.config.twilio_account_sid, BASE, open)))
}
