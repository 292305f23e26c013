//! `/api/sms/whatsapp/*`.

pub mod send;
pub mod send_bulk;

use std::collections::BTreeMap;

use serde::Deserialize;

/// A WhatsApp message to a number: a text, media, or an approved template.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WhatsappRequest {
    /// The recipient, in any common spelling.
    #[serde(alias = "to", alias = "toNumber", alias = "phone_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    to_number: String,
    /// Free text: WhatsApp delivers it within 24 hours of the recipient's last message to us.
    #[serde(alias = "body", default)]
    #[schema(example = "Your workflow has been approved!")]
    message: String,
    /// The sender; the configured one if absent.
    #[serde(alias = "from", alias = "fromNumber")]
    from_number: Option<String>,
    /// A picture or document, by its address.
    #[serde(alias = "mediaUrl")]
    #[schema(example = "https://example.com/image.jpg")]
    media_url: Option<String>,
    /// An approved template (Twilio Content), sent instead of `message` and `media_url`.
    #[serde(alias = "contentSid")]
    #[schema(example = "HX00000000000000000000000000000001")]
    content_sid: Option<String>,
    /// What the template's places are filled with.
    #[serde(alias = "contentVariables")]
    #[schema(example = json!({"1": "Ada", "2": "Friday"}))]
    content_variables: Option<BTreeMap<String, String>>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[serde(alias = "expiresAt")]
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}
