//! The same routes stand in the template, in the router of `make watch`, in the API description, and in the functions.
//! This needs no stack.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use axum::Router;
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::secrets::{Secret, Versions};
use switchboard::testing::{
    ask, dead_actions, dead_budgets, dead_events, dead_jobs, dead_otp, dead_privacy, dead_road, dead_twofactor, edge,
};

use crate::world::stack::root;

/// `POST /path` to the function that has it.
type Routes = BTreeMap<String, String>;

/// The HttpApi events of the template, by function.
fn template() -> Routes {
    let text = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let value = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}: "))?;
        let value = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => rest.split([',', '}', '#']).next()?.trim(),
        };
        Some(value.to_owned())
    };
    let (mut routes, mut function, mut method, mut path) = (Routes::new(), String::new(), None, None);
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if line.starts_with("  ") && !line.starts_with("   ") {
            function.clear();
        }
        if let Some(folder) = value(line, "CodeUri") {
            function = folder.rsplit('/').next().unwrap_or_default().to_owned();
        }
        method = value(line, "Method").or(method);
        path = value(line, "Path").or(path);
        if let (Some(found), Some(at)) = (&method, &path) {
            let double = routes.insert(format!("{} {at}", found.to_uppercase()), function.clone());
            assert!(double.is_none(), "{found} {at} stands twice in the template");
            (method, path) = (None, None);
        }
    }
    assert_eq!(routes.len(), text.matches("Type: HttpApi").count(), "every HttpApi event was read: {routes:?}");
    routes
}

/// `[workspace.metadata.lambda.watch.router]`, as cargo reads it.
fn watch() -> Routes {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output();
    let metadata: Value = serde_json::from_slice(&metadata.expect("cargo runs").stdout).expect("cargo metadata");
    let table = metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("the router's table").clone();
    let mut routes = Routes::new();
    for (path, targets) in table {
        for target in targets.as_array().expect("targets") {
            let function = target["function"].as_str().expect("a function");
            let method = target["method"].as_str().expect("a method");
            routes.insert(format!("{} {path}", method.to_uppercase()), function.to_owned());
        }
    }
    routes
}

fn description() -> BTreeSet<String> {
    let document: Value =
        serde_json::from_str(&fs::read_to_string(root().join("infra/openapi.json")).expect("openapi.json"))
            .expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = |(path, item): (&String, &Value)| {
        item.as_object()
            .expect("operations")
            .keys()
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(operations).collect()
}

/// The functions' routers, on a road on which no store answers.
fn routers() -> BTreeMap<&'static str, Router> {
    let road = dead_road(Clock::system()).expect("a road");
    let (jobs, files) = dead_jobs(&road);
    let guarded = || edge(&road).expect("an edge");
    let keys = Secret::fixed(Versions { current: Default::default(), previous: None });
    let (engine, lookup, store) = dead_otp(&road).expect("one-time codes");
    let lookups = otp::lookups::Lookups::new(lookup, store, road.clone());
    let twofactor = dead_twofactor(&road).expect("second factors");
    let links = road.keys.links().expect("keys");
    BTreeMap::from([
        ("send", send::router(guarded(), road.clone(), dead_budgets(), jobs, files)),
        (
            "consent",
            consent::router(
                guarded(),
                road.clone(),
                links,
                engine.clone(),
                dead_privacy(&road).expect("privacy"),
                dead_actions(&road).expect("actions"),
            ),
        ),
        ("otp", otp::router(guarded(), road.clone(), engine, lookups, twofactor)),
        (
            "settings",
            settings::router(
                guarded(),
                road.clone(),
                dead_events(&road).expect("events"),
                switchboard::event::Reach::Public,
            ),
        ),
        ("webhooks", webhooks::router(webhooks::App::new(road.clone(), keys, "https://example.test".to_owned()))),
    ])
}

#[test]
fn the_template_and_the_watch_router_name_the_same_routes() {
    assert_eq!(template(), watch());
}

#[test]
fn the_template_and_the_api_description_name_the_same_routes() {
    assert_eq!(template().into_keys().collect::<BTreeSet<_>>(), description());
}

#[test]
fn the_template_and_the_tables_of_the_functions_name_the_same_routes() {
    let tables = tests::openapi::routes().into_iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.path));
    assert_eq!(template().into_keys().collect::<BTreeSet<_>>(), tables.collect());
}

#[tokio::test]
async fn each_route_is_answered_by_its_function_and_by_no_other() {
    let routers = routers();
    for (route, function) in template() {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let path = path.replace("{task_id}", "x").replace("{id}", "x");
        for (name, router) in &routers {
            let answer = ask(router, method, &path, None, "").await.expect("an answer");
            // Without token or signature, who has the route refuses it, unless it is meant for everybody; who does not have it
            // does not know it.
            let is_envelope = answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
            // The answer to HEAD has no body to read it in; its page for a link would be HTML.
            let says_so = answer.json["error"] == "No such endpoint" || (method == "HEAD" && is_envelope);
            let unknown = answer.status == 404 && says_so;
            let expected: &[u16] = if path.starts_with("/.well-known/") {
                &[200]
            } else if path.starts_with("/unsubscribe/") || path.starts_with("/l/") {
                // Its page for a link that is not ours.
                &[404]
            } else {
                &[401, 403]
            };
            let fits = if *name == function { expected.contains(&answer.status.as_u16()) && !unknown } else { unknown };
            assert!(fits, "{name} answers {} to {route}", answer.status);
        }
    }
}

#[tokio::test]
async fn what_no_function_has_gets_the_error_envelope() {
    for (name, router) in routers() {
        let unknown = ask(&router, "GET", "/api/communication/nothing", None, "").await.expect("an answer");
        assert_eq!(unknown.status, 404, "{name}");
        assert_eq!(
            unknown.json,
            json!({"success": false, "error": "No such endpoint", "context": "unmatched"}),
            "{name}"
        );
        let route = template().into_iter().find(|(_, function)| function == name).expect("a route").0;
        let path = route.split_once(' ').expect("a path").1.to_owned();
        let other = ask(&router, "PATCH", &path, None, "").await.expect("an answer");
        assert_eq!(other.status, 405, "{name} {path}");
        assert_eq!(
            (&other.json["success"], &other.json["error"]),
            (&json!(false), &json!("Method not allowed")),
            "{name}"
        );
        assert!(
            other.headers.contains_key("allow") && other.headers.contains_key("x-request-id"),
            "{name}: {:?}",
            other.headers
        );
    }
}
