//! End-to-end flows on the deployed local stack: the real template, the real bootstraps, the simulator as the providers.
//!
//! `world/` is what a test works with: the stack, its API, its tables and queues, and the providers' side. The other
//! modules are named after what they protect. Every test has people, numbers and addresses of its own, so that all of
//! them run at the same time; who needs a provider to misbehave takes that line for itself (`world/lines.rs`).
//!
//! The stack is the one `STACK_JSON` names (`make test` sets it), else the one of `make up`.

#[cfg(test)]
mod access;
#[cfg(test)]
mod anchors;
#[cfg(test)]
mod between;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod engagement;
#[cfg(test)]
mod events;
#[cfg(test)]
mod fallback;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod inbound;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod mail_failover;
#[cfg(test)]
mod misuse;
#[cfg(test)]
mod opt_out;
#[cfg(test)]
mod otp;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod people;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod preferences;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod readdressed;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod road;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod sendgrid;
#[cfg(test)]
mod settled;
#[cfg(test)]
mod sms;
#[cfg(test)]
mod spending;
#[cfg(test)]
mod swallowed;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod template;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod throughput;
#[cfg(test)]
mod twofa;
#[cfg(test)]
mod voice;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod when_all_is_over;
#[cfg(test)]
mod when_keys_change;
#[cfg(test)]
mod world;
