//! What a deployment takes, by computation: 5,000 messages a second, each accepted, delivered and told to five webhooks twice. Every row
//! that everybody writes is here with the constants of the code and the template's parameters. This needs no stack.
//!
//! The table in ARCHITECTURE is this one: `WRITE_DOCS=1 cargo test -p tests --test e2e -- throughput` writes it.

use std::fmt::Write;
use std::fs;

use switchboard::event::delivery::SPREAD;
use switchboard::http::WRITES_PER_PROCESS;
use switchboard::provider::pacing::ROW_RATE;
use switchboard::store::controls::LARGEST_BLOCK;
use switchboard::store::people::SUPPRESSION_SHARDS;
use switchboard::store::{budgets, ephemera, events, messages};

use crate::world::stack::root;

/// The target.
const MESSAGES: f64 = 5_000.0;
const WEBHOOKS: f64 = 5.0;
/// `sent` and `delivered`.
const EVENTS: f64 = 2.0;
/// `queued`, `sent` and `delivered`, of a text.
const CALLBACKS: f64 = 3.0;

/// A partition key takes so many write units a second (DynamoDB, "Partitions and data distribution"), and this much of it is used.
const PARTITION_LIMIT: f64 = 1_000.0;
const SHARE: f64 = 0.7;

/// Measured on the local stack or assumed, in seconds: a request to `send`, a callback, a batch of `deliver` with its provider's answer.
const SEND_SECONDS: f64 = 0.030;
const CALLBACK_SECONDS: f64 = 0.015;
const DELIVER_SECONDS: f64 = 0.4;
/// A try at a webhook: four calls of the table, and an endpoint that answers in 60 ms.
const TRY_SECONDS: f64 = 0.1;
/// What the stream's batch of a hundred changes takes for five webhooks, put sixteen at a time.
const SPREAD_SECONDS: f64 = 1.0;
/// Write units of a delivered SMS, indexes included (README, `make bench`).
const MESSAGE_UNITS: f64 = 10.0;

/// Writes of an index for a delivery: put and removed. What is due does not move with a first try.
const DELIVERY_INDEX_WRITES: f64 = 2.0;
/// Put, claimed, arrived; each a row of less than a kilobyte.
const DELIVERY_WRITES: f64 = 3.0;
/// `by_due` of messages: put and removed; two more where one is held or retried once.
const MESSAGE_INDEX_WRITES: f64 = 4.0;

/// A row of the table.
struct Load {
    what: &'static str,
    by: &'static str,
    key: String,
    /// Write units a message, of all keys of this kind together.
    per_message: f64,
    /// Over how many keys.
    keys: f64,
    setting: &'static str,
}

impl Load {
    fn per_key(&self) -> f64 {
        self.per_message * MESSAGES / self.keys
    }

    fn share(&self) -> f64 {
        self.per_key() / PARTITION_LIMIT
    }
}

/// The default of a parameter of the template.
fn parameter(name: &str) -> f64 {
    let text = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let (_, after) = text.split_once(&format!("\n  {name}:")).unwrap_or_else(|| panic!("no parameter {name}"));
    let (_, value) = after.split_once("Default: ").expect("a default");
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn loads() -> Vec<Load> {
    let deliveries = WEBHOOKS * EVENTS;
    let processes = MESSAGES * SEND_SECONDS;
    let load =
        |what, by, key: String, per_message, keys: f64, setting| Load { what, by, key, per_message, keys, setting };
    vec![
        load(
            "what is due of messages (`by_due`), each held once",
            "send, deliver, webhooks",
            "shard".to_owned(),
            MESSAGE_INDEX_WRITES,
            messages::SHARDS.into(),
            "`store::messages::SHARDS`",
        ),
        load(
            "a budget's sum (`spend#SCOPE#DAY`, the month's the same)",
            "deliver",
            "scope, period, shard".to_owned(),
            1.0,
            budgets::SHARDS.into(),
            "`budgets::SHARDS`",
        ),
        load(
            "a caller's rate window (`rate#CLASS#CALLER`)",
            "send, in steps",
            format!("class, caller; {processes:.0} processes"),
            f64::from(WRITES_PER_PROCESS) * processes / MESSAGES,
            1.0,
            "none",
        ),
        load(
            "a caller's daily cap (`accepted#CALLER#DAY`)",
            "send, in blocks",
            "caller, day".to_owned(),
            1.0 / f64::from(u32::try_from(LARGEST_BLOCK).expect("a small number")),
            1.0,
            "none",
        ),
        load(
            "a provider's load (`load#PROVIDER#MINUTE`), all by one, a batch a message",
            "deliver, once a batch",
            "provider, minute, shard".to_owned(),
            1.0,
            ephemera::LOAD_SHARDS.into(),
            "`ephemera::LOAD_SHARDS`",
        ),
        load(
            "a sender's line (`pace#LINE`), 2 writes a place where it is not full",
            "deliver",
            format!("line, one row for each {ROW_RATE} a second"),
            2.0,
            MESSAGES / f64::from(u32::try_from(ROW_RATE).expect("a small number")),
            "none: rows follow from `Pace…`",
        ),
        load(
            "a bulk job: its chunk and its counts, in one transaction a step",
            "bulk",
            format!("job; a step is {} rows", bulk::ROWS),
            2.0 * 2.0 / f64::from(u32::try_from(bulk::ROWS).expect("a small number")),
            1.0,
            "`step::ROWS`",
        ),
        load(
            "suppressions (`by_suppression`), should each message bounce",
            "deliver",
            "reason, shard".to_owned(),
            1.0,
            SUPPRESSION_SHARDS.into(),
            "`suppressions::SHARDS`",
        ),
        load(
            "deliveries of one webhook",
            "events",
            "webhook, partition".to_owned(),
            EVENTS * DELIVERY_WRITES,
            SPREAD.into(),
            "`delivery::SPREAD`",
        ),
        load(
            "what is due of deliveries (`by_due`), all webhooks together",
            "events",
            "shard".to_owned(),
            deliveries * DELIVERY_INDEX_WRITES,
            events::SHARDS.into(),
            "`store::events::SHARDS`",
        ),
        load(
            "that a held webhook may be tried, when its minute is over (`webhooks`)",
            "events, once a worker",
            "all webhooks; each worker once in that second".to_owned(),
            parameter("EventsConcurrency") / MESSAGES,
            1.0,
            "`EventsConcurrency`",
        ),
        load(
            "that a sender is throttled (`throttled#…`), while it answers 429",
            "deliver, once a second and process",
            "sender".to_owned(),
            parameter("StandardConcurrency") / MESSAGES,
            1.0,
            "`StandardConcurrency`",
        ),
        load(
            "that SendGrid's events come (`alive#…`)",
            "webhooks, every 30 s and process",
            "one".to_owned(),
            CALLBACKS * CALLBACK_SECONDS / 30.0,
            1.0,
            "none",
        ),
    ]
}

/// Capacity that is no table's: what, how much is needed, how much there is by default, what to change.
fn capacities() -> Vec<(&'static str, f64, f64, String)> {
    let deliveries = MESSAGES * WEBHOOKS * EVENTS;
    let (standard, told) = (parameter("StandardConcurrency"), parameter("EventsConcurrency"));
    let functions = MESSAGES * (SEND_SECONDS + CALLBACKS * CALLBACK_SECONDS) + standard + told;
    let shards = MESSAGES * MESSAGE_UNITS / PARTITION_LIMIT;
    vec![
        (
            "API Gateway, requests a second to accept, one message each",
            MESSAGES,
            parameter("ApiRate"),
            "`ApiRate` 5000, or batches of up to 100".to_owned(),
        ),
        (
            "API Gateway, callbacks a second, three a text",
            MESSAGES * CALLBACKS,
            parameter("CallbackRate"),
            "`CallbackRate` 15000".to_owned(),
        ),
        (
            "API Gateway, both, of the account",
            MESSAGES * (1.0 + CALLBACKS),
            10_000.0,
            "quota \"Throttle rate\" 25,000".to_owned(),
        ),
        (
            "`deliver`: workers of the standard lane, ten messages in 0.4 s",
            MESSAGES / 10.0 * DELIVER_SECONDS,
            standard,
            "`StandardConcurrency`".to_owned(),
        ),
        (
            "`events`: workers, ten tries in 0.1 s (an endpoint that answers in 60 ms)",
            deliveries / 10.0 * TRY_SECONDS,
            told,
            "`EventsConcurrency`; twice as slow an endpoint needs twice as many".to_owned(),
        ),
        (
            "Lambda, concurrent executions of the account",
            functions,
            1_000.0,
            "quota \"Concurrent executions\" 2,000".to_owned(),
        ),
        (
            "SQS, records in flight, standard lane",
            standard * 10.0,
            120_000.0,
            "none; what waits is not in flight, and each caller, job and webhook is a group of its own (fair queue)"
                .to_owned(),
        ),
        ("SQS, records in flight, events", told * 10.0, 120_000.0, "none".to_owned()),
        (
            "stream of Messages: batches of 100 changes at a time, one second each",
            MESSAGES * EVENTS / 100.0 * SPREAD_SECONDS,
            shards * 10.0,
            format!(
                "none: at this rate the table has at least {shards:.0} shards, each with `ParallelizationFactor` 10"
            ),
        ),
        (
            "DynamoDB, write units a second, Messages",
            MESSAGES * MESSAGE_UNITS,
            40_000.0,
            "quota \"Table-level write throughput\" 100,000; warm throughput before the first day".to_owned(),
        ),
        (
            "DynamoDB, write units a second, Deliveries and its index",
            deliveries * (DELIVERY_WRITES + DELIVERY_INDEX_WRITES),
            40_000.0,
            "the same, 300,000".to_owned(),
        ),
    ]
}

fn table() -> String {
    let mut table = String::from(
        "| written | by | key | writes a message | keys | writes/s a key | of its limit | setting |\n|---|---|---|---|---|---|---|---|\n",
    );
    for load in loads() {
        let Load { what, by, key, per_message, keys, setting } = &load;
        let (per_key, share) = (load.per_key(), load.share() * 100.0);
        writeln!(
            table,
            "| {what} | {by} | {key} | {per_message:.3} | {keys:.0} | {per_key:.0} | {share:.0} % | {setting} |"
        )
        .expect("a text");
    }
    table.push_str("\n| capacity | needed | default | to change |\n|---|---|---|---|\n");
    for (what, needed, there, change) in capacities() {
        let change = if needed <= there { format!("enough ({change})") } else { change };
        writeln!(table, "| {what} | {needed:.0} | {there:.0} | {change} |").expect("a text");
    }
    table
}

#[test]
fn no_partition_key_takes_more_than_its_share() {
    for load in loads() {
        assert!(
            load.share() <= SHARE,
            "{}: {:.0} writes a second and key, {:.0} keys; see {}",
            load.what,
            load.per_key(),
            load.keys,
            load.setting
        );
        assert!(load.per_key() > 0.0, "{}", load.what);
    }
}

#[test]
fn workers_by_default_meet_the_target() {
    for name in ["`deliver`", "`events`", "SQS", "stream"] {
        let of_name: Vec<_> = capacities().into_iter().filter(|(what, ..)| what.starts_with(name)).collect();
        assert!(!of_name.is_empty(), "{name}");
        for (what, needed, there, change) in of_name {
            assert!(needed <= there, "{what}: {needed} needed, {there} there: {change}");
        }
    }
}

#[test]
fn table_of_the_architecture_is_the_computed_one() {
    let path = root().join("infra/docs/ARCHITECTURE.md");
    let text = fs::read_to_string(&path).expect("ARCHITECTURE.md");
    let (begin, end) = ("<!-- throughput: computed by tests/e2e/throughput.rs -->\n\n", "\n<!-- end of throughput -->");
    let (before, rest) = text.split_once(begin).expect("where the table begins");
    let (there, after) = rest.split_once(end).expect("where the table ends");
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{}{end}{after}", table())).expect("written");
        return;
    }
    assert_eq!(there, table(), "WRITE_DOCS=1 cargo test -p tests --test e2e -- throughput");
}
