//! What a function's role cannot do. Each function of the template is tried with its own role; who may do what stands here, and
//! a function that is not named may do nothing of it.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use switchboard::ledger::{Event, Witness};
use switchboard::person::PersonId;

use crate::world::{World, fresh};

/// Which functions may read a secret, by the variable that names it.
const SECRETS: [(&str, &[&str]); 12] = [
    ("AUTH_SECRET", &["consent", "otp", "send", "settings"]),
    ("SEAL_SECRET", &["bulk", "consent", "deliver", "events", "otp", "privacy", "send", "settings", "webhooks"]),
    ("LOOKUP_SECRET", &["bulk", "consent", "deliver", "events", "otp", "privacy", "send", "settings", "webhooks"]),
    ("CODES_SECRET", &["consent", "deliver", "otp"]),
    ("LEDGER_SECRET", &["consent", "deliver", "events", "otp", "privacy", "settings"]),
    ("LINKS_SECRET", &["bulk", "consent", "deliver", "privacy", "send"]),
    ("DELIVERY_SECRET", &["deliver"]),
    ("TWOFACTOR_SECRET", &["otp"]),
    ("WEBHOOK_KEYS_SECRET", &["webhooks"]),
    ("TWILIO_SECRET", &["consent", "deliver", "otp", "privacy"]),
    ("SENDGRID_SECRET", &["deliver"]),
    ("RESEND_SECRET", &["deliver"]),
];

/// Which functions may append to the ledger of a kind of subject.
const WRITERS: [(&str, &[&str]); 4] = [
    ("person#1", &["consent", "deliver", "privacy"]),
    ("address#1", &["consent", "deliver", "privacy"]),
    ("two_factor#1", &["otp", "privacy"]),
    ("webhook#1", &["events", "settings"]),
];

/// Which functions may read a row, by table and partition.
const READERS: [(&str, &str, &[&str]); 11] = [
    ("messages", "probe", &["bulk", "consent", "deliver", "events", "otp", "privacy", "reminders", "send", "webhooks"]),
    ("people", "person#1", &["bulk", "consent", "deliver", "otp", "privacy", "send"]),
    ("people", "two_factor#1", &["consent", "otp", "privacy"]),
    ("people", "webhook#1", &["events", "privacy", "settings"]),
    ("ephemera", "otp#1", &["consent", "otp", "privacy"]),
    ("ephemera", "two-factor-pending#1", &["consent", "otp", "privacy"]),
    ("catalog", "webhooks", &["events", "privacy", "settings"]),
    ("catalog", "template#x", &["bulk", "consent", "deliver", "otp", "privacy", "send"]),
    ("catalog", "job#1", &["bulk", "deliver", "privacy", "send"]),
    ("catalog", "erasure#1", &["consent", "privacy"]),
    ("deliveries", "1#0", &["events", "settings"]),
];

/// Every function with what it may do in its role.
async fn functions(world: &World) -> BTreeMap<String, SdkConfig> {
    let root = world.aws();
    // Loaded, as this one has what assuming a role needs: a clock.
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).endpoint_url(&world.stack.aws_endpoint);
    let loader = loader.region(root.region().cloned()).credentials_provider(root.credentials_provider().expect("root"));
    let loaded = loader.load().await;
    let mut roles = BTreeMap::new();
    for (function, name) in &world.stack.functions {
        let role = AssumeRoleProvider::builder(world.role_of(name).await).session_name("e2e").configure(&loaded);
        let credentials = SharedCredentialsProvider::new(role.build().await);
        roles.insert(function.clone(), root.clone().into_builder().credentials_provider(credentials).build());
    }
    roles
}

fn is_denied<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    answer: &Result<T, SdkError<E, R>>,
) -> bool {
    match answer {
        Ok(_) => false,
        Err(error) => {
            let code = error.code().unwrap_or_else(|| panic!("no answer: {error:?}"));
            code.starts_with("AccessDenied")
        }
    }
}

fn names(allowed: &[&str]) -> BTreeSet<String> {
    allowed.iter().map(|name| (*name).to_owned()).collect()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// The functions that may read the secret this variable names.
async fn readers_of_secret(world: &World, variable: &str) -> BTreeSet<String> {
    let secret = world.setting(variable).await;
    let mut readers = BTreeSet::new();
    for (function, role) in functions(world).await {
        let read = aws_sdk_secretsmanager::Client::new(&role).get_secret_value().secret_id(&secret).send().await;
        if !is_denied(&read) {
            readers.insert(function);
        }
    }
    readers
}

/// Codes follow from their key: who cannot read it cannot compute one, whatever else they read.
#[tokio::test]
async fn role_without_codes_cannot_mint_a_code() {
    let world = World::new();
    let readers = readers_of_secret(&world, "CODES_SECRET").await;
    assert_eq!(readers, names(&["consent", "deliver", "otp"]));
}

#[tokio::test]
async fn role_cannot_read_a_provider_api_key_or_any_secret_of_others() {
    let world = World::new();
    let mut known = BTreeSet::new();
    for (variable, allowed) in SECRETS {
        assert_eq!(readers_of_secret(&world, variable).await, names(allowed), "{variable}");
        known.insert(variable.to_owned());
    }
    // Every secret that any function is told of stands in the table above.
    for name in world.stack.functions.values() {
        let environment = world.environment(name).await;
        let told = environment.into_keys().filter(|variable| variable.ends_with("_SECRET"));
        let missing: Vec<_> = told.filter(|variable| !known.contains(variable)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}

#[tokio::test]
async fn role_cannot_overwrite_a_ledger_entry() {
    let world = World::new();
    let person = PersonId::text(&fresh::word()).expect("an id");
    let witness = Witness::new("e2e", "test", Timestamp::now());
    world.people().await.note(&person, &witness, Event::new("consent_granted")).await.expect("an entry");
    let (table, subject) = (&world.stack.tables["ledger"], format!("person#{person}"));
    let key = [("subject", text(&subject)), ("sequence", AttributeValue::N("1".to_owned()))];
    for (function, role) in functions(&world).await {
        let client = aws_sdk_dynamodb::Client::new(&role);
        let mut put = client.put_item().table_name(table).item("event", text("forged"));
        let mut update = client.update_item().table_name(table).update_expression("SET facts = :f");
        update = update.expression_attribute_values(":f", text("{}"));
        let mut delete = client.delete_item().table_name(table);
        for (name, value) in key.clone() {
            put = put.item(name, value.clone());
            update = update.key(name, value.clone());
            delete = delete.key(name, value);
        }
        assert!(is_denied(&put.send().await), "{function} overwrites an entry");
        assert!(is_denied(&update.send().await), "{function} changes an entry");
        assert!(is_denied(&delete.send().await), "{function} deletes an entry");
    }
    let entries = world.rows("ledger").await;
    let ours: Vec<_> = entries.iter().filter(|entry| entry["subject"] == text(&subject)).collect();
    assert_eq!((ours.len(), &ours[0]["event"]), (1, &text("consent_granted")));
}

/// Appending is tried with a condition that cannot hold, so nothing is appended: a role that may is told so.
#[tokio::test]
async fn role_cannot_append_to_a_ledger_that_is_not_its_own() {
    let world = World::new();
    let table = &world.stack.tables["ledger"];
    for (subject, allowed) in WRITERS {
        let mut writers = BTreeSet::new();
        for (function, role) in functions(&world).await {
            let put = Put::builder().table_name(table).item("subject", text(subject));
            let put =
                put.item("sequence", AttributeValue::N("1".to_owned())).condition_expression("attribute_exists(never)");
            let item = TransactWriteItem::builder().put(put.build().expect("an item")).build();
            let answer = aws_sdk_dynamodb::Client::new(&role).transact_write_items().transact_items(item).send().await;
            if !is_denied(&answer) {
                writers.insert(function);
            }
        }
        assert_eq!(writers, names(allowed), "{subject}");
    }
}

#[tokio::test]
async fn role_cannot_read_keys_of_another_table() {
    let world = World::new();
    for (table, partition, allowed) in READERS {
        let mut readers = BTreeSet::new();
        for (function, role) in functions(&world).await {
            let get = aws_sdk_dynamodb::Client::new(&role).get_item().table_name(&world.stack.tables[table]);
            let get = match table {
                "messages" => get.key("id", text(partition)),
                "ephemera" => get.key("key", text(partition)),
                "deliveries" => get.key("pk", text(partition)).key("id", text("x")),
                _ => get.key("pk", text(partition)).key("sk", text("x")),
            };
            if !is_denied(&get.send().await) {
                readers.insert(function);
            }
        }
        assert_eq!(readers, names(allowed), "{table} {partition}");
    }
}

/// A profile says who may be contacted: who only tells of events, or sets where to, cannot write one.
#[tokio::test]
async fn role_of_settings_cannot_write_a_profile() {
    let world = World::new();
    let table = &world.stack.tables["people"];
    let mut writers = BTreeSet::new();
    for (function, role) in functions(&world).await {
        let put = aws_sdk_dynamodb::Client::new(&role).put_item().table_name(table);
        let put = put.item("pk", text("person#1")).item("sk", text("profile"));
        if !is_denied(&put.condition_expression("attribute_exists(never)").send().await) {
            writers.insert(function);
        }
    }
    assert_eq!(writers, names(&["consent", "deliver", "privacy"]));
}

/// Anchors prove something against the ledger's writers because these cannot write them.
#[tokio::test]
async fn role_that_writes_the_ledger_cannot_write_an_anchor() {
    let world = World::new();
    let mut writers = BTreeSet::new();
    for (function, role) in functions(&world).await {
        let put = aws_sdk_s3::Client::new(&role).put_object().bucket(&world.stack.buckets["anchors"]);
        // An object that cannot be there is to be replaced: whoever may is told so.
        let put = put.key("entries/2000-01-01/00/probe").if_match("\"never\"");
        if !is_denied(&put.send().await) {
            writers.insert(function);
        }
    }
    assert_eq!(writers, names(&["anchor"]));
}
