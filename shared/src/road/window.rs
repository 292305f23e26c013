//! Whether somebody wrote to us lately enough to be written to freely by WhatsApp.

use super::Road;
use crate::message::Content;
use crate::person::window::Window;
use crate::person::{Decision, Intent};

impl Road {
    /// The decision, with what the WhatsApp window says where it matters: of what would go now. What waits is asked about
    /// again when its time comes. If nobody can say how the window stands, the provider will.
    pub async fn within_window(&self, intent: &Intent<'_>, content: &Content, decision: Decision) -> Decision {
        let now = self.clock.now();
        if !decision.is_allowed() || intent.at > now || !Window::concerns(intent.channel, content) {
            return decision;
        }
        match self.ephemera.window_ends(&self.seal, &self.seal.fingerprint(intent.to)).await {
            Ok(ends) => decision.with_window(Window::of(ends, now)),
            Err(error) => {
                tracing::warn!(error = %error, "how a WhatsApp window stands cannot be read");
                decision.with_window(Window::Unknown)
            }
        }
    }
}
