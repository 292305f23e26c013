//! Bulk jobs in the Catalog table, and their rows in the Files bucket.
//!
//! A job's partition (`job#ID`) holds the job (`job`), what became of its rows (`job#counts#3`: eight rows that are added to,
//! so that steps of work do not wait for each other), its chunks (`chunk#VERSION#000007`, by the file's version) and what was
//! wrong with its rows (`errors#…`, one item a step of work). `jobs#CALLER` lists a caller's jobs by time, `jobs#open` the jobs somebody must
//! look after.
//!
//! [`row`]: a job's stored form · [`job`]: making, reading and moving jobs · [`chunks`]: the work, chunk by chunk ·
//! [`open`]: what the sweep sees · [`files`]: the rows and the error file.

mod chunks;
mod files;
mod job;
mod open;
mod row;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

pub use chunks::{Chunk, Counted, Step};
pub use files::{Found, JobFiles, Piece, SignedUrl};
pub use job::Made;
pub use open::OpenJobs;

use super::{Item, StoreError, text};
use crate::message::JobId;
use crate::seal::Seal;

/// Jobs in the Catalog table.
#[derive(Clone, Debug)]
pub struct Jobs {
    client: Client,
    table: String,
    seal: Arc<Seal>,
}

impl Jobs {
    pub fn new(client: Client, table: String, seal: Arc<Seal>) -> Self {
        Self { client, table, seal }
    }
}

/// The partition of open jobs.
const OPEN: &str = "jobs#open";
/// The sort key of the job itself; those of its counts begin with it.
const JOB: &str = "job";

fn partition(id: JobId) -> String {
    format!("job#{id}")
}

fn listing(caller: &str) -> String {
    format!("jobs#by#{caller}")
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: error.to_string() }
}

fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
