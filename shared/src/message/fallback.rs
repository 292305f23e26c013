//! Channel fallback: what is sent instead when a message cannot arrive on its channel.
//!
//! It is a message of its own, made when the first has ended, decided about and counted like any other. Only what
//! certainly did not arrive falls back (an unknown outcome might have arrived), and only for a reason of the channel: who
//! said "no" on one channel is not written to on another.

use super::record::ERASED;
use super::{Channel, IdKey, Message, MessageId, Status};
use crate::person::{INVALID_ADDRESS, NO_ADDRESS, OUTSIDE_WINDOW};

/// Why a message ended that its provider may have, and never said so.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// Reasons that another channel does not mend: the person's own "no", "nobody knows whether it arrived", and that there is
/// nothing left to send.
const FINAL_REASONS: [&str; 4] = ["opted_out", "recipient_blocked", OUTCOME_UNKNOWN, ERASED];

/// Whether a message that ended so is one that the next channel may mend.
pub fn is_mendable(status: Status, reason: Option<&str>) -> bool {
    let ended = match status {
        Status::Failed | Status::Undelivered => true,
        // Refused for the address alone, which nothing can arrive at or which they have no more, after it was accepted.
        // Or because nobody there wrote to us by WhatsApp lately: they can be reached another way.
        Status::Blocked => reason.is_some_and(|reason| [INVALID_ADDRESS, NO_ADDRESS, OUTSIDE_WINDOW].contains(&reason)),
        Status::Accepted
        | Status::Scheduled
        | Status::Held
        | Status::Sending
        | Status::Uncertain
        | Status::Retrying
        | Status::Sent
        | Status::Delivered
        | Status::Cancelled
        | Status::Expired
        | Status::Received => false,
    };
    ended && reason.is_none_or(|reason| !FINAL_REASONS.contains(&reason))
}

/// Where a channel falls back to unless the client says otherwise.
pub fn usual(channel: Channel) -> &'static [Channel] {
    match channel {
        Channel::Sms | Channel::Voice => &[Channel::Email],
        Channel::Whatsapp => &[Channel::Sms, Channel::Email],
        Channel::Email => &[Channel::Sms],
    }
}

impl Message {
    /// Whether another message is to be sent instead of this one, should it end in vain.
    pub fn has_fallback(&self) -> bool {
        !self.fallback_to.is_empty()
    }

    /// The id of the message sent instead of this one, if there is to be one.
    pub fn fallback_id(&self, ids: &IdKey) -> Option<MessageId> {
        self.fallback_to.first().map(|channel| self.id.fallback(ids, *channel))
    }
}

impl MessageId {
    /// The id of what is sent on this channel instead of the message.
    #[must_use]
    pub fn fallback(self, ids: &IdKey, channel: Channel) -> Self {
        self.sibling(ids, &format!("fallback:{channel}"))
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn only_what_certainly_did_not_arrive_for_a_reason_of_the_channel_falls_back() {
        assert!(is_mendable(Status::Failed, Some("invalid_number")));
        assert!(is_mendable(Status::Undelivered, Some("unreachable")));
        assert!(is_mendable(Status::Failed, Some("attempts_exhausted")));
        for reason in FINAL_REASONS {
            assert!(!is_mendable(Status::Failed, Some(reason)), "{reason}");
        }
        for status in Status::iter().filter(|status| !matches!(status, Status::Failed | Status::Undelivered)) {
            assert!(!is_mendable(status, Some("invalid_number")), "{status}");
        }
        assert!(is_mendable(Status::Blocked, Some(INVALID_ADDRESS)));
        assert!(is_mendable(Status::Blocked, Some(OUTSIDE_WINDOW)));
        for reason in ["opted_out", "address_suppressed", "no_consent"] {
            assert!(!is_mendable(Status::Blocked, Some(reason)), "{reason}");
        }
    }

    #[test]
    fn no_channel_falls_back_to_itself() {
        for channel in Channel::iter() {
            assert!(!usual(channel).is_empty() && !usual(channel).contains(&channel), "{channel}");
        }
    }
}
