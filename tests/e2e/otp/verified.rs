//! Codes of Twilio Verify, as the simulator has it. `TWILIO_VERIFY_BASE_URL` may name something between the two, such as a
//! proxy that holds requests and answers to Twilio's own description.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::message::{Address, Channel};
use switchboard::otp::{Backend, Checked, Code, Refusal, Settings, Start, StartError};
use switchboard::provider::call;
use switchboard::provider::twilio::verify::Verify;
use switchboard::secrets::{Secret, Versions};

use super::engine::{Engine, phone, start, wrong};
use super::flows::code_in;
use crate::world::{Line, World, eventually, fresh, seconds};

/// The engine with Verify behind it, in a service of this test's own.
async fn engine(world: &World) -> Engine {
    let secret = world.secrets().get_secret_value().secret_id(world.setting("TWILIO_SECRET").await).send().await;
    let mut secret: Value =
        serde_json::from_str(secret.expect("the twilio secret").secret_string().expect("a text")).expect("JSON");
    secret["verify_service_sid"] = json!(format!("VA{}", fresh::word()));
    let credentials = serde_json::from_value(secret).expect("credentials");
    let secret = Arc::new(Secret::fixed(Versions { current: credentials, previous: None }));
    let base = std::env::var("TWILIO_VERIFY_BASE_URL").unwrap_or_else(|_| world.stack.simulator_url.clone());
    let http = call::client_within(seconds(6)).expect("a client");
    let verify = Verify::new(http, &base, Clock::system(), secret);
    Engine::new(world, Settings::default()).await.with(Backend::TwilioVerify(verify))
}

impl World {
    /// The newest of so many codes that arrived.
    async fn verify_code(&self, count: usize, to: &str, channel: &str) -> Code {
        let code = eventually(&format!("{count} codes of Verify arrive"), seconds(20), async || {
            let arrived = self.arrived(to).await;
            let codes: Vec<String> = arrived
                .iter()
                .filter(|message| message["channel"] == channel)
                .filter_map(|message| code_in(message["text"].as_str().unwrap_or_default()))
                .collect();
            codes.last().filter(|_| codes.len() >= count).cloned().ok_or_else(|| format!("{codes:?}"))
        })
        .await;
        Code::entered(&code).expect("a code")
    }
}

#[tokio::test]
async fn verify_sends_one_code_and_takes_it_once_for_its_purpose() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = engine(&world).await;
    let to = phone();
    engine.start(&to, "login").await.expect("sent");
    let code = world.verify_code(1, to.as_str(), "sms").await;
    engine.start(&to, "login").await.expect("sent again");
    assert!(world.verify_code(2, to.as_str(), "sms").await.is(&code), "the same code");
    assert_eq!(engine.check(&to, "transfer", &code).await, Checked::Nothing);
    assert_eq!(engine.check(&phone(), "login", &code).await, Checked::Nothing);
    assert_eq!(engine.check(&to, "login", &wrong(&code)).await, Checked::Wrong { left: 4 });
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Approved);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Nothing, "used");
}

#[tokio::test]
async fn another_purpose_takes_the_address_over_with_another_code() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = engine(&world).await;
    let to = phone();
    engine.start(&to, "login").await.expect("sent");
    let first = world.verify_code(1, to.as_str(), "sms").await;
    engine.start(&to, "transfer").await.expect("sent");
    let second = world.verify_code(2, to.as_str(), "sms").await;
    assert_eq!(engine.check(&to, "login", &second).await, Checked::Nothing, "its verification was cancelled");
    assert_eq!(engine.check(&to, "login", &first).await, Checked::Nothing);
    assert_eq!(engine.check(&to, "transfer", &second).await, Checked::Approved);
}

#[tokio::test]
async fn verify_has_every_channel_and_its_refusals_are_told() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp, Line::Voice, Line::Sendgrid, Line::Resend]).await;
    let engine = engine(&world).await;
    for (channel, name) in [(Channel::Voice, "voice"), (Channel::Whatsapp, "whatsapp"), (Channel::Email, "email")] {
        let to = if channel == Channel::Email { Address::stored(channel, fresh::email()) } else { phone() };
        let locale = Some("pt-BR".parse().expect("a locale"));
        engine.send(Start { channel, locale, ..start(&to, "login") }).await.expect("sent");
        let code = world.verify_code(1, to.as_str(), name).await;
        assert_eq!(engine.check(&to, "login", &code).await, Checked::Approved, "{name}");
    }
    let magic = |number: &str| Address::stored(Channel::Sms, number.to_owned());
    for number in ["+15005550001", "+15005550003", "+15005550010"] {
        let refused = engine.start(&magic(number), &fresh::word()).await;
        // These numbers are everybody's, so the guard may have had enough of them.
        assert!(
            matches!(refused, Err(Refusal::ProviderRefuses | Refusal::TooManyForAddress { .. })),
            "{number} {refused:?}"
        );
    }
    // A landline takes no text: the call that was to follow it comes at once.
    let landline = magic("+15005550009");
    let sent = engine.send(Start { instead: vec![Channel::Voice], ..start(&landline, &fresh::word()) }).await;
    assert!(matches!(sent, Ok(_) | Err(Refusal::TooManyForAddress { .. })), "{sent:?}");
}

#[tokio::test]
async fn five_sends_and_five_checks_are_the_limit_with_verify_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let engine = engine(&world).await;
    let to = phone();
    let until = switchboard::clock::plus_seconds(engine.clock.now(), 600);
    for _ in 0..5 {
        engine.start(&to, "login").await.expect("sent");
    }
    assert_eq!(engine.start(&to, "login").await, Err(Refusal::TooManySends { until }));
    let code = world.verify_code(5, to.as_str(), "sms").await;
    let guess = wrong(&code);
    let guesses = futures::future::join_all((0..50).map(|_| engine.check(&to, "login", &guess))).await;
    assert_eq!(guesses.iter().filter(|guess| matches!(guess, Checked::Wrong { .. })).count(), 4, "{guesses:?}");
    assert_eq!(engine.check(&to, "login", &code).await, Checked::TooMany { until });
}

#[tokio::test]
async fn a_start_without_an_answer_is_not_repeated_and_asked_for_again_it_is_the_same_code() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms]).await;
    let engine = engine(&world).await;
    let (to, other) = (phone(), phone());
    let hang = async |to: &Address| {
        let fault =
            json!({"kind": "hang_after", "provider": "twilio", "channel": "sms", "count": 1, "to": to.as_str()});
        world.fault(fault).await
    };
    let faults = (hang(&to).await, hang(&other).await);
    let request = Start { request_hash: Some("one".to_owned()), ..start(&to, "login") };
    for start in [request.clone(), start(&other, "login")] {
        assert!(matches!(engine.try_send(start).await, Err(StartError::Provider(_))), "nobody knows what became of it");
    }
    drop(faults);
    let code = world.verify_code(1, to.as_str(), "sms").await;
    assert_eq!(world.arrived(to.as_str()).await.len(), 1);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Wrong { left: 4 }, "its verification is not known");
    // The same request may be made again: it was not answered. Afterwards it is, and sends nothing more.
    engine.try_send(request.clone()).await.expect("sent again");
    assert!(world.verify_code(2, to.as_str(), "sms").await.is(&code));
    assert!(engine.try_send(request.clone()).await.expect("an answer").replayed);
    let body = Start { request_hash: Some("other".to_owned()), ..request };
    assert!(matches!(engine.try_send(body).await, Err(StartError::OtherBody)));
    assert_eq!(world.arrived(to.as_str()).await.len(), 2);
    assert_eq!(engine.check(&to, "login", &code).await, Checked::Approved);
    // A code that went out for one purpose unnoticed is worth nothing for another.
    let unnoticed = world.verify_code(1, other.as_str(), "sms").await;
    assert!(matches!(engine.try_send(start(&other, "transfer")).await, Err(StartError::Provider(_))));
    assert_eq!(engine.check(&other, "transfer", &unnoticed).await, Checked::Wrong { left: 4 });
    engine.start(&other, "transfer").await.expect("sent");
    let own = world.verify_code(3, other.as_str(), "sms").await;
    assert_eq!(engine.check(&other, "transfer", &own).await, Checked::Approved);
}

#[tokio::test]
async fn who_said_no_gets_nothing_by_verify_and_the_answers_do_not_tell() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms]).await;
    let engine = engine(&world).await;
    let (said_no, anybody) = (phone(), phone());
    world.writes(said_no.as_str(), "STOP").await;
    let first = world.sms(said_no.as_str(), &fresh::text()).await;
    world.until(&first, "failed").await;
    let (told, would) = (engine.start(&said_no, "login").await, engine.start(&anybody, "login").await);
    assert_eq!(told, would);
    let code = world.verify_code(1, anybody.as_str(), "sms").await;
    let guess = wrong(&code);
    assert!(
        world.arrived(said_no.as_str()).await.iter().all(|message| code_in(&message["text"].to_string()).is_none())
    );
    for _ in 0..6 {
        let (of_no, of_anybody) =
            (engine.check(&said_no, "login", &guess).await, engine.check(&anybody, "login", &guess).await);
        assert_eq!(of_no, of_anybody);
    }
}
