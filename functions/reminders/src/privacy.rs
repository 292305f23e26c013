//! What is being erased or sealed anew: every two minutes `privacy` is asked to take it further. What was written down and
//! never queued, and what was queued and lost, is found so.

use std::time::Duration;

use switchboard::store::StoreError;

use crate::App;

/// Asks for a step of everything that wants a look; answers how much that is.
pub(crate) async fn run(app: &App) -> Result<usize, StoreError> {
    let due = app.privacy.take_due(app.clock.now()).await?;
    for work in &due {
        if let Err(error) = app.queues.enqueue_privacy(work, Duration::ZERO).await {
            tracing::error!(error = %error, "not looked after; the next look is in two minutes");
        }
    }
    Ok(due.len())
}
