//! Addresses that fail on purpose.
//!
//! | address | events |
//! |---|---|
//! | delivered@resend.dev, and any other | sent, delivered |
//! | bounced@resend.dev | sent, bounced (Permanent, General) |
//! | complained@resend.dev | sent, delivered, complained |
//! | suppressed@resend.dev | suppressed (previous_bounce) |
//!
//! The part before the `@` may carry a label (`bounced+case-7@resend.dev`), as with Resend. `@simulator.example`
//! works like `@resend.dev`; there, `deferred@` is delivery_delayed, then delivered, `failed@` fails, and `silent@`
//! stays without any event.

use serde_json::{Value, json};

use crate::store::Status;

/// One event to come: its type without `email.`, and what it adds to `data`.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) event: &'static str,
    pub(super) status: Status,
    pub(super) extra: Option<(&'static str, Value)>,
}

/// The events of an e-mail to this address.
pub(super) fn steps(to: &str) -> Vec<Step> {
    let step = |event, status| Step { event, status, extra: None };
    let (sent, delivered) = (step("sent", Status::Sent), step("delivered", Status::Delivered));
    let address = super::request::bare(to).to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    if !matches!(domain, "resend.dev" | "simulator.example") {
        return vec![sent, delivered];
    }
    match local.split('+').next().unwrap_or_default() {
        "bounced" => {
            let bounce = json!({
                "type": "Permanent",
                "subType": "General",
                "message": "The recipient's email address is on the suppression list because it has a recent history of \
                            producing hard bounces.",
                "diagnosticCode": ["smtp; 550 5.5.0 Requested action not taken: mailbox unavailable"],
            });
            vec![sent, Step { extra: Some(("bounce", bounce)), ..step("bounced", Status::Bounced) }]
        }
        "complained" => vec![sent, delivered, step("complained", Status::Complained)],
        "suppressed" => {
            let suppressed = json!({
                "type": "OnAccountSuppressionList",
                "reason": "previous_bounce",
                "message": "The recipient is on the account suppression list because of a previous bounce.",
                "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
            });
            vec![Step { extra: Some(("suppressed", suppressed)), ..step("suppressed", Status::Suppressed) }]
        }
        "deferred" => vec![sent, step("delivery_delayed", Status::Deferred), delivered],
        "failed" => {
            let failed = json!({ "reason": "reached_daily_quota" });
            vec![Step { extra: Some(("failed", failed)), ..step("failed", Status::Failed) }]
        }
        "silent" => Vec::new(),
        _ => vec![sent, delivered],
    }
}
