//! Faults by chance: of all requests to DynamoDB, SQS and S3 a share meets each.

use std::time::Duration;

use serde::Deserialize;

use super::Fault;
use super::http::Service;

/// The share of requests, from 0 to 1, that meets each fault.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chances {
    #[serde(default)]
    pub throttle: f64,
    #[serde(default)]
    pub reset: f64,
    #[serde(default)]
    pub swallow: f64,
    #[serde(default)]
    pub delay: f64,
    /// The longest delay, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// How many answers of each conditional write are lost, beside what is lost by chance.
    #[serde(default)]
    pub each_write: u32,
}

/// Random numbers that a seed repeats (SplitMix64).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
    }
}

impl Chances {
    /// What happens to one request.
    pub(super) fn strike(&self, dice: &mut Dice, service: Service) -> Option<Fault> {
        if service == Service::Other {
            return None;
        }
        let mut left = dice.roll();
        for (share, fault) in
            [(self.throttle, Fault::Throttle), (self.reset, Fault::Reset), (self.swallow, Fault::Swallow)]
        {
            if left < share {
                return Some(fault);
            }
            left -= share;
        }
        let pause = Duration::from_millis(self.delay_ms).mul_f64(dice.roll());
        (left < self.delay).then_some(Fault::Delay(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_of_one_seed_repeat_and_keep_their_shares() {
        let chances = Chances { throttle: 0.1, reset: 0.1, swallow: 0.1, delay: 0.1, delay_ms: 50, each_write: 0 };
        let run = |seed| {
            let mut dice = Dice::new(seed);
            (0..10_000).map(|_| chances.strike(&mut dice, Service::DynamoDb)).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let struck = run(7);
        for fault in [Fault::Throttle, Fault::Reset, Fault::Swallow] {
            let share = struck.iter().filter(|one| **one == Some(fault)).count();
            assert!((800..1_200).contains(&share), "{fault:?}: {share} of 10000");
        }
        assert_eq!(chances.strike(&mut Dice::new(7), Service::Other), None);
    }
}
