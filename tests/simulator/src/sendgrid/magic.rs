//! Addresses that fail on purpose. SendGrid has none; these are the simulator's own.
//!
//! | address | events after `processed` |
//! |---|---|
//! | bounced@simulator.example | bounce (type bounce, 5.1.1) |
//! | blocked@simulator.example | bounce (type blocked, 5.7.1) |
//! | dropped@simulator.example | dropped, and no `processed` (Bounced Address) |
//! | deferred@simulator.example | deferred, delivered |
//! | complained@simulator.example | delivered, spamreport |
//! | unsubscribed@simulator.example | delivered, unsubscribe |
//! | opened@simulator.example | delivered, open, click |
//! | silent@simulator.example | none at all |
//!
//! The part before the `@` may carry a label (`bounced+case-7@simulator.example`). `bounced@`, `complained@` and `suppressed@resend.dev` do here what they do at Resend (suppressed is dropped).

use serde_json::{Value, json};

use crate::store::Status;

/// One event to come: its name, the status it leaves the message in, and its own fields.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) event: &'static str,
    pub(super) status: Status,
    pub(super) fields: Value,
}

/// The events of an e-mail to this address.
pub(super) fn steps(to: &str) -> Vec<Step> {
    let step = |event, status, fields| Step { event, status, fields };
    let processed = step("processed", Status::Processed, json!({}));
    let delivered = step("delivered", Status::Delivered, json!({ "response": "250 2.0.0 OK" }));
    let bounce = |kind: &str, status: &str, reason: &str| {
        let fields =
            json!({ "type": kind, "status": status, "reason": reason, "bounce_classification": "Invalid Address" });
        step("bounce", Status::Bounced, fields)
    };
    let address = to.to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    let unlabelled = format!("{}@{domain}", local.split('+').next().unwrap_or_default());
    match unlabelled.as_str() {
        "bounced@simulator.example" | "bounced@resend.dev" => {
            vec![
                processed,
                bounce("bounce", "5.1.1", "550 5.1.1 The email account that you tried to reach does not exist"),
            ]
        }
        "blocked@simulator.example" => {
            vec![processed, bounce("blocked", "5.7.1", "550 5.7.1 Message rejected by the receiving server")]
        }
        "dropped@simulator.example" | "suppressed@resend.dev" => {
            vec![step("dropped", Status::Dropped, json!({ "reason": "Bounced Address", "status": "5.0.0" }))]
        }
        "deferred@simulator.example" => {
            let fields = json!({ "response": "421 4.7.0 Try again later", "attempt": "1" });
            vec![processed, step("deferred", Status::Deferred, fields), delivered]
        }
        "complained@simulator.example" | "complained@resend.dev" => {
            vec![processed, delivered, step("spamreport", Status::Complained, json!({}))]
        }
        "unsubscribed@simulator.example" => {
            vec![processed, delivered, step("unsubscribe", Status::Delivered, json!({}))]
        }
        "opened@simulator.example" => {
            let reader = json!({ "ip": "192.0.2.7", "useragent": "Mozilla/5.0", "sg_machine_open": false });
            let clicker = json!({ "ip": "192.0.2.7", "useragent": "Mozilla/5.0", "url": "https://simulator.example/" });
            vec![
                processed,
                delivered,
                step("open", Status::Delivered, reader),
                step("click", Status::Delivered, clicker),
            ]
        }
        "silent@simulator.example" => Vec::new(),
        _ => vec![processed, delivered],
    }
}
