//! What a test works with: the stack ([`stack`]), its API ([`api`]), messages and people on it ([`flows`]), AWS behind
//! it ([`aws`], [`road`], [`events`]), the providers' side ([`simulator`], [`signing`], [`lines`]), and fresh people and addresses
//! ([`fresh`]).

pub(crate) mod api;
pub(crate) mod aws;
pub(crate) mod behind;
pub(crate) mod events;
pub(crate) mod flows;
pub(crate) mod fresh;
pub(crate) mod lines;
pub(crate) mod processes;
pub(crate) mod road;
pub(crate) mod rotation;
pub(crate) mod signing;
pub(crate) mod simulator;
pub(crate) mod stack;
pub(crate) mod tokens;
pub(crate) mod wait;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) use lines::Line;
pub(crate) use stack::Stack;
pub(crate) use wait::{eventually, seconds};

/// How many tests are at work.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// One test's view of the stack.
pub(crate) struct World {
    pub(crate) stack: &'static Stack,
    pub(crate) http: reqwest::Client,
    /// Whether the test has had lines to the providers, shared or its own.
    pub(crate) has_lines: AtomicBool,
}

impl World {
    pub(crate) fn new() -> Self {
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        let http = reqwest::Client::builder().no_proxy().timeout(seconds(120)).build().expect("an HTTP client");
        Self { stack: stack::stack(), http, has_lines: AtomicBool::new(false) }
    }

    /// Waits until no other test is at work. For what must be looked at last.
    pub(crate) async fn wait_for_the_others() {
        // Between two tests nobody is at work for a moment.
        let mut quiet = 0;
        eventually("the other tests end", seconds(600), async || match AT_WORK.load(Ordering::SeqCst) {
            0 if quiet == 5 => Ok(()),
            0 => {
                quiet += 1;
                Err("the next may begin".to_owned())
            }
            others => {
                quiet = 0;
                Err(format!("{others} at work"))
            }
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
    }
}
