//! An address counts only when it is proven. [`claims`]: what somebody who merely gives an address gets (nothing); [`shared`]: two people
//! with one number, at once or one after the other; [`oracles`]: what such an answer could tell; [`changes`]: who is told when it changes, and what stands in the ledger;
//! [`sequences`]: random lives of two people.

mod changes;
mod claims;
mod oracles;
mod sequences;
mod shared;

use serde_json::{Value, json};
use switchboard::person::PersonId;

use crate::world::{World, eventually, seconds, tokens};

const GRANT: &str = "/api/communication/consent/sms";
const VERIFY: &str = "/api/communication/consent/sms/verify";
const EMAIL: &str = "/api/communication/consent/email";
const PREFERENCES: &str = "/api/sms/preferences";

/// Somebody's own token, which has no scope.
pub(crate) fn own(user: i64) -> String {
    tokens::token(&user.to_string(), "")
}

/// Whether a message lost what it said.
fn is_erased(message: &Value) -> bool {
    crate::world::flows::count(message, "erased") > 0
}

impl World {
    /// Somebody says with their own token that a number is theirs.
    async fn claims_number(&self, user: i64, phone: &str) -> Value {
        self.put(PREFERENCES, &json!({"phone_number": phone})).token(&own(user)).send().await.ok()
    }

    /// Somebody proved a number a moment ago. (Codes asked for with people's own tokens are limited by network address, which all
    /// tests share.)
    async fn proves(&self, user: i64, phone: &str) {
        self.has_proven(&PersonId::text(&user.to_string()).expect("an id"), phone).await;
    }

    /// Somebody registers a number with their own token and enters the code that goes there.
    async fn proves_by_code(&self, user: i64, phone: &str) {
        let grant = json!({"user_id": user, "phone_number": phone});
        let answer = self.post(GRANT, &grant).token(&own(user)).send().await.ok();
        assert_eq!(answer["verification_required"], true, "{answer}");
        // The last: what went there before may hold digits too.
        let codes = eventually("the code comes", seconds(40), async || {
            let arrived = self.arrived(phone).await;
            let is_code = |text: &str| text.contains("is the code that confirms");
            let mut codes = arrived.iter().filter_map(|message| message["text"].as_str()).filter(|text| is_code(text));
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).take(6).collect::<String>();
            codes.next_back().map(digits).ok_or_else(|| format!("{arrived:?}"))
        });
        let code = codes.await;
        let entered = json!({"phone_number": phone, "verification_code": code});
        self.post(VERIFY, &entered).token(&own(user)).send().await.ok();
    }

    /// Everything somebody's own token takes out, page by page.
    async fn takes_out(&self, user: i64) -> Vec<Value> {
        let first = format!("/api/communication/privacy/{user}/export");
        let (mut pages, mut path) = (Vec::new(), first.clone());
        loop {
            let page = self.get(&path).token(&own(user)).send().await.ok();
            let next = page["next_cursor"].as_str().map(|next| format!("{first}?cursor={next}"));
            pages.push(page);
            let Some(next) = next else { return pages };
            path = next;
        }
    }

    /// The ids of the messages in it.
    async fn takes_out_messages(&self, user: i64) -> Vec<String> {
        let pages = self.takes_out(user).await;
        let messages = pages.iter().flat_map(|page| page["messages"].as_array().expect("messages"));
        messages.map(|message| message["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Somebody asks with their own token to be forgotten, and everything is gone through.
    async fn erases_themselves(&self, user: i64) {
        self.post(&format!("/api/communication/privacy/{user}/erase"), &json!({}))
            .token(&own(user))
            .send()
            .await
            .is(202);
        self.end_cooling_off(user).await;
        self.until_erased(user).await;
    }
}
