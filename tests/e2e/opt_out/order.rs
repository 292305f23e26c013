//! Texts that are heeded at once, late, or after an interruption: the latest wish counts, and of two that could be the latest
//! the no.

use futures::future::join;
use switchboard::message::{Address, Channel};
use switchboard::person::words::{Keyword, Reply};
use switchboard::road::{Heard, Heeded, Road};
use switchboard::store::heard::{Claimed, Said, Wish};

use super::{known, names, phone, told, trigger_refusal};
use crate::world::{World, fresh};

const STOPPED: [&str; 2] = ["sms opt_out all", "whatsapp opt_out all"];
const STOP: Reply = Reply::Keyword(Keyword::Stop);
const START: Reply = Reply::Keyword(Keyword::Start);

/// A text that came so many seconds from now.
fn heard(road: &Road, number: &Address, reply: Reply, seconds: i64) -> Heard {
    Heard {
        provider_id: Some(fresh::sid()),
        fingerprint: road.seal.fingerprint(number),
        channel: Channel::Sms,
        reply,
        at: switchboard::clock::plus_seconds(road.clock.now(), seconds),
    }
}

async fn heed(road: &Road, heard: &Heard, from: &Address) -> Heeded {
    road.heed(heard, Some(from)).await.expect("heeded")
}

#[tokio::test]
async fn a_stop_is_heeded_though_a_later_text_was_noted_first() {
    let world = World::new();
    let road = world.road().await;
    let number = phone(&fresh::phone());
    let (stop, free) = (heard(&road, &number, STOP, 0), heard(&road, &number, Reply::RevocationLikely, 10));
    assert_eq!(heed(&road, &free, &number).await, Heeded::Suspected);
    assert_eq!(heed(&road, &free, &number).await, Heeded::Past, "noted once");
    assert_eq!(heed(&road, &stop, &number).await, Heeded::Stopped);
    assert_eq!(known(&world, number.as_str()).await, STOPPED);
    let events = told(&world, &number).await;
    assert_eq!(names(&events), ["revocation_suspected", "address_suppressed", "address_suppressed"]);
}

#[tokio::test]
async fn a_stop_counts_that_is_heeded_at_the_same_time_as_the_start_before_it() {
    let world = World::new();
    let road = world.road().await;
    for _ in 0..8 {
        let person = world.person().await;
        let number = phone(&person.phone);
        heed(&road, &heard(&road, &number, STOP, 0), &number).await;
        let (start, stop) = (heard(&road, &number, START, 10), heard(&road, &number, STOP, 20));
        let (_, stopped) = join(heed(&road, &start, &number), heed(&road, &stop, &number)).await;
        assert_eq!(stopped, Heeded::Stopped);
        assert_eq!(known(&world, &person.phone).await, STOPPED);
        assert_eq!(trigger_refusal(&world, person.id, "payment_reminder", "sms").await, "address_suppressed");
    }
}

#[tokio::test]
async fn a_start_counts_that_is_heeded_at_the_same_time_as_the_stop_before_it() {
    let world = World::new();
    let road = world.road().await;
    for _ in 0..4 {
        let number = phone(&fresh::phone());
        let (stop, start) = (heard(&road, &number, STOP, 10), heard(&road, &number, START, 20));
        let (_, started) = join(heed(&road, &stop, &number), heed(&road, &start, &number)).await;
        assert_eq!(started, Heeded::Started);
        assert_eq!(known(&world, number.as_str()).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_start_that_was_interrupted_says_the_later_stop_again() {
    let world = World::new();
    let road = world.road().await;
    let number = phone(&fresh::phone());
    let (start, stop) = (heard(&road, &number, START, 10), heard(&road, &number, STOP, 20));
    heed(&road, &stop, &number).await;
    // What an interrupted START leaves behind: it took back what the STOP did, and never looked again.
    let listed = road.people.suppressions_of(&road.people.target(&number)).await.expect("the list");
    assert_eq!(listed.len(), 2);
    let witness = switchboard::ledger::Witness::new("twilio", "sms_keyword", start.at);
    let (target, details) = (road.people.target(&number), switchboard::store::people::Details::default());
    road.people.release(&target, |_| true, &witness, &details).await.expect("released");
    assert_eq!(known(&world, number.as_str()).await, Vec::<String>::new());
    assert_eq!(heed(&road, &start, &number).await, Heeded::Past);
    assert_eq!(known(&world, number.as_str()).await, STOPPED);
    assert_eq!(heed(&road, &stop, &number).await, Heeded::Past, "it was heeded before");
}

#[tokio::test]
async fn a_text_that_was_interrupted_after_it_took_its_place_is_heeded_when_it_comes_again() {
    let world = World::new();
    let road = world.road().await;
    let number = phone(&fresh::phone());
    let (stop, start) = (heard(&road, &number, STOP, 10), heard(&road, &number, START, 20));
    for (text, wish, heeded, left) in
        [(&stop, Wish::Stop, Heeded::Stopped, &STOPPED[..]), (&start, Wish::Start, Heeded::Started, &[])]
    {
        let said = Said { wish, at: text.at };
        assert_eq!(
            road.ephemera.claim_wish(&road.seal, &text.fingerprint, said).await.expect("claimed"),
            Claimed::Counts
        );
        assert_eq!(heed(&road, text, &number).await, heeded);
        assert_eq!(known(&world, number.as_str()).await, left);
    }
    // At the same millisecond the no counts, whichever comes first.
    let number = phone(&fresh::phone());
    let start = heard(&road, &number, START, 30);
    let stop = Heard { provider_id: Some(fresh::sid()), reply: STOP, ..start.clone() };
    assert_eq!(heed(&road, &start, &number).await, Heeded::Started);
    assert_eq!(heed(&road, &stop, &number).await, Heeded::Stopped);
    assert_eq!(heed(&road, &Heard { provider_id: Some(fresh::sid()), ..start }, &number).await, Heeded::Past);
    assert_eq!(known(&world, number.as_str()).await, STOPPED);
}
