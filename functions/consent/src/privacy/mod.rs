//! `/api/communication/privacy/*`: a person's data taken out and taken away; and what is sealed, or found by
//! a fingerprint, brought under a new key.

pub mod cancel;
pub mod cancel_link;
pub mod erase;
pub mod erasure;
pub mod export;
pub mod reindex;
pub mod reseal;
pub mod resealing;

use jiff::Timestamp;
use serde::Serialize;
use switchboard::person::PersonId;
use switchboard::privacy::erasure::{Erasure, ErasureCounts, State};
use switchboard::privacy::reseal::{Progress, ResealCounts};

/// How far the erasure of a person is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErasureResponse {
    success: bool,
    user_id: PersonId,
    erasure_id: String,
    /// `cooling_off`: it begins at `starts_at` and can be cancelled until then; `cancelled`: it does not begin; `erasing`: their profile
    /// is empty, nobody can write to them, and the rest is on its way; `erased`: nothing is left.
    status: State,
    /// The subject of the token it was asked with.
    requested_by: String,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    /// When it begins, or began. While it waits for its notice to be sent, this moves: the period is counted from the notice.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Whether every proven address was told, where the erasure waits or waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_sent: Option<bool>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Timestamp>,
    /// Who cancelled it: the subject of a token, `cancel_link`, or `second_factor_enrolled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// How often everything was gone through. It is done after one that began two minutes after the request and left nothing.
    walks: u32,
    /// What was erased so far.
    erased: ErasureCounts,
}

fn view(erasure: Erasure, erased: ErasureCounts) -> ErasureResponse {
    let walks = erasure.walk.before + u32::from(erasure.state == State::Erased);
    ErasureResponse {
        success: true,
        user_id: erasure.person,
        erasure_id: erasure.id,
        status: erasure.state,
        requested_by: erasure.by,
        requested_at: erasure.asked,
        starts_at: erasure.starts,
        notice_sent: (erasure.is_announced || erasure.state == State::CoolingOff).then_some(erasure.is_announced),
        cancelled_at: erasure.ended.filter(|_| erasure.state == State::Cancelled),
        cancelled_by: erasure.cancelled_by,
        completed_at: erasure.ended.filter(|_| erasure.state == State::Erased),
        walks,
        erased,
    }
}

/// How far sealing anew is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ResealResponse {
    success: bool,
    reseal_id: String,
    /// `running` or `completed`.
    #[schema(example = "running")]
    status: &'static str,
    /// The id of the key that everything is sealed with afterwards.
    #[schema(example = "k2")]
    key: String,
    requested_by: String,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// What was found so far. The old key may go when a walk ended with all of it 0.
    found: ResealCounts,
}

fn walk_view(Progress { walk, counts: found }: Progress) -> ResealResponse {
    ResealResponse {
        success: true,
        status: walk.status(),
        completed_at: walk.completed(),
        reseal_id: walk.id,
        key: walk.key,
        requested_by: walk.by,
        requested_at: walk.began,
        found,
    }
}
