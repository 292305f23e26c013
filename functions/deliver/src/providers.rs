//! The provider clients, with their credentials as they are now.

use std::sync::Arc;

use switchboard::clock::{Clock, plus_seconds};
use switchboard::config::{Endpoints, required};
use switchboard::message::content::{Call, Script};
use switchboard::message::record::secrets_context;
use switchboard::message::trigger::Class;
use switchboard::message::{Content, Message, MessageSecrets};
use switchboard::otp::keypress::SpokenCode;
use switchboard::otp::{Codes, VALID_SECONDS};
use switchboard::person::UnsubscribeLinks;
use switchboard::provider::resend::{self, Resend, ResendCredentials};
use switchboard::provider::sendgrid::{self, Sendgrid, SendgridCredentials};
use switchboard::provider::twilio::recordings::Recordings;
use switchboard::provider::twilio::{self, Twilio, TwilioCredentials};
use switchboard::provider::{
    Accepted, Outgoing, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken, call,
};
use switchboard::road::{Road, StartError, secrets_client};
use switchboard::seal::delivery::DeliveryKeys;
use switchboard::seal::{Seal, SealError};
use switchboard::secrets::{CALLBACK_OVERLAP, Secret, SecretError, Versions};
use switchboard::telemetry;

/// Every provider we send through.
#[derive(Debug)]
pub struct Providers {
    http: reqwest::Client,
    clock: Clock,
    /// What tells the one-time codes that messages carry.
    codes: Codes,
    /// What seals a spoken code.
    seal: Arc<Seal>,
    /// What decrypts messages' secrets.
    delivery_keys: Secret<DeliveryKeys>,
    /// What makes the links with which readers unsubscribe.
    links: UnsubscribeLinks,
    endpoints: Endpoints,
    twilio: Arc<Secret<TwilioCredentials>>,
    /// What was recorded in calls.
    pub(crate) recordings: Recordings,
    sendgrid: Secret<SendgridCredentials>,
    resend: Secret<ResendCredentials>,
}

impl Providers {
    pub fn from_env(aws: &aws_config::SdkConfig, road: &Road) -> Result<Self, StartError> {
        let (secrets, endpoints, http) = (secrets_client(aws), Endpoints::from_env()?, call::client()?);
        // Answers to a number we sent from a day ago are still answers to us.
        let twilio = Secret::overlapping(secrets.clone(), required("TWILIO_SECRET")?, CALLBACK_OVERLAP);
        let twilio = Arc::new(twilio);
        let recordings = Recordings::new(http.clone(), &endpoints.twilio, road.clock.clone(), twilio.clone());
        Ok(Self {
            http,
            clock: road.clock.clone(),
            codes: Codes::new(road.keys.codes()?),
            seal: road.seal.clone(),
            delivery_keys: Secret::new(secrets.clone(), required("DELIVERY_SECRET")?),
            links: UnsubscribeLinks::new(road.seal.clone(), road.keys.links()?, &endpoints.public),
            endpoints,
            twilio,
            recordings,
            sendgrid: Secret::new(secrets.clone(), required("SENDGRID_SECRET")?),
            resend: Secret::new(secrets, required("RESEND_SECRET")?),
        })
    }

    /// Providers whose credentials cannot be read.
    #[cfg(test)]
    pub(crate) fn dead(aws: &aws_config::SdkConfig, road: &Road) -> Result<Self, Box<dyn std::error::Error>> {
        let secrets = secrets_client(aws);
        let nowhere = "http://127.0.0.1:1".to_owned();
        let endpoints =
            Endpoints { public: nowhere.clone(), twilio: nowhere.clone(), sendgrid: nowhere.clone(), resend: nowhere };
        Ok(Self {
            http: call::client()?,
            clock: road.clock.clone(),
            codes: Codes::new(road.keys.codes()?),
            seal: road.seal.clone(),
            delivery_keys: Secret::new(secrets.clone(), "delivery".to_owned()),
            links: UnsubscribeLinks::new(road.seal.clone(), road.keys.links()?, &endpoints.public),
            endpoints,
            twilio: Arc::new(Secret::new(secrets.clone(), "twilio".to_owned())),
            recordings: switchboard::testing::dead_recordings(road)?,
            sendgrid: Secret::new(secrets.clone(), "sendgrid".to_owned()),
            resend: Secret::new(secrets, "resend".to_owned()),
        })
    }

    /// Reads the credentials, so that the first message does not wait for them. One that cannot be read is a problem of
    /// the messages that need it, not of the start.
    pub async fn prime(&self) {
        let _ = futures::join!(self.twilio.get(), self.sendgrid.get(), self.resend.get());
    }

    /// The numbers we send from.
    pub(crate) async fn numbers(&self) -> Result<Vec<String>, SecretError> {
        let twilio = self.twilio.get().await?;
        Ok(twilio.iter().flat_map(|keys| [keys.phone_number.clone(), keys.whatsapp_number.clone()]).collect())
    }

    /// A message with what is only known to its reader and its provider in it: its secrets, its code, its link.
    async fn outgoing(&self, message: &Message) -> Result<Outgoing, SendError> {
        let secrets = self.secrets(message).await?;
        let outgoing = self.codes.outgoing(message);
        let content = secrets.fill(&outgoing.content);
        let tracked = message.class != Class::Security && message.code.is_none() && secrets.is_empty();
        let keypress = self.keypress(message, &content)?;
        Ok(self.links.complete(message, Outgoing { content, tracked, keypress, ..outgoing }))
    }

    /// Where a call that has a code to say goes on when somebody pressed a key.
    fn keypress(&self, message: &Message, content: &Content) -> Result<Option<String>, SendError> {
        let (Some(_), Content::Call(Call { script: Script::Say { text, language }, .. })) = (&message.code, content)
        else {
            return Ok(None);
        };
        let until = message.times.valid_until.unwrap_or_else(|| plus_seconds(message.times.created, VALID_SECONDS));
        let code = SpokenCode { text: text.clone(), language: language.clone(), until };
        let path = code.path(&self.seal, message.id).map_err(|error| SendError::Transient {
            provider_code: "seal".to_owned(),
            reason: error.to_string(),
            retry_after: None,
        })?;
        Ok(Some(format!("{}{path}", self.endpoints.public)))
    }

    /// The values of a message's secret variables. While the key is not to be had the message waits.
    pub(crate) async fn secrets(&self, message: &Message) -> Result<MessageSecrets, SendError> {
        let Some(encrypted) = &message.secrets else { return Ok(MessageSecrets::default()) };
        let context = secrets_context(message.task);
        let mut decrypted = Freshness::Cached.of(&self.delivery_keys).await?.current.decrypt(&context, encrypted);
        if matches!(decrypted, Err(SealError::UnknownKey(_))) {
            decrypted = Freshness::Fresh.of(&self.delivery_keys).await?.current.decrypt(&context, encrypted);
        }
        let unreadable =
            |reason: String| SendError::Transient { provider_code: "secret".to_owned(), reason, retry_after: None };
        let plain = decrypted.map_err(|error| unreadable(error.to_string()))?;
        // The parser's text is not kept: it may quote the secret.
        serde_json::from_slice(&plain).map_err(|_| unreadable("unknown secrets".to_owned()))
    }

    /// Hands a message to its provider. Credentials the provider refuses may have been rotated a moment ago: if they
    /// have, it is tried once more (a refused call was not taken).
    pub(crate) async fn send(&self, message: &Message) -> Result<Accepted, SendError> {
        let outgoing = self.outgoing(message).await?;
        let answer = self.client(message.provider, Freshness::Cached).await?.send(&outgoing).await;
        let refused = matches!(&answer, Err(SendError::Permanent { kind: PermanentKind::Credentials, .. }));
        if !refused {
            return self.alert(message, answer);
        }
        let answer = self.client(message.provider, Freshness::Fresh).await?.send(&outgoing).await;
        self.alert(message, answer)
    }

    pub(crate) async fn resolve(
        &self,
        message: &Message,
        since: jiff::Timestamp,
        taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let outgoing = self.outgoing(message).await?;
        self.client(message.provider, Freshness::Cached).await?.resolve(&outgoing, since, taken).await
    }

    pub(crate) async fn fetch(&self, message: &Message, provider_id: &str) -> Result<Option<Report>, SendError> {
        self.client(message.provider, Freshness::Cached).await?.fetch(message.id, provider_id).await
    }

    /// What only an operator can mend is counted, so that an alarm can tell.
    fn alert(&self, message: &Message, answer: Result<Accepted, SendError>) -> Result<Accepted, SendError> {
        if let Err(SendError::Permanent { kind, provider_code, .. }) = &answer
            && kind.is_of_the_account()
        {
            tracing::error!(
                provider.name = message.provider.as_str(),
                provider.code = provider_code,
                reason = kind.as_str(),
                "needs an operator"
            );
            telemetry::count("provider_needs_operator", 1);
        }
        answer
    }

    async fn client(&self, name: ProviderName, freshness: Freshness) -> Result<Box<dyn Provider>, SendError> {
        let (http, clock) = (self.http.clone(), self.clock.clone());
        Ok(match name {
            ProviderName::Twilio => {
                let settings = twilio::Settings {
                    base_url: self.endpoints.twilio.clone(),
                    public_base_url: self.endpoints.public.clone(),
                    clock,
                };
                Box::new(Twilio::new(http, settings, freshness.of(&self.twilio).await?.current.clone()))
            }
            ProviderName::Sendgrid => {
                let settings = sendgrid::Settings { base_url: self.endpoints.sendgrid.clone(), clock };
                Box::new(Sendgrid::new(http, settings, freshness.of(&self.sendgrid).await?.current.clone()))
            }
            ProviderName::Resend => {
                let settings = resend::Settings { base_url: self.endpoints.resend.clone(), clock };
                Box::new(Resend::new(http, settings, freshness.of(&self.resend).await?.current.clone()))
            }
        })
    }
}

/// Which credentials: those at hand, or read anew.
#[derive(Clone, Copy)]
enum Freshness {
    Cached,
    Fresh,
}

impl Freshness {
    async fn of<T: serde::de::DeserializeOwned>(self, secret: &Secret<T>) -> Result<Arc<Versions<T>>, SendError> {
        let read = match self {
            Self::Cached => secret.get().await,
            Self::Fresh => secret.refreshed().await,
        };
        // Without credentials nothing was sent; they may be there at the next attempt.
        read.map_err(|error: SecretError| SendError::Transient {
            provider_code: "secret".to_owned(),
            reason: error.to_string(),
            retry_after: None,
        })
    }
}
