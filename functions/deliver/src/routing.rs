//! Which provider an e-mail goes through, chosen right before its claim, and what a provider's answer means where another
//! one could take the message.

use std::time::Duration;

use switchboard::config::optional;
use switchboard::message::cost::{estimate, units};
use switchboard::message::record::ProviderChoice;
use switchboard::message::{Channel, Message, Status};
use switchboard::person::{Check, Decision};
use switchboard::provider::routing::{Candidate, Sender, Wish, accepted, choose};
use switchboard::provider::{Accepted, ProviderName, SendError};
use switchboard::road::Road;

use crate::attempt::random;
use crate::health::Health;

/// The e-mail providers, their weights, and how well they do.
#[derive(Debug)]
pub struct Routing {
    weights: [(ProviderName, u32); 2],
    health: Health,
}

/// A provider's weight unless the deployment says otherwise.
const USUAL_WEIGHT: u32 = 50;

impl Routing {
    /// Weights from `EMAIL_WEIGHT_SENDGRID` and `EMAIL_WEIGHT_RESEND`.
    pub fn from_env() -> Self {
        let weight = |name| optional(name, "").parse().unwrap_or(USUAL_WEIGHT);
        Self::new(weight("EMAIL_WEIGHT_SENDGRID"), weight("EMAIL_WEIGHT_RESEND"))
    }

    pub fn new(sendgrid: u32, resend: u32) -> Self {
        let weights = [(ProviderName::Sendgrid, sendgrid), (ProviderName::Resend, resend)];
        Self { weights, health: Health::default() }
    }

    /// Writes what this batch learned.
    pub(crate) async fn flush(&self, road: &Road) {
        self.health.flush(&road.ephemera, road.clock.now()).await;
    }

    /// The message as it is to be claimed: with this decision, and with the provider that is to send it.
    pub(crate) async fn prepare(&self, road: &Road, message: &Message, decision: Decision) -> Message {
        let mut ready = Message { decision, ..message.clone() };
        if !is_open(message) {
            return ready;
        }
        let candidates = self.candidates(road).await;
        let Some(chosen) = choose(&candidates, wish(message), random) else { return ready };
        ready.decision.checks.push(record(chosen, &candidates));
        ready.provider = chosen.name;
        let left_out = u32::try_from(ready.decision.left_out().count()).unwrap_or(0);
        let recipients = units(&ready.content, ready.segments).saturating_sub(left_out);
        ready.cost = estimate(ready.channel, ready.provider, &ready.to, recipients);
        ready
    }

    /// Takes note of what a call says of its provider, and reads the answer for the message: what is wrong with one provider
    /// or our account there is no end, and no wait, for a message another one can take.
    pub(crate) async fn weigh(
        &self,
        road: &Road,
        message: &Message,
        answer: Result<Accepted, SendError>,
        took: Duration,
    ) -> Result<Accepted, SendError> {
        if message.channel != Channel::Email {
            return answer;
        }
        let sender = if message.from.is_some() { Sender::Clients } else { Sender::Configured };
        if let Some(accepted) = accepted(&answer, took, sender) {
            self.health.note(message.provider, accepted);
        }
        match answer {
            Err(error) if self.may_go_elsewhere(road, message).await => Err(elsewhere(error)),
            answer => answer,
        }
    }

    /// Whether a message may go through another provider than the one that stands in it, and there is one.
    pub(crate) async fn may_go_elsewhere(&self, road: &Road, message: &Message) -> bool {
        is_open(message) && self.has_another(road, message.provider).await
    }

    /// Whether a message this provider did not take would go to another.
    async fn has_another(&self, road: &Road, failed: ProviderName) -> bool {
        let wish = Wish { failed: Some(failed), preferred: None };
        choose(&self.candidates(road).await, wish, random).is_some_and(|chosen| chosen.name != failed)
    }

    async fn candidates(&self, road: &Road) -> Vec<Candidate> {
        self.health.candidates(&road.ephemera, &self.weights, road.clock.now()).await
    }
}

/// It may go through more than one provider.
fn is_open(message: &Message) -> bool {
    message.channel == Channel::Email && message.choice != ProviderChoice::Fixed && message.times.unsure.is_none()
}

fn wish(message: &Message) -> Wish {
    // A message that waited for a place in a provider's line has it there.
    let has_place = message.status == Status::Held && message.decision.reason == crate::pace::REASON;
    let preferred = match message.choice {
        ProviderChoice::Any if !has_place => None,
        ProviderChoice::Any | ProviderChoice::Preferred | ProviderChoice::Fixed => Some(message.provider),
    };
    Wish { preferred, failed: (message.status == Status::Retrying).then_some(message.provider) }
}

/// What the decision's record says: the chosen one first, what is left of each one's weight behind it.
fn record(chosen: Candidate, candidates: &[Candidate]) -> Check {
    let others = candidates.iter().filter(|one| one.name != chosen.name);
    let all: Vec<String> = std::iter::once(&chosen).chain(others).map(Candidate::describe).collect();
    Check::new("provider", true, all.join(", "))
}

/// The error of one provider, for a message that goes to another next.
fn elsewhere(error: SendError) -> SendError {
    match error {
        SendError::Permanent { kind, provider_code, reason } if kind.is_of_the_account() => {
            SendError::Transient { provider_code, reason, retry_after: None }
        }
        SendError::Transient { provider_code, reason, .. } => {
            SendError::Transient { provider_code, reason, retry_after: None }
        }
        SendError::Throttled { provider_code, reason, .. } => {
            SendError::Throttled { provider_code, reason, retry_after: None }
        }
        other @ (SendError::Permanent { .. } | SendError::Repeatable { .. } | SendError::Uncertain { .. }) => other,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use switchboard::clock::Clock;
    use switchboard::message::record::Links;
    use switchboard::message::{Address, Content, EmailAddress, content};
    use switchboard::provider::PermanentKind;
    use switchboard::testing::{dead_road, sample_message};

    use super::*;

    const QUICK: Duration = Duration::from_millis(100);

    fn road() -> Road {
        dead_road(Clock::fixed(Timestamp::UNIX_EPOCH)).unwrap()
    }

    /// An e-mail at SendGrid.
    fn email(choice: ProviderChoice) -> Message {
        Message {
            channel: Channel::Email,
            to: Address::Email(EmailAddress::parse("ada@example.com").unwrap()),
            content: Content::Email(content::Email::default()),
            provider: ProviderName::Sendgrid,
            choice,
            links: Links::default(),
            ..sample_message(Timestamp::UNIX_EPOCH)
        }
    }

    fn refused(kind: PermanentKind) -> Result<Accepted, SendError> {
        Err(SendError::Permanent { kind, provider_code: "http_401".into(), reason: "no".into() })
    }

    #[tokio::test]
    async fn the_claim_carries_the_chosen_provider_its_price_and_why() {
        let message = Message { provider: ProviderName::Resend, ..email(ProviderChoice::Any) };
        let ready = Routing::new(50, 0).prepare(&road(), &message, message.decision.clone()).await;
        assert_eq!(ready.provider, ProviderName::Sendgrid);
        assert_eq!(ready.cost.get(), 900);
        let check = ready.decision.checks.last().unwrap();
        assert_eq!(
            (check.rule.as_str(), check.reason.as_str()),
            ("provider", "sendgrid (50.00 of 50), resend (0.00 of 0)")
        );
    }

    #[tokio::test]
    async fn a_fixed_message_and_a_text_stay_where_they_are() {
        for message in [
            email(ProviderChoice::Fixed),
            Message { choice: ProviderChoice::Any, ..sample_message(Timestamp::UNIX_EPOCH) },
        ] {
            let ready = Routing::new(50, 0).prepare(&road(), &message, message.decision.clone()).await;
            assert_eq!((ready.provider, &ready.decision), (message.provider, &message.decision));
        }
    }

    #[tokio::test]
    async fn a_retry_goes_to_the_other_provider() {
        let failed =
            Message { status: Status::Retrying, provider: ProviderName::Sendgrid, ..email(ProviderChoice::Preferred) };
        let ready = Routing::new(50, 50).prepare(&road(), &failed, failed.decision.clone()).await;
        assert_eq!(ready.provider, ProviderName::Resend);
        let first = email(ProviderChoice::Preferred);
        let ready = Routing::new(50, 50).prepare(&road(), &first, first.decision.clone()).await;
        assert_eq!(ready.provider, ProviderName::Sendgrid);
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_account_is_a_retry_only_where_another_can_take_it() {
        let weighed = async |routing: Routing, choice, kind| {
            routing.weigh(&road(), &email(choice), refused(kind), QUICK).await.unwrap_err()
        };
        for kind in [PermanentKind::Credentials, PermanentKind::Configuration, PermanentKind::Quota] {
            let error = weighed(Routing::new(50, 50), ProviderChoice::Any, kind).await;
            assert!(matches!(error, SendError::Transient { .. }), "{kind}: {error:?}");
            for (routing, choice) in
                [(Routing::new(50, 50), ProviderChoice::Fixed), (Routing::new(50, 0), ProviderChoice::Any)]
            {
                let error = weighed(routing, choice, kind).await;
                assert!(matches!(error, SendError::Permanent { .. }), "{kind}: {error:?}");
            }
        }
        let error = weighed(Routing::new(50, 50), ProviderChoice::Any, PermanentKind::InvalidEmail).await;
        assert!(matches!(error, SendError::Permanent { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn nobody_waits_for_one_provider_when_there_is_another() {
        let busy = || {
            let retry_after = Some(Duration::from_secs(3_600));
            Err(SendError::Throttled { provider_code: "http_429".into(), reason: "busy".into(), retry_after })
        };
        let wait = async |choice| match Routing::new(50, 50).weigh(&road(), &email(choice), busy(), QUICK).await {
            Err(SendError::Throttled { retry_after, .. }) => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(ProviderChoice::Any).await, None);
        assert_eq!(wait(ProviderChoice::Fixed).await, Some(Duration::from_secs(3_600)));
    }

    #[tokio::test]
    async fn what_may_have_been_taken_is_no_other_providers() {
        let unsure =
            Err(SendError::Repeatable { provider_code: "500".into(), reason: "failed".into(), retry_after: None });
        let error = Routing::new(50, 50).weigh(&road(), &email(ProviderChoice::Any), unsure, QUICK).await.unwrap_err();
        assert!(matches!(error, SendError::Repeatable { .. }), "{error:?}");
    }
}
