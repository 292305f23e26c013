//! What is told of an event: ids, states, codes and costs. No address, no content.
//!
//! What is kept of it names no person either: whose message it is stands in the message alone and is put in for each try. So
//! whoever is erased is named by no event any more, whether it is tried again, replayed or lies here.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{EventType, SubscriberId};
use crate::message::cost::PriceTable;
use crate::message::{Channel, JobId, MessageId, Micros, Status, Trigger};
use crate::person::PersonId;
use crate::provider::ProviderName;

/// A message came to a status worth telling.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    pub kind: EventType,
    /// When, by the message's row.
    pub at: Timestamp,
    pub message: MessageId,
    pub facts: Facts,
}

/// What is told of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub task: MessageId,
    pub job: Option<JobId>,
    pub instead_of: Option<MessageId>,
    pub status: Status,
    pub channel: Channel,
    pub trigger: Option<Trigger>,
    pub reason: Option<String>,
    /// Only of a message that was handed to one.
    pub handed_to: Option<ProviderName>,
    pub provider_code: Option<String>,
    pub cost: Micros,
}

#[derive(Serialize)]
struct Payload<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: EventType,
    timestamp: Timestamp,
    data: &'a T,
}

#[derive(Serialize)]
struct MessageData<'a> {
    id: MessageId,
    task_id: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<MessageId>,
    status: Status,
    channel: Channel,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_type: Option<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

#[derive(Serialize)]
struct TestData {
    webhook_id: SubscriberId,
}

impl Happened {
    /// The body, but for [whose message it is](with_person). It is kept with the delivery.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        let facts = &self.facts;
        let priced = facts.handed_to.and(PriceTable::shipped());
        let data = MessageData {
            id: self.message,
            task_id: facts.task,
            job_id: facts.job,
            instead_of: facts.instead_of,
            status: facts.status,
            channel: facts.channel,
            trigger_type: facts.trigger,
            reason: facts.reason.as_deref(),
            provider: facts.handed_to,
            provider_code: facts.provider_code.as_deref(),
            cost: priced.map(|_| facts.cost.units()),
            currency: priced.map(|table| table.currency.as_str()),
        };
        serde_json::to_string(&Payload { kind: self.kind, timestamp: self.at, data: &data })
    }
}

/// The body that is signed and sent: with the person it is about, where there is one. The same body and person give the same
/// bytes.
pub fn with_person(body: &str, person: Option<&PersonId>) -> Result<String, serde_json::Error> {
    let mut body: Value = serde_json::from_str(body)?;
    if let (Some(person), Some(data)) = (person, body.get_mut("data").and_then(Value::as_object_mut)) {
        data.insert("user_id".to_owned(), serde_json::to_value(person)?);
    }
    serde_json::to_string(&body)
}

/// The body of a test.
pub fn test_body(subscriber: SubscriberId, now: Timestamp) -> Result<String, serde_json::Error> {
    let data = TestData { webhook_id: subscriber };
    serde_json::to_string(&Payload { kind: EventType::Test, timestamp: now, data: &data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_body_says_what_is_known_and_no_more() {
        let id = crate::testing::sample_id("c");
        let facts = Facts {
            task: id,
            job: None,
            instead_of: None,
            status: Status::Undelivered,
            channel: Channel::Sms,
            trigger: None,
            reason: Some("invalid_number".to_owned()),
            handed_to: Some(ProviderName::Twilio),
            provider_code: Some("30003".to_owned()),
            cost: Micros::new(8_300),
        };
        let event = Happened {
            kind: EventType::Undelivered,
            at: from_millis(1_795_255_200_123),
            message: id,
            facts: facts.clone(),
        };
        let kept = event.body().unwrap();
        assert!(!kept.contains("user_id"));
        let person = PersonId::path("123");
        let told = with_person(&kept, person.as_ref()).unwrap();
        assert_eq!(told, with_person(&kept, person.as_ref()).unwrap(), "the same bytes");
        let body: Value = serde_json::from_str(&told).unwrap();
        let expected = json!({
            "type": "message.undelivered", "timestamp": "2026-11-21T10:00:00.123Z",
            "data": {"id": id, "task_id": id, "status": "undelivered", "channel": "sms", "user_id": 123,
                     "reason": "invalid_number", "provider": "twilio", "provider_code": "30003", "cost": 0.0083,
                     "currency": "USD"},
        });
        assert_eq!(body, expected);
        assert!(!with_person(&kept, None).unwrap().contains("user_id"), "of somebody who was erased");
        let blocked = Facts { handed_to: None, provider_code: None, status: Status::Blocked, ..facts };
        let event = Happened { kind: EventType::Blocked, facts: blocked, ..event };
        let body: Value = serde_json::from_str(&event.body().unwrap()).unwrap();
        assert!(body["data"].get("cost").is_none() && body["data"].get("provider").is_none(), "{body}");
    }
}
