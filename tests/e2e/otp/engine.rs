//! The engine on the stack's own tables and keys, with a clock that stands still until it is moved.

use futures::future::join_all;
use switchboard::clock::Clock;
use switchboard::config::Invalid;
use switchboard::message::{Address, Channel, MessageId, PhoneNumber};
use switchboard::otp::{
    Backend, Checked, Code, Codes, Guard, Otp, Purpose, Refusal, Settings, Start, StartError, Started,
};
use switchboard::person::PersonId;
use switchboard::policy::Countries;
use switchboard::road::Road;
use switchboard::store::OtpStore;

use crate::world::{Line, World, fresh};

pub(crate) struct Engine {
    pub(crate) otp: Otp,
    pub(crate) road: Road,
    pub(crate) codes: Codes,
    pub(crate) clock: Clock,
}

impl Engine {
    pub(crate) async fn new(world: &World, settings: Settings) -> Self {
        let road = world.road().await;
        let clock = road.clock.clone();
        let (keys, store) =
            (road.keys.codes().expect("keys"), OtpStore::new(world.dynamodb(), world.stack.tables["ephemera"].clone()));
        let otp = Otp::new(road.clone(), keys.clone(), store, settings);
        Self { otp, codes: Codes::new(keys), road, clock }
    }

    /// The same with another maker of codes.
    pub(super) fn with(self, backend: Backend) -> Self {
        Self { otp: self.otp.with(backend), ..self }
    }

    pub(super) async fn start(&self, to: &Address, purpose: &str) -> Result<Started, Refusal> {
        self.send(start(to, purpose)).await.map(|(started, _)| started)
    }

    pub(super) async fn try_send(&self, start: Start) -> Result<Started, StartError> {
        self.otp.start(start).await
    }

    pub(super) async fn send(&self, start: Start) -> Result<(Started, MessageId), Refusal> {
        let id = start.id;
        match self.try_send(start).await {
            Ok(started) => Ok((started, id)),
            Err(StartError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends and tells the code, as only who holds the key can.
    async fn code(&self, to: &Address, purpose: &str) -> Code {
        let (_, id) = self.send(start(to, purpose)).await.expect("a code");
        let message = self.road.messages.get(id).await.expect("a store").expect("a message");
        self.codes.code(&message.code.expect("a message with a code"), to)
    }

    pub(super) async fn check(&self, to: &Address, purpose: &str, code: &Code) -> Checked {
        self.otp.check(to, &purpose.parse().expect("a purpose"), code).await.expect("a store")
    }
}

pub(super) fn start(to: &Address, purpose: &str) -> Start {
    let purpose: Purpose = purpose.parse().expect("a purpose");
    Start { instead: Vec::new(), ..Start::new(to.clone(), purpose, "engine".to_owned()) }
}

pub(crate) fn phone() -> Address {
    Address::Phone(PhoneNumber::parse(&fresh::phone(), "US").expect("a number"))
}

/// A number in the block of another.
fn neighbour(of: &Address, last: u32) -> Address {
    let number = of.as_str();
    Address::stored(Channel::Sms, format!("{}{last:04}", &number[..number.len() - 4]))
}

/// A code of as many digits that is not this one.
pub(crate) fn wrong(code: &Code) -> Code {
    (0..).map(|n| Code::entered(&format!("{n:06}")).expect("digits")).find(|other| !other.is(code)).expect("another")
}

pub(crate) const MINUTE: i64 = 60_000;

#[tokio::test]
async fn five_sends_in_ten_minutes_carry_the_same_code_and_the_sixth_waits() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = Engine::new(&world, Settings::default()).await;
    let to = phone();
    let begun = engine.clock.now();
    let first = engine.code(&to, "login").await;
    for _ in 0..4 {
        engine.clock.advance(MINUTE);
        assert!(engine.code(&to, "login").await.is(&first));
    }
    let until = switchboard::clock::plus_seconds(begun, 600);
    let refused = Err(Refusal::TooManySends { until });
    assert_eq!(engine.start(&to, "login").await, refused);
    // Another purpose has a window of its own, and another code.
    assert!(!engine.code(&to, "transfer").await.is(&first));
    engine.clock.advance(6 * MINUTE - 1);
    assert_eq!(engine.start(&to, "login").await, refused);
    engine.clock.advance(1);
    let next = engine.code(&to, "login").await;
    assert!(!next.is(&first), "after ten minutes it is another code");
    assert_eq!(engine.check(&to, "login", &first).await, Checked::Wrong { left: 4 });
    assert_eq!(engine.check(&to, "login", &next).await, Checked::Approved);
}

#[tokio::test]
async fn the_fifth_check_counts_and_the_sixth_is_not_looked_at() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = Engine::new(&world, Settings::default()).await;
    let (to, other) = (phone(), phone());
    let until = switchboard::clock::plus_seconds(engine.clock.now(), 600);
    let (code, others) = (engine.code(&to, "login").await, engine.code(&other, "login").await);
    for left in [4, 3, 2, 1] {
        assert_eq!(engine.check(&to, "login", &wrong(&code)).await, Checked::Wrong { left });
        assert_eq!(engine.check(&other, "login", &wrong(&others)).await, Checked::Wrong { left });
    }
    assert_eq!(engine.check(&other, "login", &others).await, Checked::Approved, "the fifth may be the right one");
    assert_eq!(engine.check(&to, "login", &wrong(&code)).await, Checked::TooMany { until });
    assert_eq!(engine.check(&to, "login", &code).await, Checked::TooMany { until }, "the right one comes too late");
    // Nor is there another code while this one would be valid.
    assert_eq!(engine.start(&to, "login").await, Err(Refusal::TooManyChecks { until }));
    engine.clock.advance(10 * MINUTE);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Nothing);
    let next = engine.code(&to, "login").await;
    assert_eq!(engine.check(&to, "login", &next).await, Checked::Approved);
}

#[tokio::test]
async fn a_code_is_good_until_its_last_millisecond_once_for_its_address_and_purpose() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = Engine::new(&world, Settings::default()).await;
    let (to, late) = (phone(), phone());
    let (code, expired) = (engine.code(&to, "login").await, engine.code(&late, "login").await);
    assert_eq!(engine.check(&to, "transfer", &code).await, Checked::Nothing);
    assert_eq!(engine.check(&phone(), "login", &code).await, Checked::Nothing);
    engine.clock.advance(10 * MINUTE - 1);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Approved);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Nothing, "used");
    engine.clock.advance(1);
    assert_eq!(engine.check(&late, "login", &expired).await, Checked::Nothing, "expired");
}

#[tokio::test]
async fn of_a_thousand_guesses_at_once_five_are_looked_at_and_of_right_ones_one_is_approved() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = Engine::new(&world, Settings::default()).await;
    let (guessed, entered) = (phone(), phone());
    let code = engine.code(&guessed, "login").await;
    let guesses: Vec<Code> = (0..1_001).map(|n| Code::entered(&format!("{n:06}")).expect("digits")).collect();
    let guesses = guesses.iter().filter(|guess| !guess.is(&code)).take(1_000);
    let answers = join_all(guesses.map(|guess| engine.check(&guessed, "login", guess))).await;
    assert_eq!(answers.len(), 1_000);
    let mut lefts: Vec<u32> = answers
        .iter()
        .filter_map(|answer| if let Checked::Wrong { left } = answer { Some(*left) } else { None })
        .collect();
    lefts.sort_unstable();
    assert_eq!(lefts, [1, 2, 3, 4], "the fifth one used up the last");
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Checked::TooMany { .. })).count(), 996);
    assert_eq!(world.otp_checks(&engine.road.seal.fingerprint(&guessed), "login").await, 5);
    let code = engine.code(&entered, "login").await;
    let answers = join_all((0..100).map(|_| engine.check(&entered, "login", &code))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Checked::Approved).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn every_window_of_the_guard_is_exact() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let guard =
        Guard { per_address: 3, per_person: 3, per_ip: 3, per_block: 4, never_entered: 1_000, ..Guard::default() };
    let engine = Engine::new(&world, Settings { guard, ..Settings::default() }).await;
    let until = switchboard::clock::plus_seconds(engine.clock.now(), 3_600);
    let to = phone();
    for purpose in ["a", "b", "c"] {
        assert!(engine.start(&to, purpose).await.is_ok());
    }
    assert_eq!(engine.start(&to, "d").await, Err(Refusal::TooManyForAddress { until }));
    // The block has one more; what an address was refused did not use it up.
    assert!(engine.start(&neighbour(&to, 1), "a").await.is_ok());
    assert_eq!(engine.start(&neighbour(&to, 2), "a").await, Err(Refusal::TooManyForBlock { until }));
    let person = PersonId::text(&fresh::word()).expect("an id");
    let of_person = || Start { person: Some(person.clone()), ..start(&phone(), "a") };
    let ip =
        format!("2001:db8:{:x}:{:x}::1", fresh::user() % 0xffff, fresh::user() % 0xffff).parse().expect("an address");
    let of_ip = || Start { ip: Some(ip), ..start(&phone(), "a") };
    for _ in 0..3 {
        assert!(engine.send(of_person()).await.is_ok() && engine.send(of_ip()).await.is_ok());
    }
    assert_eq!(engine.send(of_person()).await.map(|_| ()), Err(Refusal::TooManyForPerson { until }));
    assert_eq!(engine.send(of_ip()).await.map(|_| ()), Err(Refusal::TooManyForIp { until }));
    engine.clock.advance(60 * MINUTE);
    assert!(engine.start(&to, "d").await.is_ok());
}

#[tokio::test]
async fn a_block_whose_codes_nobody_enters_is_blocked_for_a_day_and_one_code_entered_lifts_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let guard = Guard { never_entered: 3, countries: Countries::All, ..Guard::default() };
    let engine = Engine::new(&world, Settings { guard, ..Settings::default() }).await;
    let until = switchboard::clock::plus_seconds(engine.clock.now(), 86_400);
    let (bad, good) = (phone(), phone());
    for last in 0..3 {
        assert!(engine.start(&neighbour(&bad, last), "login").await.is_ok());
    }
    assert_eq!(engine.start(&neighbour(&bad, 9), "login").await, Err(Refusal::BlockNeverEnters { until }));
    engine.clock.advance(23 * 60 * MINUTE);
    assert_eq!(engine.start(&neighbour(&bad, 10), "login").await, Err(Refusal::BlockNeverEnters { until }));
    engine.clock.advance(60 * MINUTE);
    assert!(engine.start(&neighbour(&bad, 11), "login").await.is_ok(), "a day later");
    for last in 0..2 {
        assert!(engine.start(&neighbour(&good, last), "login").await.is_ok());
    }
    let entered = neighbour(&good, 7);
    let code = engine.code(&entered, "login").await;
    assert_eq!(engine.check(&entered, "login", &code).await, Checked::Approved);
    for last in 10..13 {
        assert!(engine.start(&neighbour(&good, last), "login").await.is_ok(), "counted anew");
    }
    assert!(matches!(engine.start(&neighbour(&good, 20), "login").await, Err(Refusal::BlockNeverEnters { .. })));
}

#[tokio::test]
async fn the_same_request_sends_once_and_another_body_under_its_key_is_refused() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = Engine::new(&world, Settings::default()).await;
    let to = phone();
    let request = Start { request_hash: Some("one".to_owned()), ..start(&to, "login") };
    let (first, _) = engine.send(request.clone()).await.expect("a code");
    for _ in 0..10 {
        let (again, _) = engine.send(request.clone()).await.expect("an answer");
        assert_eq!(again, Started { replayed: true, ..first.clone() });
    }
    let other = Start { request_hash: Some("other".to_owned()), ..request };
    assert!(matches!(engine.otp.start(other).await, Err(StartError::OtherBody)));
    let settings: Result<Settings, Invalid> = Settings::from_env();
    assert_eq!(u8::from(settings.expect("the defaults").digits), 6);
}
