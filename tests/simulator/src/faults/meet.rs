//! Carrying faults out.

use std::{future::pending, time::Duration};

use super::{FaultKind, Request};
use crate::{
    app::App,
    connection::Line,
    store::{Channel, Provider},
};

/// How long `hang_before` waits unless the fault says otherwise.
const HANG: Duration = Duration::from_secs(60);

/// What a request that came past [`meet`] is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    /// Go on as usual.
    Proceed,
    /// Accept, then [`hang`] for this long (forever if `None`) before answering.
    AcceptThenHang(Option<Duration>),
    /// Accept, then answer with this status, in the provider's own error shape.
    AcceptThenRefuse(u16),
    /// Answer with this status, in the provider's own error shape.
    Refuse(u16),
    /// The connection is cut; whatever is answered goes nowhere.
    Cut,
}

/// Lets a request meet its fault: waits and cuts the connection where the fault says so.
pub(crate) async fn meet(app: &App, line: &Line, request: Request<'_>) -> Verdict {
    let struck = app.faults().strike_request(request, || app.chance.roll());
    let Some(fault) = struck else { return Verdict::Proceed };
    app.store().stats_mut().faulted += 1;
    let delay = fault.delay_ms.map(Duration::from_millis);
    match fault.kind {
        FaultKind::Status => {
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            Verdict::Refuse(fault.status.unwrap_or(503))
        }
        FaultKind::HangBefore => {
            tokio::time::sleep(delay.unwrap_or(HANG)).await;
            line.close();
            Verdict::Cut
        }
        FaultKind::Reset => {
            line.reset();
            Verdict::Cut
        }
        FaultKind::HangAfter => Verdict::AcceptThenHang(delay),
        FaultKind::AcceptThenStatus => Verdict::AcceptThenRefuse(fault.status.unwrap_or(503)),
        FaultKind::DropCallback
        | FaultKind::DuplicateCallback
        | FaultKind::ReorderCallback
        | FaultKind::ForeignCallback
        | FaultKind::ListLag
        | FaultKind::Respell => Verdict::Proceed,
    }
}

/// How long what was accepted is kept out of Twilio's lists, if a fault says so.
pub(crate) fn list_lag(app: &App) -> Option<Duration> {
    let struck = app.faults().strike_beside(FaultKind::ListLag, None, || app.chance.roll())?;
    Some(struck.delay_ms.map_or(HANG, Duration::from_millis))
}

/// Whether what goes to this number is kept as somebody else would spell it.
pub(crate) fn respells(app: &App, to: &str) -> bool {
    let to = to.strip_prefix("whatsapp:").unwrap_or(to);
    app.faults().strike_beside(FaultKind::Respell, Some(to), || app.chance.roll()).is_some()
}

/// Waits out a hang after the message was accepted; forever when there is no end to it.
pub(crate) async fn hang(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => pending().await,
    }
}

/// What is to become of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackFate {
    Send,
    Drop,
    /// Send one of somebody else's before it.
    AfterForeign,
    /// Send now, and once more after this long.
    Twice(Duration),
    /// Send only after this long.
    Late(Duration),
}

/// Decides what becomes of one callback.
pub(crate) fn callback_fate(app: &App, provider: Provider, channel: Channel) -> CallbackFate {
    let struck = app.faults().strike_callback(provider, channel, || app.chance.roll());
    let Some(fault) = struck else { return CallbackFate::Send };
    let delay = fault.delay_ms.map(Duration::from_millis);
    match fault.kind {
        FaultKind::DropCallback => CallbackFate::Drop,
        FaultKind::DuplicateCallback => CallbackFate::Twice(delay.unwrap_or(app.config.step)),
        FaultKind::ReorderCallback => CallbackFate::Late(delay.unwrap_or(app.config.step * 3)),
        FaultKind::ForeignCallback => CallbackFate::AfterForeign,
        FaultKind::Status
        | FaultKind::HangBefore
        | FaultKind::HangAfter
        | FaultKind::AcceptThenStatus
        | FaultKind::Reset
        | FaultKind::ListLag
        | FaultKind::Respell => CallbackFate::Send,
    }
}
