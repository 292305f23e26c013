//! What of erasing and sealing anew somebody must look after, as the sweep sees it.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::OPEN;
use crate::person::PersonId;
use crate::queue::PrivacyWork;
use crate::store::StoreError;
use crate::store::open::Open;

/// The open work of the Catalog table.
#[derive(Clone, Debug)]
pub struct OpenPrivacy(Open);

const ERASURE: &str = "erasure#";
const RESEAL: &str = "reseal#";
const REINDEX: &str = "reindex#";

/// Its name among what is open.
pub(super) fn name(work: &PrivacyWork) -> String {
    match work {
        PrivacyWork::Erase { person } => format!("{ERASURE}{person}"),
        PrivacyWork::Reseal { segment } => format!("{RESEAL}{segment}"),
        PrivacyWork::Reindex { segment } => format!("{REINDEX}{segment}"),
    }
}

fn work(name: &str) -> Option<PrivacyWork> {
    if let Some(person) = name.strip_prefix(ERASURE) {
        return Some(PrivacyWork::Erase { person: PersonId::text(person)? });
    }
    if let Some(segment) = name.strip_prefix(REINDEX) {
        return Some(PrivacyWork::Reindex { segment: segment.parse().ok()? });
    }
    Some(PrivacyWork::Reseal { segment: name.strip_prefix(RESEAL)?.parse().ok()? })
}

impl OpenPrivacy {
    pub fn new(client: Client, table: String) -> Self {
        Self(Open::new(client, table, OPEN))
    }

    /// What wants a look now, each moved on to its next one: of two sweeps only one has it.
    pub async fn take_due(&self, now: Timestamp) -> Result<Vec<PrivacyWork>, StoreError> {
        Ok(self.0.take_due(now).await?.iter().filter_map(|name| work(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_comes_back_as_the_work_it_is() {
        let erase = PrivacyWork::Erase { person: PersonId::text("a#b").unwrap() };
        for known in [erase, PrivacyWork::Reseal { segment: 3 }, PrivacyWork::Reindex { segment: 0 }] {
            assert_eq!(work(&name(&known)), Some(known));
        }
        assert_eq!(work("reseal#x"), None);
    }
}
