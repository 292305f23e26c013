//! Subscribers are told what happens to messages. [`listener`] is one; it verifies signatures with code of its own.

mod admin;
mod crash;
pub(crate) mod listener;
mod places;
mod races;
mod retries;
mod settled;
mod told;

use serde_json::{Value, json};

use self::listener::Listener;
use crate::world::aws::{number, text};
use crate::world::stack::stack;
use crate::world::{World, eventually, seconds};

const WEBHOOKS: &str = "/api/v2/communications/webhooks";

/// A registered subscriber that listens. It is removed when its test ends, however that ends.
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) listener: Listener,
}

impl World {
    /// Registers a subscriber and waits until every worker knows it.
    pub(crate) async fn hook(&self, events: &[&str]) -> Hook {
        let listener = Listener::start().await;
        let body = json!({"url": listener.url, "events": events, "description": "e2e"});
        let made = self.post(WEBHOOKS, &body).send().await.is(201).json;
        let word = |value: &Value| value.as_str().expect("a text").to_owned();
        let hook = Hook { id: word(&made["webhook"]["id"]), secret: word(&made["secret"]), listener };
        known_everywhere().await;
        hook
    }

    async fn hook_view(&self, hook: &Hook) -> Value {
        self.get(&format!("{WEBHOOKS}/{}", hook.id)).send().await.ok()["webhook"].take()
    }

    /// Sends a test event and gives its delivery's id.
    pub(crate) async fn test_hook(&self, hook: &Hook) -> String {
        let path = format!("{WEBHOOKS}/{}/test", hook.id);
        let answer = self.post(&path, &json!({})).send().await.is(202).json;
        answer["delivery_id"].as_str().expect("an id").to_owned()
    }

    /// A delivery, as the API shows it, once it looks like this.
    pub(crate) async fn delivery_until(&self, hook: &Hook, id: &str, done: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("delivery {id} goes on"), seconds(60), async || {
            let answer = self.get(&format!("{WEBHOOKS}/{}/deliveries/{id}", hook.id)).send().await;
            let found = &answer.json["delivery"];
            if answer.status == 200 && done(found) { Ok(found.clone()) } else { Err(answer.text) }
        })
        .await
    }

    /// Lets a delivery's next try come now.
    async fn make_due(&self, hook: &Hook, delivery: &str) {
        self.delivery_is_due(&hook.id, delivery).await;
    }

    /// Lets a subscriber have failed for so long.
    async fn fail_since(&self, hook: &Hook, seconds: i64) {
        let since = jiff::Timestamp::now().as_millisecond() - seconds * 1_000;
        self.rewrite_webhook(&hook.id, "failing_since", number(since)).await;
    }

    /// Writes another URL into a subscriber's row.
    async fn point_hook_to(&self, hook: &Hook, url: &str) {
        self.rewrite_webhook(&hook.id, "url", text(url)).await;
    }

    /// The delivery of an event of a message that was brought to the subscriber at least once.
    pub(crate) async fn delivery_of(&self, hook: &Hook, message: &str, kind: &str) -> String {
        eventually(&format!("{kind} of {message} is brought"), seconds(60), async || {
            let brought = hook.listener.received(message);
            let found = brought.iter().find(|one| one.json["type"] == kind).map(|one| one.id.clone());
            found.ok_or_else(|| format!("{brought:?}"))
        })
        .await
    }
}

/// Workers read the subscribers every five seconds. There is nothing to look at that would tell that all of them did.
async fn known_everywhere() {
    tokio::time::sleep(seconds(8)).await;
}

impl Drop for Hook {
    /// On a thread of its own, because a test's runtime is busy with the test.
    fn drop(&mut self) {
        let url = format!("{}{WEBHOOKS}/{}", stack().api_url, self.id);
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let remove = reqwest::Client::new().delete(url).bearer_auth(&stack().tokens.admin);
            runtime.block_on(remove.send()).map_err(std::io::Error::other)
        });
        let _ = removal.join();
    }
}
