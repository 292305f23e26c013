//! Verifications and their limits, as Twilio documents them: ten minutes, five sends, five checks; what was approved,
//! cancelled or has expired is gone (404).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{super::answer::Error, request::Start};
use crate::{ids, store::Channel};

const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
const MOST_SENDS: usize = 5;
const MOST_CHECKS: u32 = 5;

/// How a code reaches people, in Verify's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Sms,
    Call,
    Email,
    Whatsapp,
}

impl Way {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Email => "email",
            Self::Whatsapp => "whatsapp",
        }
    }

    /// As a list of attempts spells it.
    pub(super) fn attempt(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Call => "CALL",
            Self::Email => "EMAIL",
            Self::Whatsapp => "WHATSAPP",
        }
    }

    pub(super) fn channel(self) -> Channel {
        match self {
            Self::Sms => Channel::Sms,
            Self::Call => Channel::Voice,
            Self::Email => Channel::Email,
            Self::Whatsapp => Channel::Whatsapp,
        }
    }
}

/// What became of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Approved,
    Canceled,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Canceled => "canceled",
        }
    }
}

/// One verification.
#[derive(Debug, Clone)]
pub(super) struct Verification {
    pub(super) sid: String,
    pub(super) service: String,
    pub(super) to: String,
    pub(super) way: Way,
    pub(super) state: State,
    pub(super) code: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// When and how the code was sent, with the attempt's id.
    pub(super) sends: Vec<(Timestamp, Way, String)>,
    checks: u32,
}

impl Verification {
    fn is_open(&self, now: Timestamp) -> bool {
        self.state == State::Pending && now.duration_since(self.created) < LIFETIME
    }
}

/// All verifications, by service and recipient: there is one open at a time.
#[derive(Debug, Default)]
pub(crate) struct Verifications(HashMap<(String, String), Verification>);

/// How a check names its verification.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    To(&'a str),
    Sid(&'a str),
}

impl Verifications {
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Sends the code of the open verification, or of a new one.
    pub(super) fn start(
        &mut self,
        service: &str,
        start: &Start,
        code: &str,
        now: Timestamp,
    ) -> Result<Verification, Error> {
        let key = (service.to_owned(), start.to.clone());
        let open = self.0.get_mut(&key).filter(|open| open.is_open(now));
        let attempt = (now, start.way, ids::sid("VL"));
        if let Some(open) = open {
            if open.sends.len() >= MOST_SENDS {
                return Err(Error::new(60203, "Max send attempts reached").with_status(429));
            }
            open.sends.push(attempt);
            (open.way, open.updated) = (start.way, now);
            return Ok(open.clone());
        }
        let new = Verification {
            sid: ids::sid("VE"),
            service: service.to_owned(),
            to: start.to.clone(),
            way: start.way,
            state: State::Pending,
            code: code.to_owned(),
            created: now,
            updated: now,
            sends: vec![attempt],
            checks: 0,
        };
        self.0.insert(key, new.clone());
        Ok(new)
    }

    /// The open verification with this id.
    pub(super) fn open(&mut self, service: &str, sid: &str, now: Timestamp) -> Option<&mut Verification> {
        self.0.values_mut().find(|known| known.service == service && known.sid == sid && known.is_open(now))
    }

    /// Looks at a code. `Ok(None)`: there is nothing to check.
    pub(super) fn check(
        &mut self,
        service: &str,
        which: Which<'_>,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<Verification>, Error> {
        let open = match which {
            Which::Sid(sid) => self.open(service, sid, now),
            Which::To(to) => self.0.get_mut(&(service.to_owned(), to.to_owned())).filter(|open| open.is_open(now)),
        };
        let Some(open) = open else { return Ok(None) };
        if open.checks >= MOST_CHECKS {
            return Err(Error::new(60202, "Max check attempts reached").with_status(429));
        }
        open.checks += 1;
        open.updated = now;
        if open.code == code {
            open.state = State::Approved;
        }
        Ok(Some(open.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(to: &str) -> Start {
        Start { to: to.to_owned(), way: Way::Sms }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).expect("a time")
    }

    #[test]
    fn five_sends_carry_one_code_and_the_sixth_is_refused_until_it_expires() {
        let mut all = Verifications::default();
        let first = all.start("VA1", &start("+1"), "111111", at(0)).expect("a verification");
        for _ in 0..4 {
            let again = all.start("VA1", &start("+1"), "222222", at(1)).expect("again");
            assert_eq!((again.sid, again.code), (first.sid.clone(), first.code.clone()));
        }
        assert_eq!(all.start("VA1", &start("+1"), "2", at(9)).expect_err("refused").code(), 60203);
        assert!(all.start("VA2", &start("+1"), "2", at(9)).is_ok(), "another service");
        assert_ne!(all.start("VA1", &start("+1"), "222222", at(10)).expect("a new one").sid, first.sid);
    }

    #[test]
    fn five_checks_are_looked_at_and_what_is_over_is_gone() {
        let mut all = Verifications::default();
        let check = |all: &mut Verifications, to: &str, code: &str, now| all.check("VA1", Which::To(to), code, now);
        for to in ["+1", "+2"] {
            all.start("VA1", &start(to), "111111", at(0)).expect("a verification");
        }
        for _ in 0..5 {
            let looked_at = check(&mut all, "+1", "000000", at(1)).expect("looked at").expect("open");
            assert_eq!(looked_at.state, State::Pending);
        }
        assert_eq!(check(&mut all, "+1", "111111", at(1)).expect_err("too late").code(), 60202);
        assert_eq!(check(&mut all, "+2", "111111", at(1)).expect("right").expect("open").state, State::Approved);
        assert!(check(&mut all, "+2", "111111", at(1)).expect("gone").is_none());
        assert!(check(&mut all, "+1", "111111", at(10)).expect("expired").is_none());
        assert!(check(&mut all, "+3", "111111", at(1)).expect("never").is_none());
    }
}
