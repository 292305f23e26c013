//! `GET /api/communication/trigger-types`: what may cause a message.

use axum::Json;
use serde::Serialize;
use strum::IntoEnumIterator;
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, Priority, Trigger};

/// All trigger types.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TriggerTypes {
    trigger_types: Vec<TriggerType>,
}

/// One trigger type.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TriggerType {
    value: Trigger,
    #[schema(example = "Financial Alert")]
    name: &'static str,
    #[schema(example = "Critical financial notifications")]
    description: &'static str,
    default_channel: Channel,
    default_priority: Priority,
    /// On what ground people are contacted: security, transactional or marketing.
    consent_class: Class,
}

/// Trigger types
///
/// Needs any valid token.
#[utoipa::path(
    get, path = "/api/communication/trigger-types", tag = "Communication", operation_id = "trigger_types",
    responses((status = 200, description = "Every trigger type", body = TriggerTypes)),
    security(("bearer" = [])),
)]
pub async fn handle() -> Json<TriggerTypes> {
    let describe = |trigger: Trigger| TriggerType {
        value: trigger,
        name: trigger.title(),
        description: trigger.description(),
        default_channel: trigger.default_channel(),
        default_priority: trigger.default_priority(),
        consent_class: trigger.class(),
    };
    Json(TriggerTypes { trigger_types: Trigger::iter().map(describe).collect() })
}
