//! What is due, in whichever table: a sparse index (only rows that wait for something are in it) keyed by shard, then time.
//! Asking is one query a shard, costs what it finds, and needs no memory of the last run.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::{Item, StoreError, number, text, unavailable};
use crate::clock::from_millis;

/// Up to `most` rows of a shard that are due by `until`, the longest overdue first. `operation`: its name in errors.
pub(super) async fn due(
    client: &Client,
    table: &str,
    shard: &str,
    until: Timestamp,
    most: i32,
    operation: &'static str,
) -> Result<Vec<Item>, StoreError> {
    let query = client
        .query()
        .table_name(table)
        .index_name("by_due")
        .key_condition_expression("due_shard = :s AND due_at <= :t")
        .expression_attribute_values(":s", text(shard))
        .expression_attribute_values(":t", number(until.as_millisecond()))
        .limit(most);
    let answer = query.send().await.map_err(unavailable(operation))?;
    Ok(answer.items.unwrap_or_default())
}

/// When a row is due, how often it was looked at, and before when it is not to be acted on.
pub(super) struct When {
    pub(super) at: Timestamp,
    pub(super) looks: u32,
    pub(super) not_before: Option<Timestamp>,
}

impl When {
    pub(super) fn of(item: &Item) -> Option<Self> {
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
        Some(Self {
            at: from_millis(number("due_at")?.parse().ok()?),
            looks: number("looks").and_then(|looks| looks.parse().ok()).unwrap_or(0),
            not_before: number("not_before").and_then(|at| at.parse().ok()).map(from_millis),
        })
    }
}
