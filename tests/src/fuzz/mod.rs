//! Every parser of what comes from outside, given what it must not stumble over: good inputs taken apart and put together
//! wrongly, for as long as one likes (`make fuzz MINUTES=5`).
//!
//! [`chance`]: where the inputs come from · [`callbacks`], [`calls`], [`signatures`], [`texts`], [`documents`] · [`links`]: the targets, by what they
//! read. A target fails by panicking; besides not breaking, each holds what its parser promises (what is read twice is the
//! same, what is kept is bounded, what is not signed is refused).

mod callbacks;
mod calls;
pub mod chance;
mod documents;
mod links;
mod signatures;
mod texts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use chance::Chance;

/// One parser under fire.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub name: &'static str,
    run: fn(&mut Chance),
}

/// All of them.
pub const TARGETS: [Target; 17] = [
    Target { name: "twilio_status", run: callbacks::twilio_status },
    Target { name: "twilio_inbound", run: callbacks::twilio_inbound },
    Target { name: "sendgrid_events", run: callbacks::sendgrid_events },
    Target { name: "resend_event", run: callbacks::resend_event },
    Target { name: "call_requests", run: calls::requests },
    Target { name: "voice_menus", run: calls::menus },
    Target { name: "twilio_signature", run: signatures::twilio },
    Target { name: "sendgrid_signature", run: signatures::sendgrid },
    Target { name: "resend_signature", run: signatures::resend },
    Target { name: "words", run: texts::words },
    Target { name: "addresses", run: texts::addresses },
    Target { name: "segments", run: texts::segments },
    Target { name: "short_links", run: links::short_links },
    Target { name: "tokens", run: links::tokens },
    Target { name: "subscribers_urls", run: links::subscribers_urls },
    Target { name: "templates", run: documents::templates },
    Target { name: "tables", run: documents::tables },
];

/// How a target fared.
#[derive(Debug)]
pub struct Fared {
    pub name: &'static str,
    pub inputs: u64,
    pub took: Duration,
    /// The seeds of the inputs it stumbled over.
    pub failed: Vec<u64>,
}

/// A target that stumbles is not run for much longer: one cause fails many times.
const MOST_FAILURES: usize = 5;

impl Target {
    /// Gives it inputs until the time is up. The input number n of a seed is always the same.
    pub fn run(&self, seed: u64, time: Duration) -> Fared {
        let (begun, mut inputs, mut failed) = (Instant::now(), 0, Vec::new());
        while begun.elapsed() < time && failed.len() < MOST_FAILURES {
            let own = chance::mixed(seed.wrapping_add(inputs));
            if !self.holds(own) {
                failed.push(own);
            }
            inputs += 1;
        }
        Fared { name: self.name, inputs, took: begun.elapsed(), failed }
    }

    /// Whether it holds for the input of one seed.
    pub fn holds(&self, seed: u64) -> bool {
        catch_unwind(AssertUnwindSafe(|| (self.run)(&mut Chance::new(seed)))).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parser_holds_for_a_moment() {
        for target in TARGETS {
            // As many on every machine.
            for input in 0..300 {
                assert!(target.holds(chance::mixed(1 + input)), "{}: input {input}", target.name);
            }
        }
    }

    #[test]
    fn a_seed_is_an_input_and_a_failure_is_noticed() {
        let bytes = |seed| Chance::new(seed).bytes(64);
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
        let broken = Target { name: "broken", run: |chance| assert!(chance.below(2) == 0, "on purpose") };
        assert_eq!(broken.run(1, Duration::from_secs(5)).failed.len(), MOST_FAILURES);
    }
}
