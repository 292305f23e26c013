//! `GET /api/v2/communications/threads/{thread_id}/messages`: a conversation, newest first.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, paging};
use switchboard::person::{Holders, PersonId, ProvenAddress};
use switchboard::store::StoreError;
use switchboard::store::messages::{List, Mark};

use super::{Said, Thread, said};
use crate::App;
use crate::query::query;

/// Which part of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many, 1 to 100.
    #[param(default = 20)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of a conversation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ThreadResponse {
    success: bool,
    #[schema(example = "user:123")]
    thread_id: String,
    /// Newest first. It may be fewer than `limit`, and none, before the last page: what is somebody else's is left out.
    messages: Vec<Said>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

const USUAL: usize = 20;
const MOST: usize = 100;

/// A conversation
///
/// What went to somebody and what they wrote, on every channel, newest first: what names them, and what went to an
/// address or came from there without naming anybody, while it was proven to be theirs alone. `user:` and a person's id, or the `thread_id` of
/// a message (where nobody is known by the address, the address's own thread). Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/threads/{thread_id}/messages", tag = "Messages", operation_id = "thread_messages",
    params(("thread_id" = String, Path, description = "`user:123`, or a message's `thread_id`"), Page),
    responses(
        (status = 200, description = "A page; empty where there is no such conversation", body = ThreadResponse),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path(id): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<ThreadResponse>, ApiError> {
    let page = query(page)?;
    let thread = Thread::parse(&id)?;
    let limit = paging::limit(page.limit.as_deref(), USUAL, MOST)?;
    let before = page.cursor.as_deref().map(mark).transpose()?;
    let addresses = match &thread {
        Thread::Person(person) => of_person(&app, person).await?,
        Thread::Address(_) => BTreeMap::new(),
    };
    let lists: Vec<List> = match &thread {
        Thread::Person(person) => {
            let own = std::iter::once(List::OfPerson(person.clone()));
            own.chain(addresses.keys().cloned().map(List::OfAddress)).collect()
        }
        Thread::Address(fingerprint) => vec![List::OfAddress(fingerprint.clone())],
    };
    let (mut messages, next) = app.road.messages.page(&lists, before, limit).await?;
    messages.retain(|message| thread.has(message, addresses.get(&app.road.seal.fingerprint(&message.to))));
    Ok(Json(ThreadResponse {
        success: true,
        thread_id: thread.to_string(),
        messages: messages.into_iter().map(said).collect(),
        next_cursor: next.map(|mark| format!("{}~{}", mark.created, mark.id)),
    }))
}

/// The addresses they proved, by fingerprint, and whose those were when: [`Thread::has`] tells what went to them from what went
/// to somebody else there.
async fn of_person(app: &App, id: &PersonId) -> Result<BTreeMap<String, Holders>, StoreError> {
    let person = app.road.people.get(id).await?;
    let mut addresses = BTreeMap::new();
    for proven in person.as_ref().map(ProvenAddress::all).unwrap_or_default() {
        let fingerprint = app.road.seal.fingerprint(proven.address());
        let holders = app.road.people.holders(&fingerprint).await?;
        addresses.insert(fingerprint, holders);
    }
    Ok(addresses)
}

/// It names a time and an id, and leads nowhere but in the thread that is asked for.
fn mark(cursor: &str) -> Result<Mark, ApiError> {
    let read = || {
        let (created, id) = cursor.split_once('~')?;
        Some(Mark { created: created.parse().ok()?, id: id.parse().ok()? })
    };
    read().ok_or_else(|| ApiError::invalid_field("cursor", "It must be the next_cursor of an answer"))
}
