//! Waiting without sleeping through it: look again until it is so, or say what was last seen.

use std::time::{Duration, Instant};

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Looks until `look` is satisfied and gives what it found; `Err` is what was seen instead.
pub(crate) async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
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
