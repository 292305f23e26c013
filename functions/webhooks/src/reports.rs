//! Verify, parse, apply: one function a provider. A callback that does not verify gets 403 and no work; keys that were
//! rotated a moment ago are read anew before it is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use serde::de::DeserializeOwned;
use switchboard::http::ApiError;
use switchboard::message::MessageId;
use switchboard::provider::{BadSignature, Event, MalformedCallback, Report, resend, sendgrid, twilio};
use switchboard::road::inbound_id;
use switchboard::secrets::{Secret, Versions};
use switchboard::store::StoreError;
use switchboard::voice::Origin;

use crate::App;
use crate::received::{Acknowledged, Received};
use crate::voice;

/// How long the reports of one callback are applied. What is left then is parked in the queue of callbacks, so that the answer is out
/// before the function's time (10 s) is over: a batch that is never acknowledged is brought again from its beginning.
const APPLY_FOR: Duration = Duration::from_secs(4);

/// How often a live SendGrid webhook is noted, in milliseconds.
const NOTE_EVERY_MS: i64 = 30_000;

pub(crate) async fn twilio(app: &App, received: &Received) -> Result<Json<Acknowledged>, ApiError> {
    verify_twilio(app, received).await?;
    apply(app, twilio::callback::parse(&received.query, &received.body, app.road.clock.now())).await
}

pub(crate) async fn twilio_call(app: &App, received: &Received) -> Result<Json<Acknowledged>, ApiError> {
    verify_twilio(app, received).await?;
    let reports = twilio::callback::parse_call(&received.query, &received.body, app.road.clock.now());
    let Some(call) = twilio::inbound::call::parse(&received.body).map_err(voice::malformed)? else {
        return apply(app, reports).await;
    };
    for report in reports.map_err(voice::malformed)? {
        app.road.take_call(call.clone(), &of_inbound(app, report)).await.map_err(ApiError::unavailable)?;
    }
    Ok(Json(Acknowledged { success: true }))
}

/// Something was recorded in a call, of ours or to us. It has been [verified](verify_twilio).
pub(crate) async fn twilio_recording(app: &App, received: &Received) -> Result<(), ApiError> {
    let reports = twilio::callback::recording::parse(&received.query, &received.body, app.road.clock.now());
    let reports = match Origin::read(&received.query) {
        Origin::Message(_) | Origin::Ours => reports,
        Origin::Inbound => reports.map(|reports| reports.into_iter().map(|report| of_inbound(app, report)).collect()),
    };
    apply(app, reports).await.map(drop)
}

/// What is told of a call to us names no message: its id follows from the provider's.
fn of_inbound(app: &App, report: Report) -> Report {
    let ids = app.road.seal.ids();
    Report { message_id: report.provider_id.as_deref().map(|sid| inbound_id(ids, sid)), ..report }
}

pub(crate) async fn verify_twilio(app: &App, received: &Received) -> Result<(), ApiError> {
    verified(&app.keys, |versions| {
        let keys = twilio::signature::Keys::of(versions.iter().map(|keys| &keys.twilio));
        twilio::signature::verify(&received.url, &received.headers, &received.body, &keys)
    })
    .await
}

pub(crate) async fn sendgrid(app: &App, received: &Received) -> Result<Json<Acknowledged>, ApiError> {
    verified(&app.keys, |versions| {
        let keys = versions.iter().flat_map(|keys| &keys.sendgrid.public_keys);
        sendgrid::signature::verify(&received.headers, &received.body, keys)
    })
    .await?;
    let reports =
        sendgrid::callback::parse(&received.body, app.road.clock.now(), &|address| app.road.seal.fingerprint(address));
    let told = reports.as_deref().map(told_as_taken).unwrap_or_default();
    // Beside the work: nobody waits for it.
    let (answer, ()) = futures::join!(apply(app, reports), note_alive(app, &told));
    answer
}

pub(crate) async fn resend(app: &App, received: &Received) -> Result<Json<Acknowledged>, ApiError> {
    let now = app.road.clock.now();
    let id = verified(&app.keys, |versions| {
        let secrets = versions.iter().flat_map(|keys| &keys.resend.secrets);
        resend::signature::verify(&received.headers, &received.body, secrets, now).map(str::to_owned)
    })
    .await?;
    let reports = resend::callback::parse(&id, &received.body, now, &|address| app.road.seal.fingerprint(address));
    apply(app, reports).await
}

/// What `check` proves with the keys we hold; if it proves nothing, with the keys read anew.
async fn verified<T: DeserializeOwned, P>(
    secret: &Secret<T>,
    check: impl Fn(&Versions<T>) -> Result<P, BadSignature>,
) -> Result<P, ApiError> {
    let held = secret.get().await?;
    let refused = match check(&held) {
        Ok(proof) => return Ok(proof),
        Err(refused) => refused,
    };
    let fresh = secret.refreshed().await?;
    let proof = if Arc::ptr_eq(&held, &fresh) { Err(refused) } else { check(&fresh) };
    proof.map_err(|refused| {
        tracing::warn!(reason = refused.0, "callback refused");
        ApiError::invalid_signature()
    })
}

async fn apply(app: &App, reports: Result<Vec<Report>, MalformedCallback>) -> Result<Json<Acknowledged>, ApiError> {
    let reports = reports.map_err(voice::malformed)?;
    match app.road.take_all(reports, Instant::now() + APPLY_FOR).await {
        Ok(()) => Ok(Json(Acknowledged { success: true })),
        // Not acknowledged: who calls again (SendGrid, Resend) will.
        Err(error) => Err(ApiError::unavailable(error)),
    }
}

/// How many messages of a callback are asked when they were claimed.
const MOST_ASKED: usize = 4;

/// The messages of which a callback tells that SendGrid took them, the newest events first.
fn told_as_taken(reports: &[Report]) -> Vec<MessageId> {
    let mut told: Vec<_> = reports
        .iter()
        .filter(|report| matches!(report.event, Event::Sent | Event::Delivered))
        .filter_map(|report| Some((report.at, report.message_id?)))
        .collect();
    told.sort_unstable_by(|one, other| other.cmp(one));
    told.into_iter().map(|(_, id)| id).take(MOST_ASKED).collect()
}

/// Notes of how late a claim SendGrid's events tell that it was taken: what a send of unknown outcome without any event means depends
/// on it. An opening of last year's mail says nothing of today's.
async fn note_alive(app: &App, told: &[MessageId]) {
    if told.is_empty() {
        return;
    }
    let now = app.road.clock.now();
    let noted = app.sendgrid_noted.load(Ordering::Relaxed);
    if now.as_millisecond() - noted < NOTE_EVERY_MS {
        return;
    }
    app.sendgrid_noted.store(now.as_millisecond(), Ordering::Relaxed);
    if let Err(error) = note_latest_claim(app, told).await {
        tracing::warn!(error = %error, "a live webhook was not noted");
    }
}

async fn note_latest_claim(app: &App, told: &[MessageId]) -> Result<(), StoreError> {
    let claims = told.iter().map(|id| app.road.messages.claimed(*id));
    let latest = futures::future::try_join_all(claims).await?.into_iter().flatten().max();
    match latest {
        Some(claim) => app.road.ephemera.beat(sendgrid::callback::ALIVE, claim).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use switchboard::provider::ProviderName;

    use super::*;

    #[test]
    fn open_is_no_evidence_that_sendgrid_takes_mail() {
        let report = |event: Event, second: i64| Report {
            provider: ProviderName::Sendgrid,
            message_id: Some(MessageId::new()),
            provider_id: None,
            key: event.name().to_owned(),
            event,
            at: switchboard::clock::from_millis(second * 1_000),
            recipient: None,
            provider_code: None,
            call: None,
            recording: None,
        };
        let (old, new) = (report(Event::Sent, 1), report(Event::Delivered, 2));
        let ids = |reports: &[&Report]| reports.iter().filter_map(|report| report.message_id).collect::<Vec<_>>();
        // Of last year's mail somebody opens this says nothing, whenever it comes.
        let reports = [report(Event::Opened, 9), old.clone(), new.clone()];
        assert_eq!(told_as_taken(&reports), ids(&[&new, &old]), "the newest first, and no opening");
        assert_eq!(told_as_taken(&reports[..1]), ids(&[]));
    }
}
