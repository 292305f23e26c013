//! Secrets, from Secrets Manager only: cached with a time to live, kept when a refresh fails, and safe to rotate. The
//! current version is used; the previous one is still accepted where something signed with it may be on its way.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How long a secret is used before it is read again.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);
/// How often a secret may be read again early, when something did not match it.
const EARLY_REFRESH: Duration = Duration::from_secs(10);

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
    /// The one before the last rotation, where there is one and it can be read.
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
    cached: Mutex<Option<Cached<T>>>,
}

struct Cached<T> {
    versions: Arc<Versions<T>>,
    read: Instant,
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret[{}]", self.name)
    }
}

impl<T: DeserializeOwned> Secret<T> {
    /// A secret by its name or ARN. Nothing is read yet.
    pub fn new(client: Client, name: String) -> Self {
        Self { name, source: Some(client), cached: Mutex::new(None) }
    }

    /// A secret that is already known and never read again. For tests.
    pub fn fixed(versions: Versions<T>) -> Self {
        let cached = Cached { versions: Arc::new(versions), read: Instant::now() };
        Self { name: "fixed".to_owned(), source: None, cached: Mutex::new(Some(cached)) }
    }

    /// The secret, from the cache while that is fresh. A refresh that fails leaves the cached one in use.
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
        if let Some(cached) = cached.as_ref().filter(|cached| cached.read.elapsed() < age) {
            return Ok(cached.versions.clone());
        }
        let read = self.read(client).await;
        match (read, cached.as_mut()) {
            (Ok(versions), _) => {
                let versions = Arc::new(versions);
                *cached = Some(Cached { versions: versions.clone(), read: Instant::now() });
                Ok(versions)
            }
            (Err(error), Some(stale)) => {
                tracing::warn!(secret.name = self.name, error = %error, "secret not refreshed, the cached one stays in use");
                stale.read = Instant::now();
                Ok(stale.versions.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self, client: &Client) -> Result<Versions<T>, SecretError> {
        let (current, previous) =
            futures::join!(self.version(client, "AWSCURRENT"), self.version(client, "AWSPREVIOUS"));
        Ok(Versions { current: current?, previous: previous.ok() })
    }

    async fn version(&self, client: &Client, stage: &str) -> Result<T, SecretError> {
        let answer = client.get_secret_value().secret_id(&self.name).version_stage(stage).send().await;
        let answer = answer.map_err(|error| self.unreadable(&error.into_service_error().to_string()))?;
        serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|error| SecretError::Malformed {
            name: self.name.clone(),
            line: error.line(),
            column: error.column(),
        })
    }

    fn unreadable(&self, cause: &str) -> SecretError {
        SecretError::Unreadable { name: self.name.clone(), cause: cause.to_owned() }
    }
}
