//! One conditional update: what to set, what to remove, and under which condition. Every attribute name is aliased, so
//! none can collide with DynamoDB's reserved words. A request that the SDK repeats, because its answer was lost, is recognised by
//! the token it left in the row ([`super::write_token`]).

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use jiff::Timestamp;

use super::write_token::{ATTRIBUTE, WriteToken, named};
use super::{Item, StoreError, number, unavailable};

/// Builds an update expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Update {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    sets: Vec<String>,
    removes: Vec<String>,
    adds: Vec<String>,
    deletes: Vec<String>,
    conditions: Vec<String>,
    /// Whether done twice it would not be as done once.
    counts: bool,
    /// It leaves no token in the row, so that a repeat of it is refused.
    unmarked: bool,
    /// It answers with the whole row instead of what it wrote.
    answers_whole: bool,
}

/// One of several things a condition may ask.
#[derive(Debug)]
pub(super) enum Test {
    OneOf(&'static str, Vec<AttributeValue>),
    Above(&'static str, AttributeValue),
    Absent(&'static str),
}

/// What became of an update.
#[derive(Debug)]
pub(super) enum Applied {
    /// Done; what was written as it is now, or the whole row where that was asked for ([`Update::whole`]) or the repeat of a request
    /// brought it.
    Done(Item),
    /// The condition did not hold; the row as it was, if there is one.
    Refused(Option<Item>),
}

/// How often a write is tried against transactions on its row.
const CONFLICT_TRIES: u32 = 6;

/// The transactions that a write has met on its row. The SDK repeats throttled requests, but not these.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    met: u32,
}

impl Conflicts {
    /// Waits before the next try: 10 ms and more, doubling, each between half and all of it. `false`: there were too many.
    pub(super) async fn wait(&mut self) -> bool {
        self.met += 1;
        if self.met >= CONFLICT_TRIES {
            return false;
        }
        let most = 10_u64 << self.met;
        let pause = most / 2 + most * u64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 512;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        true
    }
}

impl Update {
    /// The alias of a path such as `trail.some-key`; each part is a name of its own.
    fn path(&mut self, parts: &[&str]) -> String {
        let aliases: Vec<String> = parts.iter().map(|part| self.alias(part)).collect();
        aliases.join(".")
    }

    fn alias(&mut self, name: &str) -> String {
        if let Some((alias, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return alias.clone();
        }
        let alias = format!("#n{}", self.names.len());
        self.names.insert(alias.clone(), name.to_owned());
        alias
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }

    pub(super) fn set(self, name: &str, value: AttributeValue) -> Self {
        self.set_in(&[name], value)
    }

    pub(super) fn set_in(mut self, path: &[&str], value: AttributeValue) -> Self {
        let (path, value) = (self.path(path), self.value(value));
        self.sets.push(format!("{path} = {value}"));
        self
    }

    pub(super) fn set_if_absent(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.path(&[name]), self.value(value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    /// Sets an attribute to what another one is before the update.
    pub(super) fn copy(mut self, name: &str, from: &str) -> Self {
        let (name, from) = (self.path(&[name]), self.path(&[from]));
        self.sets.push(format!("{name} = {from}"));
        self
    }

    /// The same where there is nothing yet.
    pub(super) fn copy_if_absent(mut self, name: &str, from: &str) -> Self {
        let (name, from) = (self.path(&[name]), self.path(&[from]));
        self.sets.push(format!("{name} = if_not_exists({name}, {from})"));
        self
    }

    /// The same of an attribute in a map that is there.
    pub(super) fn set_in_if_absent(mut self, path: &[&str], value: AttributeValue) -> Self {
        let (path, value) = (self.path(path), self.value(value));
        self.sets.push(format!("{path} = if_not_exists({path}, {value})"));
        self
    }

    /// Answers with the whole row as it then is. Without it a write answers with the attributes it wrote: a row may be many times as
    /// large, and a callback brings thousands of writes.
    pub(super) fn whole(self) -> Self {
        Self { answers_whole: true, ..self }
    }

    /// Leaves no token in the row: for a row of which nothing else may change.
    pub(super) fn unmarked(self) -> Self {
        Self { unmarked: true, ..self }
    }

    pub(super) fn increment(self, name: &str) -> Self {
        self.add(name, 1)
    }

    pub(super) fn add(mut self, name: &str, by: i64) -> Self {
        self.counts = true;
        let (name, zero, by) = (self.path(&[name]), self.value(number(0)), self.value(number(by)));
        self.sets.push(format!("{name} = if_not_exists({name}, {zero}) + {by}"));
        self
    }

    pub(super) fn remove(self, name: &str) -> Self {
        self.remove_in(&[name])
    }

    /// The same of an attribute in a map that is there.
    pub(super) fn remove_in(mut self, path: &[&str]) -> Self {
        let path = self.path(path);
        self.removes.push(path);
        self
    }

    /// Puts a word into a set; the set begins with it if there is none.
    pub(super) fn put_into_set(mut self, name: &str, word: &str) -> Self {
        let (name, word) = (self.path(&[name]), self.value(AttributeValue::Ss(vec![word.to_owned()])));
        self.adds.push(format!("{name} {word}"));
        self
    }

    /// Takes a word out of a set, only if it is in it.
    pub(super) fn take_out_of_set(mut self, name: &str, word: &str) -> Self {
        let name = self.path(&[name]);
        let (set, one) = (self.value(AttributeValue::Ss(vec![word.to_owned()])), self.value(super::text(word)));
        self.deletes.push(format!("{name} {set}"));
        self.conditions.push(format!("contains({name}, {one})"));
        self
    }

    /// Only if a word is not in a set; it is in none that is not there.
    pub(super) fn only_if_not_in_set(mut self, name: &str, word: &str) -> Self {
        let (name, word) = (self.path(&[name]), self.value(super::text(word)));
        self.conditions.push(format!("NOT contains({name}, {word})"));
        self
    }

    pub(super) fn only_if_equal(self, name: &str, value: AttributeValue) -> Self {
        self.only_if_equal_in(&[name], value)
    }

    /// Only if a time is still the one that was seen, or is still absent.
    pub(super) fn only_if_time(self, name: &str, seen: Option<Timestamp>) -> Self {
        match seen {
            Some(at) => self.only_if_equal(name, number(at.as_millisecond())),
            None => self.only_if_absent(&[name]),
        }
    }

    pub(super) fn only_if_equal_in(mut self, path: &[&str], value: AttributeValue) -> Self {
        let (path, value) = (self.path(path), self.value(value));
        self.conditions.push(format!("{path} = {value}"));
        self
    }

    pub(super) fn only_if_one_of(mut self, name: &str, values: impl IntoIterator<Item = AttributeValue>) -> Self {
        let name = self.path(&[name]);
        let values: Vec<String> = values.into_iter().map(|value| self.value(value)).collect();
        self.conditions.push(format!("{name} IN ({})", values.join(", ")));
        self
    }

    pub(super) fn only_if_absent(mut self, path: &[&str]) -> Self {
        let path = self.path(path);
        self.conditions.push(format!("attribute_not_exists({path})"));
        self
    }

    pub(super) fn only_if_present(mut self, name: &str) -> Self {
        let name = self.path(&[name]);
        self.conditions.push(format!("attribute_exists({name})"));
        self
    }

    pub(super) fn only_if_after(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.path(&[name]), self.value(value));
        self.conditions.push(format!("{name} > {value}"));
        self
    }

    pub(super) fn only_if_from(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.path(&[name]), self.value(value));
        self.conditions.push(format!("{name} >= {value}"));
        self
    }

    pub(super) fn only_if_under(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.path(&[name]), self.value(value));
        self.conditions.push(format!("{name} < {value}"));
        self
    }

    pub(super) fn only_if_absent_or_before(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.path(&[name]), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} < {value})"));
        self
    }

    pub(super) fn only_if_absent_or_begins(mut self, name: &str, prefix: &str) -> Self {
        let (name, prefix) = (self.path(&[name]), self.value(super::text(prefix)));
        self.conditions.push(format!("(attribute_not_exists({name}) OR begins_with({name}, {prefix}))"));
        self
    }

    /// Only if one of these holds.
    pub(super) fn only_if_any(mut self, alternatives: &[&[Test]]) -> Self {
        let mut any = Vec::new();
        for tests in alternatives {
            let all: Vec<String> = tests.iter().map(|test| self.test(test)).collect();
            any.push(format!("({})", all.join(" AND ")));
        }
        self.conditions.push(format!("({})", any.join(" OR ")));
        self
    }

    fn test(&mut self, test: &Test) -> String {
        match test {
            Test::OneOf(name, values) => {
                let name = self.path(&[name]);
                let values: Vec<String> = values.iter().map(|value| self.value(value.clone())).collect();
                format!("{name} IN ({})", values.join(", "))
            }
            Test::Above(name, value) => {
                let (name, value) = (self.path(&[name]), self.value(value.clone()));
                format!("{name} > {value}")
            }
            Test::Absent(name) => format!("attribute_not_exists({})", self.path(&[name])),
        }
    }

    /// Only if there is nothing at this path, or something less.
    pub(super) fn only_if_absent_or_less(mut self, path: &[&str], value: AttributeValue) -> Self {
        let (path, value) = (self.path(path), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({path}) OR {path} < {value})"));
        self
    }

    /// Puts a value at the end of a list, which begins with it if there is none; only if the list has room.
    pub(super) fn append(mut self, name: &str, value: AttributeValue, most: usize) -> Self {
        self.counts = true;
        let (name, most) = (self.path(&[name]), self.value(number(most)));
        let (one, none) = (self.value(AttributeValue::L(vec![value])), self.value(AttributeValue::L(Vec::new())));
        self.sets.push(format!("{name} = list_append(if_not_exists({name}, {none}), {one})"));
        self.conditions.push(format!("(attribute_not_exists({name}) OR size({name}) < {most})"));
        self
    }

    pub(super) fn only_if_size_under(mut self, name: &str, most: usize) -> Self {
        let (name, most) = (self.path(&[name]), self.value(number(most)));
        self.conditions.push(format!("size({name}) < {most}"));
        self
    }

    pub(super) fn only_if_absent_or_size_under(mut self, name: &str, most: usize) -> Self {
        let (name, most) = (self.path(&[name]), self.value(number(most)));
        self.conditions.push(format!("(attribute_not_exists({name}) OR size({name}) < {most})"));
        self
    }

    /// Whether its caller wants the whole row.
    pub(super) fn wants_whole(&self) -> bool {
        self.answers_whole
    }

    /// The same as one write of a transaction.
    pub(super) fn in_transaction(self, table: &str, key: Item) -> Result<TransactWriteItem, BuildError> {
        let expression = self.expression();
        let update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(expression)
            .set_condition_expression((!self.conditions.is_empty()).then(|| self.conditions.join(" AND ")))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values((!self.values.is_empty()).then_some(self.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Applies it to the row with this key in one transaction with other writes, which have no conditions. Done, it does not answer
    /// with the row. (A transaction that the SDK repeats is recognised by its own token.)
    pub(super) async fn apply_together(
        self,
        client: &Client,
        table: &str,
        key: Item,
        others: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<Applied, StoreError> {
        let invalid = |error: BuildError| StoreError::Unavailable { operation, cause: error.to_string() };
        let mut writes = vec![self.in_transaction(table, key).map_err(invalid)?];
        writes.extend(others);
        transact(client, writes, operation).await
    }

    fn expression(&self) -> String {
        let mut parts = Vec::new();
        if !self.sets.is_empty() {
            parts.push(format!("SET {}", self.sets.join(", ")));
        }
        if !self.removes.is_empty() {
            parts.push(format!("REMOVE {}", self.removes.join(", ")));
        }
        if !self.adds.is_empty() {
            parts.push(format!("ADD {}", self.adds.join(", ")));
        }
        if !self.deletes.is_empty() {
            parts.push(format!("DELETE {}", self.deletes.join(", ")));
        }
        parts.join(" ")
    }

    /// Applies it to the row with this key.
    pub(super) async fn apply(
        self,
        client: &Client,
        table: &str,
        key: (&str, &str),
        operation: &'static str,
    ) -> Result<Applied, StoreError> {
        let key = Item::from([(key.0.to_owned(), super::text(key.1))]);
        self.apply_at(client, table, key, operation).await
    }

    /// Marks the row with a token, so that a repetition of the request is recognised.
    fn once(mut self, token: &WriteToken) -> Self {
        if self.unmarked {
            return self;
        }
        if self.counts {
            let (name, own) = (self.path(&[ATTRIBUTE]), self.value(token.value()));
            self.conditions.push(format!("(attribute_not_exists({name}) OR {name} <> {own})"));
        }
        if self.conditions.is_empty() { self } else { self.set(ATTRIBUTE, token.value()) }
    }

    /// The same for a table with a sort key.
    pub(super) async fn apply_at(
        self,
        client: &Client,
        table: &str,
        key: Item,
        operation: &'static str,
    ) -> Result<Applied, StoreError> {
        let token = WriteToken::new(operation)?;
        let update = self.once(&token);
        let condition = (!update.conditions.is_empty()).then(|| update.conditions.join(" AND "));
        let answer = if update.answers_whole { ReturnValue::AllNew } else { ReturnValue::UpdatedNew };
        let request = client
            .update_item()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(update.expression())
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values((!update.values.is_empty()).then_some(update.values))
            .return_values(answer)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut conflicts = Conflicts::default();
        loop {
            let error = match request.clone().customize().mutate_request(named(operation)).send().await {
                Ok(answer) => return Ok(Applied::Done(answer.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    return Ok(token.recognised(refused.item().cloned()));
                }
                Some(UpdateItemError::TransactionConflictException(_)) if conflicts.wait().await => {}
                _ => return Err(unavailable(operation)(error)),
            }
        }
    }
}

/// Writes all of it or nothing. Refused: with the row whose condition did not hold. Conflicts with other transactions are waited for.
pub(super) async fn transact(
    client: &Client,
    writes: Vec<TransactWriteItem>,
    operation: &'static str,
) -> Result<Applied, StoreError> {
    let mut conflicts = Conflicts::default();
    loop {
        let request = client.transact_write_items().set_transact_items(Some(writes.clone()));
        let error = match request.customize().mutate_request(named(operation)).send().await {
            Ok(_) => return Ok(Applied::Done(Item::new())),
            Err(error) => error,
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(unavailable(operation)(error));
        };
        let reasons = cancelled.cancellation_reasons();
        let failed = |code: &'static str| reasons.iter().find(move |reason| reason.code() == Some(code));
        if let Some(reason) = failed("ConditionalCheckFailed") {
            let item = reason.item().filter(|item| !item.is_empty()).cloned();
            return Ok(Applied::Refused(item));
        }
        if failed("TransactionConflict").is_none() || !conflicts.wait().await {
            return Err(unavailable(operation)(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{number, text};

    #[test]
    fn names_are_aliased_once_and_expressions_are_whole() {
        let update = Update::default()
            .set("status", text("sent"))
            .set_in(&["trail", "claim:1"], number(1))
            .increment("looks")
            .remove("due_at")
            .only_if_equal("status", text("sending"))
            .only_if_absent(&["trail", "claim:1"]);
        assert_eq!(update.expression(), "SET #n0 = :v0, #n1.#n2 = :v1, #n3 = if_not_exists(#n3, :v2) + :v3 REMOVE #n4");
        assert_eq!(update.conditions, ["#n0 = :v4", "attribute_not_exists(#n1.#n2)"]);
        assert_eq!(update.names["#n2"], "claim:1");
    }

    #[test]
    fn what_is_taken_out_of_a_set_must_be_in_it() {
        let update = Update::default().put_into_set("ways", "sms").take_out_of_set("codes", "a");
        assert_eq!(update.expression(), "ADD #n0 :v0 DELETE #n1 :v1");
        assert_eq!(update.conditions, ["contains(#n1, :v2)"]);
    }
}
