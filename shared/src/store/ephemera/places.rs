//! Places that are taken by an id: who has one has it, however often they ask.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::Ephemera;
use crate::clock::plus_seconds;
use crate::store::update::Applied;
use crate::store::write_token::{named, put_once};
use crate::store::{StoreError, number, text, unavailable};

const TRIES: u32 = 3;

impl Ephemera {
    /// Takes one of `most` places of `key` for `id`, until `ends`. Who has one has it, however often they ask. `false`: all
    /// are taken.
    pub async fn take_place(&self, key: &str, id: &str, most: u32, ends: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", text(key))
            .update_expression("ADD ids :ids SET expires = :e")
            .condition_expression("attribute_not_exists(ids) OR contains(ids, :id) OR size(ids) < :most")
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.to_owned()]))
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":e", number(ends.as_second() + 86_400));
        match update.customize().mutate_request(named("ephemera.take_place")).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("ephemera.take_place")(error)),
        }
    }

    /// Gives a place back, if `id` has one.
    pub async fn give_back(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", text(key))
            .update_expression("DELETE ids :ids")
            .condition_expression("contains(ids, :id)")
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.to_owned()]))
            .expression_attribute_values(":id", text(id));
        match update.customize().mutate_request(named("ephemera.give_back")).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(unavailable("ephemera.give_back")(error)),
        }
    }

    /// Takes one of `most` places of `key` for `id`. All are free again so many seconds after the first was taken. `false`: all are
    /// taken, and none by `id`.
    pub async fn take_place_in_window(
        &self,
        key: &str,
        id: &str,
        most: u32,
        seconds: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "ephemera.take_place_in_window";
        let (ids, now_ms) = (AttributeValue::Ss(vec![id.to_owned()]), number(now.as_millisecond()));
        for _ in 0..TRIES {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("key", text(key))
                .update_expression("ADD ids :ids")
                .condition_expression("resets > :now AND (contains(ids, :id) OR size(ids) < :most)")
                .expression_attribute_values(":ids", ids.clone())
                .expression_attribute_values(":id", text(id))
                .expression_attribute_values(":most", number(most))
                .expression_attribute_values(":now", now_ms.clone())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match update.customize().mutate_request(named(OPERATION)).send().await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
                return Err(unavailable(OPERATION)(error));
            };
            let resets = refused.item().and_then(|row| row.get("resets")?.as_n().ok()?.parse::<i64>().ok());
            if most == 0 || resets.is_some_and(|resets| resets > now.as_millisecond()) {
                return Ok(false);
            }
            let ends = plus_seconds(now, seconds);
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .item("key", text(key))
                .item("ids", ids.clone())
                .item("resets", number(ends.as_millisecond()))
                .item("expires", number(ends.as_second() + 60))
                .condition_expression("attribute_not_exists(#k) OR attribute_not_exists(resets) OR resets <= :now")
                .expression_attribute_names("#k", "key")
                .expression_attribute_values(":now", now_ms.clone());
            if let Applied::Done(_) = put_once(put, OPERATION).await? {
                return Ok(true);
            }
            // Another began the window between the two calls.
        }
        Err(StoreError::Contended { operation: OPERATION })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::{Clock, from_millis};
    use crate::provider::stub::{Script, Stub, refused, reply};
    use crate::testing::road_on;

    async fn taken(answers: impl IntoIterator<Item = Script>, most: u32) -> (bool, Vec<Value>) {
        let table = Stub::new(answers).await;
        let ephemera = road_on(&table.base_url, Clock::fixed(Timestamp::UNIX_EPOCH)).unwrap().ephemera;
        let taken = ephemera.take_place_in_window("key", "m1", most, 60, from_millis(1_000)).await.unwrap();
        (taken, table.requests().iter().map(crate::provider::stub::Seen::json).collect())
    }

    #[tokio::test]
    async fn place_in_a_window_is_taken_by_its_id_and_refused_when_all_are() {
        let (got, asked) = taken([reply(200, json!({}))], 2).await;
        assert!(got && asked.len() == 1);
        let running = json!({"resets": {"N": "2000"}, "ids": {"SS": ["a", "b"]}});
        assert!(!taken([refused(&running)], 2).await.0);
        let (got, asked) = taken([refused(&json!({"resets": {"N": "900"}})), reply(200, json!({}))], 2).await;
        assert!(got && asked[1]["Item"]["resets"]["N"] == "61000" && asked[1]["Item"]["ids"]["SS"] == json!(["m1"]));
        // Somebody else begins the window first.
        let (got, asked) = taken([refused(&json!({})), refused(&running), reply(200, json!({}))], 2).await;
        assert!(got && asked.len() == 3);
        assert!(!taken([refused(&json!({}))], 0).await.0, "none is none");
    }
}
