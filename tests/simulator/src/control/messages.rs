//! `GET /_sim/messages`: what truly arrived.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{bad_request, view::MessageView};
use crate::{
    app::App,
    store::{Channel, Direction, Message},
};

/// How many are answered unless `limit` says otherwise.
const LIMIT: usize = 1000;

/// All filters are optional and combine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// An exact address; a WhatsApp number with or without its prefix.
    to: Option<String>,
    channel: Option<Channel>,
    /// Only messages after this: a time (RFC 3339) or the `seq` of a message.
    after: Option<String>,
    /// `outbound` (what a client sent) unless `inbound` or `all`.
    direction: Option<String>,
    limit: Option<usize>,
}

enum After {
    Everything,
    Time(Timestamp),
    Seq(u32),
}

/// In the order they arrived; with more than `limit`, the first ones after `after`.
pub(super) async fn list(State(app): State<App>, Query(filter): Query<Filter>) -> Response {
    let after = match filter.after.as_deref() {
        None | Some("") => After::Everything,
        Some(text) => match (text.parse(), text.parse()) {
            (Ok(seq), _) => After::Seq(seq),
            (_, Ok(time)) => After::Time(time),
            _ => return bad_request(format!("after is neither a time nor a seq: {text}")),
        },
    };
    let direction = match filter.direction.as_deref() {
        None | Some("outbound") => Some(Direction::Outbound),
        Some("inbound") => Some(Direction::Inbound),
        Some("all") => None,
        Some(other) => return bad_request(format!("direction is outbound, inbound or all, not {other}")),
    };
    let limit = filter.limit.unwrap_or(LIMIT);
    let prefixed = filter.to.as_deref().is_some_and(|to| to.starts_with("whatsapp:"));
    let fits = |message: &Message| {
        filter.channel.is_none_or(|channel| channel == message.content.channel)
            && direction.is_none_or(|direction| direction == message.content.direction)
            && (!prefixed || message.content.channel == Channel::Whatsapp)
            && match after {
                After::Everything => true,
                After::Seq(seq) => message.seq > seq,
                After::Time(time) => message.received_at > time,
            }
    };
    let store = app.store();
    let found: Vec<&Message> = match filter.to.as_deref().filter(|to| !to.is_empty()) {
        Some(to) => {
            let mut found: Vec<_> = store.newest(Some(to)).filter(|message| fits(message)).collect();
            found.reverse();
            found.truncate(limit);
            found
        }
        None => {
            let start = if let After::Seq(seq) = after { seq.saturating_add(1) } else { 0 };
            store.oldest_from(start).filter(|message| fits(message)).take(limit).collect()
        }
    };
    Json(found.into_iter().map(|message| MessageView::new(&store, message)).collect::<Vec<_>>()).into_response()
}
