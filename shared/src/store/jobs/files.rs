//! A job's files in the Files bucket: the rows as their owner put them there (`jobs/ID/…`), and what was wrong with them
//! (`job-errors/ID.csv`: lines and errors, no addresses). The rows hold addresses: they are kept while the job may work on them and
//! deleted when it has ended.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use jiff::Timestamp;

use crate::clock::plus_seconds;
use crate::config::file_timeouts;
use crate::job::Source;
use crate::message::JobId;
use crate::store::files::{LazyClient, lazily};
use crate::store::{StoreError, unavailable};

/// The bucket, as jobs see it.
#[derive(Clone, Debug)]
pub struct JobFiles {
    client: LazyClient,
    bucket: String,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub bytes: u64,
    /// Changes with its content.
    pub etag: String,
}

/// Part of a file, read piece by piece.
#[derive(Debug)]
pub struct Piece {
    /// The version it is of.
    pub etag: String,
    body: ByteStream,
}

/// An address that lets its holder do one thing with one file for a while.
#[derive(Clone, Debug)]
pub struct SignedUrl {
    pub url: String,
    pub method: &'static str,
    pub expires: Timestamp,
}

fn unusable(operation: &'static str, cause: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable { operation, cause: cause.to_string() }
}

/// Where a job's rows lie.
fn rows_key(id: JobId, source: Source) -> String {
    match source {
        Source::Csv => format!("jobs/{id}/rows.csv"),
        Source::Json => format!("jobs/{id}/rows.jsonl"),
    }
}

fn errors_key(id: JobId) -> String {
    format!("job-errors/{id}.csv")
}

impl Piece {
    /// The next bytes, as they come; `None`: that was all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        self.body.try_next().await.map_err(|_| unusable("files.read", "the answer broke off"))
    }
}

impl JobFiles {
    pub fn new(aws: &SdkConfig, bucket: String) -> Self {
        // A checksum in the signature would tie an upload's address to its content, which is not known yet.
        let config = aws_sdk_s3::config::Builder::from(aws).timeout_config(file_timeouts());
        let config = config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired).build();
        Self { client: lazily(config), bucket }
    }

    /// The job whose uploaded rows lie under this key.
    pub fn job_of(key: &str) -> Option<JobId> {
        key.strip_prefix("jobs/")?.strip_suffix("/rows.csv")?.parse().ok()
    }

    /// An address to put a job's rows at.
    pub async fn upload_url(&self, id: JobId, seconds: u32, now: Timestamp) -> Result<SignedUrl, StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(rows_key(id, Source::Csv)).content_type("text/csv");
        let signed = put.presigned(lasting(seconds)?).await.map_err(unavailable("files.upload_url"))?;
        Ok(SignedUrl { url: signed.uri().to_owned(), method: "PUT", expires: plus_seconds(now, seconds.into()) })
    }

    /// An address to read what was wrong with a job's rows at.
    pub async fn errors_url(&self, id: JobId, seconds: u32, now: Timestamp) -> Result<SignedUrl, StoreError> {
        let get = self.client.get_object().bucket(&self.bucket).key(errors_key(id));
        let get = get.response_content_disposition("attachment; filename=\"errors.csv\"");
        let signed = get.presigned(lasting(seconds)?).await.map_err(unavailable("files.errors_url"))?;
        Ok(SignedUrl { url: signed.uri().to_owned(), method: "GET", expires: plus_seconds(now, seconds.into()) })
    }

    /// Writes the rows a request brought itself.
    pub async fn put_rows(&self, id: JobId, lines: Vec<u8>) -> Result<(), StoreError> {
        self.put(&rows_key(id, Source::Json), lines, "application/jsonl").await
    }

    /// Writes what was wrong with a job's rows.
    pub async fn put_errors(&self, id: JobId, csv: Vec<u8>) -> Result<(), StoreError> {
        self.put(&errors_key(id), csv, "text/csv; charset=utf-8").await
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, kind: &str) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(kind);
        put.body(ByteStream::from(bytes)).send().await.map_err(unavailable("files.put"))?;
        Ok(())
    }

    /// A job's rows, if they are there.
    pub async fn find_rows(&self, id: JobId, source: Source) -> Result<Option<Found>, StoreError> {
        let head = self.client.head_object().bucket(&self.bucket).key(rows_key(id, source));
        match head.send().await {
            Ok(head) => Ok(Some(Found {
                bytes: head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                etag: head.e_tag().unwrap_or_default().to_owned(),
            })),
            Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Ok(None),
            Err(error) => Err(unavailable("files.find_rows")(error)),
        }
    }

    /// A job's rows from byte `start` to byte `end` (which is not part of it); `None`: they are gone.
    pub async fn read_rows(
        &self,
        id: JobId,
        source: Source,
        start: u64,
        end: u64,
    ) -> Result<Option<Piece>, StoreError> {
        let get = self.client.get_object().bucket(&self.bucket).key(rows_key(id, source));
        match get.range(format!("bytes={start}-{}", end.saturating_sub(1))).send().await {
            Ok(answer) => Ok(Some(Piece { etag: answer.e_tag().unwrap_or_default().to_owned(), body: answer.body })),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            Err(error) => Err(unavailable("files.read_rows")(error)),
        }
    }

    /// Deletes a job's rows. There is no harm in doing it again.
    pub async fn delete_rows(&self, id: JobId, source: Source) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(rows_key(id, source));
        delete.send().await.map_err(unavailable("files.delete_rows"))?;
        Ok(())
    }
}

fn lasting(seconds: u32) -> Result<PresigningConfig, StoreError> {
    PresigningConfig::expires_in(Duration::from_secs(seconds.into())).map_err(|error| unusable("files.sign", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uploaded_rows_name_their_job() {
        let id = JobId::new();
        assert_eq!(JobFiles::job_of(&rows_key(id, Source::Csv)), Some(id));
        for key in [rows_key(id, Source::Json), errors_key(id), "jobs/x/rows.csv".to_owned(), String::new()] {
            assert_eq!(JobFiles::job_of(&key), None, "{key}");
        }
    }
}
