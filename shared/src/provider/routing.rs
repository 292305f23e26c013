//! Which provider sends a message that several could send. Pure: what is known goes in, a choice comes out.
//!
//! A provider's health is the acceptance measure of client-side throttling: of `requests` in the last two minutes it
//! accepted `accepts`, and gets the share `(1 + K × accepts) / (1 + requests)` of what it would get when well, never more
//! than all of it. (Beyer et al., "Site Reliability Engineering", chapter 21, "Handling Overload": clients reject with
//! the probability `max(0, (requests − K × accepts) / (requests + 1))`, K = 2. Here what is not sent to one goes to the
//! other.) K = 2 means that a provider which takes at least every second request keeps its whole share. The share never
//! falls under [`FLOOR`], so a provider that mended is noticed; once errors stop, two minutes make it whole.

use std::ops::Add;
use std::time::Duration;

use jiff::Timestamp;

use super::{PermanentKind, ProviderName, SendError};

/// How many requests per accepted one are tolerated.
const K: f64 = 2.0;

/// The share an unwell provider keeps: one message in fifty tries it.
pub const FLOOR: f64 = 0.02;

/// Requests are counted by the minute, and weighed over two.
pub const MINUTE_SECONDS: i64 = 60;

/// A call that took longer is counted as not accepted, though it was. Both providers answer within some hundred
/// milliseconds; at three seconds a worker sends a tenth of what it does, and the call's own time-out (10 s) is near.
pub const SLOW: Duration = Duration::from_secs(3);

/// What a provider was asked and what it took, over the window. Not whole numbers: the window's oldest minute counts in part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub requests: f64,
    pub accepts: f64,
}

/// One provider that could send a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub name: ProviderName,
    /// Its share beside the others' when all are well. 0: it stands by.
    pub weight: u32,
    /// From [`FLOOR`] to 1.
    pub health: f64,
}

/// What a message asks of the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The provider to use while it is well.
    pub preferred: Option<ProviderName>,
    /// The provider that just did not take it.
    pub failed: Option<ProviderName>,
}

impl Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, accepts: self.accepts + other.accepts }
    }
}

impl Load {
    /// The last two minutes, of the present minute, the one before, and the part of the one before that which is not two
    /// minutes old.
    pub fn over(minutes: [Self; 3], now: Timestamp) -> Self {
        let [present, last, before] = minutes;
        let elapsed = f64::from(u8::try_from(now.as_second().rem_euclid(MINUTE_SECONDS)).unwrap_or(0));
        let part = 1.0 - elapsed / 60.0;
        present + last + Self { requests: before.requests * part, accepts: before.accepts * part }
    }

    /// The share of its weight a provider with this load gets.
    pub fn health(self) -> f64 {
        ((1.0 + K * self.accepts.max(0.0)) / (1.0 + self.requests.max(0.0))).clamp(FLOOR, 1.0)
    }
}

impl Candidate {
    fn is_down(&self) -> bool {
        self.health <= FLOOR
    }

    /// As the decision's record shows it: `resend (49.00 of 50)`.
    pub fn describe(&self) -> String {
        format!("{} ({:.2} of {})", self.name, f64::from(self.weight) * self.health, self.weight)
    }
}

/// Chooses by weight and health. `random` is uniform in 0 to 1; it is asked at most twice. `None`: there is no candidate.
///
/// The provider that just failed is left out if another is available. A preferred one is chosen with the probability of its
/// health. One whose weight is 0 stands by: it is available only while all that have a weight are down.
pub fn choose(candidates: &[Candidate], wish: Wish, mut random: impl FnMut() -> f64) -> Option<Candidate> {
    let available = available(candidates);
    let fresh: Vec<Candidate> = available.iter().copied().filter(|one| Some(one.name) != wish.failed).collect();
    let field = if fresh.is_empty() { available } else { fresh };
    if let Some(preferred) = field.iter().find(|one| Some(one.name) == wish.preferred) {
        if random() < preferred.health || field.len() == 1 {
            return Some(*preferred);
        }
        let others: Vec<Candidate> = field.iter().copied().filter(|one| one.name != preferred.name).collect();
        return by_weight(&others, random());
    }
    by_weight(&field, random())
}

/// Those with a weight; with those that stand by, if all of them are down or there are none.
fn available(candidates: &[Candidate]) -> Vec<Candidate> {
    let at_work: Vec<Candidate> = candidates.iter().copied().filter(|one| one.weight > 0).collect();
    if at_work.iter().any(|one| !one.is_down()) { at_work } else { candidates.to_vec() }
}

fn by_weight(field: &[Candidate], random: f64) -> Option<Candidate> {
    let heaviest = field.iter().map(|one| one.weight).max().unwrap_or(0).max(1);
    // One that stands by counts like the heaviest while it is needed.
    let share = |one: &Candidate| f64::from(if one.weight == 0 { heaviest } else { one.weight }) * one.health;
    let mut left = random.clamp(0.0, 1.0) * field.iter().map(share).sum::<f64>();
    for one in field {
        left -= share(one);
        if left < 0.0 {
            return Some(*one);
        }
    }
    field.last().copied()
}

/// What a call says of its provider, whatever it says of the message. `None`: nothing.
///
/// A refusal of the message itself (its address, its content) is an answer like any other: the provider works.
pub fn accepted<T>(answer: &Result<T, SendError>, took: Duration, own_sender: Sender) -> Option<bool> {
    match answer {
        Ok(_) => Some(took <= SLOW),
        Err(SendError::Permanent { kind: PermanentKind::Configuration, .. }) if own_sender == Sender::Clients => {
            Some(true)
        }
        Err(SendError::Permanent { kind, .. }) => Some(!kind.is_of_the_account()),
        // No call was made.
        Err(SendError::Transient { provider_code, .. }) if provider_code == super::error::LATE => None,
        Err(
            SendError::Transient { .. }
            | SendError::Throttled { .. }
            | SendError::Repeatable { .. }
            | SendError::Uncertain { .. },
        ) => Some(false),
    }
}

/// Whose sender a message carries: one the client names may be unknown to the provider, which is no fault of the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Configured,
    Clients,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(name: ProviderName, weight: u32, health: f64) -> Candidate {
        Candidate { name, weight, health }
    }

    fn pair(sendgrid: (u32, f64), resend: (u32, f64)) -> [Candidate; 2] {
        [candidate(ProviderName::Sendgrid, sendgrid.0, sendgrid.1), candidate(ProviderName::Resend, resend.0, resend.1)]
    }

    /// How many of a thousand evenly spread choices fall on SendGrid.
    fn share(candidates: &[Candidate], wish: Wish) -> usize {
        let chosen = |roll: u32| {
            let mut rolls = [f64::from(roll) / 1000.0 + 0.0005, f64::from(roll * 617 % 1000) / 1000.0].into_iter();
            choose(candidates, wish, || rolls.next().unwrap()).unwrap().name
        };
        (0..1000).filter(|&roll| chosen(roll) == ProviderName::Sendgrid).count()
    }

    #[test]
    fn the_window_slides() {
        let load = |requests: f64| Load { requests, accepts: 0.0 };
        let over = |second| Load::over([load(1.0), load(10.0), load(100.0)], Timestamp::from_second(second).unwrap());
        assert_eq!([over(0).requests, over(30).requests, over(60).requests], [111.0, 61.0, 111.0]);
        assert!((over(59).requests - (11.0 + 100.0 / 60.0)).abs() < 1e-9);
    }

    #[test]
    fn shares_follow_weight_and_health() {
        for (candidates, expected) in [
            (pair((50, 1.0), (50, 1.0)), 500),
            (pair((90, 1.0), (10, 1.0)), 900),
            (pair((50, 0.25), (50, 1.0)), 200),
            (pair((50, FLOOR), (50, 1.0)), 20),
            (pair((50, FLOOR), (50, FLOOR)), 500),
            (pair((0, 1.0), (50, 1.0)), 0),
            (pair((0, 1.0), (50, 0.03)), 0),
            (pair((0, 1.0), (50, FLOOR)), 980),
            (pair((0, 1.0), (0, 1.0)), 500),
        ] {
            let share = share(&candidates, Wish::default());
            assert!(share.abs_diff(expected) <= 1, "{candidates:?}: {share}, expected {expected}");
        }
    }

    #[test]
    fn the_one_that_just_failed_is_left_out_if_another_is_available() {
        let failed = Wish { failed: Some(ProviderName::Sendgrid), ..Wish::default() };
        assert_eq!(share(&pair((50, 1.0), (50, FLOOR)), failed), 0);
        assert_eq!(share(&pair((50, 1.0), (0, 1.0)), failed), 1000, "the other one stands by");
        assert_eq!(share(&pair((50, FLOOR), (0, 1.0)), failed), 0, "the other one is needed");
        assert_eq!(share(&[candidate(ProviderName::Sendgrid, 50, 0.5)], failed), 1000, "there is no other");
    }

    #[test]
    fn a_preferred_one_is_used_while_it_is_well() {
        let preferred = Wish { preferred: Some(ProviderName::Sendgrid), failed: None };
        assert_eq!(share(&pair((1, 1.0), (99, 1.0)), preferred), 1000);
        assert_eq!(share(&pair((50, 0.3), (50, 1.0)), preferred), 300);
        assert_eq!(share(&pair((50, 0.3), (0, 1.0)), preferred), 1000);
        let failed = Wish { failed: Some(ProviderName::Sendgrid), ..preferred };
        assert_eq!(share(&pair((50, 1.0), (50, 1.0)), failed), 0);
    }

    #[test]
    fn what_a_call_says_of_its_provider() {
        let quick = Duration::from_millis(200);
        let said = |answer: Result<(), SendError>, took| accepted(&answer, took, Sender::Configured);
        assert_eq!(said(Ok(()), quick), Some(true));
        assert_eq!(said(Ok(()), SLOW + quick), Some(false));
        let permanent = |kind| Err(SendError::Permanent { kind, provider_code: "x".into(), reason: "x".into() });
        for kind in
            [PermanentKind::InvalidEmail, PermanentKind::Content, PermanentKind::Rejected, PermanentKind::OptedOut]
        {
            assert_eq!(said(permanent(kind), quick), Some(true), "{kind}");
        }
        for kind in [PermanentKind::Credentials, PermanentKind::Configuration, PermanentKind::Quota] {
            assert_eq!(said(permanent(kind), quick), Some(false), "{kind}");
        }
        let unknown_sender = permanent(PermanentKind::Configuration);
        assert_eq!(accepted::<()>(&unknown_sender, quick, Sender::Clients), Some(true));
        let transient = |code: &str| {
            Err(SendError::Transient { provider_code: code.into(), reason: "x".into(), retry_after: None })
        };
        assert_eq!(said(transient("http_429"), quick), Some(false));
        assert_eq!(said(transient(super::super::error::LATE), quick), None);
        assert_eq!(said(Err(SendError::Uncertain { provider_code: None, reason: "x".into() }), quick), Some(false));
    }

    #[test]
    fn the_record_shows_what_is_left_of_a_weight() {
        assert_eq!(candidate(ProviderName::Resend, 50, 0.98).describe(), "resend (49.00 of 50)");
    }

    proptest! {
        #[test]
        fn health_stays_in_bounds(requests in 0.0f64..1e9, accepts in 0.0f64..1e9) {
            let health = Load { requests, accepts }.health();
            prop_assert!((FLOOR..=1.0).contains(&health));
        }

        #[test]
        fn more_errors_never_make_it_healthier(accepts in 0u32..10_000, errors in 0u32..10_000, more in 0u32..10_000) {
            let with = |errors: u32| Load { requests: f64::from(accepts + errors), accepts: f64::from(accepts) }.health();
            prop_assert!(with(errors + more) <= with(errors));
        }

        #[test]
        fn who_takes_every_second_request_keeps_its_share(accepts in 0u32..10_000, errors in 0u32..10_000) {
            let health = Load { requests: f64::from(accepts + errors), accepts: f64::from(accepts) }.health();
            prop_assert!(errors > accepts || health >= 1.0 - 1e-9);
        }

        #[test]
        fn it_heals_when_errors_stop(errors in 1u32..100_000) {
            // Its errors leave the window minute by minute; its probes are accepted.
            let left = |part: f64| Load { requests: f64::from(errors) * part + 1.0, accepts: 1.0 }.health();
            prop_assert!(left(0.5) >= left(1.0) && left(0.0) >= 1.0 - 1e-9);
        }

        #[test]
        fn a_choice_is_one_of_the_candidates(
            weights in proptest::collection::vec((0u32..1_000, 0.02f64..=1.0), 1..3),
            roll in 0.0f64..=1.0,
        ) {
            let names = [ProviderName::Sendgrid, ProviderName::Resend];
            let candidates: Vec<Candidate> = weights.iter().zip(names).map(|(&(weight, health), name)| candidate(name, weight, health)).collect();
            let chosen = choose(&candidates, Wish::default(), || roll).unwrap();
            prop_assert!(candidates.contains(&chosen));
            let others_up = candidates.iter().any(|one| one.weight > 0 && !one.is_down());
            prop_assert!(chosen.weight > 0 || !others_up);
        }
    }
}
