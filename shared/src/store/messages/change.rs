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
use crate::message::record::Times;
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
}

impl Step {
    /// The event this row came to. What somebody wrote is told once it was attended to, and a call once it is known what it
    /// cost: then nothing waits for it.
    fn told(&self) -> Option<EventType> {
        let is_charged = self.estimate.is_some() || self.erased_at.is_some();
        let waits = |kind: EventType| kind == EventType::Received || (kind == EventType::Delivered && !is_charged);
        EventType::of(self.status).filter(|kind| self.due_at.is_none() || !waits(*kind))
    }
}

#[derive(Deserialize)]
struct Row {
    id: MessageId,
    task: MessageId,
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
    /// When it came to its status. The row says; a blocked message was never anything else.
    fn when(&self) -> Timestamp {
        let times = &self.times;
        let at = if self.status == Status::Sent { times.sent } else { times.ended };
        at.unwrap_or(times.created)
    }

    fn facts(self) -> Facts {
        Facts {
            task: self.task,
            job: self.job,
            instead_of: self.instead_of,
            status: self.status,
            channel: self.channel,
            trigger: self.trigger,
            reason: self.reason,
            handed_to: self.times.started.map(|_| self.provider),
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
