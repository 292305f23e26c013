//! `POST /api/communication/track/{task_id}`: what somebody did after a message, as its client saw it.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Scope};
use switchboard::message::{Message, Status};
use switchboard::store::messages::Acted;

use crate::App;

/// What was done.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TrackRequest {
    /// A name of the client's: 1 to 64 letters, digits, and `_`, `-`, `.`, `:`.
    #[schema(example = "viewed_forecast")]
    action: String,
    /// Anything the client wants to find with it again, at most 2,000 bytes of JSON. Kept sealed; kept of an action's first
    /// time.
    #[schema(value_type = Option<Object>, example = json!({"screen": "forecast"}))]
    metadata: Option<Map<String, Value>>,
}

/// It is known.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TrackResponse {
    success: bool,
    task_id: String,
    /// The message of the task it is kept with: the one that arrived, where one did.
    message_id: String,
    #[schema(example = "viewed_forecast")]
    action: String,
    /// `false`: the same action was told of before. It counts once.
    recorded: bool,
}

const LONGEST_ACTION: usize = 64;
const LARGEST_METADATA: usize = 2_000;

/// Track an action
///
/// Keeps what somebody did after a message: the first action, all different ones, and when. The same action counts once,
/// however often it is told; a message keeps up to 20 different ones. Needs the scope `communication:send`, or the
/// recipient's own token.
#[utoipa::path(
    post, path = "/api/communication/track/{task_id}", tag = "Communication", operation_id = "track_action",
    params(("task_id" = String, Path, description = "The id the send answered with, or the id of one of its messages")),
    request_body = TrackRequest,
    responses(
        (status = 200, description = "Kept, or known already", body = TrackResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 409, description = "The message has as many different actions as are kept", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(task_id): Path<String>,
    body: Body<TrackRequest>,
) -> Result<Json<TrackResponse>, ApiError> {
    let TrackRequest { action, metadata } = body.value;
    check(&action)?;
    let metadata = metadata.map(bounded).transpose()?;
    let messages = super::task(&app.road, &task_id).await.map_err(|not_found| hidden(&caller, not_found))?;
    for message in &messages {
        caller.may_act_for(message.person.as_ref(), Scope::Send)?;
    }
    let message = meant(&messages, &action).ok_or_else(|| ApiError::not_found("Task not found"))?;
    let acted = app.road.messages.act(message.id, &action, metadata.as_deref(), app.road.clock.now()).await?;
    let recorded = match acted {
        Acted::New => true,
        Acted::Known => false,
        Acted::TooMany => {
            let error = ApiError::conflict("Too many actions");
            return Err(error.details("The message has as many different actions as are kept").with("field", "action"));
        }
        Acted::NoSuchMessage => return Err(ApiError::not_found("Task not found")),
    };
    Ok(Json(TrackResponse { success: true, task_id, message_id: message.id.to_string(), action, recorded }))
}

/// Which ids there are is nobody's business who may not track all of them.
fn hidden(caller: &Caller, not_found: ApiError) -> ApiError {
    caller.require(Scope::Send).err().unwrap_or(not_found)
}

fn check(action: &str) -> Result<(), ApiError> {
    if action.is_empty() {
        return Err(ApiError::missing_field("action"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let why = || {
        let why = format!("It must be at most {LONGEST_ACTION} letters, digits, and _, -, . and :");
        ApiError::invalid_field("action", why)
    };
    (action.len() <= LONGEST_ACTION && action.bytes().all(fits)).then_some(()).ok_or_else(why)
}

fn bounded(metadata: Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let json = Value::Object(metadata).to_string().into_bytes();
    let why = || ApiError::invalid_field("metadata", format!("It must be at most {LARGEST_METADATA} bytes of JSON"));
    if json.len() > LARGEST_METADATA { Err(why()) } else { Ok(json) }
}

/// The message of a task that somebody acted on: the one that has the action already, else the one that arrived, else one
/// that is on its way, else the first.
fn meant<'a>(messages: &'a [Message], action: &str) -> Option<&'a Message> {
    let standing = |message: &&Message| {
        let known = message.engagement.actions.contains_key(action);
        (known, message.status == Status::Delivered, message.status == Status::Sent)
    };
    // Of several that stand the same the first, where `max_by_key` takes the last.
    messages.iter().rev().max_by_key(standing)
}

#[cfg(test)]
mod tests {
    use switchboard::message::engagement::Action;
    use switchboard::message::{Channel, MessageId};
    use switchboard::testing::sample_message;

    use super::*;

    #[test]
    fn an_action_belongs_to_the_message_that_arrived_and_stays_there() {
        let of = |channel, status| Message {
            id: MessageId::new(),
            channel,
            status,
            ..sample_message(jiff::Timestamp::UNIX_EPOCH)
        };
        let mut messages = vec![
            of(Channel::Sms, Status::Undelivered),
            of(Channel::Email, Status::Sent),
            of(Channel::Whatsapp, Status::Accepted),
        ];
        assert_eq!(meant(&messages, "paid").unwrap().id, messages[1].id, "the one on its way");
        messages[2].status = Status::Delivered;
        assert_eq!(meant(&messages, "paid").unwrap().id, messages[2].id, "the one that arrived");
        let action = Action { at: jiff::Timestamp::UNIX_EPOCH, metadata: None };
        messages[0].engagement.actions.insert("paid".to_owned(), action);
        assert_eq!(meant(&messages, "paid").unwrap().id, messages[0].id, "where it was told before");
        let alike = [of(Channel::Sms, Status::Accepted), of(Channel::Email, Status::Accepted)];
        assert_eq!(meant(&alike, "paid").unwrap().id, alike[0].id, "the first");
        assert!(meant(&[], "paid").is_none());
    }

    #[test]
    fn an_action_has_a_short_plain_name_and_little_beside_it() {
        for good in ["viewed_forecast", "Paid", "cart:add-item.2", &"a".repeat(64)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "two words", "a/b", "é", "a\n", &"a".repeat(65)] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let sized = |size: usize| bounded(Map::from_iter([("x".to_owned(), Value::String("y".repeat(size)))]));
        assert!(sized(1_992).is_ok());
        assert!(sized(1_993).is_err());
    }
}
