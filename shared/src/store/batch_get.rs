//! Reads rows by their keys, a hundred with one request. DynamoDB leaves keys out that did not fit into its answer or that it
//! throttled: those are asked for again, after a pause when an answer brought nothing.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{Item, StoreError, unavailable};

/// The most keys of one request.
const MAX_KEYS: usize = 100;
/// How many answers in a row may bring nothing before the read is given up: a second and a half.
const MAX_EMPTY_ANSWERS: u32 = 6;

/// Returns the rows that are there, in no order. `keys` names each at most once.
pub(super) async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
    operation: &'static str,
) -> Result<Vec<Item>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for part in keys.chunks(MAX_KEYS) {
        let mut wanted = part.to_vec();
        let mut empty = 0;
        while !wanted.is_empty() {
            let asked = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(consistent).build();
            let asked = asked.map_err(|error| StoreError::Unavailable { operation, cause: error.to_string() })?;
            let answer = client.batch_get_item().request_items(table, asked).send().await;
            let mut answer = answer.map_err(unavailable(operation))?;
            let rows = answer.responses.as_mut().and_then(|all| all.remove(table)).unwrap_or_default();
            let left = answer.unprocessed_keys.as_mut().and_then(|all| all.remove(table));
            wanted = left.map(|left| left.keys).unwrap_or_default();
            empty = if rows.is_empty() { empty + 1 } else { 0 };
            found.extend(rows);
            if !wanted.is_empty() && empty > 0 {
                if empty >= MAX_EMPTY_ANSWERS {
                    return Err(StoreError::Contended { operation });
                }
                tokio::time::sleep(Duration::from_millis(25 << empty)).await;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;
    use crate::provider::stub::{Script, Stub, reply};
    use crate::store::text;
    use crate::testing::aws_at;

    fn row(name: &str) -> Value {
        json!({"key": {"S": name}})
    }

    fn answer(rows: &[&str], left: &[&str]) -> Script {
        let rows: Vec<Value> = rows.iter().copied().map(row).collect();
        let left: Vec<Value> = left.iter().copied().map(row).collect();
        let left = if left.is_empty() { json!({}) } else { json!({"table": {"Keys": left}}) };
        reply(200, json!({"Responses": {"table": rows}, "UnprocessedKeys": left}))
    }

    async fn read(table: &Stub, names: &[&str]) -> Result<Vec<Item>, StoreError> {
        let client = Client::new(&aws_at(&table.base_url));
        let keys = names.iter().map(|name| Item::from([("key".to_owned(), text(*name))])).collect();
        batch_get(&client, "table", keys, false, "test").await
    }

    #[tokio::test]
    async fn batch_get_with_unprocessed_keys_pauses_and_asks_again() {
        let table = Stub::new([answer(&["a"], &["b", "c"]), answer(&[], &["b", "c"]), answer(&["b"], &[])]).await;
        let began = Instant::now();
        assert_eq!(read(&table, &["a", "b", "c"]).await.unwrap().len(), 2, "c is not there");
        assert!(began.elapsed() >= Duration::from_millis(50), "an answer that brings nothing is followed by a pause");
        let asked: Vec<usize> = table
            .requests()
            .iter()
            .map(|seen| seen.json()["RequestItems"]["table"]["Keys"].as_array().unwrap().len())
            .collect();
        assert_eq!(asked, [3, 2, 2]);
    }

    #[tokio::test]
    async fn batch_get_under_lasting_throttling_gives_up() {
        let table = Stub::new((0..20).map(|_| answer(&[], &["a"]))).await;
        assert!(matches!(read(&table, &["a"]).await, Err(StoreError::Contended { .. })));
        assert_eq!(table.requests().len(), 6);
    }
}
