//! Secrets, from Secrets Manager only: cached with a time to live, and kept for an hour at most when a refresh fails.
//!
//! Only the current version of a secret counts: what it no longer lists is dead within five minutes. The one exception is a
//! secret with an overlap ([`Secret::overlapping`]): its previous version is accepted for a stated time after the rotation,
//! where something signed with it may be on its way.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How long a secret is used before it is read again.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);
/// How often a secret may be read again early, when something did not match it.
const EARLY_REFRESH: Duration = Duration::from_secs(10);
/// How long after a failed refresh the next one is tried.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long a cached secret is used while it cannot be refreshed. After that, a removed key must not work any longer.
const MAX_STALENESS: Duration = Duration::from_secs(3_600);
/// How long a provider's callbacks may be signed with the key of before a rotation: Twilio, SendGrid and Resend repeat a
/// callback for up to a day.
pub const CALLBACK_OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// A secret is not there, or not in the form it must have.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret {name} cannot be read: {cause}")]
    Unreadable { name: String, cause: String },
    /// The parser's text is not kept: it may quote the secret.
    #[error("the secret {name} is not in the form it must have (line {line}, column {column})")]
    Malformed { name: String, line: usize, column: usize },
}

/// The versions of a secret that count.
#[derive(Debug)]
pub struct Versions<T> {
    pub current: T,
    /// The one before the last rotation, where the secret has an overlap and that has not ended.
    pub previous: Option<T>,
}

impl<T> Versions<T> {
    /// The current version, then the previous one.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.current).chain(self.previous.as_ref())
    }
}

/// One secret.
pub struct Secret<T> {
    name: String,
    source: Option<Client>,
    /// How long the previous version is accepted after a rotation.
    overlap: Duration,
    cached: Mutex<Option<Cached<T>>>,
}

struct Cached<T> {
    versions: Arc<Versions<T>>,
    /// When it was read.
    read: Instant,
    /// When reading it again failed last.
    failed: Option<Instant>,
}

impl<T> Cached<T> {
    /// Whether it is used without being read again.
    fn is_fresh(&self, age: Duration) -> bool {
        self.read.elapsed() < age || self.failed.is_some_and(|failed| failed.elapsed() < RETRY_AFTER.min(age))
    }
}

/// Whether the previous version still counts: the current one was made no longer ago than the overlap. A current version
/// without a date, or one from the future, has no previous one.
fn overlaps(current_made: Option<SystemTime>, overlap: Duration, now: SystemTime) -> bool {
    current_made.and_then(|made| now.duration_since(made).ok()).is_some_and(|age| age <= overlap)
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret[{}]", self.name)
    }
}

impl<T: DeserializeOwned> Secret<T> {
    /// A secret by its name or ARN, of which only the current version counts. Nothing is read yet.
    pub fn new(client: Client, name: String) -> Self {
        Self::overlapping(client, name, Duration::ZERO)
    }

    /// A secret whose previous version is accepted for so long after a rotation.
    pub fn overlapping(client: Client, name: String, overlap: Duration) -> Self {
        Self { name, source: Some(client), overlap, cached: Mutex::new(None) }
    }

    /// A secret that is already known and never read again. For tests.
    pub fn fixed(versions: Versions<T>) -> Self {
        let cached = Cached { versions: Arc::new(versions), read: Instant::now(), failed: None };
        Self { name: "fixed".to_owned(), source: None, overlap: Duration::ZERO, cached: Mutex::new(Some(cached)) }
    }

    /// The secret, from the cache while that is fresh. A refresh that fails leaves the cached one in use, for an hour.
    pub async fn get(&self) -> Result<Arc<Versions<T>>, SecretError> {
        self.not_older_than(TIME_TO_LIVE).await
    }

    /// The secret read anew, because something did not match: at most once in ten seconds, so that a flood of bad
    /// signatures does not become a flood of reads.
    pub async fn refreshed(&self) -> Result<Arc<Versions<T>>, SecretError> {
        self.not_older_than(EARLY_REFRESH).await
    }

    async fn not_older_than(&self, age: Duration) -> Result<Arc<Versions<T>>, SecretError> {
        let mut cached = self.cached.lock().await;
        let Some(client) = &self.source else {
            return cached.as_ref().map(|cached| cached.versions.clone()).ok_or_else(|| self.unreadable("no source"));
        };
        if let Some(cached) = cached.as_ref().filter(|cached| cached.is_fresh(age)) {
            return Ok(cached.versions.clone());
        }
        let read = self.read(client).await;
        match (read, cached.as_mut()) {
            (Ok(versions), _) => {
                let versions = Arc::new(versions);
                *cached = Some(Cached { versions: versions.clone(), read: Instant::now(), failed: None });
                Ok(versions)
            }
            (Err(error), Some(stale)) if stale.read.elapsed() < MAX_STALENESS => {
                tracing::warn!(secret.name = self.name, error = %error, "secret not refreshed, the cached one stays in use");
                stale.failed = Some(Instant::now());
                Ok(stale.versions.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn read(&self, client: &Client) -> Result<Versions<T>, SecretError> {
        let (current, made) = self.version(client, "AWSCURRENT").await?;
        let previous = match overlaps(made, self.overlap, SystemTime::now()) {
            true => self.version(client, "AWSPREVIOUS").await.ok().map(|(previous, _)| previous),
            false => None,
        };
        Ok(Versions { current, previous })
    }

    /// The version at this stage, and when it was made.
    async fn version(&self, client: &Client, stage: &str) -> Result<(T, Option<SystemTime>), SecretError> {
        let answer = client.get_secret_value().secret_id(&self.name).version_stage(stage).send().await;
        let answer = answer.map_err(|error| self.unreadable(&error.into_service_error().to_string()))?;
        let value = serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|error| {
            SecretError::Malformed { name: self.name.clone(), line: error.line(), column: error.column() }
        })?;
        Ok((value, answer.created_date().and_then(|made| SystemTime::try_from(*made).ok())))
    }

    fn unreadable(&self, cause: &str) -> SecretError {
        SecretError::Unreadable { name: self.name.clone(), cause: cause.to_owned() }
    }
}

#[cfg(test)]
mod tests;
