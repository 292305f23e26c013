//! Where the ledger of an address is: the row `subject` in the address's partition names it. The name is random, so entries
//! say nothing of the address and stay where they are when its fingerprint changes; only this row moves.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};

use super::{AddressRow, People, address_key, unreadable};
use crate::store::{Item, StoreError, text};

/// The row's sort key, and its attribute with the subject.
const SUBJECT: &str = "subject";

impl People {
    /// The ledger's subject of an address (by its fingerprint); `None`: it has no entries.
    pub async fn address_subject(&self, fingerprint: &str) -> Result<Option<String>, StoreError> {
        Ok(self.address_rows(fingerprint).await?.iter().rev().find_map(named))
    }

    /// The subject to add entries to; of an address without entries a new one, with the writes that make it the address's. They are
    /// refused if somebody else made one meanwhile.
    pub(super) async fn subject_to_write(
        &self,
        fingerprint: &str,
    ) -> Result<(String, Vec<TransactWriteItem>), StoreError> {
        if let Some(subject) = self.address_subject(fingerprint).await? {
            return Ok((subject, Vec::new()));
        }
        let subject = address_key(&uuid::Uuid::new_v4().simple().to_string());
        let written = self.seal.form_to_store(fingerprint);
        let put = Put::builder().table_name(&self.table).set_item(Some(row(&written, Some(&subject))));
        let put = put.condition_expression("attribute_not_exists(pk)");
        let put = TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build();
        let absent = |form: &String| {
            let check = ConditionCheck::builder().table_name(&self.table).set_key(Some(row(form, None)));
            let check = check.condition_expression("attribute_not_exists(pk)").build().map_err(unreadable)?;
            Ok::<_, StoreError>(TransactWriteItem::builder().condition_check(check).build())
        };
        let forms = self.seal.forms(fingerprint);
        let others = forms.iter().filter(|form| **form != written).map(absent);
        let writes = std::iter::once(Ok(put)).chain(others).collect::<Result<_, _>>()?;
        Ok((subject, writes))
    }
}

fn row(form: &str, subject: Option<&str>) -> Item {
    let mut row = Item::from([("pk".to_owned(), text(address_key(form))), ("sk".to_owned(), text(SUBJECT))]);
    row.extend(subject.map(|subject| (SUBJECT.to_owned(), text(subject))));
    row
}

fn named(row: &AddressRow) -> Option<String> {
    let named = row.item.get(SUBJECT).filter(|_| row.sort == SUBJECT);
    named.and_then(|named| named.as_s().ok()).cloned()
}
