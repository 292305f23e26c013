//! The API description, put together from the functions' own. It is made here and kept in `infra/openapi.json`: no
//! function builds it at run time.

use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The title page.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Switchboard",
        description = "One API that sends SMS, WhatsApp and e-mail. Every accepted message reaches its provider exactly once or ends with a reason.",
        license(name = "MIT", identifier = "MIT"),
    ),
    tags(
        (name = "Communication", description = "Sends by trigger type, their status and cancellation"),
        (name = "Direct", description = "Sends to an address"),
        (name = "SMS and WhatsApp", description = "Texts to numbers, one or up to a hundred"),
        (name = "Communications v2", description = "Sends to addresses, with variables"),
        (name = "Templates", description = "Words by name, version, language and channel"),
        (name = "Messages", description = "One message and why it was (not) sent"),
        (name = "One-time codes", description = "Codes that prove an address, sent and verified"),
        (name = "Two-factor", description = "A second factor for people who sign in: enrolled, checked, asserted by signature"),
        (name = "Consent", description = "Addresses and what people agreed to"),
        (name = "Privacy", description = "Everything about a person taken out, or taken away; keys rotated"),
        (name = "Webhooks", description = "What the providers call"),
        (name = "Outgoing events", description = "Who is told what happens to messages, and what they were told"),
    ),
)]
struct Title;

/// Every endpoint of every function.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Title::openapi();
    for part in [
        send::Description::openapi(),
        consent::Description::openapi(),
        otp::Description::openapi(),
        settings::Description::openapi(),
        webhooks::Description::openapi(),
    ] {
        document.merge(part);
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    document
}

/// The document as it is kept.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}
