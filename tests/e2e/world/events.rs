//! The tables of outgoing events, past the product: time that passes, and rows as nobody would write them.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::World;
use super::aws::{number, text};

impl World {
    /// Lets the time of a delivery's next try come, and its worker's lease end; the sweep has it tried.
    pub(crate) async fn delivery_is_due(&self, subscriber: &str, id: &str) {
        let table = &self.stack.tables["deliveries"];
        let delivery: switchboard::event::DeliveryId = id.parse().expect("an id");
        let pk = text(&format!("{subscriber}#{}", delivery.partition()));
        let past = Timestamp::now().as_millisecond() - 1_000;
        let update = self.dynamodb().update_item().table_name(table).key("pk", pk).key("id", text(id));
        let update = update.update_expression("SET not_before = :t, lease_until = :t, due_at = :t");
        update.expression_attribute_values(":t", number(past)).send().await.expect("DynamoDB answers");
        self.sweep().await;
    }

    /// Writes one attribute of a subscriber's row.
    pub(crate) async fn rewrite_webhook(&self, id: &str, name: &str, value: AttributeValue) {
        let update = self.dynamodb().update_item().table_name(&self.stack.tables["catalog"]);
        let update = update.key("pk", text("webhooks")).key("sk", text(id)).update_expression("SET #n = :v");
        let update = update.expression_attribute_names("#n", name).expression_attribute_values(":v", value);
        update.send().await.expect("DynamoDB answers");
    }

    /// The names of a subject's entries in the ledger, in order.
    pub(crate) async fn ledger(&self, subject: &str) -> Vec<String> {
        let query = self.dynamodb().query().table_name(&self.stack.tables["ledger"]).consistent_read(true);
        let query = query.key_condition_expression("#s = :s").expression_attribute_names("#s", "subject");
        let answer = query.expression_attribute_values(":s", text(subject)).send().await.expect("DynamoDB answers");
        answer.items().iter().map(|entry| entry["event"].as_s().expect("a text").clone()).collect()
    }
}
