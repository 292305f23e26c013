//! Codes for nobody. Where a caller must not learn whether there is an address to send to, what is asked for without one
//! goes the same way: the same windows, a challenge of its own, the same rows written, the same answers. Only no message
//! is made, and no code is right.

use super::{Checked, Code, Otp, Purpose, Refusal, Start, StartError, Started};
use crate::message::Address;
use crate::store::StoreError;
use crate::store::otp::Pretended;

impl Otp {
    /// Answers as [`Otp::start`] does, and sends nothing. The address must be one that nobody has.
    pub async fn pretend(&self, start: Start) -> Result<Started, StartError> {
        if let Some(hash) = &start.request_hash
            && let Some(before) = self.store.pretended(start.id).await?
        {
            if before.request_hash != *hash {
                return Err(StartError::OtherBody);
            }
            let resend_at = crate::clock::plus_seconds(before.at, super::RESEND_SECONDS);
            return Ok(Started { channel: start.channel, expires: before.expires, resend_at, replayed: true });
        }
        let refused = |refusal: Refusal| {
            refusal.count();
            StartError::Refused(refusal)
        };
        let resend_at = self.count_send(&start).await?.map_err(refused)?;
        let challenge = self.challenge(&start).await?;
        let expires = challenge.expires;
        if challenge.is_exhausted() {
            return Err(refused(Refusal::TooManyChecks { until: expires }));
        }
        // What a message would take: its person, its words, what is known of its address, and a row.
        if let Some(person) = &start.person {
            self.road.people.get(person).await?;
        }
        self.part(&start, start.channel, start.locale.as_ref(), &challenge).await?;
        // Whose messages are used up learns from that nothing either.
        if let Err(refusal) = self.road.admit_paid(&start.caller, start.channel).await? {
            return Err(StartError::NotAdmitted(refusal));
        }
        // The moment a message would be of: what a repeated request is told counts from it.
        let at = self.road.clock.now();
        self.road.people.address(&start.address).await?;
        let request_hash = start.request_hash.unwrap_or_default();
        let pretended = Pretended { request_hash, expires, at };
        self.store.remember_pretended(start.id, &pretended).await?;
        Ok(Started { channel: start.channel, expires, resend_at: resend_at.min(expires), replayed: false })
    }

    /// The work of [`Otp::check`] for an address that nobody has. A code that happens to be the one nobody was sent is as
    /// wrong as every other, so nothing is told of it.
    pub async fn check_pretended(&self, address: &Address, purpose: &Purpose, code: &Code) -> Result<(), StoreError> {
        let _: Checked = self.check_own(address, purpose, code).await?;
        Ok(())
    }
}
