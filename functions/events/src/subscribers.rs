//! Who there is to be told. Read at most every few seconds: without subscribers an event costs nothing more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard::event::{Subscriber, SubscriberId};
use switchboard::store::{Events, StoreError};
use tokio::sync::Mutex;

/// How long what was read is believed. A change counts everywhere after this long.
const LASTS: Duration = Duration::from_secs(5);
/// How often somebody who is not among them is looked for anew.
const SEARCH_LASTS: Duration = Duration::from_secs(1);

/// All subscribers, as of a moment ago.
#[derive(Debug)]
pub(crate) struct Subscribers {
    events: Events,
    cached: Mutex<Option<(Instant, Arc<Vec<Subscriber>>)>>,
}

impl Subscribers {
    pub(crate) fn new(events: Events) -> Self {
        Self { events, cached: Mutex::new(None) }
    }

    pub(crate) async fn all(&self) -> Result<Arc<Vec<Subscriber>>, StoreError> {
        self.not_older_than(LASTS).await
    }

    /// One of them. `None`: it was removed.
    pub(crate) async fn get(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        let find = |all: &[Subscriber]| all.iter().find(|subscriber| subscriber.id == id).cloned();
        match find(&self.all().await?) {
            Some(found) => Ok(Some(found)),
            None => Ok(find(&self.not_older_than(SEARCH_LASTS).await?)),
        }
    }

    async fn not_older_than(&self, age: Duration) -> Result<Arc<Vec<Subscriber>>, StoreError> {
        // Held while it is read: who comes meanwhile gets the same.
        let mut cached = self.cached.lock().await;
        if let Some((_, all)) = cached.as_ref().filter(|(read, _)| read.elapsed() < age) {
            return Ok(all.clone());
        }
        // As old as the moment it was asked for: what changes while it is read may not be in it.
        let asked = Instant::now();
        let all = Arc::new(self.events.subscribers().await?);
        *cached = Some((asked, all.clone()));
        Ok(all)
    }
}
