//! A person is forgotten: their profile becomes a row that says so, then nothing; and what is kept of an address is what keeps it
//! from being written to.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::{PROFILE, People, address_key, person_key, subject, unreadable};
use crate::ledger::{Event, Record, Witness};
use crate::message::record::ERASED;
use crate::person::{Person, PersonId};
use crate::store::update::Update;
use crate::store::{Item, StoreError, text, unavailable};

impl People {
    /// Takes away all that is known of a person: what is left is that they are being erased, and who owns which address no more.
    /// However often this is done, it is written down once.
    pub async fn begin_erasure(
        &self,
        id: &PersonId,
        witness: &Witness,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let empty = |person: &mut Person| {
            if person.erasing.is_some() {
                return Vec::new();
            }
            let Person { version, created, .. } = *person;
            *person = Person { version, created, erasing: Some(witness.at), ..Person::new(id.clone(), witness.at) };
            let event = Event::new(ERASED);
            vec![reason.map_or(event.clone(), |reason| event.with("reason", reason))]
        };
        self.change(id, witness, empty).await?;
        Ok(())
    }

    /// Takes away that they are being erased, and writes down that they were.
    pub async fn end_erasure(&self, id: &PersonId, witness: &Witness, event: Event) -> Result<(), StoreError> {
        let profile = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(person_key(id)))
            .key("sk", text(PROFILE))
            .condition_expression("attribute_exists(erasing_since)");
        let profile = TransactWriteItem::builder().delete(profile.build().map_err(unreadable)?).build();
        let record = Record { caller: &witness.caller, at: witness.at, events: &[witness.attest(event)] };
        // Refused: somebody took this step before.
        self.ledger()?.commit(&subject(id), &record, &[profile]).await?;
        Ok(())
    }

    /// Writes down something that changed nothing about a person.
    pub async fn note(&self, id: &PersonId, witness: &Witness, event: Event) -> Result<(), StoreError> {
        let record = Record { caller: &witness.caller, at: witness.at, events: &[witness.attest(event)] };
        self.ledger()?.commit(&subject(id), &record, &[]).await?;
        Ok(())
    }

    /// Takes away everything else that is about a person in their partition (when they read, and the like); their profile goes by
    /// itself, and how far their ledger goes stays with it.
    pub async fn forget_habits(&self, id: &PersonId) -> Result<(), StoreError> {
        const STAYS: [&str; 2] = [PROFILE, "ledger"];
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(person_key(id)))
            .projection_expression("pk, sk");
        let answer = query.consistent_read(true).send().await.map_err(unavailable("people.forget_habits"))?;
        for key in answer.items.unwrap_or_default() {
            let stays = key.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| STAYS.contains(&sk.as_str()));
            if !stays {
                let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
                delete.send().await.map_err(unavailable("people.forget_habits"))?;
            }
        }
        Ok(())
    }

    /// Takes the address itself away from every row that is about it (by its fingerprint): a suppression stays one.
    pub async fn forget_address(&self, fingerprint: &str) -> Result<(), StoreError> {
        for form in self.seal.forms(fingerprint) {
            self.forget_address_under(&form).await?;
        }
        Ok(())
    }

    async fn forget_address_under(&self, form: &str) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .filter_expression("attribute_exists(sealed)")
                .expression_attribute_values(":pk", text(address_key(form)))
                .set_exclusive_start_key(after);
            let answer = query.consistent_read(true).send().await.map_err(unavailable("people.forget_address"))?;
            for item in answer.items() {
                let key: Item = ["pk", "sk"]
                    .iter()
                    .filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())))
                    .collect();
                let update = Update::default().only_if_present("sealed").remove("sealed");
                update.apply_at(&self.client, &self.table, key, "people.forget_address").await?;
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
