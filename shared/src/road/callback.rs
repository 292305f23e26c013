//! A provider's report reaches its message. Usually it carries our id and this is one write; a report that only carries
//! the provider's id is looked up, and one whose message cannot be found (yet) waits in a queue of its own.

use std::time::Duration;

use super::Road;
use crate::message::{Channel, MessageId};
use crate::person::Suppression;
use crate::provider::ProviderName;
use crate::provider::{Report, sendgrid};
use crate::store::StoreError;
use crate::store::messages::Reported;
use crate::telemetry;

/// How long a report waits before its message is looked for again: the index it is found by follows within seconds.
const WAIT: Duration = Duration::from_secs(10);

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It reached its message.
    Reached(MessageId, Reported),
    /// No message is known by what it carries.
    Unmatched,
}

impl Road {
    /// Applies a report to its message.
    pub async fn apply(&self, report: &Report) -> Result<Applied, StoreError> {
        let Some(id) = self.message_of(report).await? else { return Ok(Applied::Unmatched) };
        match self.messages.report(id, report).await? {
            Reported::NoSuchMessage => Ok(Applied::Unmatched),
            reported @ (Reported::Moved(_) | Reported::FallsBack(_) | Reported::Noted | Reported::Repeated) => {
                tracing::info!(
                    message.id = %id,
                    provider.name = report.provider.as_str(),
                    report.event = report.event.name(),
                    report.code = report.provider_code.as_deref(),
                    report.outcome = ?reported,
                    "report"
                );
                self.remember_no(report).await?;
                if let Reported::Moved(_) | Reported::Noted = reported {
                    self.remember_reading(id, report).await;
                }
                if let Reported::FallsBack(_) = reported
                    && let Err(error) = self.queues.look_at(id).await
                {
                    tracing::error!(message.id = %id, error = %error, "fallback not queued; the sweep will queue it");
                }
                Ok(Applied::Reached(id, reported))
            }
        }
    }

    /// Who said no to an e-mail's provider said no to us: the address the report is about is not used again, whoever's message
    /// it was. A repetition changes nothing.
    async fn remember_no(&self, report: &Report) -> Result<(), StoreError> {
        let (Some(recipient), Some(reason)) = (&report.recipient, report.event.refusal()) else { return Ok(()) };
        let suppression =
            Suppression { channel: Channel::Email, reason: reason.to_owned(), source: report.provider, at: report.at };
        self.people.suppress_by_fingerprint(recipient, &suppression).await
    }

    /// Applies a report as a callback brought it. If its message is not there, or the table does not answer, the report
    /// is parked: Twilio does not call again, so what is not kept here is lost.
    pub async fn take(&self, report: &Report) -> Result<(), crate::queue::QueueError> {
        match self.apply(report).await {
            Ok(Applied::Reached(..)) => Ok(()),
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

/// The ids we may know a message by. SendGrid's events carry its `X-Message-Id` with more behind it.
fn candidates(provider: ProviderName, provider_id: &str) -> Vec<String> {
    match provider {
        ProviderName::Sendgrid => sendgrid::candidate_message_ids(provider_id).map(str::to_owned).collect(),
        ProviderName::Twilio | ProviderName::Resend => vec![provider_id.to_owned()],
    }
}
