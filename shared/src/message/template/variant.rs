//! Which variant of a split test somebody gets: a pure function of the template, its version and the person, so that it
//! is always the same one, needs no memory, and differs from test to test.

use aws_lc_rs::digest::{SHA256, digest};

use super::Variant;

/// The variant of `key` (a person's id, or an address where the person is not known).
pub(super) fn choose<'a>(variants: &'a [Variant], name: &str, version: u32, key: &str) -> Option<&'a Variant> {
    let total: u64 = variants.iter().map(|variant| u64::from(variant.weight)).sum();
    // A number from 0 up to the total, each as likely as the other (to one part in four thousand million).
    let mut place = (u64::from(number(name, version, key)) * total) >> 32;
    variants.iter().find(|variant| {
        let weight = u64::from(variant.weight);
        let here = place < weight;
        place = place.saturating_sub(weight);
        here
    })
}

/// A uniform number from what is hashed. The name holds no NUL, so no two inputs are spelled alike.
fn number(name: &str, version: u32, key: &str) -> u32 {
    let hash = digest(&SHA256, format!("{name}\0{version}\0{key}").as_bytes());
    hash.as_ref().iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}
