//! Twilio Verify, version 2: `/v2/Services/{VA}/Verifications` and `/VerificationCheck`.
//!
//! Read in this order: [`request`] (what is accepted), [`state`] (one verification and its limits), [`answer`] (the
//! resources), [`endpoints`]. Any well-formed service exists here. The codes arrive where messages do: `/_sim/messages`.
//!
//! Numbers that fail on purpose, as To:
//!
//! | number | refused with |
//! |---|---|
//! | +15005550001 | 60200 (400): not a number |
//! | +15005550003 | 60605 (403): the region is blocked |
//! | +15005550009 | 60205 (403): SMS to a landline |
//! | +15005550010 | 60410 (403): blocked for fraud |

mod answer;
mod endpoints;
mod request;
mod state;

use axum::{Router, routing::post};

pub(crate) use self::state::Verifications;
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v2/Services/{service}/Verifications", post(endpoints::start))
        .route("/v2/Services/{service}/Verifications/{sid}", post(endpoints::update).get(endpoints::fetch))
        .route("/v2/Services/{service}/VerificationCheck", post(endpoints::check))
}
