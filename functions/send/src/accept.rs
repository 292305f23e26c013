//! What every endpoint that sends does the same way: the task's id, the refusals, and the mark of a repeated answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::{ApiError, IdempotencyKey};
use switchboard::message::{MessageId, Micros};
use switchboard::person::{ADDRESS_UNVERIFIED, INVALID_ADDRESS, OUTSIDE_WINDOW};
use switchboard::policy::destinations::{COUNTRY_NOT_ALLOWED, LINE_NOT_ALLOWED};
use switchboard::road::{AcceptError, Accepted, EXPIRED, Task};

use crate::App;

/// The id of a request's task, and the hash its idempotency key is compared by.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) id: MessageId,
    pub(crate) request_hash: Option<String>,
}

impl Identity {
    /// A pure function of who asks, which endpoint, and the key; a new id where there is no key.
    pub(crate) fn of(app: &App, caller: &str, endpoint: &str, key: &IdempotencyKey, canonical_body: &str) -> Self {
        match &key.0 {
            Some(key) => Self {
                id: MessageId::derived(app.road.seal.ids(), caller, endpoint, key),
                request_hash: Some(app.road.seal.keyed_hash(canonical_body.as_bytes())),
            },
            None => Self { id: MessageId::new(), request_hash: None },
        }
    }

    /// The same for one item of a request that makes many: its place is part of its id.
    pub(crate) fn of_item(
        app: &App,
        caller: &str,
        endpoint: &str,
        key: &IdempotencyKey,
        canonical_body: &str,
        place: usize,
    ) -> Self {
        let key = IdempotencyKey(key.0.as_ref().map(|key| format!("{key}#{place}")));
        Self::of(app, caller, endpoint, &key, canonical_body)
    }
}

/// Accepts a task and answers with what `answer` makes of it; a task whose recipient may not be contacted is refused
/// with the decision's reason and the id under which the whole decision can be read.
pub(crate) async fn accept<A: Serialize>(
    app: &App,
    task: Task,
    answer: impl Fn(&Accepted) -> A,
) -> Result<Response, ApiError> {
    respond(take(app, task).await?, answer)
}

/// The same for a task that was read from a request: a repeated one is answered also when it could not be read today
/// (its time has passed by now).
pub(crate) async fn accept_read<A: Serialize>(
    app: &App,
    identity: Identity,
    task: Result<Task, ApiError>,
    answer: impl Fn(&Accepted) -> A,
) -> Result<Response, ApiError> {
    respond(take_read(app, identity, task).await?, answer)
}

/// The answer to an accepted task.
pub(crate) fn respond<A: Serialize>(accepted: Accepted, answer: impl Fn(&Accepted) -> A) -> Result<Response, ApiError> {
    if let Some(refused) = refusal(&accepted) {
        return Err(if accepted.replayed { refused.replayed() } else { refused });
    }
    let mut response = Json(answer(&accepted)).into_response();
    if accepted.replayed {
        mark_replay(response.headers_mut());
    }
    Ok(response)
}

/// Accepts a task, whatever the decision says of it.
pub(crate) async fn take(app: &App, task: Task) -> Result<Accepted, ApiError> {
    app.road.accept(task).await.map_err(|error| match error {
        AcceptError::OtherBody => ApiError::other_body(),
        AcceptError::NotAdmitted(refusal) => refusal.into(),
        AcceptError::Store(error) => error.into(),
    })
}

/// The same for a task that was read from a request. What cannot be made of a repeated request any more (its template
/// wants another variable by now, the person has another address) was made of it the first time.
pub(crate) async fn take_read(
    app: &App,
    identity: Identity,
    task: Result<Task, ApiError>,
) -> Result<Accepted, ApiError> {
    let unreadable = match task {
        Ok(task) => return take(app, task).await,
        Err(error) => error,
    };
    let before = app.road.accepted_before(identity.id, identity.request_hash.as_deref()).await?;
    before.ok_or(unreadable)
}

/// The refusal of a task of which nothing goes out.
pub(crate) fn refusal(accepted: &Accepted) -> Option<ApiError> {
    let id = accepted.task().map(|task| task.to_string()).unwrap_or_default();
    let reason = accepted.refusal()?;
    // Of an e-mail to several, one who must not be written to: the client learns which.
    let other = accepted.messages.first().and_then(|message| message.decision.left_out().next());
    let error = refused(reason).with("task_id", id);
    Some(match other {
        Some((field, _)) => error.with("field", field),
        None => error,
    })
}

fn refused(reason: &str) -> ApiError {
    let why = match reason {
        "opted_out" => "The recipient opted out of these messages",
        "no_consent" => "The recipient has not agreed to these messages",
        "consent_pending" => "The recipient has not confirmed yet that they agreed to these messages",
        ADDRESS_UNVERIFIED => "The recipient has not proven yet that the address is theirs",
        "channel_disabled" | "message_type_disabled" => "The recipient has switched these messages off",
        EXPIRED => "The message would be worthless before it may be sent",
        INVALID_ADDRESS => "Nothing can arrive at the recipient's address on this channel",
        OUTSIDE_WINDOW => "The recipient did not write by WhatsApp within 24 hours: only a template may be sent",
        COUNTRY_NOT_ALLOWED => "Messages are not sent to the recipient's country",
        LINE_NOT_ALLOWED => "Messages are not sent to this kind of number",
        "address_suppressed" => "The recipient's address must not be used on this channel",
        _ => "The recipient must not be contacted",
    };
    ApiError::forbidden(why).details("Nothing was sent").with("reason", reason)
}

/// The estimated cost of what goes out.
pub(crate) fn total_cost(accepted: &Accepted) -> Micros {
    accepted.allowed().map(|message| message.estimate).sum()
}
