//! Places in the recipient's quotas: taken by a message's id right before it is claimed, given back when it is known that
//! it never reached anybody.
//!
//! A message that comes twice has its place already; one that dies between the two steps takes its own again. A message of
//! unknown outcome keeps its place. So does one that has to be tried again: it will be needed.

use jiff::Timestamp;
use switchboard::message::{Message, MessageId};
use switchboard::person::{Decision, Person, frequency};
use switchboard::road::Road;
use switchboard::store::StoreError;

use crate::App;

/// The longest chain of messages sent instead of one another: each is on another channel.
const MOST_FALLBACKS: usize = 4;

/// The places a message has, by the names of their rows.
#[derive(Debug, Default)]
pub(crate) struct Places {
    of: String,
    rows: Vec<String>,
}

/// Takes a place in each quota the message counts in; where there is none left, the decision to wait until there is.
pub(crate) async fn take(
    road: &Road,
    message: &Message,
    person: Option<&Person>,
    decision: &Decision,
    now: Timestamp,
) -> Result<Result<Places, Decision>, StoreError> {
    let preferences = person.map(|person| &person.preferences);
    let zones = road.rules.zones(person, &message.to);
    let quotas = road.rules.frequencies.quotas(message.class, message.trigger, preferences, zones.first(), now);
    if quotas.is_empty() {
        return Ok(Ok(Places::default()));
    }
    let recipient = recipient(road, message);
    let mut places = Places { of: holder(road, message).await?.to_string(), rows: Vec::new() };
    for quota in quotas {
        let key = frequency::row(&quota.name, &recipient);
        if !road.ephemera.take_place(&key, &places.of, quota.most, quota.renews).await? {
            places.give_back(road, message).await;
            let until = road.rules.after_renewal(&message.intent(now), person, message.id, quota.renews);
            return Ok(Err(decision.clone().held(quota.rule, quota.rule, until)));
        }
        places.rows.push(key);
    }
    Ok(Ok(places))
}

/// Gives back the places that a message has in quotas of the present, which it does not need any more. Those of the past are of no use to
/// anybody.
pub(crate) async fn give_back(app: &App, message: &Message) -> Result<(), StoreError> {
    let (road, now) = (&app.road, app.road.clock.now());
    let person = match &message.person {
        Some(id) => road.people.get(id).await?,
        None => None,
    };
    let preferences = person.as_ref().map(|person| &person.preferences);
    let zones = road.rules.zones(person.as_ref(), &message.to);
    let quotas = road.rules.frequencies.quotas(message.class, message.trigger, preferences, zones.first(), now);
    if quotas.is_empty() {
        return Ok(());
    }
    let (recipient, of) = (recipient(road, message), holder(road, message).await?.to_string());
    for quota in quotas {
        road.ephemera.give_back(&frequency::row(&quota.name, &recipient), &of).await?;
    }
    Ok(())
}

/// Whose place a message takes: what is sent instead of another, or of what was sent instead of it, has the first one's.
async fn holder(road: &Road, message: &Message) -> Result<MessageId, StoreError> {
    let (mut first, mut before) = (message.id, message.instead_of);
    for _ in 0..MOST_FALLBACKS {
        let Some(id) = before else { break };
        first = id;
        before = road.messages.story(id).await?.and_then(|parent| parent.instead_of);
    }
    Ok(first)
}

impl Places {
    /// Gives them back. If that fails the recipient gets one message less until the quota renews.
    pub(crate) async fn give_back(&self, road: &Road, message: &Message) {
        for key in &self.rows {
            if let Err(error) = road.ephemera.give_back(key, &self.of).await {
                tracing::warn!(message.id = %message.id, error = %error, "a place in a quota was not given back");
            }
        }
    }
}

/// Whose quotas they are: the person's, else the address's.
fn recipient(road: &Road, message: &Message) -> String {
    match &message.person {
        Some(person) => format!("person#{person}"),
        None => format!("address#{}", road.seal.fingerprint_to_store(&message.to)),
    }
}
