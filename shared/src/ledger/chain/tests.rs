//! What was done to entries shows.

use super::*;
use crate::clock::from_millis;
use crate::ledger::Witness;
use crate::seal::purpose::tests::{ledger, secret};

const SUBJECT: &str = "person#1";

/// Four entries, the oldest first; the second has a personal part.
fn written(chain: &Chain) -> Vec<Entry> {
    let two = Event::new("two").with("left", 9).with_personal("address", "+14155552671");
    let events = [Event::new("one"), two, Event::new("three")];
    let record = Record { caller: "portal", at: from_millis(5), events: &events };
    let mut entries = chain.after(SUBJECT, &Head::default(), &record);
    let head = chain.head(SUBJECT, &entries[2]);
    let more = Record { at: from_millis(6), events: &events[..1], ..record };
    entries.extend(chain.after(SUBJECT, &head, &more));
    entries
}

fn newest_first(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().rev().cloned().collect()
}

fn verify(chain: &Chain, entries: &[Entry], kept: &Head) -> Result<(), Break> {
    chain.ends(SUBJECT, &chain.follow(SUBJECT, Reached::default(), entries)?, kept)
}

#[test]
fn entries_are_numbered_without_a_gap_and_hold_the_mark_of_the_one_before() {
    let chain = Chain::new(ledger());
    let entries = written(&chain);
    assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((entries[1].facts.as_str(), entries[0].previous.as_str()), (r#"{"left":9}"#, ""));
    assert_eq!(verify(&chain, &entries, &chain.head(SUBJECT, &entries[3])), Ok(()));
    let entries = newest_first(&entries);
    assert!(chain.holds(SUBJECT, &entries) && chain.holds(SUBJECT, &entries[1..3]) && chain.holds(SUBJECT, &[]));
}

#[test]
fn what_is_changed_taken_out_or_moved_to_another_subject_shows() {
    let chain = Chain::new(ledger());
    let entries = written(&chain);
    let kept = chain.head(SUBJECT, &entries[3]);
    assert!(!chain.holds("another", &newest_first(&entries)));
    let mut without = entries.clone();
    without.remove(1);
    assert_eq!(verify(&chain, &without, &kept), Err(Break { sequence: 2, fault: Fault::Missing }));
    assert!(!chain.holds(SUBJECT, &newest_first(&without)));
    let changes: [fn(&mut Entry); 6] = [
        |entry| entry.at = from_millis(7),
        |entry| entry.caller = "thief".to_owned(),
        |entry| entry.event = "none".to_owned(),
        |entry| entry.facts = "{}".to_owned() + " ",
        |entry| entry.personal = Personal::Absent,
        |entry| entry.personal = Personal::Erased { mark: "A".to_owned() },
    ];
    for change in changes {
        for place in [1, 3] {
            let mut changed = entries.clone();
            change(&mut changed[place]);
            let expected = Break { sequence: changed[place].sequence, fault: Fault::Changed };
            let same = changed[place] == entries[place];
            let found = verify(&chain, &changed, &kept);
            assert_eq!(found, if same { Ok(()) } else { Err(expected) }, "{:?}", changed[place]);
            assert_eq!(chain.holds(SUBJECT, &newest_first(&changed)), same || place == 3);
        }
    }
    let mut changed = entries.clone();
    changed[2].previous = "l1.A".to_owned();
    assert_eq!(verify(&chain, &changed, &kept), Err(Break { sequence: 2, fault: Fault::Changed }));
}

#[test]
fn a_tail_that_was_cut_off_shows_by_the_head() {
    let chain = Chain::new(ledger());
    let entries = written(&chain);
    let kept = chain.head(SUBJECT, &entries[3]);
    assert_eq!(verify(&chain, &entries[..2], &kept), Err(Break { sequence: 3, fault: Fault::Missing }));
    assert_eq!(verify(&chain, &[], &kept), Err(Break { sequence: 1, fault: Fault::Missing }));
    let earlier = chain.head(SUBJECT, &entries[1]);
    assert_eq!(verify(&chain, &entries, &earlier), Err(Break { sequence: 3, fault: Fault::Head }));
    let proof = chain.proof(SUBJECT, &kept);
    assert!(chain.proves(&proof, SUBJECT, &kept) && !chain.proves(&proof, "another", &kept));
    assert!(!chain.proves(&kept.mark, SUBJECT, &kept));
}

#[test]
fn rotated_key_still_checks_and_removed_key_is_named() {
    let with = |active: &str, keys: &[(&str, u8)]| Chain::new(LedgerKeys::fixed(secret(active, keys)).unwrap());
    let (old, rotated) = (Chain::new(ledger()), with("l2", &[("l1", 4), ("l2", 6)]));
    let mut entries = written(&old);
    let record = Record { caller: "portal", at: from_millis(9), events: &[Event::new("four")] };
    entries.extend(rotated.after(SUBJECT, &old.head(SUBJECT, &entries[3]), &record));
    let kept = rotated.head(SUBJECT, &entries[4]);
    assert!(kept.mark.starts_with("l2.") && entries[4].previous.starts_with("l1."));
    assert_eq!(verify(&rotated, &entries, &kept), Ok(()));
    assert!(rotated.proves(&old.proof(SUBJECT, &kept), SUBJECT, &kept));
    let gone = with("l2", &[("l2", 6)]);
    assert_eq!(verify(&gone, &entries, &kept), Err(Break { sequence: 1, fault: Fault::UnknownKey }));
}

#[test]
fn a_personal_part_may_be_erased_and_not_changed() {
    let chain = Chain::new(ledger());
    let entries = written(&chain);
    let kept = chain.head(SUBJECT, &entries[3]);
    let Personal::Kept { mark, plain } = entries[1].personal.clone() else { panic!("no personal part") };
    assert_eq!(entries[1].personal.facts()["address"], "+14155552671");
    let with = |personal| {
        let mut entries = entries.clone();
        entries[1].personal = personal;
        entries
    };
    assert_eq!(verify(&chain, &with(Personal::Erased { mark: mark.clone() }), &kept), Ok(()));
    let wrong = Err(Break { sequence: 2, fault: Fault::PersonalChanged });
    for personal in [
        Personal::Broken { mark: mark.clone() },
        Personal::Kept { mark: mark.clone(), plain: plain.replace("2671", "2672") },
    ] {
        let changed = with(personal);
        assert_eq!(verify(&chain, &changed, &kept), wrong);
        assert!(!chain.holds(SUBJECT, &newest_first(&changed)));
    }
    // The same address gives another mark each time: an erased one cannot be guessed by its mark.
    let again = written(&chain);
    assert_ne!(again[1].personal.mark(), Some(mark.as_str()));
}

#[test]
fn a_witness_says_who_and_from_where_and_not_in_a_log() {
    let witness = Witness {
        ip: "192.0.2.7".parse().ok(),
        agent: Some("é".repeat(600)),
        ..Witness::new("123", "web_form", from_millis(1))
    };
    let event = witness.attest(Event::new("consent_granted").with("channel", "sms"));
    assert_eq!(Value::Object(event.facts.clone()), json!({"channel": "sms", "source": "web_form"}));
    assert_eq!(event.personal["observed_ip"], "192.0.2.7");
    assert_eq!(event.personal["observed_agent"].as_str().map(str::len), Some(1_024));
    let text = format!("{witness:?} {event:?} {:?}", written(&Chain::new(ledger())));
    assert!(!text.contains("192.0.2.7") && !text.contains("4155552671"), "{text}");
}
