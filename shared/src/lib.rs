//! Switchboard's common crate: the domain, the stores, the providers and the HTTP edge.
//!
//! Reading order: [`message`] (what a message is) · [`job`] (one wording, many recipients) · [`person`] (who may be contacted, and why) · [`provider`] (how a
//! message leaves and what comes back) · [`store`] (DynamoDB, one file per table) · [`road`] (the steps of a message
//! that more than one function takes) · [`event`] (what subscribers are told) · [`otp`] (one-time codes) · [`twofactor`] (second factors) · [`privacy`] (people's data taken out and taken away) · [`voice`] (what a call asks) · [`http`] (the edge every HTTP function shares). The rest is plumbing.

pub mod batch;
pub mod clock;
pub mod config;
pub mod event;
pub mod http;
pub mod job;
pub mod ledger;
pub mod message;
pub mod otp;
pub mod person;
pub mod policy;
pub mod privacy;
pub mod provider;
pub mod queue;
pub mod road;
pub mod seal;
pub mod secrets;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod twofactor;
pub mod voice;
