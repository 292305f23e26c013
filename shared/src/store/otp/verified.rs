//! What is remembered of codes that Twilio Verify makes: whose an address is there, which verification a challenge's codes
//! are checked by, and how requests with an idempotency key were answered.

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::write_token::put_once;
use super::{OtpStore, Update, is_fresh, number, row, text, unavailable, unreadable};
use crate::clock::from_millis;
use crate::message::Channel;
use crate::otp::challenge::{Challenge, ChallengeId, VALID_SECONDS};
use crate::store::update::Applied;
use crate::store::{Item, StoreError};

/// How long the answer to a request with an idempotency key is kept, in seconds.
const REQUEST_KEPT_SECONDS: i64 = 86_400;
/// How long a request belongs to whoever took it up: longer than a function runs. If that one died, it may be made again
/// then, and the same code may come twice.
const REQUEST_CLAIMED_SECONDS: i64 = 60;

/// Whose an address is at Twilio Verify, which knows one code for an address and no purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub challenge: ChallengeId,
    /// Its verification, as far as it is known.
    pub verification: Option<String>,
    /// When the challenge ends. Its verification may have begun later, and end later.
    pub until: Timestamp,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The keyed hash of its body.
    pub hash: String,
    pub channel: Channel,
    #[serde(with = "crate::clock::millis")]
    pub expires: Timestamp,
    #[serde(with = "crate::clock::millis")]
    pub resend_at: Timestamp,
}

/// Whether a request may be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    Yes,
    /// It is being worked on, or was.
    Before(Request),
}

impl Holder {
    /// The holder that a challenge is.
    pub fn of(challenge: &Challenge) -> Self {
        Self { challenge: challenge.id, verification: challenge.verification.clone(), until: challenge.expires }
    }
}

impl OtpStore {
    /// Gives an address (by its fingerprint) to a holder, and tells whose it was before.
    pub async fn hold(&self, address: &str, new: &Holder) -> Result<Option<Holder>, StoreError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(holder(address)))
            .item("challenge", text(new.challenge.to_string()))
            .item("expires_at", number(new.until.as_millisecond()))
            .item("expires", number(new.until.as_second() + VALID_SECONDS + 60))
            .return_values(ReturnValue::AllOld);
        if let Some(sid) = &new.verification {
            put = put.item("verification", text(sid));
        }
        let answer = put.send().await.map_err(unavailable("otp.hold"))?;
        Ok(answer.attributes().and_then(read_holder))
    }

    /// Notes the verification of the challenge that has the address. `false`: another has it by now.
    pub async fn held(&self, address: &str, challenge: &ChallengeId, sid: &str) -> Result<bool, StoreError> {
        let update =
            Update::default().set("verification", text(sid)).only_if_equal("challenge", text(challenge.to_string()));
        let applied = update.apply(&self.client, &self.table, ("key", &holder(address)), "otp.held").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    /// Notes at a challenge which verification its codes are checked by.
    pub async fn verified_by(&self, key: &str, challenge: &ChallengeId, sid: &str) -> Result<(), StoreError> {
        let update =
            Update::default().set("verification", text(sid)).only_if_equal("challenge", text(challenge.to_string()));
        update.apply(&self.client, &self.table, ("key", &row(key)), "otp.verified_by").await?;
        Ok(())
    }

    /// How a request with an idempotency key was answered.
    pub async fn request(&self, id: &str, now: Timestamp) -> Result<Option<Request>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(request_row(id)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("otp.request"))?;
        let found = answer.item().filter(|item| is_fresh(item, now)).and_then(|item| item.get("request"));
        Ok(found.and_then(|found| serde_dynamo::from_attribute_value(found.clone()).ok()))
    }

    /// Takes a request up, unless somebody has: of the same requests at the same time one is worked on.
    pub async fn claim_request(&self, id: &str, request: &Request, now: Timestamp) -> Result<Claimed, StoreError> {
        let put = self
            .put_request(id, request, now.as_second() + REQUEST_CLAIMED_SECONDS)?
            .condition_expression("attribute_not_exists(#k) OR #e <= :now")
            .expression_attribute_names("#k", "key")
            .expression_attribute_names("#e", "expires")
            .expression_attribute_values(":now", number(now.as_second()));
        match put_once(put, "otp.claim_request").await? {
            Applied::Done(_) => Ok(Claimed::Yes),
            Applied::Refused(_) => {
                let before = self.request(id, now).await?;
                before.map(Claimed::Before).ok_or(StoreError::Contended { operation: "otp.claim_request" })
            }
        }
    }

    /// Keeps the answer to a request for a day.
    pub async fn keep_request(&self, id: &str, request: &Request, now: Timestamp) -> Result<(), StoreError> {
        self.put_request(id, request, now.as_second() + REQUEST_KEPT_SECONDS)?
            .send()
            .await
            .map_err(unavailable("otp.keep_request"))?;
        Ok(())
    }

    /// Gives a request back: nothing came of it, and it may be made again.
    pub async fn release_request(&self, id: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("key", text(request_row(id)));
        delete.send().await.map_err(unavailable("otp.release_request"))?;
        Ok(())
    }

    fn put_request(&self, id: &str, request: &Request, expires: i64) -> Result<PutItemFluentBuilder, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(request_row(id)))
            .item("request", serde_dynamo::to_attribute_value(request).map_err(unreadable)?)
            .item("expires", number(expires));
        Ok(put)
    }
}

pub(super) fn holder(address: &str) -> String {
    format!("otp-verify#{address}")
}

fn request_row(id: &str) -> String {
    format!("otp-request#{id}")
}

fn read_holder(item: &Item) -> Option<Holder> {
    Some(Holder {
        challenge: item.get("challenge")?.as_s().ok()?.parse().ok()?,
        verification: item.get("verification").and_then(|sid| sid.as_s().ok()).cloned(),
        until: from_millis(item.get("expires_at")?.as_n().ok()?.parse().ok()?),
    })
}
