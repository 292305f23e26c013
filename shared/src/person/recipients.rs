//! Everybody else an e-mail goes to, in the decision of its message. Each of them is decided for themselves: at accept one
//! "no" refuses the whole, for the client can mend it; later, who must not be written to any more is left out, and
//! the rest get it.
//!
//! Who was left out once stays left out: a provider's idempotency key stands for one payload, so a repeated call must
//! carry what the first did (Resend: 409 `invalid_idempotent_request`).

use super::decision::{Check, Decision, Outcome};

/// How the rule of a further recipient is called: `recipient cc[1]`.
const RULE: &str = "recipient ";

impl Decision {
    /// The answer to an e-mail one of whose further recipients must not be written to.
    #[must_use]
    pub fn refused_for(self, field: &str, reason: &str) -> Self {
        let refused = self.without(field, reason);
        Self { outcome: Outcome::Refused, until: None, reason: reason.to_owned(), ..refused }
    }

    /// The same for an e-mail that goes out without this further recipient.
    #[must_use]
    pub fn without(mut self, field: &str, reason: &str) -> Self {
        let rule = format!("{RULE}{field}");
        if !self.checks.iter().any(|check| check.rule == rule) {
            self.checks.push(Check::new(&rule, false, reason));
        }
        self
    }

    /// The same, leaving out whom an earlier decision left out.
    #[must_use]
    pub fn still_without(self, before: &Self) -> Self {
        before.left_out().fold(self, |decision, (field, reason)| decision.without(field, reason))
    }

    /// The further recipients it leaves out, by the field they stand in, each with the reason.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| Some((check.rule.strip_prefix(RULE)?, check.reason.as_str())))
    }

    /// Whether it leaves out the further recipient who stands in this field.
    pub fn leaves_out(&self, field: &str) -> bool {
        self.left_out().any(|(out, _)| out == field)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn allowed() -> Decision {
        let checks = vec![Check::new("consent", true, "transactional_message")];
        Decision {
            outcome: Outcome::Allowed,
            until: None,
            reason: "transactional_message".to_owned(),
            checks,
            decided_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn who_is_left_out_is_on_record_once_and_the_rest_get_it() {
        let decision = allowed().without("cc[1]", "opted_out").without("cc[1]", "address_suppressed");
        assert!(decision.is_allowed() && decision.reason == "transactional_message");
        assert_eq!(decision.left_out().collect::<Vec<_>>(), [("cc[1]", "opted_out")]);
        assert!(allowed().still_without(&decision).leaves_out("cc[1]"));
        assert!(decision.leaves_out("cc[1]") && !decision.leaves_out("cc[0]") && !decision.leaves_out("cc[10]"));
    }

    #[test]
    fn a_refused_one_refuses_the_whole_when_it_is_accepted() {
        let decision = allowed().refused_for("bcc[0]", "address_suppressed");
        assert!(decision.is_refused());
        assert_eq!(decision.reason, "address_suppressed");
        assert_eq!(decision.left_out().collect::<Vec<_>>(), [("bcc[0]", "address_suppressed")]);
    }
}
