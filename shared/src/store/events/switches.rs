//! Kill switches: set in one transaction with the entry of the ledger that tells who did it.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::super::controls::{SWITCHES, Switch};
use super::super::ledger::Committed;
use super::super::{Item, StoreError, number, text};
use super::{Changed, Events, unreadable};
use crate::ledger::{Event, Record};

impl Events {
    /// Sets the switch of a caller, or of all of them.
    pub async fn set_switch(
        &self,
        scope: &str,
        switch: &Switch,
        by: &str,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let mut item: Item = serde_dynamo::to_item(switch).map_err(unreadable)?;
        item.insert("pk".to_owned(), text(SWITCHES));
        item.insert("sk".to_owned(), text(scope));
        item.insert("updated_by".to_owned(), text(by));
        item.insert("updated_at".to_owned(), number(now.as_millisecond()));
        let put = Put::builder().table_name(&self.catalog).set_item(Some(item)).build().map_err(unreadable)?;
        let write = TransactWriteItem::builder().put(put).build();
        let channels: Vec<&str> = switch.channels.iter().map(|channel| channel.as_str()).collect();
        let event = Event::new(if switch.stopped { "stopped" } else { "released" }).with("channels", channels);
        let event = match &switch.reason {
            Some(reason) => event.with("reason", reason.as_str()),
            None => event,
        };
        let record = Record { caller: by, at: now, events: &[event] };
        Ok(match self.ledger.commit(&format!("switch#{scope}"), &record, &[write]).await? {
            Committed::Done => Changed::Done,
            Committed::Refused => Changed::Refused,
        })
    }
}
