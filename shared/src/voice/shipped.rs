//! The menu that ships: account status, an agent, or the same again.
//!
//! It knows nobody's account, and says so: a deployment that can read one out puts a menu of its own in its place, whose
//! `account` redirects to TwiML that does. While no agent's number is known, messages for them are recorded.

use std::sync::LazyLock;

use super::Menu;

/// The version it has among stored ones.
pub const SHIPPED_VERSION: u32 = 0;

static SHIPPED: LazyLock<Result<Menu, serde_json::Error>> =
    LazyLock::new(|| serde_json::from_str(include_str!("menu.json")));

/// The shipped menu. It is part of the program; a test reads it, so it cannot be unreadable in a release.
pub fn menu() -> Option<&'static Menu> {
    SHIPPED.as_ref().ok()
}
