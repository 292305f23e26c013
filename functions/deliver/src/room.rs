//! Room in memory for messages with large files: a batch of ten of them would not fit.
//!
//! One with 4.4 MB of files (the most a request can carry) is held some seven times on its way (sealed, opened, in base64,
//! as the provider's request), 45 MB; three at a time leave a 256 MB function what it needs besides.

use std::time::Duration;

use switchboard::store::messages::Stored;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How many large messages are worked on at a time.
const AT_A_TIME: usize = 3;

/// How long one waits for room. Waiting and a provider call (10 s) together end well within the function's 30 s.
const LONGEST: Duration = Duration::from_secs(10);

/// The room of this process.
#[derive(Debug)]
pub(crate) struct Room(Semaphore);

/// There was none in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(AT_A_TIME))
    }
}

impl Room {
    /// Takes room for a message, if it is one that needs it; it is free again when what this gives is dropped.
    pub(crate) async fn take(&self, stored: &Stored) -> Result<Option<SemaphorePermit<'_>>, NoRoom> {
        if stored.is_large() { self.wait(LONGEST).await.map(Some) } else { Ok(None) }
    }

    async fn wait(&self, longest: Duration) -> Result<SemaphorePermit<'_>, NoRoom> {
        let taken = timeout(longest, self.0.acquire()).await.map_err(|_| NoRoom)?;
        taken.map_err(|_| NoRoom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_room_for_three_and_for_the_next_when_one_is_done() {
        let room = Room::default();
        let soon = Duration::from_millis(20);
        let mut held = Vec::new();
        for _ in 0..AT_A_TIME {
            held.push(room.wait(soon).await.expect("room"));
        }
        assert_eq!(room.wait(soon).await.err(), Some(NoRoom));
        held.pop();
        assert!(room.wait(soon).await.is_ok());
    }
}
