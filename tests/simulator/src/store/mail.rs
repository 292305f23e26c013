//! What an e-mail has beyond a text: everybody it went to, and its files.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

/// An e-mail's envelope. Every recipient is a message of their own; this is the same in all of them.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Mail {
    /// The `to` of the request, all of it.
    #[serde(rename = "to_all")]
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) reply_to: Vec<String>,
    pub(crate) attachments: Vec<File>,
    /// The client's own headers.
    pub(crate) headers: BTreeMap<String, String>,
}

/// A file. Its content is not kept; its hash tells whether it came whole.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct File {
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_id: Option<String>,
    /// Bytes, decoded.
    pub(crate) size: usize,
    pub(crate) sha256: String,
}

impl File {
    /// `None`: the content is not base64.
    pub(crate) fn new(
        filename: &str,
        content_type: Option<&str>,
        content_id: Option<&str>,
        content: &str,
    ) -> Option<Self> {
        let bytes = STANDARD.decode(content).ok()?;
        Some(Self {
            filename: filename.to_owned(),
            content_type: content_type.map(str::to_owned),
            content_id: content_id.map(str::to_owned),
            size: bytes.len(),
            sha256: digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}
