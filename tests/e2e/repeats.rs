//! What follows from a report or a text is done again when a worker dies, or when the stream or a queue brings it again: it counts once.

use futures::future::join_all;
use serde_json::json;
use switchboard::clock::plus_seconds;
use switchboard::message::{Address, Channel, MessageId};
use switchboard::person::words::{Keyword, Reply};
use switchboard::person::{PersonId, Reason};
use switchboard::provider::{Event, PermanentKind, ProviderName, Report};
use switchboard::road::{Heard, Road, inbound_id};
use switchboard::store::people::Target;

use crate::engagement::counts;
use crate::inbound::{attended, sms, written};
use crate::opt_out::{known, phone};
use crate::world::aws::{number, text};
use crate::world::{Line, World, eventually, fresh, seconds};

const STOPPED: [&str; 2] = ["sms opt_out all", "whatsapp opt_out all"];

fn opened(world_id: &str, key: &str, at: jiff::Timestamp) -> (MessageId, Report) {
    let id: MessageId = world_id.parse().expect("an id");
    let report = Report {
        provider: ProviderName::Sendgrid,
        message_id: Some(id),
        provider_id: None,
        key: key.to_owned(),
        event: Event::Opened,
        at,
        recipient: None,
        provider_code: None,
        call: None,
        recording: None,
    };
    (id, report)
}

/// All points of a person's hours.
async fn points(world: &World, person: i64) -> i64 {
    let id = PersonId::text(&person.to_string()).expect("an id");
    let get = world.dynamodb().get_item().table_name(&world.stack.tables["people"]).consistent_read(true);
    let get = get.key("pk", text(&format!("person#{id}"))).key("sk", text("engagement"));
    let row = get.send().await.expect("DynamoDB answers").item.unwrap_or_default();
    let hours = row.iter().filter(|(name, _)| name.starts_with("email#"));
    hours.map(|(_, points)| points.as_n().expect("a number").parse::<i64>().expect("whole")).sum()
}

#[tokio::test]
async fn reading_whose_follow_up_is_repeated_is_counted_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let person = world.person().await;
    let body = json!({"user_id": person.id, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    let id = world.trigger(&body).await;
    world.until(&id, "delivered").await;
    let road = world.road().await;
    let before = points(&world, person.id).await;
    let (message, first) = opened(&id, "opened:1", road.clock.now());
    let follow_up = async |report: &Report| road.follow_up(message, report).await.expect("it is done");
    follow_up(&first).await;
    let one = points(&world, person.id).await - before;
    assert!(one > 0, "it is counted");
    join_all((0..5).map(|_| follow_up(&first))).await;
    assert_eq!(points(&world, person.id).await - before, one, "once");
    // Also when many were read since, and those before them are forgotten one list at a time.
    for nth in 2..42 {
        follow_up(&opened(&id, &format!("opened:{nth}"), road.clock.now()).1).await;
    }
    for nth in 12..42 {
        follow_up(&opened(&id, &format!("opened:{nth}"), road.clock.now()).1).await;
    }
    assert_eq!(points(&world, person.id).await - before, 41 * one);
}

#[tokio::test]
async fn reply_attended_to_again_is_counted_on_the_message_it_was_counted_on() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let phone = fresh::phone();
    let (first, last) = (world.sms(&phone, &fresh::text()).await, world.sms(&phone, &fresh::text()).await);
    for id in [&first, &last] {
        world.until(id, "delivered").await;
    }
    // When the text is attended to for the first time, the last message has not gone yet.
    world.rewrite(&last, "SET #status = :s", &[(":s", text("retrying"))]).await;
    let mut thanks = sms(&phone, &fresh::text());
    let sid = fresh::sid();
    thanks["id"] = json!(sid);
    written(&world, &thanks).await;
    assert_eq!(counts(&world.message(&first).await), json!([0, 0, 0, 0, 1]));
    world.rewrite(&last, "SET #status = :s", &[(":s", text("delivered"))]).await;
    again(&world, &sid).await;
    assert_eq!(counts(&world.message(&last).await), json!([0, 0, 0, 0, 0]), "another is found, and not counted on");
    assert_eq!(counts(&world.message(&first).await), json!([0, 0, 0, 0, 1]));
}

/// A text is attended to once more, as after a worker died before it was noted that it was.
pub(crate) async fn again(world: &World, sid: &str) {
    let id = inbound_id(world.seal().await.ids(), sid).to_string();
    let due = [(":d", number(jiff::Timestamp::now().as_millisecond() + 600_000)), (":s", text("0"))];
    world.rewrite(&id, "SET due_at = :d, due_shard = :s", &due).await;
    world.enqueue("callbacks", &id).await;
    attended(world, sid).await;
}

fn heard(road: &Road, from: &Address, reply: Reply, after: i64) -> Heard {
    Heard {
        provider_id: Some(fresh::sid()),
        fingerprint: road.seal.fingerprint(from),
        channel: Channel::Sms,
        reply,
        at: plus_seconds(road.clock.now(), after),
    }
}

#[tokio::test]
async fn suspected_revocation_heard_by_several_workers_is_noted_once() {
    let world = World::new();
    let road = world.road().await;
    let from = phone(&fresh::phone());
    let text = heard(&road, &from, Reply::RevocationLikely, 0);
    for done in join_all((0..4).map(|_| road.heed(&text, Some(&from)))).await {
        done.expect("heeded");
    }
    let entries = world.address_entries(&from).await;
    let events: Vec<_> = entries.iter().map(|entry| entry["event"].as_s().expect("a text").as_str()).collect();
    assert_eq!(events, ["revocation_suspected"]);
}

/// A provider refuses a text because its recipient said no there.
async fn refused(road: &Road, to: &Target, after: i64) {
    let at = plus_seconds(road.clock.now(), after);
    road.learn(to, Channel::Sms, PermanentKind::OptedOut, ProviderName::Twilio, at).await.expect("learned");
}

#[tokio::test]
async fn older_no_told_by_the_provider_does_not_undo_a_later_start() {
    let world = World::new();
    let road = world.road().await;
    for _ in 0..6 {
        let person = world.person().await;
        let from = phone(&person.phone);
        let target = road.people.target(&from);
        let start = heard(&road, &from, Reply::Keyword(Keyword::Start), 10);
        // At the same time, and again afterwards, as a parked callback is.
        let (_, started) = futures::join!(refused(&road, &target, 0), road.heed(&start, Some(&from)));
        started.expect("heeded");
        refused(&road, &target, 5).await;
        assert_eq!(known(&world, from.as_str()).await, Vec::<String>::new());
        let consents =
            road.people.get(&PersonId::text(&person.id.to_string()).expect("an id")).await.expect("it answers");
        assert!(consents.is_some_and(|person| !person.consents.values().any(|consent| consent.before_stop.is_some())));
        // One that is later is a no.
        refused(&road, &target, 20).await;
        assert_eq!(known(&world, from.as_str()).await, STOPPED);
        refused(&road, &target, 0).await;
        assert_eq!(known(&world, from.as_str()).await, STOPPED, "and stays one");
    }
    let list = road.people.suppressions(Some(Reason::OptOut), None, 20).await.expect("it answers");
    assert!(!list.listed.is_empty());
}

/// The interleaving: the no is written between the START's claim and the end of what it does, and its worker dies before it
/// looks again; then its record comes again.
#[tokio::test]
async fn no_written_during_a_start_is_taken_back_when_it_comes_again() {
    let world = World::new();
    let road = world.road().await;
    let from = phone(&fresh::phone());
    let target = road.people.target(&from);
    refused(&road, &target, 0).await;
    let at = plus_seconds(road.clock.now(), 10);
    let said = switchboard::store::heard::Said { wish: switchboard::store::heard::Wish::Start, at };
    road.ephemera.claim_wish(&road.seal, &target.fingerprint, said).await.expect("claimed");
    assert_eq!(known(&world, from.as_str()).await, STOPPED);
    eventually("it is taken back", seconds(5), async || {
        refused(&road, &target, 0).await;
        if known(&world, from.as_str()).await.is_empty() { Ok(()) } else { Err("it stands".to_owned()) }
    })
    .await;
}
