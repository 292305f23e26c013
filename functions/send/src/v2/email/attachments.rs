//! Files that come with an e-mail: named, typed, whole, and not too many.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::Deserialize;
use switchboard::http::ApiError;
use switchboard::message::content;

/// A file.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct AttachmentRequest {
    /// Its name, without a path.
    #[schema(example = "invoice.pdf")]
    filename: String,
    /// Base64.
    #[schema(example = "SGVsbG8sIFdvcmxkIQ==")]
    content: String,
    /// A media type without parameters; `application/octet-stream` if absent. Also taken as `type`.
    #[serde(alias = "type")]
    #[schema(example = "application/pdf")]
    content_type: Option<String>,
    /// Where the HTML shows it (`<img src="cid:logo">`), the name after `cid:`.
    #[schema(example = "logo")]
    content_id: Option<String>,
}

/// The most files of one e-mail.
const MOST: usize = 20;
/// The most bytes of all files together, decoded. Base64 makes them a third longer, and a request may have 10 MB at API
/// Gateway and 6 MB at Lambda: about 4.4 MB of files come through today.
const MOST_BYTES: usize = 10 * 1024 * 1024;
/// The longest file name, in bytes, as file systems have it.
const LONGEST_NAME: usize = 255;
/// The longest content id (Resend: under 128 characters).
const LONGEST_ID: usize = 127;

/// With or without padding: both are common.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads them all.
pub(super) fn read(requests: Vec<AttachmentRequest>) -> Result<Vec<content::Attachment>, ApiError> {
    if requests.len() > MOST {
        return Err(ApiError::invalid_field("attachments", format!("It must hold at most {MOST} files")));
    }
    let mut bytes = 0;
    let mut files = Vec::with_capacity(requests.len());
    for (index, request) in requests.into_iter().enumerate() {
        let (file, length) = one(index, request)?;
        bytes += length;
        if bytes > MOST_BYTES {
            let why = format!("The files must be at most {} MB together", MOST_BYTES >> 20);
            return Err(ApiError::invalid_field("attachments", why));
        }
        files.push(file);
    }
    Ok(files)
}

/// One file, and its length in bytes.
fn one(index: usize, request: AttachmentRequest) -> Result<(content::Attachment, usize), ApiError> {
    let invalid = |name: &str, why: &str| ApiError::invalid_field(&format!("attachments[{index}].{name}"), why);
    let AttachmentRequest { filename, content, content_type, content_id } = request;
    if !is_name(&filename) {
        return Err(invalid("filename", "It must be a file's name of at most 255 bytes, without a path"));
    }
    let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    if !is_media_type(&content_type) {
        return Err(invalid("content_type", "It must be a media type without parameters, such as application/pdf"));
    }
    if content_id.as_deref().is_some_and(|id| !is_content_id(id)) {
        return Err(invalid("content_id", "It must be at most 127 letters, digits and . _ - + @"));
    }
    // Line breaks are how e-mail programs write base64 (RFC 2045 §6.8); the providers take none.
    let compact: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(compact).map_err(|_| invalid("content", "It must be base64"))?;
    if bytes.is_empty() {
        return Err(invalid("content", "The file is empty"));
    }
    let file = content::Attachment { filename, content_type, content: STANDARD.encode(&bytes), content_id };
    Ok((file, bytes.len()))
}

fn is_name(name: &str) -> bool {
    let plain = !name.chars().any(|c| c.is_control() || "/\\\"".contains(c));
    (1..=LONGEST_NAME).contains(&name.len()) && plain && !name.trim_matches(['.', ' ']).is_empty()
}

/// `type/subtype`, both of RFC 6838 §4.2's names.
fn is_media_type(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        (1..=127).contains(&part.len())
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_part(kind) && is_part(subtype))
}

fn is_content_id(id: &str) -> bool {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte));
    (1..=LONGEST_ID).contains(&id.len()) && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(filename: &str, content: &str) -> AttachmentRequest {
        AttachmentRequest {
            filename: filename.to_owned(),
            content: content.to_owned(),
            content_type: None,
            content_id: None,
        }
    }

    fn refused(request: AttachmentRequest) -> String {
        one(0, request).expect_err("refused").message().to_owned()
    }

    #[test]
    fn a_file_keeps_its_bytes_in_plain_base64() {
        for spelling in ["SGVsbG8=", "SGVsbG8", "SGVs\r\nbG8=\r\n"] {
            let (read, length) = one(0, file("hello.txt", spelling)).unwrap();
            assert_eq!((read.content.as_str(), length), ("SGVsbG8=", 5), "{spelling:?}");
            assert_eq!(read.content_type, "application/octet-stream");
        }
    }

    #[test]
    fn names_are_names_and_no_paths() {
        for name in ["invoice.pdf", "Rechnung März (2).pdf", ".gitignore", "a b"] {
            assert!(one(0, file(name, "AAAA")).is_ok(), "{name}");
        }
        let long = "x".repeat(256);
        for name in ["", ".", "..", " ", "../etc/passwd", "a/b", "C:\\x", "a\nb", "a\"b", "a\u{0}", &long] {
            assert_eq!(refused(file(name, "AAAA")), "Invalid value for field: attachments[0].filename", "{name:?}");
        }
    }

    #[test]
    fn content_is_base64_and_holds_something() {
        for content in ["", " \n", "not base64!", "A", "====", "SGVsbG8=SGVsbG8=", "data:;base64,AAAA"] {
            assert_eq!(refused(file("a", content)), "Invalid value for field: attachments[0].content", "{content:?}");
        }
    }

    #[test]
    fn types_and_ids_are_checked() {
        for (kind, good) in [
            ("text/plain", true),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", true),
            ("image/svg+xml", true),
            ("", false),
            ("text", false),
            ("text/", false),
            ("text/plain; charset=utf-8", false),
            ("text/plain\r\nX: y", false),
        ] {
            let request = AttachmentRequest { content_type: Some(kind.to_owned()), ..file("a", "AAAA") };
            assert_eq!(one(0, request).is_ok(), good, "{kind:?}");
        }
        for (id, good) in [("logo", true), ("logo@x.example", true), ("", false), ("<logo>", false), ("a b", false)] {
            let request = AttachmentRequest { content_id: Some(id.to_owned()), ..file("a", "AAAA") };
            assert_eq!(one(0, request).is_ok(), good, "{id:?}");
        }
    }

    #[test]
    fn there_are_limits_to_all_of_them_together() {
        let files =
            |count: usize, bytes: usize| (0..count).map(|_| file("a", &STANDARD.encode(vec![0; bytes]))).collect();
        assert_eq!(read(files(20, 3)).unwrap().len(), 20);
        assert!(read(files(21, 3)).is_err());
        assert!(read(files(2, 5 << 20)).is_ok());
        assert!(read(files(3, 4 << 20)).is_err());
    }
}
