//! Waiting without sleeping through it: look again until it is so, or say what was last seen.

use std::time::{Duration, Instant};

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How much longer than on a quiet machine something may take on a busy one. A test that passes never waits for it.
const BUSY: u32 = 4;

/// Looks until `look` is satisfied and gives what it found; `Err` is what was seen instead. `within`: on a quiet machine.
pub(crate) async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let (started, within) = (Instant::now(), within * BUSY);
    let mut pause = Duration::from_millis(25);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if started.elapsed() > within => {
                panic!("{what}: not within {} s; last seen: {seen}", within.as_secs())
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 3 / 2).min(Duration::from_millis(400));
    }
}
