//! People's data: taken out ([`export`]), taken away without a trace ([`erase`], [`races`]; [`dump`] reads everything raw), in no log
//! ([`logs`]), secret values nowhere ([`secrets`]), taken away by their own token only after a while ([`cooling_off`]), and kept no longer than it should be ([`retention`]). Who may ask for what: [`access`].

mod access;
mod cooling_off;
mod dump;
mod erase;
mod export;
mod logs;
mod races;
mod retention;
mod secrets;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::world::aws::number;
use crate::world::{World, eventually, fresh, seconds};

fn erase_path(user: impl std::fmt::Display) -> String {
    format!("/api/communication/privacy/{user}/erase")
}

fn export_path(user: impl std::fmt::Display) -> String {
    format!("/api/communication/privacy/{user}/export")
}

impl World {
    /// Asks for a person to be erased.
    pub(crate) async fn asks_to_erase(&self, user: i64) -> Value {
        self.post(&erase_path(user), &json!({"reason": "user_request"})).send().await.is(202).json
    }

    async fn erasure(&self, user: i64) -> Value {
        self.get(&erase_path(user)).send().await.ok()
    }

    /// Waits until everything was gone through so often. A worker that is killed beside it costs six minutes.
    pub(crate) async fn until_walked(&self, user: i64, times: u64) -> Value {
        eventually(&format!("{user} was gone through"), seconds(120), async || {
            let erasure = self.erasure(user).await;
            if erasure["walks"].as_u64() >= Some(times) { Ok(erasure) } else { Err(erasure.to_string()) }
        })
        .await
    }

    /// Lets an erasure grow older by five minutes, and waits until it is done.
    pub(crate) async fn until_erased(&self, user: i64) -> Value {
        eventually(&format!("{user} is erased"), seconds(60), async || {
            let erasure = self.erasure(user).await;
            if erasure["status"] == "erased" {
                return Ok(erasure);
            }
            self.age_erasure(user).await;
            self.sweep().await;
            Err(erasure.to_string())
        })
        .await
    }

    /// Lets the cooling-off period of an erasure end now, whether or not its notice was sent, and the sweep look after it.
    pub(crate) async fn end_cooling_off(&self, user: i64) {
        let table = &self.stack.tables["catalog"];
        let past = number(jiff::Timestamp::now().as_millisecond() - 1_000);
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let run = self.dynamodb().update_item().table_name(table);
        let run = run.key("pk", key(&format!("erasure#{user}"))).key("sk", key("run"));
        let run = run.update_expression("SET starts_at = :p, version = version + :one");
        let run = run.condition_expression("#s = :cooling").expression_attribute_names("#s", "state");
        let run = run.expression_attribute_values(":cooling", key("cooling_off"));
        let run = run.expression_attribute_values(":p", past.clone()).expression_attribute_values(":one", number(1));
        run.send().await.expect("an erasure that waits");
        let open = self.dynamodb().update_item().table_name(table);
        let open = open.key("pk", key("privacy#open")).key("sk", key(&format!("erasure#{user}")));
        let open = open.update_expression("SET look_at = :p").condition_expression("attribute_exists(pk)");
        open.expression_attribute_values(":p", past).send().await.expect("it is looked after");
        self.sweep().await;
    }

    /// What an erasure waits for is over, and the sweep looks after it at once.
    async fn age_erasure(&self, user: i64) {
        let table = &self.stack.tables["catalog"];
        let now = jiff::Timestamp::now().as_millisecond();
        let past = |ago: i64| number(now - ago * 1_000);
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let run = self.dynamodb().update_item().table_name(table);
        let run = run.key("pk", key(&format!("erasure#{user}"))).key("sk", key("run"));
        let run = run.update_expression("SET asked_at = :a, starts_at = :a, walk.began = :b, version = version + :one");
        let run = run.condition_expression("#s = :erasing AND walk.began > :now");
        let run = run.expression_attribute_names("#s", "state").expression_attribute_values(":erasing", key("erasing"));
        let run = run.expression_attribute_values(":a", past(300)).expression_attribute_values(":now", past(0));
        let run = run.expression_attribute_values(":one", number(1));
        // It may not wait at this moment.
        let _ = run.expression_attribute_values(":b", past(1)).send().await;
        let open = self.dynamodb().update_item().table_name(table);
        let open = open.key("pk", key("privacy#open")).key("sk", key(&format!("erasure#{user}")));
        let open = open.update_expression("SET look_at = :a").condition_expression("attribute_exists(pk)");
        let _ = open.expression_attribute_values(":a", past(1)).send().await;
    }
}

/// Somebody's texts and addresses, as they must not be found.
fn needles<'a>(private: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    private.into_iter().map(|text| text.trim_start_matches('+').trim_start_matches("Hello ")).collect()
}

/// A text too large for a row.
fn long_text() -> (String, String) {
    let mark = fresh::text();
    (mark.clone(), format!("{mark} {}", "and so on. ".repeat(4_000)))
}

/// An address as the product knows it.
fn address(text: &str) -> switchboard::message::Address {
    let channel =
        if text.starts_with('+') { switchboard::message::Channel::Sms } else { switchboard::message::Channel::Email };
    switchboard::message::Address::stored(channel, text.to_owned())
}
