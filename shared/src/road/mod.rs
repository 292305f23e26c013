//! The steps of a message's road that more than one function takes: [`task`] (what was asked
//! for), [`accept`] and [`make`] (it becomes messages), [`decide`]
//! (may it be sent), [`confirm`] (the link that proves an e-mail address), [`erasure_notice`] (a person is told that they will be erased),
//! [`reading`] (when somebody reads), [`recipients`] (to everybody else an e-mail goes to), [`templates`] (a template's name becomes
//! content), [`callback`] (a provider's report reaches its message), [`opt_out`] (somebody's no), [`heed`] (the same by a text), [`inbound`] (a text somebody wrote
//! to us), [`window`] (may they be answered freely), [`menus`] (what our calls ask), [`short_links`] (links in texts, and who
//! follows them), [`compose`] (what makes a message sendable), and
//! [`timing`] (when a message is queued, and when the sweep looks again).

pub mod accept;
pub mod callback;
pub mod compose;
pub mod confirm;
mod decide;
pub mod erasure_notice;
mod heed;
mod inbound;
mod linked;
mod make;
pub mod menus;
mod opt_out;
mod proofs;
mod reading;
mod recipients;
mod short_links;
mod task;
pub mod templates;
pub mod timing;
mod window;

use std::sync::Arc;

use aws_config::BehaviorVersion;

pub use accept::{AcceptError, NotAdmitted, waiting};
pub use callback::Applied;
pub use heed::{FreeText, Heard, Heeded, REVOCATION_SUSPECTED};
pub use inbound::{AttendError, Attended, Unanswered, inbound_id};
pub use make::EXPIRED;
pub use menus::Menus;
pub use opt_out::TEXTS;
pub use reading::BestTime;
pub use short_links::{Followed, Visit};
pub use task::{Accepted, Part, Task, Timing};
pub use templates::{RenderError, Rendered, Templates};

use crate::clock::Clock;
use crate::config::{aws_timeouts, check_public_addresses, default_locale, required};
use crate::message::Retention;
use crate::message::short_link::ShortLinks;
use crate::person::TimeRules;
use crate::policy::Destinations;
use crate::queue::Queues;
use crate::seal::Seal;
use crate::seal::purpose::{self, HeldKeys};
use crate::store::{Catalog, Controls, Ephemera, Files, Messages, People};

/// The SDK behaviour this was tried with. Pinned: a newer one may change time-outs and retries.
pub(crate) fn aws_behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Everything a message's road runs on.
#[derive(Clone, Debug)]
pub struct Road {
    pub clock: Clock,
    pub messages: Messages,
    pub people: People,
    pub ephemera: Ephemera,
    pub templates: Templates,
    pub queues: Queues,
    pub seal: Arc<Seal>,
    /// The keys of other purposes, as far as this function is given them.
    pub keys: HeldKeys,
    pub short_links: ShortLinks,
    /// When people may be written to.
    pub rules: Arc<TimeRules>,
    /// Which callers are stopped, and how much each may have accepted in a day.
    pub controls: Controls,
    /// Where messages may go.
    pub destinations: Arc<Destinations>,
    /// What follows from free text that reads like a no.
    pub free_text: FreeText,
}

/// What every function's start can fail with: it ends the start, and the log says why.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// AWS, as the environment says. A connection that died without a word costs one attempt, and the SDK makes another.
pub async fn aws() -> aws_config::SdkConfig {
    aws_config::defaults(aws_behavior()).timeout_config(aws_timeouts()).load().await
}

/// A client for secrets.
pub fn secrets_client(aws: &aws_config::SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(aws)
}

impl Road {
    /// Builds the road from the environment and opens its connections, so that the first request does not wait for them.
    pub async fn from_env(aws: &aws_config::SdkConfig) -> Result<Self, StartError> {
        check_public_addresses()?;
        let dynamo = aws_sdk_dynamodb::Client::new(aws);
        let (keys, ()) = futures::join!(purpose::from_env(aws), crate::store::prime(&dynamo));
        let (seal, keys) = keys?;
        let seal = Arc::new(seal);
        Ok(Self {
            clock: Clock::system(),
            messages: Messages::new(dynamo.clone(), required("MESSAGES_TABLE")?, seal.clone())
                .keeping(Retention::from_env()?),
            people: People::new(
                dynamo.clone(),
                required("PEOPLE_TABLE")?,
                required("LEDGER_TABLE")?,
                keys.ledger.clone(),
                seal.clone(),
            ),
            ephemera: Ephemera::new(dynamo.clone(), required("EPHEMERA_TABLE")?),
            templates: Templates::new(
                Catalog::new(dynamo.clone(), required("CATALOG_TABLE")?),
                default_locale()?,
                Clock::system(),
            ),
            queues: Queues::from_env(aws_sdk_sqs::Client::new(aws))?,
            short_links: ShortLinks::from_env(keys.links.clone())?,
            seal,
            keys,
            rules: Arc::new(TimeRules::from_env()?),
            controls: Controls::new(
                dynamo,
                required("CATALOG_TABLE")?,
                required("EPHEMERA_TABLE")?,
                Controls::cap_from_env()?,
            ),
            destinations: Arc::new(Destinations::from_env()?),
            free_text: FreeText::from_env()?,
        })
    }

    /// The same, able to make and open messages whose content is too large for a row.
    pub fn with_files(self, aws: &aws_config::SdkConfig) -> Result<Self, StartError> {
        let files = Files::new(aws, required("FILES_BUCKET")?);
        Ok(Self { messages: self.messages.with_shelf(Arc::new(files)), ..self })
    }
}
