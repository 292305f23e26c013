//! The status machine: one transition table, forward only.
//!
//! ```text
//! accepted ─┬─► sending ─┬─► sent ─► delivered | undelivered
//! scheduled ┤      ▲     ├─► uncertain ─► sent | retrying | failed
//! held ─────┘      │     ├─► retrying ─► sending
//!                  └─────┴─► failed
//! ```
//! Before `sending`, a message can also end as `cancelled`, `expired` or `blocked` (the decision refused it). What people write
//! to us is `received`, and stays so.
//! A provider's callback may arrive before we recorded `sent`, so the states from `sending` on may jump to any outcome.
//! What may have been taken (`unsure_since` in the row) and may not go again waits as `uncertain`, whatever it was before.
//! What a provider said last never changes: the first outcome wins (Twilio: "no guarantee that the status callback requests always
//! arrive … in the order they were sent"). What only we believed does: see [`Status::is_corrected_by`].

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

/// Where a message is on its road.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    /// Stored, on its way to a lane.
    Accepted,
    /// Waiting for a time the client named.
    Scheduled,
    /// Waiting because a rule asks for it; the decision record says which and until when.
    Held,
    /// Claimed: one worker holds the lease and may call the provider.
    Sending,
    /// The provider may or may not have it; being resolved by asking the provider.
    Uncertain,
    /// The provider did not take it; another attempt is due.
    Retrying,
    /// The provider has it.
    Sent,
    /// The provider says it arrived.
    Delivered,
    /// The provider says it did not arrive.
    Undelivered,
    /// Ended without reaching the provider, or refused by it; `reason` says why.
    Failed,
    /// Ended because the decision said no; `reason` says why.
    Blocked,
    /// Cancelled by the client before it was sent.
    Cancelled,
    /// Its time ran out before it could be sent.
    Expired,
    /// Somebody wrote it to us. It has no road before it and ended where it began.
    Received,
}

impl Status {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether what a message cost may be settled after it ended so: a call is charged for the time it took, and what was counted
    /// for one that nobody took is given back.
    pub fn may_cost_else(self) -> bool {
        matches!(self, Self::Delivered | Self::Undelivered)
    }

    /// Whether a message may go from `self` to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use Status::{
            Accepted, Blocked, Cancelled, Delivered, Expired, Failed, Held, Received, Retrying, Scheduled, Sending,
            Sent, Uncertain, Undelivered,
        };
        match self {
            Accepted | Scheduled => {
                matches!(next, Scheduled | Held | Sending | Failed | Blocked | Cancelled | Expired) && self != next
                    || matches!((self, next), (Scheduled, Accepted))
            }
            Held => matches!(next, Accepted | Scheduled | Sending | Uncertain | Failed | Blocked | Cancelled | Expired),
            Retrying => matches!(next, Held | Sending | Uncertain | Failed | Blocked | Cancelled | Expired),
            Sending => matches!(next, Uncertain | Retrying | Sent | Delivered | Undelivered | Failed),
            Uncertain => matches!(next, Retrying | Sent | Delivered | Undelivered | Failed),
            Sent => matches!(next, Delivered | Undelivered),
            Delivered | Undelivered | Failed | Blocked | Cancelled | Expired | Received => false,
        }
    }

    /// Whether a provider's word that a message came to `next` corrects what we believed of one that was tried: that it has to go again,
    /// or that it ended without arriving. `undelivered` corrects only what was not known to be refused, and of an end only
    /// `outcome_unknown` (`unknown`): a provider also reports what it refused.
    pub fn is_corrected_by(self, next: Self, unknown: bool) -> bool {
        let arrived = matches!(next, Self::Sent | Self::Delivered);
        let proves = arrived || next == Self::Undelivered;
        match self {
            Self::Retrying | Self::Held => proves,
            Self::Failed => arrived || (unknown && proves),
            Self::Blocked | Self::Cancelled | Self::Expired => arrived,
            Self::Accepted
            | Self::Scheduled
            | Self::Sending
            | Self::Uncertain
            | Self::Sent
            | Self::Delivered
            | Self::Undelivered
            | Self::Received => false,
        }
    }

    /// The states a message may come from to become `self`: what a conditional update names.
    pub fn allowed_from(self) -> Vec<Self> {
        Self::iter().filter(|from| from.may_become(self)).collect()
    }

    /// Nothing more will happen to its delivery.
    pub fn is_final(self) -> bool {
        !Self::iter().any(|next| self.may_become(next))
    }

    /// A worker may claim it for sending.
    pub fn is_claimable(self) -> bool {
        self.may_become(Self::Sending)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ended_states_have_no_way_out() {
        let ended: Vec<Status> = Status::iter().filter(|status| status.is_final()).collect();
        assert_eq!(
            ended,
            [
                Status::Delivered,
                Status::Undelivered,
                Status::Failed,
                Status::Blocked,
                Status::Cancelled,
                Status::Expired,
                Status::Received
            ]
        );
    }

    #[test]
    fn only_what_has_not_been_claimed_can_be_cancelled() {
        assert_eq!(
            Status::Cancelled.allowed_from(),
            [Status::Accepted, Status::Scheduled, Status::Held, Status::Retrying]
        );
    }

    #[test]
    fn proof_corrects_what_we_believed_and_nothing_a_provider_said() {
        let corrected =
            |next, unknown| Status::iter().filter(|status| status.is_corrected_by(next, unknown)).collect::<Vec<_>>();
        use Status::{Blocked, Cancelled, Delivered, Expired, Failed, Held, Retrying, Sent, Undelivered};
        for arrived in [Sent, Delivered] {
            for mut statuses in [corrected(arrived, false), corrected(arrived, true)] {
                statuses.sort_by_key(|status| status.as_str());
                assert_eq!(statuses, [Blocked, Cancelled, Expired, Failed, Held, Retrying], "{arrived}");
            }
        }
        assert_eq!(corrected(Undelivered, false), [Held, Retrying]);
        assert_eq!(corrected(Undelivered, true), [Held, Retrying, Failed]);
        assert!(corrected(Failed, true).is_empty());
    }

    #[test]
    fn nothing_is_its_own_successor() {
        assert!(Status::iter().all(|status| !status.may_become(status)));
    }

    proptest! {
        /// However callbacks are repeated and reordered, a message that ended stays as it ended.
        #[test]
        fn any_walk_of_callbacks_ends_at_its_first_final_state(steps in proptest::collection::vec(0usize..14, 1..40)) {
            let all: Vec<Status> = Status::iter().collect();
            let mut status = Status::Sending;
            let mut first_final = None;
            for step in steps {
                let next = all[step];
                if status.may_become(next) {
                    prop_assert!(first_final.is_none());
                    status = next;
                    if next.is_final() {
                        first_final = Some(next);
                    }
                }
            }
            if let Some(ended) = first_final {
                prop_assert_eq!(status, ended);
            }
        }
    }
}
