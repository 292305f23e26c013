//! `/api/v2/communications/auto-replies`: what is answered by itself to what people write.

pub mod get;
pub mod put;

use serde::Serialize;
use switchboard::message::auto_reply::AutoReplies;

/// The automatic answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AutoRepliesView {
    success: bool,
    #[serde(flatten)]
    replies: AutoReplies,
}
