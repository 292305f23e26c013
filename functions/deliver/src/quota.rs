//! Places in the recipient's quotas: taken by a message's id right before it is claimed, given back when it is known that
//! it never reached anybody.
//!
//! A message that comes twice has its place already; one that dies between the two steps takes its own again. A message of
//! unknown outcome keeps its place. So does one that has to be tried again: it will be needed.

use jiff::Timestamp;
use switchboard::message::Message;
use switchboard::person::{Decision, Person, frequency};
use switchboard::road::Road;
use switchboard::store::StoreError;

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
    // What is sent instead of another message has that one's place.
    let mut places = Places { of: message.instead_of.unwrap_or(message.id).to_string(), rows: Vec::new() };
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

impl Places {
    /// Gives them back. If that fails the recipient gets one message less until the quota renews.
    pub(crate) async fn give_back(self, road: &Road, message: &Message) {
        for key in self.rows {
            if let Err(error) = road.ephemera.give_back(&key, &self.of).await {
                tracing::warn!(message.id = %message.id, error = %error, "a place in a quota was not given back");
            }
        }
    }
}

/// Whose quotas they are: the person's, else the address's.
fn recipient(road: &Road, message: &Message) -> String {
    match &message.person {
        Some(person) => format!("person#{person}"),
        None => format!("address#{}", road.seal.fingerprint(&message.to)),
    }
}
