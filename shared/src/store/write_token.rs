//! How a conditional write recognises itself. The SDK repeats a request whose answer was lost, and finds then that its condition
//! does not hold any more: because of its own first try. So every such write leaves a random token in its row, and a refusal whose
//! row bears that token is a success.
//!
//! What adds to a number is refused by the same token when it comes twice ([`super::update::Update`] sees to both). The row keeps the
//! last token alone: if another write comes between the two tries, the second is refused, or counts again. That takes two lost
//! chances within the SDK's pause (some hundred milliseconds); sums that many workers add to are therefore approximate, and
//! are used as guards alone.

use aws_lc_rs::rand;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::update::{Applied, Conflicts};
use super::{Item, StoreError, text, unavailable};

/// The attribute it stands in.
pub(super) const ATTRIBUTE: &str = "write_token";

/// The header in which a conditional write says its name, by which a proxy can lose the answer of each.
const NAME_HEADER: &str = "x-switchboard-write";

/// Names the request of a conditional write.
pub(super) fn named(operation: &'static str) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| {
        request.headers_mut().insert(NAME_HEADER, operation);
    }
}

/// A write's token.
#[derive(Debug)]
pub(super) struct WriteToken(String);

impl WriteToken {
    /// Makes a new one.
    pub(super) fn new(operation: &'static str) -> Result<Self, StoreError> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes).map_err(|_| StoreError::Contended { operation })?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn value(&self) -> AttributeValue {
        text(&self.0)
    }

    /// Turns a refusal into a success where the row bears this token.
    pub(super) fn recognised(&self, refused: Option<Item>) -> Applied {
        match refused {
            Some(item) if item.get(ATTRIBUTE).and_then(|token| token.as_s().ok()) == Some(&self.0) => {
                Applied::Done(item)
            }
            refused => Applied::Refused(refused),
        }
    }
}

/// Puts a row on its condition. A transaction that has the row at this moment is waited for.
pub(super) async fn put_once(put: PutItemFluentBuilder, operation: &'static str) -> Result<Applied, StoreError> {
    let token = WriteToken::new(operation)?;
    let put = put
        .item(ATTRIBUTE, token.value())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let row = put.get_item().clone().unwrap_or_default();
    let mut conflicts = Conflicts::default();
    loop {
        let error = match put.clone().customize().mutate_request(named(operation)).send().await {
            Ok(_) => return Ok(Applied::Done(row)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                return Ok(token.recognised(refused.item().cloned()));
            }
            Some(PutItemError::TransactionConflictException(_)) if conflicts.wait().await => {}
            _ => return Err(unavailable(operation)(error)),
        }
    }
}

#[cfg(test)]
mod tests;
