//! People, numbers, addresses and texts no other test has. They are remembered, so that in the end no log may hold one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use uuid::Uuid;

static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn remembered(made: String) -> String {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).push(made.clone());
    made
}

/// Everything that was made so far.
pub(crate) fn made() -> Vec<String> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn random(below: u128) -> u128 {
    // The low half: the high one holds the version bits.
    (Uuid::new_v4().as_u128() & u128::from(u64::MAX >> 2)) % below
}

fn below(count: usize) -> usize {
    usize::try_from(random(count as u128)).expect("small")
}

/// A valid US number (E.164). All but its last four digits no other number of this run has, while there are some 20,000:
/// one-time codes are counted by them, and tests of that must not meet.
pub(crate) fn phone() -> String {
    const AREAS: [u16; 32] = [
        206, 212, 213, 214, 215, 216, 303, 305, 310, 312, 313, 314, 404, 412, 415, 503, 512, 513, 602, 612, 614, 615,
        617, 619, 702, 704, 713, 716, 718, 816, 818, 904,
    ];
    // No exchange of the form N11, and none with the 555 of films.
    static BLOCKS: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
        let exchanges = (220..900).filter(|exchange| exchange % 100 != 11 && *exchange != 555);
        exchanges.flat_map(|exchange| AREAS.map(|area| (area, exchange))).collect()
    });
    static NEXT: LazyLock<AtomicUsize> = LazyLock::new(|| AtomicUsize::new(below(BLOCKS.len())));
    let (area, exchange) = BLOCKS[NEXT.fetch_add(1, Ordering::Relaxed) % BLOCKS.len()];
    remembered(format!("+1{area}{exchange}{:04}", random(10_000)))
}

/// A number of one's own that does at the provider what the magic number with these last two digits does
/// (`tests/simulator/src/twilio/magic.rs`).
pub(crate) fn magic_phone(ends: &str) -> String {
    static NEXT: LazyLock<AtomicUsize> = LazyLock::new(|| AtomicUsize::new(below(100_000)));
    remembered(format!("+1500{:05}{ends}", NEXT.fetch_add(1, Ordering::Relaxed) % 100_000))
}

pub(crate) fn email() -> String {
    remembered(format!("{}@mailbox.example", Uuid::new_v4().simple()))
}

/// A text that stands nowhere else.
pub(crate) fn text() -> String {
    remembered(format!("Hello {}", Uuid::new_v4().simple()))
}

/// A word that stands nowhere else, for ids, keys and subjects of tokens.
pub(crate) fn word() -> String {
    Uuid::new_v4().simple().to_string()
}

/// A user id as clients with integers have it.
pub(crate) fn user() -> i64 {
    i64::try_from(1_000_000 + random(1_000_000_000_000)).expect("small")
}

/// A Twilio message id.
pub(crate) fn sid() -> String {
    format!("SM{}", Uuid::new_v4().simple())
}

/// A time zone in which the clock shows this hour.
pub(crate) fn zone_at(hour: i64) -> String {
    let now = (jiff::Timestamp::now().as_second() / 3_600).rem_euclid(24);
    // From -11 to +12; the names have their signs the other way round.
    match (hour - now + 11).rem_euclid(24) - 11 {
        0 => "Etc/GMT".to_owned(),
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    }
}
