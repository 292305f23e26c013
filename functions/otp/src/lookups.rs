//! What Twilio knows of phone numbers, kept for a week: asking costs money, and lines seldom change.

use std::sync::Arc;

use switchboard::http::ApiError;
use switchboard::message::{Address, Channel, PhoneNumber};
use switchboard::provider::twilio::lookup::{LookedUp, Lookup};
use switchboard::road::Road;
use switchboard::store::OtpStore;
use switchboard::telemetry;

/// How long an answer is kept, in seconds.
const KEPT_SECONDS: i64 = 7 * 86_400;

/// Looks numbers up, once a week each.
#[derive(Clone, Debug)]
pub struct Lookups {
    client: Lookup,
    store: OtpStore,
    road: Arc<Road>,
}

impl Lookups {
    pub fn new(client: Lookup, store: OtpStore, road: Road) -> Self {
        Self { client, store, road: Arc::new(road) }
    }

    /// What is known of a number, kept or asked for now. A question counts against its caller's day, as a message does.
    pub(crate) async fn find(&self, caller: &str, number: &PhoneNumber) -> Result<LookedUp, ApiError> {
        let now = self.road.clock.now();
        let key = self.road.seal.fingerprint_to_store(&Address::Phone(number.clone()));
        if let Some(kept) = self.store.looked_up(&key, now).await? {
            return Ok(kept);
        }
        self.road.admit_paid(caller, Channel::Sms).await??;
        let found = self.client.number(number).await.map_err(|error| ApiError::unavailable(error.to_string()))?;
        telemetry::count("phone_looked_up", 1);
        self.store.keep_lookup(&key, &found, KEPT_SECONDS, now).await?;
        Ok(found)
    }
}
