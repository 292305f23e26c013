//! When somebody reads what they are sent: counted as it is reported, and asked where a message may choose its time.

use super::Road;
use crate::message::MessageId;
use crate::person::engagement::{BestHour, points};
use crate::person::preferred::Best;
use crate::person::{Intent, Person};
use crate::provider::Report;
use crate::store::StoreError;

/// The best time for a message, and the habit it may follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestTime {
    pub best: Best,
    pub habit: Option<BestHour>,
}

impl Road {
    /// Counts the hour at which a message was opened or clicked, by its reader's clock. A report is counted once, also if what follows
    /// from it is done again; one that is lost is one point less, which is why a failure is no error.
    pub(super) async fn remember_reading(&self, id: MessageId, report: &Report) {
        let Some(points) = points(report.event) else { return };
        if let Err(error) = self.count_reading(id, report, points).await {
            tracing::warn!(message.id = %id, error = %error, "when it was read was not counted");
        }
    }

    async fn count_reading(&self, id: MessageId, report: &Report, points: u64) -> Result<(), StoreError> {
        let Some(reader) = self.messages.reader(id, report).await? else { return Ok(()) };
        // Whoever is gone is not counted.
        let Some(person) = self.people.get(&reader.person).await? else { return Ok(()) };
        let Some(address) = person.address(reader.channel) else { return Ok(()) };
        let zones = self.rules.zones(Some(&person), &address);
        let hour = zones.first().to_datetime(report.at).hour();
        let key = format!("{id} {}", report.key);
        self.people.count_reading(&reader.person, reader.channel, hour, points, &key).await
    }

    /// The next best time for a message: by what they said, by when they read, or as usual.
    pub async fn best_time(&self, intent: &Intent<'_>, person: Option<&Person>) -> Result<BestTime, StoreError> {
        let habit = match person {
            Some(person) => self.people.engagement(&person.id).await?.best_hour(intent.channel),
            None => None,
        };
        Ok(BestTime { best: self.rules.preferred(intent, person, habit.map(|habit| habit.hour)), habit })
    }
}
