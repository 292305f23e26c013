//! People's data, taken out and taken away: [`erasure`] (everything about a person goes), [`export`] (everything about a person
//! on one page after the other), and [`reseal`] (what was sealed with an old key is sealed anew).
//!
//! Erasing and sealing anew are long: they are done in steps by the `privacy` function, from checkpoints in the Catalog table,
//! and every step may be taken again.

pub mod erasure;
pub mod export;
pub mod reseal;

use std::time::Duration;

use crate::road::Road;
use crate::store::{PrivacyStore, TwoFactorStore};

/// What the API asks for.
#[derive(Clone, Debug)]
pub struct Privacy {
    pub eraser: erasure::Eraser,
    pub exporter: export::Exporter,
    pub reseals: reseal::Reseals,
}

impl Privacy {
    /// On a road that can open large messages.
    pub fn new(road: &Road, twofactor: TwoFactorStore, store: PrivacyStore, cooling: erasure::CoolingOff) -> Self {
        let (clock, seal, queues) = (road.clock.clone(), road.seal.clone(), road.queues.clone());
        Self {
            eraser: erasure::Eraser { road: road.clone(), twofactor: twofactor.clone(), store: store.clone(), cooling },
            exporter: export::Exporter { road: road.clone(), twofactor },
            reseals: reseal::Reseals { clock, seal, store, queues },
        }
    }
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More, after this pause.
    After(Duration),
    /// It is done, or somebody else does it.
    Nothing,
}
