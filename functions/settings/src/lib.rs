//! What administrators set.
//!
//! `switches/`: who is stopped. `webhooks/`: who is told of events, one file per endpoint; what they share is in the folder's `mod.rs`.

pub mod switches;
#[cfg(test)]
mod tests;
pub mod webhooks;

use axum::Router;
use switchboard::event::Reach;
use switchboard::http::{Access, Cost, Edge, Limit, NetworkLimit, OwnerRule, Routes, Scope};
use switchboard::road::Road;
use switchboard::store::Events;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    events: Events,
    /// How far subscribers may be away.
    reach: Reach,
}

const SWITCH: &str = "/api/v2/communications/switches/{scope}";
const WEBHOOKS: &str = "/api/v2/communications/webhooks";
const WEBHOOK: &str = "/api/v2/communications/webhooks/{id}";

/// The table of the function's endpoints: path, name, who may call it, whose object it touches, what it may cost.
pub fn routes() -> Routes<App> {
    let all = OwnerRule::Organization("Administrators control all webhook endpoints; each shows who made it");
    let settings = Access::scoped(Scope::ManageSettings, Limit::General, all, Cost::Free);
    let callers = OwnerRule::Organization("Administrators stop whichever caller has to be stopped");
    let stop = Access::scoped(Scope::ManageSettings, Limit::General, callers, Cost::Free);
    Routes::default()
        .get(SWITCH, "switch", stop, switches::get::handle)
        .put(SWITCH, "set_switch", stop, switches::put::handle)
        .post(WEBHOOKS, "create_webhook", settings, webhooks::create::handle)
        .get(WEBHOOKS, "webhooks", settings, webhooks::list::handle)
        .get(WEBHOOK, "webhook", settings, webhooks::get::handle)
        .put(WEBHOOK, "change_webhook", settings, webhooks::put::handle)
        .delete(WEBHOOK, "remove_webhook", settings, webhooks::delete::handle)
        .post(
            "/api/v2/communications/webhooks/{id}/secret/rotate",
            "rotate_webhook_secret",
            settings,
            webhooks::rotate::handle,
        )
        .post("/api/v2/communications/webhooks/{id}/test", "test_webhook", settings, webhooks::test::handle)
        .get(
            "/api/v2/communications/webhooks/{id}/deliveries",
            "webhook_deliveries",
            settings,
            webhooks::deliveries::handle,
        )
        .get(
            "/api/v2/communications/webhooks/{id}/deliveries/{delivery_id}",
            "webhook_delivery",
            settings,
            webhooks::delivery::handle,
        )
        .post(
            "/api/v2/communications/webhooks/{id}/deliveries/{delivery_id}/replay",
            "replay_webhook_delivery",
            settings,
            webhooks::replay::handle,
        )
}

/// The function's endpoints, ready to serve.
pub fn router(edge: Edge, road: Road, events: Events, reach: Reach) -> Router {
    let network = NetworkLimit::from_env(road.clock.clone(), road.ephemera.clone(), road.seal.clone());
    let seal = road.seal.clone();
    routes().finish(Some(edge), network, seal, App { road, events, reach })
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    switches::get::handle,
    switches::put::handle,
    webhooks::create::handle,
    webhooks::list::handle,
    webhooks::get::handle,
    webhooks::put::handle,
    webhooks::delete::handle,
    webhooks::rotate::handle,
    webhooks::test::handle,
    webhooks::deliveries::handle,
    webhooks::delivery::handle,
    webhooks::replay::handle,
))]
pub struct Description;
