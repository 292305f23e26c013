//! Faults on demand: what goes wrong, for whom, how often.
//!
//! Several faults may be active at once. A request meets the first one (in the order they were set) that fits it and
//! whose rate says so; a callback likewise. A fault with a `count` is gone after that many hits.

mod meet;

use serde::{Deserialize, Serialize};

pub(crate) use self::meet::{CallbackFate, Verdict, callback_fate, hang, list_lag, meet, respells};
use crate::store::{Channel, Provider};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// Answer with `status` (503 unless given) and accept nothing.
    Status,
    /// Wait `delay_ms` (60 s unless given), then close the connection; accept nothing.
    HangBefore,
    /// Accept, then answer only after `delay_ms`, or never.
    HangAfter,
    /// Accept, then answer with `status` (503 unless given) all the same.
    AcceptThenStatus,
    /// Abort the connection at once; accept nothing.
    Reset,
    /// Take no part in an answer, but keep what was accepted in the last `delay_ms` (60 s unless given) out of Twilio's lists.
    ListLag,
    /// Take no part in an answer, but keep a text as Smart Encoding leaves it, and its number as another national plan spells it.
    Respell,
    /// Never send the callback.
    DropCallback,
    /// Before the callback, send one like it of a message that somebody else sent through the same account: another id of the
    /// provider's, and none of the client's.
    ForeignCallback,
    /// Send the callback twice, `delay_ms` apart (one step unless given).
    DuplicateCallback,
    /// Hold the callback back `delay_ms` (three steps unless given), so that later ones overtake it.
    ReorderCallback,
}

impl FaultKind {
    fn is_callback(self) -> bool {
        matches!(self, Self::DropCallback | Self::DuplicateCallback | Self::ReorderCallback | Self::ForeignCallback)
    }

    /// It changes what is kept or shown, and leaves the request itself alone.
    fn is_beside(self) -> bool {
        matches!(self, Self::ListLag | Self::Respell)
    }
}

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Requests that send.
    #[default]
    Send,
    /// Requests that fetch or list.
    Read,
}

/// A request, as faults look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    provider: Provider,
    channel: Option<Channel>,
    operation: Operation,
    to: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(crate) fn sends(provider: Provider, channel: Channel) -> Self {
        Self { provider, channel: Some(channel), operation: Operation::Send, to: None }
    }

    /// One of Twilio's, for a number (E.164, with or without `whatsapp:`).
    pub(crate) fn sends_to(number: Option<&'a str>, channel: Channel) -> Self {
        let to = number.map(|number| number.strip_prefix("whatsapp:").unwrap_or(number));
        Self { to, ..Self::sends(Provider::Twilio, channel) }
    }

    pub(crate) fn reads(provider: Provider, channel: Option<Channel>) -> Self {
        Self { provider, channel, operation: Operation::Read, to: None }
    }
}

/// One fault as `PUT /_sim/faults` takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Only this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Provider>,
    /// Only this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<Channel>,
    /// Only what Twilio is to send to this number (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// Sending (the default) or reading requests; callbacks have no operation.
    #[serde(default)]
    pub(crate) operation: Operation,
    /// The share of requests or callbacks that meet it, 0 to 1.
    #[serde(default = "always")]
    pub(crate) rate: f64,
    pub(crate) kind: FaultKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    /// Gone after this many hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
}

fn always() -> f64 {
    1.0
}

/// A fault that is active.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ActiveFault {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) fault: Fault,
    /// How often it struck.
    pub(crate) hits: u64,
}

/// The active faults.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next_id: u64,
    active: Vec<ActiveFault>,
}

impl Faults {
    /// Adds a fault, or says what is wrong with it.
    pub(crate) fn add(&mut self, fault: Fault) -> Result<(), String> {
        if !(0.0..=1.0).contains(&fault.rate) {
            return Err(format!("rate must be between 0 and 1, not {}", fault.rate));
        }
        if let Some(status) = fault.status {
            if !matches!(fault.kind, FaultKind::Status | FaultKind::AcceptThenStatus) {
                return Err("status goes with kind status only".to_owned());
            }
            if !(400..=599).contains(&status) {
                return Err(format!("status must be between 400 and 599, not {status}"));
            }
        }
        if fault.to.is_some() && (fault.kind.is_callback() || fault.operation == Operation::Read) {
            return Err("to goes with requests that send".to_owned());
        }
        if fault.count == Some(0) {
            return Err("count must be at least 1".to_owned());
        }
        self.next_id += 1;
        self.active.push(ActiveFault { id: self.next_id, fault, hits: 0 });
        Ok(())
    }

    pub(crate) fn list(&self) -> &[ActiveFault] {
        &self.active
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// Ends one fault; false when there is none with this id.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() < before
    }

    /// The fault a request of this kind meets, if any.
    fn strike_request(&mut self, request: Request<'_>, roll: impl FnMut() -> f64) -> Option<Fault> {
        let Request { provider, channel, operation, to } = request;
        let fits = |fault: &Fault| {
            !fault.kind.is_callback()
                && !fault.kind.is_beside()
                && fault.operation == operation
                && fault.to.as_deref().is_none_or(|wanted| to == Some(wanted))
        };
        self.strike(fits, provider, channel, roll)
    }

    /// The fault of this kind beside a request of Twilio's, if any.
    fn strike_beside(&mut self, kind: FaultKind, to: Option<&str>, roll: impl FnMut() -> f64) -> Option<Fault> {
        let fits = |fault: &Fault| fault.kind == kind && fault.to.as_deref().is_none_or(|wanted| to == Some(wanted));
        self.strike(fits, Provider::Twilio, None, roll)
    }

    /// The fault a callback meets, if any.
    fn strike_callback(&mut self, provider: Provider, channel: Channel, roll: impl FnMut() -> f64) -> Option<Fault> {
        self.strike(|fault| fault.kind.is_callback(), provider, Some(channel), roll)
    }

    fn strike(
        &mut self,
        fits: impl Fn(&Fault) -> bool,
        provider: Provider,
        channel: Option<Channel>,
        mut roll: impl FnMut() -> f64,
    ) -> Option<Fault> {
        let index = self.active.iter().position(|ActiveFault { fault, .. }| {
            fits(fault)
                && fault.provider.is_none_or(|wanted| wanted == provider)
                && fault.channel.is_none_or(|wanted| channel == Some(wanted))
                && roll() < fault.rate
        })?;
        let active = self.active.get_mut(index)?;
        active.hits += 1;
        let fault = active.fault.clone();
        if fault.count.is_some_and(|count| active.hits >= count) {
            self.active.remove(index);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).expect("a fault")
    }

    fn sends(faults: &mut Faults, provider: Provider, channel: Channel, roll: f64) -> Option<FaultKind> {
        faults.strike_request(Request::sends(provider, channel), || roll).map(|fault| fault.kind)
    }

    #[test]
    fn a_fault_strikes_only_its_provider_and_channel() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"reset","provider":"twilio","channel":"whatsapp"}"#)).expect("valid");
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.0), None);
        assert_eq!(sends(&mut faults, Provider::Resend, Channel::Email, 0.0), None);
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Whatsapp, 0.0), Some(FaultKind::Reset));
    }

    #[test]
    fn a_fault_for_a_number_strikes_nobody_else() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"reset","to":"+14155550100"}"#)).expect("valid");
        for (number, struck) in [(Some("+14155550101"), false), (None, false), (Some("whatsapp:+14155550100"), true)] {
            let request = Request::sends_to(number, Channel::Whatsapp);
            assert_eq!(faults.strike_request(request, || 0.0).is_some(), struck, "{number:?}");
        }
        assert_eq!(sends(&mut faults, Provider::Sendgrid, Channel::Email, 0.0), None);
    }

    #[test]
    fn a_fault_with_a_count_is_gone_after_that_many_hits() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"status","status":500,"count":2}"#)).expect("valid");
        for expected in [Some(FaultKind::Status), Some(FaultKind::Status), None] {
            assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.5), expected);
        }
        assert!(faults.list().is_empty());
    }

    #[test]
    fn the_rate_decides_and_the_next_fault_gets_its_turn() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"reset","rate":0.2}"#)).expect("valid");
        faults.add(fault(r#"{"kind":"hang_after","rate":0.6}"#)).expect("valid");
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.1), Some(FaultKind::Reset));
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.5), Some(FaultKind::HangAfter));
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.7), None);
    }

    #[test]
    fn callback_faults_leave_requests_alone_and_the_other_way_round() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"drop_callback"}"#)).expect("valid");
        assert_eq!(sends(&mut faults, Provider::Sendgrid, Channel::Email, 0.0), None);
        let struck = faults.strike_callback(Provider::Sendgrid, Channel::Email, || 0.0);
        assert_eq!(struck.map(|fault| fault.kind), Some(FaultKind::DropCallback));
        assert!(faults.remove(1) && !faults.remove(1));
        faults.add(fault(r#"{"kind":"reset"}"#)).expect("valid");
        assert!(faults.strike_callback(Provider::Twilio, Channel::Sms, || 0.0).is_none());
    }

    #[test]
    fn a_fault_for_reads_spares_sends() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"status","operation":"read"}"#)).expect("valid");
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.0), None);
        assert!(faults.strike_request(Request::reads(Provider::Twilio, None), || 0.0).is_some());
    }

    #[test]
    fn what_is_beside_a_request_leaves_it_alone() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"kind":"respell","to":"+14155550100"}"#)).expect("valid");
        faults.add(fault(r#"{"kind":"list_lag","delay_ms":5}"#)).expect("valid");
        assert_eq!(sends(&mut faults, Provider::Twilio, Channel::Sms, 0.0), None);
        assert!(faults.strike_request(Request::reads(Provider::Twilio, None), || 0.0).is_none());
        let mut beside = |kind, to| faults.strike_beside(kind, to, || 0.0).is_some();
        assert!(beside(FaultKind::Respell, Some("+14155550100")) && !beside(FaultKind::Respell, Some("+14155550101")));
        assert!(beside(FaultKind::ListLag, None));
    }

    #[test]
    fn a_senseless_fault_is_refused() {
        let mut faults = Faults::default();
        assert!(faults.add(fault(r#"{"kind":"status","status":200}"#)).is_err());
        assert!(faults.add(fault(r#"{"kind":"reset","status":500}"#)).is_err());
        assert!(faults.add(fault(r#"{"kind":"reset","rate":1.5}"#)).is_err());
        assert!(faults.add(fault(r#"{"kind":"reset","count":0}"#)).is_err());
        assert!(faults.add(fault(r#"{"kind":"drop_callback","to":"+14155550100"}"#)).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"reset","speed":1}"#).is_err());
        assert!(faults.list().is_empty());
    }
}
