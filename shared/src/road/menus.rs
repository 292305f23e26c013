//! The voice menu in force, remembered for five seconds: a call waits for a read now and then, and a change is heard
//! everywhere within that.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::store::{Catalog, StoreError};
use crate::telemetry;
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

    /// The menu in force. While the Catalog does not answer, the one that was last seen there, else the shipped one: a caller is on
    /// the line. That one is asked for again at the next turn.
    pub async fn in_force(&self) -> Result<Arc<Menu>, StoreError> {
        let now = self.clock.now();
        let known = self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((menu, _)) = known.as_ref().filter(|(_, at)| now.as_millisecond() - at.as_millisecond() < FRESH_MS)
        {
            return Ok(menu.clone());
        }
        let menu = match (self.catalog.menu().await, known) {
            (Ok(Some(stored)), _) => Arc::new(stored.menu),
            (Ok(None), _) => shipped_menu()?,
            (Err(error), Some((menu, _))) => {
                tracing::warn!(error = %error, "the voice menu could not be read; the one known before stays");
                menu
            }
            (Err(error), None) => {
                tracing::error!(error = %error, "the voice menu could not be read; the shipped one speaks");
                telemetry::count("menu_unavailable", 1);
                return shipped_menu();
            }
        };
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some((menu.clone(), now));
        Ok(menu)
    }
}

fn shipped_menu() -> Result<Arc<Menu>, StoreError> {
    Ok(Arc::new(shipped::menu().cloned().ok_or_else(no_menu)?))
}

fn no_menu() -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: "the shipped voice menu".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::testing::dead_aws;

    #[tokio::test]
    async fn a_caller_hears_the_shipped_menu_while_nobody_can_say_which_is_in_force() {
        let catalog = Catalog::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "catalog".to_owned());
        let menus = Menus::new(catalog, Clock::fixed(from_millis(0)));
        assert_eq!(Some(&*menus.in_force().await.unwrap()), shipped::menu());
        assert!(menus.memory.lock().unwrap().is_none(), "it is asked for again");
    }
}
