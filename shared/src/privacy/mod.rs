//! People's data, taken out and taken away: [`erasure`] (everything about a person goes), [`export`] (everything about a person
//! on one page after the other), and [`reseal`] (what was sealed with an old key is sealed anew).
//!
//! Erasing and sealing anew are long: they are done in steps by the `privacy` function, from checkpoints in the Catalog table,
//! and every step may be taken again.

pub mod erasure;
pub mod export;
pub mod reseal;

use std::time::Duration;

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More, after this pause.
    After(Duration),
    /// It is done, or somebody else does it.
    Nothing,
}
