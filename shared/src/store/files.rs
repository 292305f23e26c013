//! The Files bucket: what is too large for a row. Objects expire by the bucket's lifecycle rules, by the first part of
//! their key.

use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_sdk_s3::{Client, Config};
use bytes::Bytes;

use super::{StoreError, unavailable};
use crate::config::file_timeouts;

/// A client that is made when it is first used. Most messages fit their row, and making one costs a start 7 ms.
pub(super) type LazyClient = Arc<LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>>;

pub(super) fn lazily(config: Config) -> LazyClient {
    Arc::new(LazyLock::new(Box::new(move || Client::from_conf(config))))
}

/// The bucket.
#[derive(Clone, Debug)]
pub struct Files {
    client: LazyClient,
    bucket: String,
}

/// Where the sealed content of large messages is kept. A trait, so that a function that opens no content does not link
/// the S3 client.
#[async_trait]
pub trait Shelf: Send + Sync + fmt::Debug {
    /// Keeps a sealed text under this key; what was there is replaced.
    async fn keep(&self, key: &str, sealed: String) -> Result<(), StoreError>;

    /// Deletes what is under this key; there is no harm in doing it again.
    async fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// The sealed text under this key.
    async fn fetch(&self, key: &str) -> Result<String, StoreError>;
}

impl Files {
    pub fn new(aws: &SdkConfig, bucket: String) -> Self {
        Self { client: lazily(Builder::from(aws).timeout_config(file_timeouts()).build()), bucket }
    }

    /// Writes an object whole.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes));
        put.send().await.map_err(unavailable("files.put"))?;
        Ok(())
    }

    /// Writes an object whole, unless it is there.
    pub(super) async fn put_once(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        // A bucket with an Object Lock asks for a checksum.
        let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).body(ByteStream::from(bytes));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(()),
            Err(error) => Err(unavailable("files.put_once")(error)),
        }
    }

    /// Reads an object whole; `None`: there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => return Ok(None),
            Err(error) => return Err(unavailable("files.get")(error)),
        };
        let broke_off =
            |_| StoreError::Unavailable { operation: "files.get", cause: "the answer broke off".to_owned() };
        Ok(Some(answer.body.collect().await.map_err(broke_off)?.into_bytes()))
    }
}

/// Whether an object was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Yes,
    /// It is another one by now, or gone.
    Overtaken,
}

impl Files {
    /// An object and its version's tag; `None`: there is none.
    pub(super) async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, String)>, StoreError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => return Ok(None),
            Err(error) => return Err(unavailable("files.get")(error)),
        };
        let tag = answer.e_tag.unwrap_or_default();
        let broke_off =
            |_| StoreError::Unavailable { operation: "files.get", cause: "the answer broke off".to_owned() };
        Ok(Some((answer.body.collect().await.map_err(broke_off)?.into_bytes(), tag)))
    }

    /// Writes an object anew, if it is still the one of this tag: what was deleted meanwhile must not come back.
    pub(super) async fn replace(&self, key: &str, tag: &str, bytes: Vec<u8>) -> Result<Replaced, StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).if_match(tag).body(ByteStream::from(bytes));
        match put.send().await {
            Ok(_) => Ok(Replaced::Yes),
            // 412 PreconditionFailed, 409 ConditionalRequestConflict, 404 NoSuchKey (S3 API reference, PutObject, If-Match).
            Err(error)
                if matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey")) =>
            {
                Ok(Replaced::Overtaken)
            }
            Err(error) => Err(unavailable("files.replace")(error)),
        }
    }

    /// The keys that begin with `prefix`, in their order, after `after`: at most so many, and whether there are more.
    pub(super) async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: i32,
    ) -> Result<(Vec<String>, bool), StoreError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(most);
        let answer = list.set_start_after(after.map(str::to_owned)).send().await.map_err(unavailable("files.list"))?;
        let keys = answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
        Ok((keys, answer.is_truncated().unwrap_or_default()))
    }
}

#[async_trait]
impl Shelf for Files {
    async fn keep(&self, key: &str, sealed: String) -> Result<(), StoreError> {
        self.put(key, sealed.into_bytes()).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        delete.send().await.map_err(unavailable("files.delete"))?;
        Ok(())
    }

    async fn fetch(&self, key: &str) -> Result<String, StoreError> {
        let unreadable = |cause: &str| StoreError::Unreadable { table: "files", cause: cause.to_owned() };
        let bytes = self.get(key).await?.ok_or_else(|| unreadable("the content of a message is not there"))?;
        String::from_utf8(bytes.into()).map_err(|_| unreadable("the content of a message is not text"))
    }
}
