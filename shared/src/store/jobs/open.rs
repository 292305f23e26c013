//! The jobs somebody must look after, as the sweep sees them: ids and times, nothing sealed.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::OPEN;
use crate::message::JobId;
use crate::store::StoreError;
use crate::store::open::Open;

/// The open jobs of the Catalog table.
#[derive(Clone, Debug)]
pub struct OpenJobs(Open);

impl OpenJobs {
    pub fn new(client: Client, table: String) -> Self {
        Self(Open::new(client, table, OPEN))
    }

    /// The jobs that want a look now, each moved on to its next one: of two sweeps only one has it.
    pub async fn take_due(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        Ok(self.0.take_due(now).await?.iter().filter_map(|id| id.parse().ok()).collect())
    }
}
