//! The voice menu in force, remembered for five seconds: a call waits for a read now and then, and a change is heard
//! everywhere within that.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::store::{Catalog, StoreError};
use crate::voice::{Menu, shipped};

/// How long it is remembered.
const FRESH_MS: i64 = 5_000;

/// A menu, and when it was read.
type Seen = (Arc<Menu>, Timestamp);

/// The menu, read from the Catalog.
#[derive(Clone, Debug)]
pub struct Menus {
    catalog: Catalog,
    clock: Clock,
    memory: Arc<Mutex<Option<Seen>>>,
}

impl Menus {
    pub fn new(catalog: Catalog, clock: Clock) -> Self {
        Self { catalog, clock, memory: Arc::default() }
    }

    /// The menu in force. While the Catalog does not answer, the one that was last seen there: a caller is on the line.
    pub async fn in_force(&self) -> Result<Arc<Menu>, StoreError> {
        let now = self.clock.now();
        let known = self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((menu, _)) = known.as_ref().filter(|(_, at)| now.as_millisecond() - at.as_millisecond() < FRESH_MS)
        {
            return Ok(menu.clone());
        }
        let menu = match (self.catalog.menu().await, known) {
            (Ok(Some(stored)), _) => Arc::new(stored.menu),
            (Ok(None), _) => Arc::new(shipped::menu().cloned().ok_or_else(no_menu)?),
            (Err(error), Some((menu, _))) => {
                tracing::warn!(error = %error, "the voice menu could not be read; the one known before stays");
                menu
            }
            (Err(error), None) => return Err(error),
        };
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some((menu.clone(), now));
        Ok(menu)
    }
}

fn no_menu() -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: "the shipped voice menu".to_owned() }
}
