//! Lines to the providers. A fault of the simulator strikes whatever goes over its line, so a test that sets one has the
//! line to itself; tests that only send over it share it.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    Sms,
    Whatsapp,
    Sendgrid,
    Resend,
    Voice,
}

impl Line {
    pub(crate) const ALL: [Self; 5] = [Self::Sms, Self::Whatsapp, Self::Sendgrid, Self::Resend, Self::Voice];
}

static LINES: [RwLock<()>; 5] = [const { RwLock::const_new(()) }; 5];

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
        let mut held = Vec::new();
        for line in ordered(&lines) {
            held.push(LINES[line as usize].read().await);
        }
        held
    }

    /// While this is held, no other test sends over these lines.
    pub(crate) async fn own(&self, lines: &[Line]) -> Vec<RwLockWriteGuard<'static, ()>> {
        let mut held = Vec::new();
        for line in ordered(lines) {
            held.push(LINES[line as usize].write().await);
        }
        held
    }
}
