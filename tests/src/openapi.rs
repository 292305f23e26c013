//! The API description, put together from the functions' own. It is made here and kept in `infra/openapi.json`: no
//! function builds it at run time.

use serde_json::json;
use switchboard::http::{Access, Endpoint, Scope};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as OpenApiDocument, RefOr};

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
        (name = "Kill switches", description = "Stops a caller or a channel at once"),
        (name = "Outgoing events", description = "Who is told what happens to messages, and what they were told"),
    ),
)]
struct Title;

/// Every line of every function's table of routes.
pub fn routes() -> Vec<Endpoint> {
    [
        send::routes().table(),
        consent::routes().table(),
        otp::routes().table(),
        settings::routes().table(),
        webhooks::routes().table(),
    ]
    .concat()
}

/// Every endpoint of every function.
pub fn document() -> OpenApiDocument {
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
    for endpoint in routes() {
        if let Some(operation) = operation(&mut document, &endpoint) {
            state_access(operation, &endpoint.access);
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    document
}

/// The operation of an endpoint.
pub fn operation<'a>(document: &'a mut OpenApiDocument, endpoint: &Endpoint) -> Option<&'a mut Operation> {
    let item = document.paths.paths.get_mut(endpoint.path)?;
    let operation = match endpoint.method {
        "GET" => &mut item.get,
        "HEAD" => &mut item.head,
        "POST" => &mut item.post,
        "PUT" => &mut item.put,
        "DELETE" => &mut item.delete,
        _ => return None,
    };
    operation.as_mut()
}

/// States what the table says of an endpoint: the token and scope it needs, whose object it touches, and what it may cost.
fn state_access(operation: &mut Operation, access: &Access) {
    let scopes: Vec<&str> = access.scope().map(Scope::as_str).into_iter().collect();
    let needs_token = access.needs_token().then(|| vec![SecurityRequirement::new("bearer", scopes)]);
    operation.security = Some(needs_token.unwrap_or_default());
    // One member: the order of several would change from run to run.
    let access = json!({"cost": access.cost.as_str(), "owner": access.owner.describe()});
    operation.extensions.get_or_insert_default().insert("x-access".to_owned(), access);
}

/// The document as it is kept.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}
