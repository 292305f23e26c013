//! An erasure that was asked for with the person's own token alone begins after a while, and every proven address is told before.
//! Each test is an attack, or what would make one possible.

use serde_json::{Value, json};
use switchboard::person::PersonId;

use super::erase_path;
use crate::world::flows::Person;
use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const LINK: &str = "/cancel-erasure/";
const MAIL_AND_TEXTS: [Line; 3] = [Line::Sms, Line::Resend, Line::Sendgrid];

fn own(user: i64) -> String {
    tokens::token(&user.to_string(), "")
}

/// The notices that arrived at an address: the paths of their links.
async fn notices(world: &World, to: &str) -> Vec<String> {
    let arrived = world.arrived(to).await;
    let texts = arrived.iter().filter_map(|message| message["text"].as_str().or(message["body"].as_str()));
    let link = |text: &str| Some(text[text.find(LINK)?..].split_whitespace().next()?.to_owned());
    texts.filter_map(link).collect()
}

async fn notice(world: &World, to: &str, count: usize) -> String {
    eventually(&format!("{count} notices arrive"), seconds(60), async || {
        let found = notices(world, to).await;
        if found.len() >= count { Ok(found) } else { Err(format!("{found:?}")) }
    })
    .await
    .pop()
    .expect("a notice")
}

/// Somebody has the person's token, and nothing else.
async fn thief_erases(world: &World, user: i64) -> Value {
    world.post(&erase_path(user), &json!({})).token(&own(user)).send().await.is(202).json
}

async fn status(world: &World, user: i64) -> Value {
    world.get(&erase_path(user)).token(&own(user)).send().await.ok()
}

/// The button of the page.
async fn press(world: &World, path: &str) -> (u16, String) {
    let form = world.call("POST", path).no_token().header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body("").send().await;
    (answer.status, answer.text)
}

fn waits_for_seconds(erasure: &Value) -> i64 {
    let time = |name: &str| erasure[name].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    time("starts_at").as_second() - time("requested_at").as_second()
}

async fn ledger(world: &World, user: i64) -> Vec<Value> {
    let ledger = world.get(&format!("/api/communication/ledger/{user}")).send().await.ok();
    ledger["entries"].as_array().expect("entries").clone()
}

#[tokio::test]
async fn stolen_token_erasure_is_cancelled_by_the_notice() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let Person { id, phone, email } = world.person().await;
    let asked = thief_erases(&world, id).await;
    assert_eq!((&asked["status"], &asked["notice_sent"]), (&json!("cooling_off"), &json!(true)), "{asked}");
    let period = waits_for_seconds(&asked) - 72 * 3_600;
    assert!((0..60).contains(&period), "{asked}");
    let path = notice(&world, &email, 1).await;
    assert_eq!(notice(&world, &phone, 1).await, path);

    // Asked for again it is the same request, and nobody is told twice.
    let again = thief_erases(&world, id).await;
    assert_eq!(again["erasure_id"], asked["erasure_id"]);
    world.sweep().await;
    // Nothing changed for the person.
    world.prefers(id, &json!({"sms_enabled": true})).await;
    let send = json!({"user_id": id, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
    world.until(&world.trigger(&send).await, "delivered").await;

    // What is stored and shown of the notice has no link in it.
    let (from, token) = path.split_at(LINK.len());
    let thread = world.get(&format!("/api/v2/communications/threads/user:{id}/messages")).send().await.ok();
    let exported = world.get(&super::export_path(id)).token(&own(id)).send().await.ok();
    for view in [thread, exported] {
        let view = view.to_string();
        assert!(view.contains("erased") && !view.contains(from) && !view.contains(token), "{view}");
    }

    let (pressed, page) = press(&world, &path).await;
    assert!(pressed == 200 && page.contains("The erasure is cancelled") && !page.contains("<form"), "{page}");
    assert_eq!(press(&world, &path).await.0, 200, "again it changes nothing");
    let cancelled = status(&world, id).await;
    assert_eq!((&cancelled["status"], &cancelled["cancelled_by"]), (&json!("cancelled"), &json!("cancel_link")));
    let events = ledger(&world, id).await;
    let count = |name: &str| events.iter().filter(|entry| entry["event"] == name).count();
    let counts = ["erasure_requested", "erasure_announced", "erasure_cancelled", "erased"].map(count);
    assert_eq!(counts, [1, 1, 1, 0], "{events:?}");
    assert_eq!((notices(&world, &email).await.len(), notices(&world, &phone).await.len()), (1, 1));
}

#[tokio::test]
async fn link_scanner_cancels_no_erasure() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.owns(user, &email).await;
    thief_erases(&world, user).await;
    let path = notice(&world, &email, 1).await;
    for _ in 0..2 {
        let page = world.get(&path).no_token().send().await.is(200);
        assert!(page.text.contains("<form method=\"post\">") && !page.text.contains(&email), "{}", page.text);
        world.call("HEAD", &path).no_token().send().await;
    }
    assert_eq!(status(&world, user).await["status"], "cooling_off");
    for forged in [format!("{path}A"), format!("{LINK}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] {
        assert_eq!(press(&world, &forged).await.0, 403);
    }
    assert_eq!(status(&world, user).await["status"], "cooling_off");
}

#[tokio::test]
async fn cancelled_erasures_link_cancels_no_later_one() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.owns(user, &email).await;
    let first = thief_erases(&world, user).await;
    let old = notice(&world, &email, 1).await;
    let cancelled = world.call("DELETE", &erase_path(user)).token(&own(user)).send().await.ok();
    assert_eq!((&cancelled["status"], &cancelled["cancelled_by"]), (&json!("cancelled"), &json!(user.to_string())));
    // A cancelled one never begins, also when its time comes.
    world.sweep().await;
    assert_eq!(status(&world, user).await["status"], "cancelled");
    let second = thief_erases(&world, user).await;
    assert_ne!(second["erasure_id"], first["erasure_id"]);
    assert_eq!(press(&world, &old).await.0, 410);
    assert_eq!(status(&world, user).await["status"], "cooling_off");
    notice(&world, &email, 2).await;
    // An administrator cancels it, and another person does not.
    let stranger = own(fresh::user());
    world.call("DELETE", &erase_path(user)).token(&stranger).send().await.refused(403, "Insufficient scope");
    world.call("DELETE", &erase_path(user)).send().await.ok();
    // The person's mailbox is not flooded by asking and cancelling.
    thief_erases(&world, user).await;
    world.call("DELETE", &erase_path(user)).send().await.ok();
    let refused = world.post(&erase_path(user), &json!({})).token(&own(user)).send().await;
    assert_eq!((refused.status, &refused.json["reason"]), (429, &json!("too_many_for_person")), "{}", refused.text);
    notice(&world, &email, 3).await;
    assert_eq!(status(&world, user).await["status"], "cancelled");
}

#[tokio::test]
async fn erasure_that_began_cannot_be_cancelled() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.call("DELETE", &erase_path(user)).send().await.refused(404, "No erasure was asked for");
    world.owns(user, &email).await;
    let asked = thief_erases(&world, user).await;
    let path = notice(&world, &email, 1).await;
    // An administrator's request begins the one that waits, at once.
    let begun = world.asks_to_erase(user).await;
    assert_eq!((&begun["status"], &begun["erasure_id"]), (&json!("erasing"), &asked["erasure_id"]), "{begun}");
    world.call("DELETE", &erase_path(user)).token(&own(user)).send().await.refused(409, "The erasure has begun");
    assert_eq!(press(&world, &path).await.0, 409);
    assert_eq!(world.get(&path).no_token().send().await.status, 409);
    world.until_erased(user).await;
    assert_eq!(press(&world, &path).await.0, 409);
}

#[tokio::test]
async fn erasure_begins_by_itself_when_the_period_is_over() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.owns(user, &email).await;
    thief_erases(&world, user).await;
    notice(&world, &email, 1).await;
    world.sweep().await;
    assert_eq!(status(&world, user).await["status"], "cooling_off");
    world.end_cooling_off(user).await;
    let done = world.until_erased(user).await;
    assert_eq!((&done["notice_sent"], &done["requested_by"]), (&json!(true), &json!(user.to_string())), "{done}");
    assert!(world.dump().await.sealed(super::needles([&email])[0]).is_empty());
}

/// Nothing can be sent in the person's name: then nothing begins, whatever the time.
#[tokio::test]
async fn erasure_without_its_notice_does_not_begin() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.owns(user, &email).await;
    let switch = format!("/api/v2/communications/switches/{user}");
    world.put(&switch, &json!({"stopped": true, "channels": [], "reason": "a test"})).send().await.ok();
    let asked = thief_erases(&world, user).await;
    assert_eq!((&asked["status"], &asked["notice_sent"]), (&json!("cooling_off"), &json!(false)), "{asked}");
    world.end_cooling_off(user).await;
    world.sweep().await;
    assert_eq!(status(&world, user).await["notice_sent"], false);
    world.put(&switch, &json!({"stopped": false, "channels": [], "reason": "a test"})).send().await.ok();
    let told = eventually("the sweep sends the notice", seconds(60), async || {
        let erasure = status(&world, user).await;
        if erasure["notice_sent"] == json!(true) {
            return Ok(erasure);
        }
        world.end_cooling_off(user).await;
        Err(erasure.to_string())
    })
    .await;
    // The period is counted from the notice.
    assert_eq!(told["status"], "cooling_off");
    assert!(waits_for_seconds(&told) >= 72 * 3_600, "{told}");
    notice(&world, &email, 1).await;
}

#[tokio::test]
async fn second_factor_enrolled_meanwhile_cancels_the_erasure() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    thief_erases(&world, user).await;
    world.enrolled(user, &phone).await;
    world.end_cooling_off(user).await;
    let erasure = eventually("it is cancelled", seconds(30), async || {
        let erasure = status(&world, user).await;
        if erasure["status"] == "cancelled" { Ok(erasure) } else { Err(erasure.to_string()) }
    })
    .await;
    assert_eq!(erasure["cancelled_by"], "second_factor_enrolled", "{erasure}");
    let factor = world.get(&format!("/api/v2/2fa/status/{user}")).send().await.ok();
    assert_eq!(factor["enrolled"], true, "{factor}");
}

#[tokio::test]
async fn address_proven_meanwhile_is_told_before_the_erasure_begins() {
    let world = World::new();
    let _lines = world.share(&MAIL_AND_TEXTS).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let asked = thief_erases(&world, user).await;
    assert_eq!(asked["notice_sent"], true, "there is nobody to tell: {asked}");
    world.has_proven(&PersonId::text(&user.to_string()).expect("an id"), &phone).await;
    world.end_cooling_off(user).await;
    let path = notice(&world, &phone, 1).await;
    let erasure = status(&world, user).await;
    assert!(erasure["status"] == "cooling_off" && waits_for_seconds(&erasure) >= 72 * 3_600, "{erasure}");
    assert_eq!(press(&world, &path).await.0, 200);
}
