//! Callbacks to the client: signed, logged, at most [`IN_FLIGHT`] at once.
//!
//! Who wants to call back first takes a [`Outbox::permit`], and makes the request only then: a slow client therefore
//! slows its messages down instead of filling the memory with waiting requests.

mod foreign;
mod log;
mod sign;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::signature::EcdsaKeyPair;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::{
    log::{Log, Record},
    sign::Signing,
};
use crate::{
    app::App,
    config::Config,
    faults::{CallbackFate, callback_fate},
    keys,
    store::{Channel, Provider},
};

/// How many callbacks are under way at once.
const IN_FLIGHT: usize = 64;

/// How long a client may take to answer one.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often SendGrid and Resend try a callback. The real ones go on for hours, with pauses nobody wants to wait for.
const TRIES: u32 = 6;

/// One callback, ready to be signed and sent.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) provider: Provider,
    /// The provider's id of the message, or of the first one in a batch.
    pub(crate) message: String,
    /// What it tells: a status or event name.
    pub(crate) event: String,
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) signing: Signing,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// The way out.
#[derive(Debug)]
pub(crate) struct Outbox {
    client: reqwest::Client,
    permits: Arc<Semaphore>,
    log: Mutex<Log>,
    sendgrid_key: EcdsaKeyPair,
    svix_key: Vec<u8>,
    retry_pause: Duration,
}

impl Outbox {
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let secret =
            config.resend_webhook_secret.strip_prefix("whsec_").ok_or("the Resend secret must start whsec_")?;
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .pool_max_idle_per_host(IN_FLIGHT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| format!("cannot make an HTTP client: {error}"))?;
        Ok(Self {
            client,
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
            log: Mutex::default(),
            sendgrid_key: keys::parse(&config.sendgrid_signing_key)?,
            svix_key: STANDARD.decode(secret).map_err(|_| "the Resend secret is not base64 after whsec_".to_owned())?,
            retry_pause: config.retry_pause,
        })
    }

    /// Leave to send one callback; waits its turn.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// How many are under way.
    pub(crate) fn in_flight(&self) -> usize {
        IN_FLIGHT - self.permits.available_permits()
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self) {
        self.log().clear();
    }

    /// Sends a callback when its turn comes, or what an active fault leaves of it.
    pub(crate) async fn dispatch(&self, app: &App, callback: Callback, channel: Channel) {
        let pause = match callback_fate(app, callback.provider, channel) {
            CallbackFate::Drop => return,
            CallbackFate::Send => None,
            CallbackFate::Late(pause) => return self.send_later(app, callback, pause),
            CallbackFate::Twice(pause) => Some(pause),
            CallbackFate::AfterForeign => {
                if let Some(permit) = self.permit().await {
                    self.send(app, permit, foreign::like(app, &callback));
                }
                None
            }
        };
        if let Some(pause) = pause {
            self.send_later(app, callback.clone(), pause);
        }
        if let Some(permit) = self.permit().await {
            self.send(app, permit, callback);
        }
    }

    fn send_later(&self, app: &App, callback: Callback, pause: Duration) {
        let app = app.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(permit) = app.outbox.permit().await {
                app.outbox.send(&app, permit, callback);
            }
        });
    }

    /// Sends in the background and tries again as this provider does.
    pub(crate) fn send(&self, app: &App, permit: OwnedSemaphorePermit, callback: Callback) {
        let app = app.clone();
        tokio::spawn(async move {
            match callback.provider {
                Provider::Twilio => app.outbox.send_once_connected(permit, &callback).await,
                Provider::Sendgrid | Provider::Resend => app.outbox.send_until_taken(permit, &callback).await,
            }
        });
    }

    /// Twilio: no second try, except when the connection could not be made.
    async fn send_once_connected(&self, _permit: OwnedSemaphorePermit, callback: &Callback) {
        if let Err(Failure::NotConnected) = self.post(callback, 1).await {
            tokio::time::sleep(self.retry_pause).await;
            let _ = self.post(callback, 2).await;
        }
    }

    /// SendGrid and Resend: again until a 2xx, with growing pauses that hold no permit.
    async fn send_until_taken(&self, first: OwnedSemaphorePermit, callback: &Callback) {
        let generation = self.log().generation();
        let mut first = Some(first);
        for attempt in 1..=TRIES {
            let permit = match first.take() {
                Some(permit) => Some(permit),
                None => self.permit().await,
            };
            if matches!(self.post(callback, attempt).await, Ok(answer) if (200..300).contains(&answer.status)) {
                return;
            }
            drop(permit);
            tokio::time::sleep(self.retry_pause * 2_u32.pow(attempt - 1)).await;
            if self.log().generation() != generation {
                return; // everything was forgotten meanwhile
            }
        }
        tracing::warn!(provider.name = ?callback.provider, callback.event = callback.event, "callback.given_up");
    }

    /// One try: signs, sends, writes it down.
    pub(crate) async fn post(&self, callback: &Callback, attempt: u32) -> Result<Answer, Failure> {
        let mut headers = callback.headers.clone();
        headers.extend(callback.signing.headers(self, &callback.body));
        let mut request = self
            .client
            .post(&callback.url)
            .header(http::header::CONTENT_TYPE, callback.content_type)
            .body(callback.body.clone());
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let outcome = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let content_type = response.headers().get(http::header::CONTENT_TYPE);
                let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
                Ok(Answer { status, content_type, body: response.text().await.unwrap_or_default() })
            }
            Err(error) if error.is_connect() => Err(Failure::NotConnected),
            Err(error) if error.is_timeout() => Err(Failure::TimedOut),
            Err(_) => Err(Failure::Broken),
        };
        self.log().push(callback, headers, attempt, &outcome);
        outcome
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the connection could not be made")]
    NotConnected,
    #[error("no answer in time")]
    TimedOut,
    #[error("the connection broke")]
    Broken,
}
