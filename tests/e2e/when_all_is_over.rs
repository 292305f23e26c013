//! What holds after everything else, whatever went wrong on the way. These wait until no other test is at work, and the
//! module's name makes them start last.

use aho_corasick::AhoCorasick;

use crate::world::stack::stack;
use crate::world::{World, eventually, fresh, seconds};

#[tokio::test]
async fn no_dead_letter_queue_holds_anything() {
    World::wait_for_the_others().await;
    let world = World::new();
    for queue in
        ["urgent_dead", "standard_dead", "bulk_dead", "callbacks_dead", "jobs_dead", "privacy_dead", "events_dead"]
    {
        assert_eq!(world.depth(queue).await, 0, "{queue}");
    }
}

/// Records of a killed worker stay hidden for three minutes, so only what nobody takes is a fault. (Callbacks of messages
/// that are not ours wait in their queue.)
#[tokio::test]
async fn no_lane_holds_a_record_nobody_takes() {
    World::wait_for_the_others().await;
    let world = World::new();
    for lane in ["urgent", "standard", "bulk", "jobs", "privacy", "events"] {
        eventually(&format!("the {lane} lane is empty"), seconds(20), async || match world.visible(lane).await {
            0 => Ok(()),
            waiting => Err(format!("{waiting} records wait")),
        })
        .await;
    }
}

/// Numbers, addresses and texts of this whole run.
#[test]
fn no_log_names_an_address_or_a_text() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(World::wait_for_the_others());
    let secrets: Vec<&str> = ["auth_secret", "twilio_auth_token", "sendgrid_api_key", "resend_api_key"]
        .iter()
        .map(|name| stack().secret(name))
        .collect();
    let made = fresh::made();
    // A number may stand there with or without its plus, a text whole or by its random part.
    let made_parts = made.iter().map(|made| made.trim_start_matches('+').trim_start_matches("Hello "));
    let private: Vec<&str> = made_parts.chain(secrets).collect();
    let needles = AhoCorasick::new(&private).expect("needles");
    let mut lines = 0;
    for function in stack().functions.values() {
        let log = std::fs::read_to_string(stack().logs.join(format!("{function}.log"))).unwrap_or_default();
        for line in log.lines() {
            lines += 1;
            let named = needles.find(line).map(|found| private[found.pattern().as_usize()]);
            assert!(named.is_none(), "{function} logs {named:?}: {line}");
        }
    }
    assert!(made.is_empty() || lines > 0, "no function logged anything in {}", stack().logs.display());
}
