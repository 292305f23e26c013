//! Whose a message is by proof. The property walks two people and three numbers through claims, proofs, sends, texts, noes,
//! changes and erasures, and compares with a plain log of who could read which number when.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::clock::from_millis;
use crate::privacy::erasure::{Authority, Erasable};

const DAY: i64 = 86_400_000;

fn id(text: &str) -> PersonId {
    PersonId::text(text).unwrap()
}

fn span(since: i64, until: Option<i64>) -> Span {
    Span { since: from_millis(since), renewed: from_millis(since), until: until.map(from_millis) }
}

fn holders(spans: &[(&str, Span)]) -> Holders {
    let holding = |(person, span): &(&str, Span)| Holding { person: PersonId::text(person), span: *span };
    Holders::new(spans.iter().map(holding).collect())
}

#[test]
fn message_before_the_proof_is_not_theirs() {
    let holders = holders(&[("ada", span(100, None))]);
    let ada = id("ada");
    assert!(!holders.makes_party(&ada, None, from_millis(99)));
    assert!(holders.makes_party(&ada, None, from_millis(100)));
    // Whoever it names has it, whatever the address.
    assert!(holders.makes_party(&ada, Some(&ada), from_millis(1)));
    assert!(!holders.makes_party(&ada, Some(&id("bob")), from_millis(200)));
}

#[test]
fn family_phone_message_is_neither_ones_alone() {
    let holders = holders(&[("ada", span(0, None)), ("bob", span(10 * DAY, None))]);
    let at = |day: i64| holders.sole_at(from_millis(day * DAY)).map(ToString::to_string);
    assert_eq!((at(9).as_deref(), at(10), at(90)), (Some("ada"), None, None));
    assert_eq!(holders.at(from_millis(90 * DAY)), [&id("ada"), &id("bob")]);
    assert!(holders.superseded(from_millis(90 * DAY)).is_empty());
}

#[test]
fn recycled_number_ends_the_older_proof() {
    let holders = holders(&[("ada", span(0, None)), ("bob", span(45 * DAY, None))]);
    let at = |day: i64| holders.sole_at(from_millis(day * DAY)).map(ToString::to_string);
    assert_eq!((at(44).as_deref(), at(45).as_deref()), (Some("ada"), Some("bob")));
    assert_eq!(holders.superseded(from_millis(45 * DAY)), [&id("ada")]);
    assert!(holders.superseded(from_millis(44 * DAY)).is_empty());
}

#[test]
fn renewed_proof_is_not_ended_by_another() {
    let ada = Span { renewed: from_millis(40 * DAY), ..span(0, None) };
    let holders = holders(&[("ada", ada), ("bob", span(45 * DAY, None))]);
    assert_eq!(holders.at(from_millis(46 * DAY)).len(), 2);
}

#[test]
fn erased_owner_still_keeps_a_shared_time_from_the_other() {
    let holders = holders(&[("", span(0, Some(20 * DAY))), ("bob", span(10 * DAY, None))]);
    assert_eq!(holders.sole_at(from_millis(15 * DAY)), None);
    assert_eq!(holders.sole_at(from_millis(20 * DAY)), Some(&id("bob")));
}

#[test]
fn own_token_erase_touches_no_waiting_message_of_another() {
    let ada = id("ada");
    let holders = holders(&[("ada", span(0, None))]);
    let own = Erasable { person: &ada, holders: Some(&holders), authority: Authority::Person };
    let administrator = Erasable { authority: Authority::Administrator, ..own };
    assert!(own.covers(None, from_millis(5)) && own.spares(None, "shop", true));
    assert!(
        !own.spares(None, "shop", false) && !own.spares(Some(&ada), "shop", true) && !own.spares(None, "ada", true)
    );
    assert!(!administrator.spares(None, "shop", true));
    let by_name = Erasable { holders: None, ..own };
    assert!(!by_name.covers(None, from_millis(5)) && by_name.covers(Some(&ada), from_millis(5)));
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Gives a number with their own token.
    Claims(usize, usize),
    /// An administrator gives it.
    IsGiven(usize, usize),
    /// Enters the code that went there, if they can read the number at all.
    Proves(usize, usize),
    /// A service writes to the number and names nobody, or somebody writes from there.
    Bare(usize),
    /// A service writes to somebody by their id.
    Named(usize),
    /// STOP from a number.
    Stops(usize),
    IsErased(usize),
    /// Days go by.
    Waits(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize, 0..3_usize).prop_map(|(person, number)| Step::Claims(person, number)),
        1 => (0..2_usize, 0..3_usize).prop_map(|(person, number)| Step::IsGiven(person, number)),
        4 => (0..2_usize, 0..3_usize).prop_map(|(person, number)| Step::Proves(person, number)),
        6 => (0..3_usize).prop_map(Step::Bare),
        2 => (0..2_usize).prop_map(Step::Named),
        1 => (0..3_usize).prop_map(Step::Stops),
        1 => (0..2_usize).prop_map(Step::IsErased),
        1 => (1..60_i64).prop_map(Step::Waits),
    ]
}

/// A message, and who could read its number by a proof that was in force.
#[derive(Debug)]
struct Said {
    number: usize,
    names: Option<usize>,
    at: Timestamp,
    /// By the plain log.
    read_by: BTreeSet<usize>,
}

/// Two people, as the product keeps them, and beside it the plain log: since when each can read which number.
struct Model {
    now: Timestamp,
    people: [Person; 2],
    partitions: [Vec<(usize, Span)>; 3],
    reads: BTreeMap<(usize, usize), Timestamp>,
    said: Vec<Said>,
}

impl Model {
    fn new() -> Self {
        let person = |name| Person::new(id(name), Timestamp::UNIX_EPOCH);
        let people = [person("ada"), person("bob")];
        Self {
            now: Timestamp::UNIX_EPOCH,
            people,
            partitions: Default::default(),
            reads: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    fn number(number: usize) -> Address {
        Address::stored(Channel::Sms, format!("+1415555267{number}"))
    }

    fn holders(&self, number: usize) -> Holders {
        let holding =
            |(person, span): &(usize, Span)| Holding { person: Some(self.people[*person].id.clone()), span: *span };
        Holders::new(self.partitions[number].iter().map(holding).collect())
    }

    /// Changes somebody, and writes down whose which number is as the store does.
    fn change(&mut self, who: usize, change: impl FnOnce(&mut Person)) {
        change(&mut self.people[who]);
        let proven = ProvenAddress::of(&self.people[who], Channel::Sms);
        for (number, rows) in self.partitions.iter_mut().enumerate() {
            let span =
                proven.as_ref().filter(|proven| *proven.address() == Self::number(number)).map(ProvenAddress::span);
            for (_, row) in rows.iter_mut().filter(|(person, row)| *person == who && row.until.is_none()) {
                *row = span.filter(|span| span.since == row.since).unwrap_or_else(|| row.ended(self.now));
            }
            if let Some(span) =
                span.filter(|span| !rows.iter().any(|(person, row)| *person == who && row.since == span.since))
            {
                rows.push((who, span));
            }
        }
    }

    /// They read a number no more from now on: they gave it up.
    fn only_reads(&mut self, who: usize, number: Option<usize>) {
        self.reads.retain(|(person, read), _| *person != who || Some(*read) == number);
    }

    fn says(&mut self, number: usize, names: Option<usize>) {
        let read_by = self.reads.keys().filter(|(_, read)| *read == number).map(|(person, _)| *person).collect();
        self.said.push(Said { number, names, at: self.now, read_by });
    }

    fn take(&mut self, step: Step) {
        self.now = plus_seconds(self.now, 1);
        let now = self.now;
        match step {
            Step::Claims(who, number) => self.change(who, |person| person.claim_address(&Self::number(number))),
            Step::IsGiven(who, number) => {
                let Address::Phone(phone) = Self::number(number) else { return };
                self.change(who, |person| person.set_phone(phone));
                self.only_reads(who, Some(number));
            }
            Step::Proves(who, number) => {
                let address = Self::number(number);
                let known = self.people[who].destination(Channel::Sms) == Some(address.clone())
                    || self.people[who].claim(Channel::Sms) == Some(address.clone());
                self.change(who, |person| person.prove(&address, Proof::new(ProofSource::Code, now)));
                if known {
                    self.only_reads(who, Some(number));
                    self.reads.insert((who, number), now);
                }
                let superseded: Vec<PersonId> = self.holders(number).superseded(now).into_iter().cloned().collect();
                for other in 0..2 {
                    if superseded.contains(&self.people[other].id) {
                        self.change(other, |person| person.lose_proof(&address));
                        self.reads.remove(&(other, number));
                    }
                }
            }
            Step::Bare(number) => self.says(number, None),
            Step::Named(who) => {
                let numbers = 0..3;
                for number in numbers {
                    if self.people[who].address(Channel::Sms) == Some(Self::number(number)) {
                        self.says(number, Some(who));
                    }
                }
            }
            Step::Stops(number) => {
                for who in 0..2 {
                    if self.people[who].destination(Channel::Sms) == Some(Self::number(number)) {
                        self.change(who, |person| person.stop(Channel::Sms, "sms_keyword", now));
                    }
                }
            }
            Step::IsErased(who) => {
                let empty = Person::new(self.people[who].id.clone(), now);
                self.change(who, |person| *person = empty);
                self.only_reads(who, None);
            }
            Step::Waits(days) => self.now = plus_seconds(now, days * 86_400),
        }
    }

    /// What an export of somebody contains.
    fn exported(&self, who: usize) -> Vec<&Said> {
        let person = &self.people[who];
        let theirs = |said: &&Said| {
            let names = said.names.map(|names| &self.people[names].id);
            let listed = ProvenAddress::all(person).iter().any(|proven| *proven.address() == Self::number(said.number));
            match names {
                Some(_) => names == Some(&person.id),
                None => listed && self.holders(said.number).makes_party(&person.id, None, said.at),
            }
        };
        self.said.iter().filter(theirs).collect()
    }

    /// What an erasure of somebody touches.
    fn erased(&self, who: usize) -> Vec<&Said> {
        let person = &self.people[who].id;
        let touched = |said: &&Said| {
            let holders = self.holders(said.number);
            let spans: Vec<Span> =
                holders.spans_of(person).iter().map(|span| span.ended(plus_seconds(self.now, 1))).collect();
            let holders = holders.with(person, &spans);
            let erasable = Erasable { person, holders: Some(&holders), authority: Authority::Person };
            erasable.covers(said.names.map(|names| &self.people[names].id), said.at)
        };
        self.said.iter().filter(touched).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nobody_gets_or_erases_what_they_were_not_party_to(steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
            for who in 0..2 {
                let party = |said: &&Said| match said.names {
                    Some(names) => names == who,
                    None => said.read_by.len() == 1 && said.read_by.contains(&who),
                };
                for said in model.exported(who).iter().chain(&model.erased(who)) {
                    prop_assert!(party(said), "{who} has {said:?}");
                }
                // And whoever had the number alone misses nothing of it.
                let own: Vec<&Said> = model.said.iter().filter(party).collect();
                prop_assert_eq!(model.erased(who).len(), own.len(), "{} of {:?}", who, own);
            }
        }
    }
}
