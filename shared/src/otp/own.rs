//! Codes of our own: made, sent and checked here.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::challenge::{Challenge, ChallengeId, CodeRef};
use super::delivery::{MASK, says_code};
use super::guard::{Refusal, never_entered};
use super::verified::wrong;
use super::{Checked, Code, Otp, Purpose, Start, StartError};
use crate::message::template::TemplateName;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Lane, Locale};
use crate::road::{Part, Task};
use crate::store::StoreError;
use crate::store::otp::Counted;

/// How often it is tried to join a challenge that others begin and end at the same time.
const TRIES: usize = 4;

impl Otp {
    /// Sends the code of the running challenge, or of a new one; until when it can be entered.
    pub(super) async fn send_own(&self, start: &Start) -> Result<Result<Timestamp, Refusal>, StartError> {
        let challenge = self.challenge(start).await?;
        let until = challenge.expires;
        if challenge.is_exhausted() {
            return Ok(Err(Refusal::TooManyChecks { until }));
        }
        let person = match &start.person {
            Some(id) => self.road.people.get(id).await?,
            None => None,
        };
        let locale = start.locale.clone().or_else(|| person.as_ref().and_then(|person| person.locale.clone()));
        let part = self.part(start, start.channel, locale.as_ref(), &challenge).await?;
        let mut fallbacks = Vec::with_capacity(start.instead.len());
        for channel in self.instead(start) {
            fallbacks.push(self.part(start, channel, locale.as_ref(), &challenge).await?);
        }
        let code = CodeRef { challenge: challenge.id, purpose: start.purpose.clone(), digits: challenge.digits };
        let task = Task {
            request_hash: start.request_hash.clone(),
            person,
            valid_until: Some(until),
            trigger: Some(start.trigger),
            code: Some(code),
            fallbacks,
            ..Task::new(start.id, start.caller.clone(), Class::Security, Lane::Urgent, vec![part])
        };
        // What the decision refused is on record, and looks no different from here: who asks must not learn from it.
        self.road.accept(task).await?;
        Ok(Ok(until))
    }

    /// The running challenge, or a new one.
    pub(super) async fn challenge(&self, start: &Start) -> Result<Challenge, StoreError> {
        let key = self.key(&start.address, &start.purpose).await?;
        for _ in 0..TRIES {
            let now = self.road.clock.now();
            if let Some(running) = self.store.running(&key, now).await? {
                return Ok(running);
            }
            let new = Challenge::new(self.settings.digits, now);
            if self.store.begin(&key, &new, now).await? {
                return Ok(new);
            }
        }
        Err(StoreError::Contended { operation: "otp.begin" })
    }

    /// The channels after the first that the number's line admits.
    pub(super) fn instead(&self, start: &Start) -> Vec<Channel> {
        let admits =
            |channel: &Channel| start.phone().is_none_or(|phone| self.settings.guard.admits(phone, *channel).is_ok());
        start.instead.iter().copied().filter(|channel| *channel != start.channel).filter(admits).collect()
    }

    pub(super) async fn part(
        &self,
        start: &Start,
        channel: Channel,
        locale: Option<&Locale>,
        challenge: &Challenge,
    ) -> Result<Part, StartError> {
        let seconds = challenge.expires.duration_since(self.road.clock.now()).as_secs();
        let mut data: Map<String, Value> = Map::new();
        data.insert("code".to_owned(), json!(MASK));
        data.insert("minutes".to_owned(), json!((seconds + 59) / 60));
        if let Some(organization) = &self.settings.organization {
            data.insert("organization".to_owned(), json!(organization));
        }
        let name = TemplateName::from(start.trigger);
        let key = start.person.as_ref().map_or_else(|| start.address.canonical(), |person| person.as_str().to_owned());
        let rendered = self.road.templates.render(&name, channel, locale, &key, &data).await?;
        if !says_code(&rendered.content) {
            return Err(StartError::Template(format!("the template {name} does not print its code on {channel}")));
        }
        Ok(Part::rendered(channel, start.address.clone(), rendered))
    }

    /// Counts the check, and only then compares. Whatever comes of it, the same is computed and written: three updates,
    /// one code.
    pub(super) async fn check_own(
        &self,
        address: &Address,
        purpose: &Purpose,
        entered: &Code,
    ) -> Result<Checked, StoreError> {
        let now = self.road.clock.now();
        let key = self.key(address, purpose).await?;
        let counted = self.store.count_check(&key, now).await?;
        let (challenge, may) = match &counted {
            Counted::May(challenge) => (challenge.clone(), true),
            Counted::Exhausted(challenge) => (challenge.clone(), false),
            Counted::Nothing => {
                (Challenge { id: ChallengeId::random(), ..Challenge::new(self.settings.digits, now) }, false)
            }
        };
        let of = CodeRef { challenge: challenge.id, purpose: purpose.clone(), digits: challenge.digits };
        let right = self.codes.is_right(entered, &of, address) & may;
        let used = if right {
            let (used, ()) = futures::try_join!(self.store.use_up(&key, &challenge, now), self.entered(address))?;
            used
        } else {
            futures::try_join!(self.store.pretend(&key, now), self.store.forget_sends("decoy"))?;
            false
        };
        Ok(match counted {
            Counted::May(_) if used => Checked::Approved,
            // Right, and somebody else was faster: its one use is over.
            Counted::May(_) if right => Checked::Nothing,
            Counted::May(challenge) => wrong(&challenge),
            Counted::Exhausted(challenge) => Checked::TooMany { until: challenge.expires },
            Counted::Nothing => Checked::Nothing,
        })
    }

    /// A code was entered: the block of its number is one in which people read what they are sent.
    pub(super) async fn entered(&self, address: &Address) -> Result<(), StoreError> {
        match address {
            Address::Phone(phone) => self.store.forget_sends(&never_entered(phone)).await,
            Address::Email(_) => self.store.forget_sends("decoy").await,
        }
    }
}
