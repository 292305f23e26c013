//! A provider's report reaches its message. Usually it carries our id and this is one write; a report that only carries
//! the provider's id is looked up, and one whose message cannot be found (yet) waits in a queue of its own.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};

use super::Road;
use crate::message::content::Recipient;
use crate::message::{Address, Channel, Content, Message, MessageId};
use crate::provider::ProviderName;
use crate::provider::{Event, Report, sendgrid};
use crate::queue::{QueueError, Work};
use crate::store::StoreError;
use crate::store::messages::Reported;
use crate::store::people::Target;
use crate::telemetry;

/// How long a report waits before its message is looked for again: the index it is found by follows within seconds.
const WAIT: Duration = Duration::from_secs(10);

/// How many reports of one callback are applied at a time: SendGrid packs thousands into one.
const AT_A_TIME: usize = 16;

/// How many reports are parked one call after the other.
const PARKED_IN_TURN: usize = 50;

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It reached its message.
    Reached(MessageId, Reported),
    /// No message is known by what it carries.
    Unmatched,
    /// It means nothing to us, whatever it is about.
    Ignored,
}

impl Road {
    /// Applies a report to its message.
    pub async fn apply(&self, report: &Report) -> Result<Applied, StoreError> {
        if report.event == Event::Ignored {
            return Ok(Applied::Ignored);
        }
        let Some(id) = self.message_of(report).await? else { return Ok(Applied::Unmatched) };
        match self.messages.report(id, report).await? {
            Reported::NoSuchMessage => Ok(Applied::Unmatched),
            reported @ (Reported::Moved(_) | Reported::Noted | Reported::Repeated) => {
                tracing::info!(
                    message.id = %id,
                    provider.name = report.provider.as_str(),
                    report.event = report.event.name(),
                    report.code = report.provider_code.as_deref(),
                    report.outcome = ?reported,
                    "report"
                );
                Ok(Applied::Reached(id, reported))
            }
        }
    }

    /// Does what follows from a report beyond its own message. Doing it again changes nothing, but for the count of an hour.
    pub async fn follow_up(&self, id: MessageId, report: &Report) -> Result<(), StoreError> {
        self.remember(id, report).await?;
        if self.messages.shown_to_have_arrived(id, report).await? {
            tracing::info!(message.id = %id, report.event = report.event.name(), "arrived, as that shows");
        }
        self.remember_reading(id, report).await;
        Ok(())
    }

    /// What a report says of the address it is about is true whoever's message it was: its owner said no to the provider, so
    /// to us; or nothing arrives there. A repetition changes nothing.
    async fn remember(&self, id: MessageId, report: &Report) -> Result<(), StoreError> {
        if !report.event.is_about_address() {
            return Ok(());
        }
        let message = self.messages.story(id).await?;
        let about = match (&report.recipient, &message) {
            (Some(fingerprint), message) => {
                let address = message.as_ref().and_then(|message| self.named(message, fingerprint));
                Some((Target { fingerprint: fingerprint.clone(), address }, Channel::Email))
            }
            // Of an e-mail to several nobody says whom it is about.
            (None, Some(message)) if others(message).is_empty() && message.erased.is_none() => {
                Some((self.people.target(&message.to), message.channel))
            }
            (None, Some(_) | None) => None,
        };
        match about {
            Some((target, channel)) => self.learn_of(&target, channel, report).await,
            None => Ok(()),
        }
    }

    /// Gives up a report whose message nobody knows: its row has expired, the report carries too little to find it, or another
    /// system sent it through the same account. What it says of the address it names holds all the same. Only e-mail's
    /// callbacks name one.
    pub async fn give_up(&self, report: &Report) -> Result<(), StoreError> {
        let Some(fingerprint) = report.recipient.clone() else { return Ok(()) };
        self.learn_of(&Target { fingerprint, address: None }, Channel::Email, report).await
    }

    async fn learn_of(&self, target: &Target, channel: Channel, report: &Report) -> Result<(), StoreError> {
        if report.event == Event::ResubscribedKind {
            return self.rejoined(target, channel, report.provider, report.at).await;
        }
        match report.event.about_address(channel) {
            Some(said) => self.learn_reason(target, channel, said, report.provider, report.at).await,
            None => Ok(()),
        }
    }

    /// The address of a message's that has this fingerprint.
    fn named(&self, message: &Message, fingerprint: &str) -> Option<Address> {
        let others = others(message).iter().map(|other| Address::Email(other.address.clone()));
        std::iter::once(message.to.clone())
            .chain(others)
            .find(|address| self.seal.is_fingerprint_of(fingerprint, address))
    }

    /// Applies a report as a callback brought it. If its message is not there, or the table does not answer, the report
    /// is parked: Twilio does not call again, so what is not kept here is lost.
    pub async fn take(&self, report: &Report) -> Result<(), QueueError> {
        match self.apply(report).await {
            Ok(Applied::Reached(..)) => Ok(()),
            Ok(Applied::Ignored) => {
                telemetry::count("callback_ignored", 1);
                Ok(())
            }
            Ok(Applied::Unmatched) => {
                telemetry::count("callback_parked", 1);
                self.queues.park(report, WAIT).await
            }
            Err(error) => {
                tracing::error!(error = %error, provider.name = report.provider.as_str(), "report not applied, parked");
                self.queues.park(report, WAIT).await
            }
        }
    }

    /// Applies the reports of one callback, and parks those that are not begun by `until`.
    pub async fn take_all(&self, reports: Vec<Report>, until: Instant) -> Result<(), QueueError> {
        let taking =
            reports.into_iter().map(|report| {
                let road = self.clone();
                async move {
                    if Instant::now() < until { road.take(&report).await.map(|()| None) } else { Ok(Some(report)) }
                }
            });
        let taken: Vec<Result<Option<Report>, QueueError>> =
            stream::iter(taking).buffer_unordered(AT_A_TIME).collect().await;
        let mut refused = None;
        let mut left = Vec::new();
        for taken in taken {
            match taken {
                Ok(report) => left.extend(report.map(|report| Work::Report { report })),
                Err(error) => refused = Some(error),
            }
        }
        if !left.is_empty() {
            tracing::warn!(callback.parked = left.len(), "a callback's time is over; the rest of it is parked");
            telemetry::count("callback_parked", u64::try_from(left.len()).unwrap_or(u64::MAX));
        }
        let parts: Vec<Vec<Work>> = left.chunks(PARKED_IN_TURN).map(<[Work]>::to_vec).collect();
        let parking = parts.into_iter().map(|part| {
            let queues = self.queues.clone();
            async move { queues.park_all(&part).await }
        });
        let parked: Vec<_> = stream::iter(parking).buffer_unordered(AT_A_TIME).collect().await;
        refused.or_else(|| parked.into_iter().find_map(Result::err)).map_or(Ok(()), Err)
    }

    async fn message_of(&self, report: &Report) -> Result<Option<MessageId>, StoreError> {
        if report.message_id.is_some() {
            return Ok(report.message_id);
        }
        let Some(provider_id) = &report.provider_id else { return Ok(None) };
        for candidate in candidates(report.provider, provider_id) {
            if let Some(id) = self.messages.find_by_provider_id(&candidate).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Who else a message goes to. Only an e-mail may have several recipients.
fn others(message: &Message) -> &[Recipient] {
    match &message.content {
        Content::Email(email) => &email.others,
        Content::Text(_) | Content::Call(_) => &[],
    }
}

/// The ids we may know a message by. SendGrid's events carry its `X-Message-Id` with more behind it.
fn candidates(provider: ProviderName, provider_id: &str) -> Vec<String> {
    match provider {
        ProviderName::Sendgrid => sendgrid::candidate_message_ids(provider_id).map(str::to_owned).collect(),
        ProviderName::Twilio | ProviderName::Resend => vec![provider_id.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::{Clock, from_millis};
    use crate::provider::PermanentKind;
    use crate::provider::stub::{Stub, reply};
    use crate::queue::Queues;
    use crate::testing::road_on;

    /// The calls the tables get while a report is taken, if each is answered like this; another one breaks off, and so does
    /// any to a queue.
    async fn calls(event: Event, answers: &[Value]) -> Vec<String> {
        let tables = Stub::new(answers.iter().map(|answer| reply(200, answer))).await;
        let road = road_on(&tables.base_url, Clock::fixed(from_millis(0))).unwrap();
        road.take(&told(event)).await.unwrap();
        let target =
            |seen: &crate::provider::stub::Seen| seen.header("x-amz-target").rsplit('.').next().unwrap().to_owned();
        tables.requests().iter().map(target).collect()
    }

    fn told(event: Event) -> Report {
        Report {
            provider: ProviderName::Twilio,
            message_id: Some(crate::testing::sample_id("t")),
            provider_id: Some("SM1".to_owned()),
            key: "key".to_owned(),
            event,
            at: from_millis(0),
            recording: None,
            recipient: None,
            provider_code: None,
            call: None,
        }
    }

    #[tokio::test]
    async fn what_means_nothing_is_looked_up_nowhere_and_waits_nowhere() {
        // Neither a table nor a queue answers.
        let road = crate::testing::dead_road(Clock::fixed(from_millis(0))).unwrap();
        let named = told(Event::Ignored);
        for report in
            [Report { message_id: None, provider_id: None, ..named.clone() }, Report { message_id: None, ..named }]
        {
            assert_eq!(road.apply(&report).await.unwrap(), Applied::Ignored);
            road.take(&report).await.unwrap();
            assert!(
                road.take(&Report { event: Event::Deferred, ..report }).await.is_err(),
                "what means something waits"
            );
        }
    }

    fn row(status: &str) -> Value {
        json!({"status": {"S": status}, "trail": {"M": {}}})
    }

    #[tokio::test]
    async fn a_callback_in_its_order_waits_for_one_write_and_for_nothing_else() {
        for (event, becomes) in [
            (Event::Delivered, "delivered"),
            (Event::Undelivered(PermanentKind::Unreachable), "undelivered"),
            (Event::Undelivered(PermanentKind::InvalidEmail), "undelivered"),
            (Event::Deferred, "sent"),
            (Event::Opened, "delivered"),
            (Event::Clicked, "delivered"),
            (Event::OpenedByMachine, "sent"),
            (Event::Complained, "delivered"),
            (Event::Unsubscribed, "delivered"),
        ] {
            assert_eq!(calls(event, &[json!({"Attributes": row(becomes)})]).await, ["UpdateItem"], "{event:?}");
        }
    }

    #[tokio::test]
    async fn what_says_nothing_new_is_no_write() {
        assert_eq!(calls(Event::Sent, &[json!({"Item": row("sent")})]).await, ["GetItem"]);
        assert_eq!(calls(Event::Sent, &[json!({"Item": row("delivered")})]).await, ["GetItem"]);
        let ignored: [&str; 0] = [];
        assert_eq!(calls(Event::Ignored, &[]).await, ignored);
    }

    #[tokio::test]
    async fn an_opening_that_comes_before_the_delivery_shows_that_it_arrived() {
        for event in [Event::Opened, Event::Clicked, Event::OpenedByMachine] {
            let counted = [json!({"Attributes": row("sent")})];
            assert_eq!(calls(event, &counted).await, ["UpdateItem"], "{event:?}: who tells it waits for one write");
        }
        let shown = async |event: Event, status: &str, answers: &[Value]| {
            let answers = std::iter::once(json!({"Item": row(status)})).chain(answers.iter().cloned());
            let tables = Stub::new(answers.map(|answer| reply(200, answer))).await;
            let road = road_on(&tables.base_url, Clock::fixed(from_millis(0))).unwrap();
            let report = told(event);
            let shown = road.messages.shown_to_have_arrived(report.message_id.unwrap(), &report).await.unwrap();
            (shown, tables.requests().len())
        };
        let moved = [json!({"Attributes": row("delivered")})];
        assert_eq!(shown(Event::Opened, "sent", &moved).await, (true, 2));
        assert_eq!(shown(Event::Clicked, "sending", &moved).await, (true, 2));
        assert_eq!(shown(Event::Opened, "delivered", &[]).await, (false, 1));
        assert_eq!(shown(Event::OpenedByMachine, "sent", &[]).await, (false, 0), "a program shows nothing");
        assert_eq!(shown(Event::Undelivered(PermanentKind::Unreachable), "sent", &[]).await, (false, 0));
    }

    #[tokio::test]
    async fn an_earlier_opening_that_is_told_later_is_the_first() {
        let mut opened_later = row("delivered");
        opened_later["opened_at"] = json!({"N": "1000"});
        let answers = [json!({"Attributes": opened_later}), json!({})];
        assert_eq!(calls(Event::Opened, &answers).await, ["UpdateItem", "UpdateItem"]);
    }

    #[tokio::test]
    async fn callback_whose_time_is_over_is_parked_whole_and_acknowledged() {
        let parked = json!({"Successful": [], "Failed": []});
        let queue = Stub::new((0..13).map(|_| reply(200, &parked))).await;
        let queues = Queues::at(aws_sdk_sqs::Client::new(&crate::testing::aws_at(&queue.base_url)), &queue.base_url);
        let road = Road { queues, ..crate::testing::dead_road(Clock::fixed(from_millis(0))).unwrap() };
        let report = |key: usize| Report { key: format!("event {key}"), ..told(Event::Deferred) };
        road.take_all((0..123).map(report).collect(), Instant::now()).await.unwrap();
        let asked = queue.requests();
        let all: String = asked.iter().map(|asked| asked.body.as_str()).collect();
        assert!((0..123).all(|key| all.contains(&format!("event {key}\\"))), "{all}");
    }

    #[tokio::test]
    async fn callback_that_cannot_be_parked_is_not_acknowledged() {
        let road = crate::testing::dead_road(Clock::fixed(from_millis(0))).unwrap();
        assert!(road.take_all(vec![told(Event::Deferred)], Instant::now()).await.is_err());
    }
}
