//! The message's road as the functions have it, with a clock of the test's own.

use std::sync::Arc;

use jiff::Timestamp;
use switchboard::clock::Clock;
use switchboard::message::Locale;
use switchboard::message::short_link::ShortLinks;
use switchboard::person::TimeRules;
use switchboard::queue::Queues;
use switchboard::road::{FreeText, Road, Templates};
use switchboard::store::{Catalog, Controls, Ephemera, Messages};

use super::World;

impl World {
    /// On the stack's tables; its clock stands still at this moment.
    pub(crate) async fn road(&self) -> Road {
        let (seal, dynamodb, clock) = (self.seal().await, self.dynamodb(), Clock::fixed(Timestamp::now()));
        let keys = self.keys().await;
        let table = |name: &str| self.stack.tables[name].clone();
        Road {
            clock: clock.clone(),
            messages: Messages::new(dynamodb.clone(), table("messages"), seal.clone()),
            people: self.people().await,
            ephemera: Ephemera::new(dynamodb.clone(), table("ephemera")),
            templates: Templates::new(Catalog::new(dynamodb, table("catalog")), Locale::english(), clock),
            queues: Queues::at(self.sqs(), &self.stack.queues["urgent"]),
            short_links: ShortLinks::new(keys.links.clone(), &self.stack.api_url, 90),
            seal,
            keys,
            rules: Arc::new(TimeRules::default()),
            controls: Controls::new(self.dynamodb(), table("catalog"), table("ephemera"), 0),
            destinations: Arc::default(),
            free_text: FreeText::default(),
        }
    }
}
