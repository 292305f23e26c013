//! Codes of Twilio Verify: made, sent and checked there; bound to their purpose and counted here.
//!
//! Verify knows an address and no purpose, and has one code for an address at a time. So an address has one purpose at a
//! time here too: another purpose takes the address over, and the verification before is cancelled, which makes the code
//! another one. A check asks for its own verification by its id, and one whose verification was taken over has none.
//!
//! A start has no idempotency key at Twilio. What brought no answer is not asked again here: the caller is told, and who
//! asks again gets the same code.

mod meaning;

use jiff::Timestamp;

use self::meaning::{Meaning, meaning};
use super::challenge::{Challenge, ChallengeId, MOST_CHECKS, VALID_SECONDS};
use super::guard::Refusal;
use super::{CheckError, Checked, Code, Otp, Purpose, Start, StartError, Started};
use crate::clock::plus_seconds;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Lane, Locale};
use crate::person::Intent;
use crate::provider::SendError;
use crate::provider::twilio::verify::{Ask, Outcome, Verification, Verify};
use crate::store::StoreError;
use crate::store::otp::Counted;
use crate::store::otp::verified::{Claimed, Holder, Request};
use crate::telemetry;

impl Otp {
    /// Answers a request once: the same one again (idempotency key) is answered the same way and sends nothing, also
    /// while the first is still being worked on.
    pub(super) async fn start_verified(
        &self,
        verify: &Verify,
        start: &Start,
        resend_at: Timestamp,
    ) -> Result<Result<Started, Refusal>, StartError> {
        let now = self.road.clock.now();
        let started = |expires: Timestamp| Started {
            channel: start.channel,
            expires,
            resend_at: resend_at.min(expires),
            replayed: false,
        };
        let Some(hash) = &start.request_hash else {
            return Ok(self.send_verified(verify, start).await?.map(started));
        };
        let id = start.id.to_string();
        let request =
            |Started { channel, expires, resend_at, .. }| Request { hash: hash.clone(), channel, expires, resend_at };
        let claim = request(started(plus_seconds(now, VALID_SECONDS)));
        if let Claimed::Before(before) = self.store.claim_request(&id, &claim, now).await? {
            return replay(before, hash).map(Ok);
        }
        match self.send_verified(verify, start).await {
            Ok(Ok(expires)) => {
                let started = started(expires);
                self.store.keep_request(&id, &request(started.clone()), now).await?;
                Ok(Ok(started))
            }
            failed => {
                self.store.release_request(&id).await?;
                Ok(failed?.map(started))
            }
        }
    }

    /// How this request was answered before.
    pub(super) async fn verified_before(&self, start: &Start) -> Result<Option<Started>, StartError> {
        let Some(hash) = &start.request_hash else { return Ok(None) };
        let before = self.store.request(&start.id.to_string(), self.road.clock.now()).await?;
        before.map(|before| replay(before, hash)).transpose()
    }

    /// Has a code sent; until when it can be entered.
    async fn send_verified(&self, verify: &Verify, start: &Start) -> Result<Result<Timestamp, Refusal>, StartError> {
        let challenge = self.challenge(start).await?;
        let until = challenge.expires;
        if challenge.is_exhausted() {
            return Ok(Err(Refusal::TooManyChecks { until }));
        }
        let person = match &start.person {
            Some(id) => self.road.people.get(id).await?,
            None => None,
        };
        let now = self.road.clock.now();
        let intent = Intent {
            channel: start.channel,
            class: Class::Security,
            trigger: Some(start.trigger),
            lane: Lane::Urgent,
            to: &start.address,
            carries_code: true,
            at: now,
        };
        if self.road.decide(&intent, person.as_ref()).await?.is_refused() {
            // The challenge runs without a verification, so no code is right; Twilio is asked for one that does not
            // exist, and the answer takes as long and says the same as any other.
            telemetry::count("otp_suppressed", 1);
            verify.status(&nobodys()).await.map_err(|error| unavailable(&error))?;
            return Ok(Ok(until));
        }
        if let Err(refusal) = self.road.admit_paid(&start.caller, start.channel).await? {
            return Err(StartError::NotAdmitted(refusal));
        }
        let locale = start.locale.as_ref().or_else(|| person.as_ref().and_then(|person| person.locale.as_ref()));
        match self.take_over(verify, start, &challenge, locale).await? {
            Ok(()) => Ok(Ok(until)),
            Err(error) => match meaning(&error) {
                Meaning::Address | Meaning::Channel => {
                    tracing::info!(error = %error, "no code is sent there");
                    Ok(Err(Refusal::ProviderRefuses))
                }
                // The verification there may have begun after the challenge here, but there is no other before this ends.
                Meaning::MostSends => Ok(Err(Refusal::TooManySends { until })),
                Meaning::MostChecks => Ok(Err(Refusal::TooManyChecks { until })),
                Meaning::Ours => Err(unavailable(&error)),
            },
        }
    }

    /// Makes the address this challenge's, and asks for its code.
    async fn take_over(
        &self,
        verify: &Verify,
        start: &Start,
        challenge: &Challenge,
        locale: Option<&Locale>,
    ) -> Result<Result<(), SendError>, StartError> {
        let now = self.road.clock.now();
        let address = self.store.form_of_holder(&self.road.seal, &start.address).await?;
        let before = self.store.hold(&address, &Holder::of(challenge)).await?;
        let others = before.as_ref().filter(|before| before.challenge != challenge.id);
        // A verification can begin when its challenge is about to end, and lasts as long again.
        let running = others.filter(|other| plus_seconds(other.until, VALID_SECONDS) > now);
        if let Some(sid) = running.and_then(|other| other.verification.as_deref())
            && let Err(error) = verify.cancel(sid).await
        {
            self.give_back(&address, others).await?;
            return Ok(Err(error));
        }
        let verification = match self.ask(verify, start, locale).await {
            Ok(verification) => verification,
            Err(error) => return Ok(Err(error)),
        };
        let is_ours = verification.sends <= 1 || before.as_ref().is_some_and(|before| before.challenge == challenge.id);
        if !is_ours {
            // Somebody else's start, of which we had no answer: its code was sent for another purpose. It is cancelled
            // by the next start, as this one is not repeated.
            let other = others.map_or_else(ChallengeId::random, |other| other.challenge);
            let holder = Holder { challenge: other, verification: Some(verification.sid), until: challenge.expires };
            self.store.hold(&address, &holder).await?;
            return Err(StartError::Provider("the address has a verification for another purpose".to_owned()));
        }
        // Who was overtaken while Twilio answered has no verification: that code belongs to the other purpose.
        if self.store.held(&address, &challenge.id, &verification.sid).await? {
            let key = self.key(&start.address, &start.purpose).await?;
            self.store.verified_by(&key, &challenge.id, &verification.sid).await?;
        }
        Ok(Ok(()))
    }

    /// The verification before could not be cancelled: it is still the other's.
    async fn give_back(&self, address: &str, other: Option<&Holder>) -> Result<(), StoreError> {
        if let Some(other) = other {
            self.store.hold(address, other).await?;
        }
        Ok(())
    }

    /// Asks Verify to send, on the first channel that it takes for this address. What was refused for its channel was not
    /// sent; nothing else is asked twice.
    async fn ask(&self, verify: &Verify, start: &Start, locale: Option<&Locale>) -> Result<Verification, SendError> {
        let ask = |channel: Channel| Ask { to: &start.address, channel, locale };
        let mut answer = verify.start(&ask(start.channel)).await;
        for channel in self.instead(start) {
            if !matches!(&answer, Err(error) if meaning(error) == Meaning::Channel) {
                break;
            }
            answer = verify.start(&ask(channel)).await;
        }
        answer
    }

    /// Counts the check here as well, then has Twilio compare. Where there is nothing to check Twilio is asked all the
    /// same, for a verification that does not exist: the answer takes as long.
    pub(super) async fn check_verified(
        &self,
        verify: &Verify,
        address: &Address,
        purpose: &Purpose,
        entered: &Code,
    ) -> Result<Checked, CheckError> {
        let now = self.road.clock.now();
        let key = self.key(address, purpose).await?;
        let counted = self.store.count_check(&key, now).await?;
        let sid = match &counted {
            Counted::May(challenge) => challenge.verification.clone(),
            Counted::Exhausted(_) | Counted::Nothing => None,
        };
        let outcome = verify.check(&sid.clone().unwrap_or_else(nobodys), entered.expose()).await;
        let outcome = outcome.map_err(|error| CheckError::Provider(needs_operator(&error)))?;
        let challenge = match counted {
            Counted::May(challenge) => challenge,
            Counted::Exhausted(challenge) => return Ok(Checked::TooMany { until: challenge.expires }),
            Counted::Nothing => return Ok(Checked::Nothing),
        };
        if sid.is_none() {
            return Ok(wrong(&challenge));
        }
        Ok(match outcome {
            Outcome::Approved => {
                let (used, ()) = futures::try_join!(self.store.use_up(&key, &challenge, now), self.entered(address))?;
                if used { Checked::Approved } else { Checked::Nothing }
            }
            Outcome::Wrong => wrong(&challenge),
            Outcome::TooMany => Checked::TooMany { until: challenge.expires },
            Outcome::Gone => Checked::Nothing,
        })
    }
}

fn replay(before: Request, hash: &str) -> Result<Started, StartError> {
    if before.hash != hash {
        return Err(StartError::OtherBody);
    }
    let Request { channel, expires, resend_at, .. } = before;
    Ok(Started { channel, expires, resend_at, replayed: true })
}

/// The id of a verification that does not exist.
fn nobodys() -> String {
    format!("VE{}", ChallengeId::random().to_string().replace('-', ""))
}

/// What a code that was not right is answered with.
pub(super) fn wrong(challenge: &Challenge) -> Checked {
    if challenge.is_exhausted() {
        Checked::TooMany { until: challenge.expires }
    } else {
        Checked::Wrong { left: MOST_CHECKS - challenge.checks }
    }
}

fn unavailable(error: &SendError) -> StartError {
    StartError::Provider(needs_operator(error))
}

/// Tells an operator where one is needed; the error's text.
fn needs_operator(error: &SendError) -> String {
    if matches!(error, SendError::Permanent { kind, .. } if kind.is_alert()) {
        tracing::error!(error = %error, "needs an operator");
        telemetry::count("provider_needs_operator", 1);
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::otp::Digits;

    #[test]
    fn a_verification_that_does_not_exist_looks_like_one_that_does() {
        let sid = nobodys();
        assert!(sid.len() == 34 && sid[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{sid}");
        assert_ne!(sid, nobodys());
    }

    #[test]
    fn the_last_wrong_code_ends_the_challenge() {
        let mut challenge = Challenge::new(Digits::default(), from_millis(0));
        challenge.checks = 4;
        assert_eq!(wrong(&challenge), Checked::Wrong { left: 1 });
        challenge.checks = 5;
        assert_eq!(wrong(&challenge), Checked::TooMany { until: challenge.expires });
    }
}
