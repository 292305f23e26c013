//! What the table's stream says of a change, as a Lambda function gets it. Read are the parts that are told of a message;
//! what is sealed stays so.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::row::unreadable;
use crate::event::payload::Facts;
use crate::event::{EventType, Happened};
use crate::message::record::{CallFacts, Times};
use crate::message::{Channel, JobId, MessageId, Micros, Status, Trigger};
use crate::person::PersonId;
use crate::provider::ProviderName;
use crate::store::{Item, StoreError, text, unavailable};

#[derive(Deserialize)]
struct Record {
    dynamodb: Images,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    /// Absent where the row was removed.
    new_image: Option<serde_dynamo::Item>,
    /// Absent where it was made.
    old_image: Option<serde_dynamo::Item>,
}

/// As much of a row as says whether something is to be told.
#[derive(Deserialize)]
struct Step {
    status: Status,
    code: Option<IgnoredAny>,
    due_at: Option<IgnoredAny>,
    estimate: Option<IgnoredAny>,
    erased_at: Option<IgnoredAny>,
    call: Option<CallFacts>,
}

impl Step {
    /// The event this row came to. What somebody wrote is told once it was attended to, and a call once it is known what it
    /// cost: then nothing waits for it. What is due of it later (a recording of somebody who was erased is to be deleted) is
    /// nobody's business: it was told before, and nothing that is erased is attended to any more.
    fn told(&self) -> Option<EventType> {
        EventType::of(self.status).filter(|kind| self.due_at.is_none() || !self.waits(*kind))
    }

    fn waits(&self, kind: EventType) -> bool {
        match kind {
            EventType::Received => self.erased_at.is_none(),
            EventType::Delivered => {
                self.estimate.is_none() && self.call.as_ref().is_some_and(CallFacts::is_charged_for_more)
            }
            EventType::Sent
            | EventType::Undelivered
            | EventType::Failed
            | EventType::Blocked
            | EventType::Expired
            | EventType::Cancelled
            | EventType::Test => false,
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: MessageId,
    #[serde(default)]
    task: Option<MessageId>,
    job: Option<JobId>,
    instead_of: Option<MessageId>,
    channel: Channel,
    trigger: Option<Trigger>,
    provider: ProviderName,
    cost: Micros,
    status: Status,
    reason: Option<String>,
    provider_code: Option<String>,
    #[serde(flatten)]
    times: Times,
}

/// What a record of the stream tells; `None`: nothing that subscribers are told. A message that carries a one-time code is
/// nobody's business.
pub fn happened(record: Value) -> Result<Option<Happened>, StoreError> {
    // The parser's text may quote a row.
    let record: Record =
        serde_json::from_value(record).map_err(|_| unreadable("a record of the stream that is none"))?;
    let Some(new) = record.dynamodb.new_image else { return Ok(None) };
    let before = record.dynamodb.old_image.map(serde_dynamo::from_item::<_, Step>).transpose().map_err(unreadable)?;
    let after: Step = serde_dynamo::from_item(new.clone()).map_err(unreadable)?;
    let Some(kind) = after.told().filter(|kind| before.as_ref().and_then(Step::told) != Some(*kind)) else {
        return Ok(None);
    };
    // Erasing takes the code out with the same write that ends the message.
    if after.code.is_some() || before.is_some_and(|before| before.code.is_some()) {
        return Ok(None);
    }
    let row: Row = serde_dynamo::from_item(new).map_err(unreadable)?;
    Ok(Some(Happened { kind, at: row.when(), message: row.id, facts: row.facts() }))
}

impl Row {
    /// When it came to its status. The row says; a blocked message was never anything else, nor was one that came to us, whenever
    /// a call ended.
    fn when(&self) -> Timestamp {
        let times = &self.times;
        let at = if self.status == Status::Sent { times.sent } else { times.ended };
        let at = at.filter(|_| self.status != Status::Received);
        at.unwrap_or(times.created)
    }

    fn facts(self) -> Facts {
        Facts {
            task: self.task.unwrap_or(self.id),
            job: self.job,
            instead_of: self.instead_of,
            status: self.status,
            channel: self.channel,
            trigger: self.trigger,
            reason: self.reason,
            handed_to: self.times.claimed.map(|_| self.provider),
            provider_code: self.provider_code,
            cost: self.cost,
        }
    }
}

/// Whose messages are, and nothing else of them.
#[derive(Clone, Debug)]
pub struct Owners {
    client: Client,
    table: String,
}

impl Owners {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Whose a message is, as of now. `None`: nobody's that is known, or it was erased or has expired.
    pub async fn of(&self, message: MessageId) -> Result<Option<PersonId>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(message.to_string()));
        let get = get.projection_expression("#p").expression_attribute_names("#p", "person").consistent_read(true);
        let answer = get.send().await.map_err(unavailable("messages.owner"))?;
        let person = answer.item.and_then(|mut item: Item| item.remove("person"));
        person.map(serde_dynamo::from_attribute_value).transpose().map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A row as the stream shows it, with these attributes besides.
    fn row(channel: &str, status: &str, more: Value) -> Value {
        let id = crate::testing::sample_id("t");
        let mut row = json!({
            "id": {"S": id.to_string()}, "task": {"S": id.to_string()}, "channel": {"S": channel}, "provider": {"S": "twilio"},
            "cost": {"N": "14000"}, "status": {"S": status}, "created_at": {"N": "1000"}, "claimed_at": {"N": "2000"},
        });
        let Value::Object(more) = more else { panic!("{more}") };
        row.as_object_mut().unwrap().extend(more);
        row
    }

    /// What is told of these changes, one after the other: the event, when, and the cost.
    fn told(rows: &[Value]) -> Vec<(EventType, i64, u64)> {
        let change = |pair: &[Value]| {
            let record = json!({"dynamodb": {"OldImage": pair[0], "NewImage": pair[1]}});
            happened(record).unwrap().map(|told| (told.kind, told.at.as_millisecond(), told.facts.cost.get()))
        };
        rows.windows(2).filter_map(change).collect()
    }

    #[test]
    fn a_call_to_us_is_told_once_though_its_caller_is_erased_and_a_recording_comes_late() {
        let at = |time: i64| json!({"N": time.to_string()});
        let rows = [
            row("voice", "received", json!({"due_at": at(5000)})),
            row("voice", "received", json!({})),
            row("voice", "received", json!({"erased_at": at(6000)})),
            row("voice", "received", json!({"erased_at": at(6000), "ended_at": at(7000)})),
            row("voice", "received", json!({"erased_at": at(6000), "ended_at": at(7000), "due_at": at(8000)})),
            row("voice", "received", json!({"erased_at": at(6000), "ended_at": at(7000)})),
        ];
        assert_eq!(told(&rows), [(EventType::Received, 1000, 14_000)]);
        // One that ends before it is attended to came when it came.
        let ended = json!({"ended_at": at(7000)});
        let rows = [
            row("voice", "received", json!({"due_at": at(5000), "ended_at": at(7000)})),
            row("voice", "received", ended),
        ];
        assert_eq!(told(&rows), [(EventType::Received, 1000, 14_000)]);
    }

    #[test]
    fn a_long_call_of_somebody_who_is_erased_is_told_once_it_was_charged() {
        let number = |number: i64| json!({"N": number.to_string()});
        let call = json!({"M": {"seconds": {"N": "181"}, "progress": {"S": "completed"}}});
        let over = |more: Value| {
            let mut row =
                row("voice", "delivered", json!({"call": call, "ended_at": number(7000), "erased_at": number(6000)}));
            let Value::Object(more) = more else { panic!("{more}") };
            row.as_object_mut().unwrap().extend(more);
            row
        };
        let paid = json!({"cost": number(56_000), "estimate": number(14_000)});
        let mut late = paid.clone();
        late["due_at"] = number(9000);
        let rows = [
            row("voice", "sent", json!({"erased_at": number(6000), "due_at": number(5000)})),
            over(json!({"due_at": number(8000)})),
            over(paid.clone()),
            over(late),
            over(paid),
        ];
        assert_eq!(told(&rows), [(EventType::Delivered, 7000, 56_000)]);
        // A short one waits for nothing, though a recording of it is still to be deleted.
        let call = json!({"M": {"seconds": {"N": "60"}}});
        let rows = [
            row("voice", "sent", json!({})),
            row("voice", "delivered", json!({"call": call, "ended_at": number(7000)})),
            row(
                "voice",
                "delivered",
                json!({"call": call, "ended_at": number(7000), "due_at": number(8000), "erased_at": number(7500)}),
            ),
            row("voice", "delivered", json!({"call": call, "ended_at": number(7000), "erased_at": number(7500)})),
        ];
        assert_eq!(told(&rows), [(EventType::Delivered, 7000, 14_000)]);
    }
}
