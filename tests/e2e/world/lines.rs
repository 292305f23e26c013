//! Lines to the providers. A fault of the simulator strikes whatever goes over its line, so a test that sets one has the
//! line to itself; tests that only send over it share it. The same goes for the bulk lane, whose queue a test may set up
//! otherwise, and for the workers that tell events, which a test may kill.

use std::sync::atomic::Ordering;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    Sms,
    Whatsapp,
    Sendgrid,
    Resend,
    Voice,
    BulkLane,
    Events,
}

impl Line {
    pub(crate) const ALL: [Self; 7] =
        [Self::Sms, Self::Whatsapp, Self::Sendgrid, Self::Resend, Self::Voice, Self::BulkLane, Self::Events];
}

static LINES: [RwLock<()>; Line::ALL.len()] = [const { RwLock::const_new(()) }; Line::ALL.len()];

/// Always taken in the same order: two tests that want the same two never wait for each other.
fn ordered(lines: &[Line]) -> Vec<Line> {
    let mut lines = lines.to_vec();
    lines.sort();
    lines.dedup();
    lines
}

impl World {
    /// While this is held, no fault strikes these lines. An e-mail may go over either of its two, so they are shared together.
    pub(crate) async fn share(&self, lines: &[Line]) -> Vec<RwLockReadGuard<'static, ()>> {
        let mut lines = lines.to_vec();
        if lines.iter().any(|line| matches!(line, Line::Sendgrid | Line::Resend)) {
            lines.extend([Line::Sendgrid, Line::Resend]);
        }
        self.note(&lines);
        let mut held = Vec::new();
        for line in ordered(&lines) {
            held.push(LINES[line as usize].read().await);
        }
        held
    }

    /// While this is held, no other test sends over these lines.
    pub(crate) async fn own(&self, lines: &[Line]) -> Vec<RwLockWriteGuard<'static, ()>> {
        self.note(lines);
        let mut held = Vec::new();
        for line in ordered(lines) {
            held.push(LINES[line as usize].write().await);
        }
        held
    }

    /// The lane and the events' workers lead to no provider.
    fn note(&self, lines: &[Line]) {
        if lines.iter().any(|line| !matches!(line, Line::BulkLane | Line::Events)) {
            self.has_lines.store(true, Ordering::Relaxed);
        }
    }
}
