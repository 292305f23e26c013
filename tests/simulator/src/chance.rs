//! Randomness for jitter and fault rates: fast, seedable, not for secrets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A SplitMix64 sequence shared by all tasks.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(AtomicU64::new(seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0)))
    }

    /// A number in 0..1.
    pub(crate) fn roll(&self) -> f64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // 53 bits are what an f64 holds exactly.
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 0.5 to 1.5 times `mean`.
    pub(crate) fn around(&self, mean: Duration) -> Duration {
        mean.mul_f64(0.5 + self.roll())
    }
}
