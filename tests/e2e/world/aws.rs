//! AWS behind the API: rows, queues, secrets, and the functions that run by themselves.

use std::collections::HashMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::QueueAttributeName;

use switchboard::message::{Address, Channel};
use switchboard::seal::Seal;
use switchboard::seal::purpose::{CodeKeys, HeldKeys, LedgerKeys, LinkKeys};
use switchboard::store::{Messages, People};

use super::World;

impl World {
    pub(crate) fn aws(&self) -> SdkConfig {
        // The emulator's root account: the same everywhere, and it opens nothing outside this machine.
        let keys = Credentials::new("test", "test", None, None, "the emulator");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&self.stack.aws_endpoint)
            .region(Region::new(self.stack.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build()
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.aws())
    }

    pub(crate) fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.aws())
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws())
    }

    fn lambda(&self) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.aws())
    }

    /// A setting of the template, from the environment of the first function that has it.
    pub(crate) async fn setting(&self, name: &str) -> String {
        for function in self.stack.functions.values() {
            if let Some(value) = self.environment(function).await.remove(name) {
                return value;
            }
        }
        panic!("no function has {name}")
    }

    /// The ARN of the role that a function has.
    pub(crate) async fn role_of(&self, function: &str) -> String {
        let answer = self.lambda().get_function_configuration().function_name(function).send().await;
        answer.expect("a function").role.expect("a role")
    }

    /// A function's environment.
    pub(crate) async fn environment(&self, function: &str) -> HashMap<String, String> {
        let answer =
            self.lambda().get_function_configuration().function_name(function).send().await.expect("a function");
        answer.environment.and_then(|environment| environment.variables).unwrap_or_default()
    }

    /// Runs the sweep now instead of at the next full minute.
    pub(crate) async fn sweep(&self) {
        self.invoke("reminders", "{}").await;
    }

    /// Calls a function with an event, as its trigger does; what it answers.
    pub(crate) async fn invoke(&self, function: &str, event: &str) -> serde_json::Value {
        let name = &self.stack.functions[function];
        let answer =
            self.lambda().invoke().function_name(name).payload(Blob::new(event)).send().await.expect("it runs");
        let payload = answer.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned());
        assert!(answer.function_error().is_none(), "{function} failed: {payload:?}");
        payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// A secret, by the setting that names it.
    pub(crate) async fn secret(&self, setting: &str) -> serde_json::Value {
        let secret = self.setting(setting).await;
        let value = self.secrets().get_secret_value().secret_id(secret).send().await.expect("the secret");
        serde_json::from_str(value.secret_string().expect("a text")).expect("JSON")
    }

    /// What the functions seal with.
    pub(crate) async fn seal(&self) -> Arc<Seal> {
        let content = serde_json::from_value(self.secret("SEAL_SECRET").await).expect("keys");
        let lookup = serde_json::from_value(self.secret("LOOKUP_SECRET").await).expect("keys");
        Arc::new(Seal::new(&content, &lookup).expect("a seal"))
    }

    /// The keys of every other purpose.
    pub(crate) async fn keys(&self) -> HeldKeys {
        let secret = async |name: &str| serde_json::from_value(self.secret(name).await).expect("keys");
        HeldKeys {
            codes: Some(CodeKeys::fixed(secret("CODES_SECRET").await).expect("keys")),
            ledger: Some(LedgerKeys::fixed(secret("LEDGER_SECRET").await).expect("keys")),
            links: Some(LinkKeys::fixed(secret("LINKS_SECRET").await).expect("keys")),
        }
    }

    /// The messages' table as the functions have it, for what only happens between two of their steps.
    pub(crate) async fn store(&self) -> Messages {
        Messages::new(self.dynamodb(), self.stack.tables["messages"].clone(), self.seal().await)
    }

    /// The people's table as the functions have it.
    pub(crate) async fn people(&self) -> People {
        let table = |name: &str| self.stack.tables[name].clone();
        People::new(self.dynamodb(), table("people"), table("ledger"), self.keys().await.ledger, self.seal().await)
    }

    /// An object of the Files bucket, as text; `None`: it is not there.
    pub(crate) async fn object(&self, key: &str) -> Option<String> {
        let s3 = aws_sdk_s3::Client::new(&self.aws());
        let answer = s3.get_object().bucket(&self.stack.buckets["files"]).key(key).send().await.ok()?;
        let bytes = answer.body.collect().await.expect("a body").into_bytes();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The ledger's entries about an address, the oldest first, as they are stored.
    pub(crate) async fn address_entries(&self, address: &Address) -> Vec<HashMap<String, AttributeValue>> {
        let fingerprint = self.seal().await.fingerprint(address);
        let subject = self.people().await.address_subject(&fingerprint).await.expect("DynamoDB answers");
        let Some(subject) = subject else { return Vec::new() };
        let query = self.dynamodb().query().table_name(&self.stack.tables["ledger"]).consistent_read(true);
        let query = query.key_condition_expression("subject = :s").expression_attribute_values(":s", text(&subject));
        query.send().await.expect("DynamoDB answers").items.unwrap_or_default()
    }

    /// Writes a part of an address's suppression, past the product.
    pub(crate) async fn rewrite_suppression(
        &self,
        address: &Address,
        which: &str,
        update: &str,
        value: AttributeValue,
    ) {
        let pk = format!("address#{}", self.seal().await.fingerprint(address));
        let update = self.dynamodb().update_item().table_name(&self.stack.tables["people"]).update_expression(update);
        let update = update.key("pk", text(&pk)).key("sk", text(&format!("suppression#{which}")));
        let update = update.condition_expression("attribute_exists(pk)").expression_attribute_values(":v", value);
        update.expression_attribute_names("#u", "until").send().await.expect("DynamoDB takes it");
    }

    /// A row of the catalog, as it is stored.
    pub(crate) async fn catalog_row(&self, (pk, sk): (&str, &str)) -> HashMap<String, AttributeValue> {
        let get = self.dynamodb().get_item().table_name(&self.stack.tables["catalog"]);
        let get = get.key("pk", text(pk)).key("sk", text(sk)).consistent_read(true);
        let answer = get.send().await.expect("DynamoDB answers");
        answer.item.unwrap_or_else(|| panic!("no {pk} / {sk}"))
    }

    /// Writes a part of it, past the product.
    pub(crate) async fn rewrite_catalog(
        &self,
        (pk, sk): (&str, &str),
        update: &str,
        (name, value): (&str, AttributeValue),
    ) {
        let update = self.dynamodb().update_item().table_name(&self.stack.tables["catalog"]).update_expression(update);
        let update = update.key("pk", text(pk)).key("sk", text(sk)).condition_expression("attribute_exists(pk)");
        update.expression_attribute_values(name, value).send().await.expect("DynamoDB takes it");
    }

    /// Lets the line of a sender stand still, as when its provider has had enough.
    pub(crate) async fn stand_still(&self, line: &str, seconds: i64) {
        let now = jiff::Timestamp::now();
        let update = self.dynamodb().update_item().table_name(&self.stack.tables["ephemera"]);
        let update = update.key("key", text(line)).update_expression("SET #n = :n, expires = :e");
        let update = update.expression_attribute_names("#n", "next");
        let next = update.expression_attribute_values(":n", number(now.as_microsecond() + seconds * 1_000_000));
        let update = next.expression_attribute_values(":e", number(now.as_second() + seconds + 600));
        update.send().await.expect("DynamoDB answers");
    }

    /// As if somebody had last written by WhatsApp then (epoch seconds).
    pub(crate) async fn wrote_by_whatsapp(&self, phone: &str, at: i64) {
        let phone = Address::stored(Channel::Whatsapp, phone.to_owned());
        let key = format!("window#whatsapp#{}", self.seal().await.fingerprint(&phone));
        let put = self.dynamodb().put_item().table_name(&self.stack.tables["ephemera"]).item("key", text(&key));
        let put = put.item("ends", number((at + 86_400) * 1_000)).item("expires", number(at + 100 * 86_400));
        put.send().await.expect("DynamoDB answers");
    }

    /// A message's row.
    pub(crate) async fn row(&self, id: &str) -> HashMap<String, AttributeValue> {
        let get = self.dynamodb().get_item().table_name(&self.stack.tables["messages"]);
        let answer = get.key("id", text(id)).consistent_read(true).send().await.expect("DynamoDB answers");
        answer.item.unwrap_or_else(|| panic!("no row of message {id}"))
    }

    /// Removes a message's row, as the table does when its time has come.
    pub(crate) async fn expires(&self, id: &str) {
        let delete = self.dynamodb().delete_item().table_name(&self.stack.tables["messages"]);
        delete.key("id", text(id)).send().await.expect("DynamoDB answers");
    }

    /// How many codes were entered for an address (by its fingerprint) and a purpose.
    pub(crate) async fn otp_checks(&self, fingerprint: &str, purpose: &str) -> i64 {
        let get = self.dynamodb().get_item().table_name(&self.stack.tables["ephemera"]);
        let answer = get.key("key", text(&format!("otp#{fingerprint}#{purpose}"))).consistent_read(true).send().await;
        let row = answer.expect("DynamoDB answers").item.expect("a challenge");
        row["checks"].as_n().ok().and_then(|checks| checks.parse().ok()).expect("a number")
    }

    /// Writes a part of a message's row, past the product.
    pub(crate) async fn rewrite(&self, id: &str, update: &str, values: &[(&str, AttributeValue)]) {
        let mut request = self.dynamodb().update_item().table_name(&self.stack.tables["messages"]).key("id", text(id));
        request = request.update_expression(update);
        if update.contains("#status") {
            request = request.expression_attribute_names("#status", "status");
        }
        for (name, value) in values {
            request = request.expression_attribute_values(*name, value.clone());
        }
        request.send().await.unwrap_or_else(|error| panic!("{update}: {:?}", error.into_service_error()));
    }

    /// Forgets how well the e-mail providers did: as two minutes later.
    pub(crate) async fn forget_loads(&self) {
        let table = &self.stack.tables["ephemera"];
        let minute = jiff::Timestamp::now().as_second().div_euclid(60);
        for provider in ["sendgrid", "resend"] {
            for back in 0..4 {
                for shard in 0..switchboard::store::ephemera::LOAD_SHARDS {
                    let key = format!("load#{provider}#{}#{shard}", minute - back);
                    let delete = self.dynamodb().delete_item().table_name(table).key("key", text(&key));
                    delete.send().await.expect("DynamoDB answers");
                }
            }
        }
    }

    /// Lets a message grow older: what its row says of the past, and what it waits for, moves back by so many seconds.
    pub(crate) async fn age(&self, id: &str, by_seconds: i64) {
        // Its provider has it as long.
        let aged = serde_json::json!({"our_id": id, "seconds": by_seconds});
        self.simulator(http::Method::POST, "/_sim/age", Some(&aged)).await;
        let row = self.row(id).await;
        // Of what has ended nothing is asked that depends on when it was sent.
        let waits = row.get("status").and_then(|status| status.as_s().ok()).is_some_and(|status| status == "sent");
        let sent = waits.then_some("sent_at");
        for name in ["claimed_at", "unsure_since", "lease_until", "not_before", "due_at"].into_iter().chain(sent) {
            let Some(at) = row.get(name).and_then(|at| at.as_n().ok()).and_then(|at| at.parse::<i64>().ok()) else {
                continue;
            };
            self.rewrite(id, &format!("SET {name} = :t"), &[(":t", number(at - by_seconds * 1_000))]).await;
        }
    }

    /// Takes a person's profile away.
    pub(crate) async fn forget(&self, person: &str) {
        let delete = self.dynamodb().delete_item().table_name(&self.stack.tables["people"]);
        let delete = delete.key("pk", text(&format!("person#{person}"))).key("sk", text("profile"));
        delete.send().await.expect("DynamoDB answers");
    }

    /// A message's status, past the API; `None`: there is no such message.
    pub(crate) async fn status_of(&self, id: &str) -> Option<String> {
        let get = self.dynamodb().get_item().table_name(&self.stack.tables["messages"]).key("id", text(id));
        let answer = get.consistent_read(true).send().await.expect("DynamoDB answers");
        answer.item.map(|row| row["status"].as_s().expect("a text").clone())
    }

    /// Lets a bulk job grow older, and the sweep look after it at once.
    pub(crate) async fn age_job(&self, id: &str, by_seconds: i64) {
        let table = &self.stack.tables["catalog"];
        let counts = (0..8).map(|number| (format!("job#{id}"), format!("job#counts#{number}")));
        let places = [(format!("job#{id}"), "job".to_owned()), ("jobs#open".to_owned(), id.to_owned())];
        for (pk, sk) in places.into_iter().chain(counts) {
            let sk = sk.as_str();
            let get = self.dynamodb().get_item().table_name(table).key("pk", text(&pk)).key("sk", text(sk));
            let row = get.consistent_read(true).send().await.expect("DynamoDB answers").item.unwrap_or_default();
            for name in ["started_at", "moved_at", "nudged_at", "look_at"] {
                let Some(at) = row.get(name).and_then(|at| at.as_n().ok()?.parse::<i64>().ok()) else { continue };
                let update = self.dynamodb().update_item().table_name(table).key("pk", text(&pk)).key("sk", text(sk));
                let update =
                    update.update_expression(format!("SET {name} = :t")).condition_expression(format!("{name} = :was"));
                let values = [(":t", number(at - by_seconds * 1_000)), (":was", number(at))];
                let values = values.map(|(name, value)| (name.to_owned(), value));
                // It may move on by itself at this moment, and then it is not old.
                let _ = update.set_expression_attribute_values(Some(values.into())).send().await;
            }
        }
    }

    /// The keys of the Files bucket that begin like this.
    pub(crate) async fn objects(&self, prefix: &str) -> Vec<String> {
        let s3 = aws_sdk_s3::Client::new(&self.aws());
        let list = s3.list_objects_v2().bucket(&self.stack.buckets["files"]).prefix(prefix);
        let answer = list.send().await.expect("S3 answers");
        answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The keys of the ledger's anchors, and the version of each.
    pub(crate) async fn anchors(&self) -> Vec<(String, String)> {
        let s3 = aws_sdk_s3::Client::new(&self.aws());
        let list = s3.list_object_versions().bucket(&self.stack.buckets["anchors"]).prefix("entries/");
        let answer = list.send().await.expect("S3 answers");
        let version = |version: &aws_sdk_s3::types::ObjectVersion| {
            Some((version.key()?.to_owned(), version.version_id()?.to_owned()))
        };
        answer.versions().iter().filter_map(version).collect()
    }

    /// An anchor, as text.
    pub(crate) async fn anchor(&self, key: &str) -> String {
        let s3 = aws_sdk_s3::Client::new(&self.aws());
        let get = s3.get_object().bucket(&self.stack.buckets["anchors"]).key(key);
        let body = get.send().await.expect("S3 answers").body.collect().await.expect("a body");
        String::from_utf8_lossy(&body.into_bytes()).into_owned()
    }

    /// Tries to delete an anchor for good, as the account's root; whether it is gone.
    pub(crate) async fn delete_anchor(&self, key: &str, version: &str) -> bool {
        let s3 = aws_sdk_s3::Client::new(&self.aws());
        let delete = s3.delete_object().bucket(&self.stack.buckets["anchors"]).key(key).version_id(version);
        delete.send().await.is_ok()
    }

    /// Puts a message in a lane once more, as SQS does with a record whose worker never finished.
    pub(crate) async fn enqueue(&self, lane: &str, id: &str) {
        let body = serde_json::json!({"kind": "message", "id": id}).to_string();
        let send = self.sqs().send_message().queue_url(&self.stack.queues[lane]).message_body(body);
        send.send().await.expect("SQS takes it");
    }

    /// How many records a queue holds: visible, being worked on, or delayed.
    pub(crate) async fn depth(&self, queue: &str) -> u64 {
        let hidden = self.queue_number(queue, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await;
        let delayed = self.queue_number(queue, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await;
        self.visible(queue).await + hidden + delayed
    }

    /// How many records of a queue could be taken now.
    pub(crate) async fn visible(&self, queue: &str) -> u64 {
        self.queue_number(queue, QueueAttributeName::ApproximateNumberOfMessages).await
    }

    async fn queue_number(&self, queue: &str, name: QueueAttributeName) -> u64 {
        let request = self.sqs().get_queue_attributes().queue_url(&self.stack.queues[queue]);
        let answer = request.attribute_names(name.clone()).send().await.expect("SQS answers");
        answer.attributes().and_then(|all| all.get(&name)?.parse().ok()).expect("a number")
    }
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
