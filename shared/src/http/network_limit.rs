//! The limit of endpoints that take no token, by the network address that calls: links that people follow, and callbacks whose
//! signature is refused. It keeps a flood from one place from using up the functions everybody needs.
//!
//! A call with a link is counted before it is looked at. A callback is counted only when it was refused, so a provider is
//! never held up by its own traffic. An address over the limit is remembered by the process until its minute is over: the rest
//! of a flood costs no store.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::ApiError;
use super::rate_limit::Standing;
use crate::clock::Clock;
use crate::config::optional;
use crate::otp::guard::network;
use crate::seal::Seal;
use crate::store::Ephemera;
use crate::telemetry;

const WINDOW_SECONDS: i64 = 60;
/// Requests a minute, unless the deployment says otherwise.
const DEFAULT_RATE: u32 = 120;
/// The most addresses a process remembers; beyond that it begins anew.
const MAX_REMEMBERED: usize = 10_000;

/// Counts requests by network address.
#[derive(Clone, Debug)]
pub struct NetworkLimit {
    clock: Clock,
    windows: Ephemera,
    seal: Arc<Seal>,
    rate: u32,
    over: Arc<Mutex<HashMap<String, Standing>>>,
}

impl NetworkLimit {
    pub fn new(clock: Clock, windows: Ephemera, seal: Arc<Seal>, rate: u32) -> Self {
        Self { clock, windows, seal, rate, over: Arc::default() }
    }

    /// The same with the rate of the setting `RATE_LIMIT_NETWORK`: requests a minute from one network address.
    pub fn from_env(clock: Clock, windows: Ephemera, seal: Arc<Seal>) -> Self {
        let rate = optional("RATE_LIMIT_NETWORK", "").parse().unwrap_or(DEFAULT_RATE);
        Self::new(clock, windows, seal, rate)
    }

    /// Refuses an address that is known to be over the limit. Asks no store.
    pub(super) fn check(&self, ip: Option<IpAddr>) -> Result<(), ApiError> {
        let Some(key) = ip.map(|ip| self.key(ip)) else { return Ok(()) };
        let now = self.clock.now();
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let running = over.get(&key).filter(|standing| standing.window.resets > now);
        running.and_then(|standing| standing.refusal(now)).map_or(Ok(()), Err)
    }

    /// Counts a request, and refuses it if the address is over the limit. When the store of windows does not answer, it is let
    /// through.
    pub(super) async fn count(&self, ip: Option<IpAddr>) -> Result<(), ApiError> {
        self.check(ip)?;
        let Some(key) = ip.map(|ip| self.key(ip)) else { return Ok(()) };
        let now = self.clock.now();
        let window = match self.windows.count(&key, WINDOW_SECONDS, now).await {
            Ok(window) => window,
            Err(error) => {
                tracing::warn!(error = %error, "network limit not counted, request let through");
                telemetry::count("rate_limit_unavailable", 1);
                return Ok(());
            }
        };
        let standing = Standing { limit: self.rate, window };
        let Some(refusal) = standing.refusal(now) else { return Ok(()) };
        telemetry::count("network_over_limit", 1);
        self.remember(key, standing, now);
        Err(refusal)
    }

    fn remember(&self, key: String, standing: Standing, now: Timestamp) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.len() >= MAX_REMEMBERED {
            over.retain(|_, standing| standing.window.resets > now);
        }
        if over.len() >= MAX_REMEMBERED {
            over.clear();
        }
        over.insert(key, standing);
    }

    fn key(&self, ip: IpAddr) -> String {
        format!("rate#network#{}", self.seal.keyed_hash(network(ip).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::{dead_road, road_on};

    fn limit(road: &crate::road::Road) -> NetworkLimit {
        NetworkLimit::new(road.clock.clone(), road.ephemera.clone(), road.seal.clone(), 2)
    }

    #[tokio::test]
    async fn network_over_its_limit_is_refused_without_asking_the_store_again() {
        let now = Timestamp::UNIX_EPOCH;
        let counted = |count: u32| {
            reply(200, json!({"Attributes": {"count": {"N": count.to_string()}, "resets": {"N": "60000"}}}))
        };
        let table = Stub::new([counted(2), counted(3)]).await;
        let clock = Clock::fixed(now);
        let limit = limit(&road_on(&table.base_url, clock.clone()).unwrap());
        let (flood, other) = (Some("192.0.2.7".parse().unwrap()), Some("192.0.2.8".parse().unwrap()));
        assert!(limit.count(flood).await.is_ok());
        let refused = limit.count(flood).await.expect_err("the third").render("test");
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"60".parse().unwrap()));
        for _ in 0..100 {
            assert!(limit.count(flood).await.is_err() && limit.check(flood).is_err());
        }
        assert!(limit.check(other).is_ok());
        assert_eq!(table.requests().len(), 2);
        assert!(!table.requests()[0].body.contains("192.0.2.7"));
        clock.advance(60_000);
        assert!(limit.check(flood).is_ok());
    }

    #[tokio::test]
    async fn network_that_cannot_be_counted_is_let_through() {
        let limit = limit(&dead_road(Clock::system()).unwrap());
        assert!(limit.count(Some("192.0.2.7".parse().unwrap())).await.is_ok());
        assert!(limit.count(None).await.is_ok());
    }
}
