//! A wish comes first, whatever else a text says.

use serde_json::json;
use switchboard::message::Content;
use switchboard::road::{Heeded, Unanswered};
use switchboard::secrets::SecretError;

use super::{attended, brought, sms, steps, whatsapp, written};
use crate::world::aws::{number, text};
use crate::world::{Line, World, eventually, fresh, seconds};

#[tokio::test]
async fn a_stop_that_comes_in_is_heeded_and_a_start_takes_it_back() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp]).await;
    let person = world.person().await;
    let send = json!({"to": person.phone, "body": fresh::text()});
    let stop = written(&world, &sms(&person.phone, "Stop")).await;
    assert_eq!((steps(&stop, "heeded"), steps(&stop, "answered").len()), (vec!["stopped".to_owned()], 0), "{stop}");
    for path in ["send-sms", "send-whatsapp"] {
        let refused = world.post(&format!("/api/v1/twilio/{path}"), &send).send().await;
        refused.refused(403, "The recipient's address must not be used on this channel");
    }
    let start = written(&world, &sms(&person.phone, "START")).await;
    assert_eq!(steps(&start, "heeded"), ["started"]);
    world.until(&world.sms(&person.phone, &fresh::text()).await, "delivered").await;
}

#[tokio::test]
async fn a_word_of_the_accounts_own_is_heeded_as_twilio_took_it() {
    let world = World::new();
    let phone = fresh::phone();
    let mut text = sms(&phone, "Genug jetzt");
    text["opt_out_type"] = json!("STOP");
    assert_eq!(steps(&written(&world, &text).await, "heeded"), ["stopped"]);
}

#[tokio::test]
async fn a_stop_that_is_brought_again_after_a_start_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp]).await;
    let person = world.person().await;
    let mut stop = whatsapp(&person.phone, "STOP");
    stop["id"] = json!(fresh::sid());
    written(&world, &stop).await;
    written(&world, &whatsapp(&person.phone, "start")).await;
    brought(&world, &stop).await;
    world.until(&world.sms(&person.phone, &fresh::text()).await, "delivered").await;
}

#[tokio::test]
async fn what_was_not_attended_to_is_found_by_the_sweep_and_done_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut stop = sms(&person.phone, "STOP");
    stop["id"] = json!(fresh::sid());
    let message = written(&world, &stop).await;
    written(&world, &sms(&person.phone, "START")).await;
    // As if the worker had died before it noted what it did.
    let id = message["id"].as_str().expect("an id");
    let due = number(jiff::Timestamp::now().as_millisecond() - 1_000);
    world.rewrite(id, "SET due_at = :t, due_shard = :s", &[(":t", due), (":s", text("3"))]).await;
    eventually("the sweep finds it", seconds(30), async || {
        world.sweep().await;
        if world.row(id).await.contains_key("due_shard") { Err("it waits".to_owned()) } else { Ok(()) }
    })
    .await;
    let again = attended(&world, stop["id"].as_str().expect("an id")).await;
    assert_eq!(steps(&again, "heeded"), ["past"], "{again}");
    world.until(&world.sms(&person.phone, &fresh::text()).await, "delivered").await;
}

#[tokio::test]
async fn a_wish_waits_for_no_secret_of_the_providers() {
    let world = World::new();
    let road = world.road().await;
    let phone = fresh::phone();
    let hello = written(&world, &sms(&phone, "Hello there")).await;
    let id = hello["id"].as_str().expect("an id").parse().expect("an id of a message");
    let mut message = road.messages.story(id).await.expect("the table answers").expect("a message");
    message.provider_id = Some(fresh::sid());
    message.content = Content::text("STOP");
    let nobody_knows = async {
        Err::<Vec<String>, _>(SecretError::Unreadable { name: "twilio".to_owned(), cause: "test".to_owned() })
    };
    let attended = road.attend(&message, nobody_knows).await.expect("attended to");
    assert_eq!((attended.heeded, attended.answered), (Heeded::Stopped, Err(Unanswered::OptOutWord)));
}
