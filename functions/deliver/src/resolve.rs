//! A call whose outcome is unknown: the provider is asked, and only what it does not have is sent again.
//!
//! Twilio lists what it has; Resend answers a repeated request (same idempotency key) as it did the first; SendGrid cannot
//! be asked, its events tell. If SendGrid had answered with a failure, and then events of other messages came and this
//! one's did not, it was not taken. If it had not answered at all, the message may have been taken, and only an event can
//! say so: without one the message waits, and in the end fails with that as its reason rather than arrive twice.

use async_trait::async_trait;
use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::{Message, MessageId, Status};
use switchboard::provider::{ProviderName, Resolution, SendError, Taken, sendgrid};
use switchboard::road::timing::{delay, retry_at};
use switchboard::store::StoreError;
use switchboard::store::messages::{Beside, Look, Settled, Untaken};

use crate::attempt::random;
use crate::decide::{Verdict, decide};
use crate::outcome::{Again, given_up, record};
use crate::step::Done;
use crate::{App, StepError, pace};

/// How long after a claim a provider's "I do not have it" is believed. A call lasts 10 s at most; what it brought is in
/// the provider's list at once, and gets 20 s all the same.
const SETTLED_SECONDS: i64 = 30;
/// How long SendGrid's events are waited for. It sends them every 30 s.
const EVENTS_SECONDS: i64 = 300;
/// How long a message stays uncertain at most. Resend remembers idempotency keys for 24 hours.
const LONGEST_SECONDS: i64 = 23 * 3_600;

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    let now = app.road.clock.now();
    if message.status == Status::Sending {
        if message.times.lease.is_some_and(|lease| lease > now) {
            return Ok(Done::nothing("claimed"));
        }
        let due = plus_seconds(now, SETTLED_SECONDS);
        let detail = "the worker ended before it recorded an answer".to_owned();
        if !app
            .road
            .messages
            .settle(message.id, message.attempts, &Settled::Uncertain { due, provider_code: None, detail }, now)
            .await?
        {
            return Ok(Done::nothing("taken"));
        }
    }
    let claimed = message.times.claimed.unwrap_or(message.times.created);
    let since = message.times.unsure.unwrap_or(claimed);
    let settled = match settle(app, message, since, claimed, now).await? {
        None if is_forgotten(since, now) => Some(given_up()),
        settled => settled,
    };
    let Some(settled) = settled else {
        // Too early to believe a "no": asked again when it can be believed. After that the sweep asks.
        let believed = plus_seconds(claimed, SETTLED_SECONDS);
        if now < believed {
            app.road.queues.enqueue_message(message, delay(believed, now)).await?;
        }
        return Ok(Done::nothing("uncertain"));
    };
    let now = app.road.clock.now();
    Ok(Done::nothing(record(app, message, message.attempts, &settled, now).await?))
}

/// Whether what its provider may have had since then could have been forgotten there by the end of a call that begins now.
pub(crate) fn is_forgotten(since: Timestamp, now: Timestamp) -> bool {
    now >= plus_seconds(since, LONGEST_SECONDS)
}

/// The message as it may be sent again now, to be asked about by that. `None`: it may not go any more, or not now, so only its callbacks
/// tell.
async fn as_it_may_go(app: &App, message: &Message, now: Timestamp) -> Result<Option<Message>, StepError> {
    match decide(app, message, now).await? {
        Verdict::Send(decision, _) => Ok(Some(Message { decision, ..message.clone() })),
        Verdict::Hold(decision) => {
            tracing::info!(message.id = %message.id, reason = decision.reason, "not asked about by sending: it is held");
            Ok(None)
        }
        Verdict::Readdress(_) => Ok(None),
        Verdict::End(end) => {
            tracing::info!(message.id = %message.id, reason = end.reason, "not asked about by sending: it must not go");
            Ok(None)
        }
    }
}

/// How it ends, if that is known now. While it is not, the sweep brings the message again. `since`: when its provider may have had it
/// first; `claimed`: when it was claimed last.
async fn settle(
    app: &App,
    message: &Message,
    since: Timestamp,
    claimed: Timestamp,
    now: Timestamp,
) -> Result<Option<Settled>, StepError> {
    let others = match message.provider {
        ProviderName::Twilio => {
            let fingerprint = app.road.seal.fingerprint(&message.to);
            app.road.messages.beside(&fingerprint, message.id).await?
        }
        ProviderName::Sendgrid | ProviderName::Resend => Vec::new(),
    };
    if has_a_twin_in_flight(app, message, claimed, &others).await? {
        return Ok(None);
    }
    let taken = KnownIds { app, of: message.id, others: &others };
    let not_taken = |detail: &str| {
        let again = Again {
            attempt: message.attempts,
            provider_code: "not_taken".to_owned(),
            detail: detail.to_owned(),
            because: Untaken::NotTaken,
        };
        again.settled(message, retry_at(message.attempts, None, random(), now), now)
    };
    // Resend is asked by the same request again, which is a send if the first never reached it.
    let asks_by_sending = message.provider == ProviderName::Resend;
    let message = match asks_by_sending {
        true if is_forgotten(since, now) => return Ok(None),
        true => match as_it_may_go(app, message, now).await? {
            Some(ready) => &ready.clone(),
            None => return Ok(None),
        },
        false => message,
    };
    let asked_since = if asks_by_sending { since } else { claimed };
    let settled = match app.providers.resolve(message, asked_since, &taken).await {
        Ok(Resolution::Accepted(accepted)) => {
            Some(Settled::Sent { provider_id: accepted.provider_id, look: Look::WhenAsked })
        }
        Ok(Resolution::NotFound) if now >= plus_seconds(claimed, SETTLED_SECONDS) => {
            Some(not_taken("the provider does not have it"))
        }
        Ok(Resolution::Unknowable) if answered(message) && now >= plus_seconds(claimed, EVENTS_SECONDS) => {
            // The latest claim of which an event told that it was taken.
            let told = app.road.ephemera.last_beat(sendgrid::callback::ALIVE).await?;
            let others_came = told.is_some_and(|claim| claim >= plus_seconds(claimed, SETTLED_SECONDS));
            others_came.then(|| not_taken("it had failed, and events of later messages came, none for this one"))
        }
        Ok(Resolution::NotFound | Resolution::Unknowable) => None,
        // What is refused now says nothing of what may have been taken before.
        Err(error) => {
            if let SendError::Throttled { retry_after, .. } = &error {
                pace::stand_still(app, message, *retry_after, now).await;
            }
            tracing::warn!(message.id = %message.id, error = %error, "the provider could not be asked");
            None
        }
    };
    Ok(settled)
}

/// SendGrid did answer, with a failure of its own. A call without any answer may well have been taken.
fn answered(message: &Message) -> bool {
    let uncertain = message.status == Status::Uncertain && message.provider == ProviderName::Sendgrid;
    uncertain && message.provider_code.is_some()
}

/// How far apart the claims of two messages may be for an entry in a list to be of either.
const TWINS_SECONDS: i64 = 90;

/// Whether another message with the same words to the same recipient is on its way, so that an entry of the list might be its: one
/// that is being sent, or one of unknown outcome that was claimed before. The first of them is resolved first.
async fn has_a_twin_in_flight(
    app: &App,
    message: &Message,
    claimed: Timestamp,
    others: &[Beside],
) -> Result<bool, StoreError> {
    for other in others {
        let Some(at) = other.claimed else { continue };
        let apart = at.as_second().saturating_sub(claimed.as_second()).saturating_abs();
        let is_in_flight = match other.status {
            Status::Sending => true,
            Status::Uncertain => (at, other.id) < (claimed, message.id),
            Status::Accepted
            | Status::Scheduled
            | Status::Held
            | Status::Retrying
            | Status::Sent
            | Status::Delivered
            | Status::Undelivered
            | Status::Failed
            | Status::Blocked
            | Status::Cancelled
            | Status::Expired
            | Status::Received => false,
        };
        if !is_in_flight || apart > TWINS_SECONDS {
            continue;
        }
        let twin = app.road.messages.get(other.id).await?;
        if twin.is_some_and(|twin| twin.channel == message.channel && twin.content == message.content) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Provider ids that belong to other messages.
struct KnownIds<'a> {
    app: &'a App,
    of: MessageId,
    /// The recipient's other messages, as of now: the index of ids follows the table within moments.
    others: &'a [Beside],
}

impl KnownIds<'_> {
    /// Two messages of the same text may be looked for at the same moment, before either is recorded: who finds an id
    /// first has it.
    async fn belongs_to_another(&self, provider_id: &str) -> Result<bool, StoreError> {
        if self.is_known_as_anothers(provider_id).await? {
            return Ok(true);
        }
        let road = &self.app.road;
        let key = format!("found#{provider_id}");
        Ok(!road.ephemera.claim(&key, &self.of.to_string(), road.clock.now()).await?)
    }

    async fn is_known_as_anothers(&self, provider_id: &str) -> Result<bool, StoreError> {
        if self.others.iter().any(|other| other.provider_id.as_deref() == Some(provider_id)) {
            return Ok(true);
        }
        let owner = self.app.road.messages.find_by_provider_id(provider_id).await?;
        Ok(owner.is_some_and(|owner| owner != self.of))
    }
}

#[async_trait]
impl Taken for KnownIds<'_> {
    async fn is_taken(&self, provider_id: &str) -> Result<bool, SendError> {
        self.belongs_to_another(provider_id).await.map_err(not_asked)
    }

    async fn is_of_another(&self, provider_id: &str) -> Result<bool, SendError> {
        self.is_known_as_anothers(provider_id).await.map_err(not_asked)
    }
}

fn not_asked(error: StoreError) -> SendError {
    SendError::Transient { provider_code: "store".to_owned(), reason: error.to_string(), retry_after: None }
}
