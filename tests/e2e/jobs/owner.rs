//! Whose a job is: who else may look at it, write its rows or steer it.

use serde_json::{Value, json};

use super::PATH;
use crate::world::tokens::token;
use crate::world::{World, fresh};

/// A job that waits for its rows, made by a service of its own.
struct Waiting {
    subject: String,
    maker: String,
    id: String,
    made: Value,
}

async fn waiting(world: &World) -> Waiting {
    let subject = fresh::word();
    let maker = token(&subject, "communication:send communication:read");
    let body = json!({"channel": "sms", "class": "transactional", "message": "Hi {{ name }}"});
    let made = world.post(PATH, &body).token(&maker).send().await.is(202).json;
    Waiting { subject, maker, id: made["job_id"].as_str().expect("an id").to_owned(), made }
}

/// The attack: a token that may only read asks how far a job is, gets the address its rows are put at, puts a row there, and
/// a text goes out in the maker's name.
#[tokio::test]
async fn read_only_token_cannot_upload_rows_of_a_job() {
    let world = World::new();
    let job = waiting(&world).await;
    assert!(job.made["upload"]["url"].is_string(), "{}", job.made);
    let path = format!("{PATH}/{}", job.id);
    // Another service's, whatever it may do with its own.
    for scope in ["communication:read", "communication:send communication:read"] {
        let other = token(&fresh::word(), scope);
        world.get(&path).token(&other).send().await.refused(404, "Job not found");
    }
    // The maker's own reading token, and an administrator's.
    for reader in [
        token(&job.subject, "communication:read"),
        token(&fresh::word(), "communication:read communication:send settings:manage"),
    ] {
        let seen = world.get(&path).token(&reader).send().await.ok();
        assert_eq!((&seen["status"], seen.get("upload")), (&json!("awaiting_upload"), None), "{seen}");
    }
    let listed = world.get(PATH).token(&job.maker).send().await.ok();
    assert!(listed["jobs"][0]["job_id"] == json!(job.id) && listed["jobs"][0].get("upload").is_none(), "{listed}");
    // Whoever made it and may send finds the address again.
    let own = world.get(&path).token(&job.maker).send().await.ok();
    assert!(own["upload"]["url"].is_string(), "{own}");
}

#[tokio::test]
async fn other_caller_cannot_pause_or_cancel_a_job() {
    let world = World::new();
    let job = waiting(&world).await;
    let path = format!("{PATH}/{}", job.id);
    let other = token(&fresh::word(), "communication:send communication:read preferences:manage");
    for step in ["pause", "resume", "cancel"] {
        let answer = world.post_text(&format!("{path}/{step}"), "").token(&other).send().await;
        answer.refused(404, "Job not found");
    }
    let seen = world.get(&path).token(&job.maker).send().await.ok();
    assert_eq!(seen["status"], "awaiting_upload");
    // An administrator may.
    let administrator = token(&fresh::word(), "communication:send settings:manage");
    let ended = world.post_text(&format!("{path}/cancel"), "").token(&administrator).send().await.ok();
    assert_eq!(ended["status"], "cancelled");
}
