//! For tests of the HTTP edge that need no AWS: fixed secrets, and stores nobody answers. What such a test can show is
//! all that happens before a store is asked, and what happens when none answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::Clock;
use crate::event::{EventType, Secrets, Subscriber, SubscriberId, Target};
use crate::http::{AuthKeys, Edge, Limits};
use crate::message::engagement::Engagement;
use crate::message::record::{AddressSource, Links, ProviderChoice, Times};
use crate::message::short_link::ShortLinks;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Content, IdKey, Lane, Locale, Message, MessageId, Micros, Status};
use crate::otp::{Otp, Settings};
use crate::person::{Decision, Intent, Question, TimeRules};
use crate::privacy::Privacy;
use crate::privacy::erasure::{CancelLinks, CoolingOff, Eraser};
use crate::privacy::reseal::Resealer;
use crate::provider::twilio::TwilioCredentials;
use crate::provider::twilio::lookup::Lookup;
use crate::provider::twilio::recordings::Recordings;
use crate::provider::{ProviderName, call};
use crate::queue::Queues;
use crate::road::{FreeText, Road, Templates, aws_behavior};
use crate::seal::purpose::{CodeKeys, HeldKeys, LedgerKeys, LinkKeys, NotHeld, PurposeSecret};
use crate::seal::{Seal, SealKeys};
use crate::secrets::{Secret, Versions};
use crate::store::events::{self, Events};
use crate::store::jobs::JobFiles;
use crate::store::privacy::{Indexed, Sealed, indexed, sealed};
use crate::store::twofactor::Tables;
use crate::store::{
    Budgets, Catalog, Controls, Ephemera, Files, Jobs, Messages, OtpStore, People, PrivacyStore, TwoFactorStore,
};
use crate::twofactor::{self, ActionAssertions, TwoFactor};

/// The key the tests' tokens are signed with.
pub const SECRET: &str = "a secret of the tests, 32 bytes at least";

/// An SDK configuration whose endpoint refuses every connection.
pub fn dead_aws() -> SdkConfig {
    aws_at("http://127.0.0.1:1")
}

/// An SDK configuration whose endpoint is here.
pub(crate) fn aws_at(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_behavior())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(RetryConfig::disabled())
        .build()
}

/// A road on which no store answers.
pub fn dead_road(clock: Clock) -> Result<Road, Box<dyn std::error::Error>> {
    road_on("http://127.0.0.1:1", clock)
}

/// A road whose tables are here; no queue answers.
pub fn road_on(dynamo_url: &str, clock: Clock) -> Result<Road, Box<dyn std::error::Error>> {
    road_with(&aws_at(dynamo_url), clock)
}

/// The same, with a client that repeats a request without an answer, as a deployment's does.
pub fn persistent_road_on(dynamo_url: &str, clock: Clock) -> Result<Road, Box<dyn std::error::Error>> {
    let aws = aws_at(dynamo_url).into_builder().retry_config(RetryConfig::standard()).build();
    road_with(&aws, clock)
}

/// A road whose tables are where this configuration leads.
pub fn road_with(aws: &SdkConfig, clock: Clock) -> Result<Road, Box<dyn std::error::Error>> {
    let content: SealKeys = serde_json::from_value(json!({
        "active": "k1",
        "keys": {"k1": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="},
    }))?;
    let lookup = json!({"active": 1, "keys": {"1": STANDARD.encode([9; 32])}, "ids_key": STANDARD.encode([8; 32])});
    let seal = Arc::new(Seal::new(&content, &serde_json::from_value(lookup)?)?);
    let keys = held_keys()?;
    let dynamo = aws_sdk_dynamodb::Client::new(aws);
    let dynamo_client = dynamo.clone();
    Ok(Road {
        clock: clock.clone(),
        messages: Messages::new(dynamo.clone(), "messages".to_owned(), seal.clone()),
        people: People::new(
            dynamo.clone(),
            "people".to_owned(),
            "ledger".to_owned(),
            keys.ledger.clone(),
            seal.clone(),
        ),
        ephemera: Ephemera::new(dynamo.clone(), "ephemera".to_owned()),
        templates: Templates::new(Catalog::new(dynamo, "catalog".to_owned()), Locale::english(), clock),
        queues: Queues::at(aws_sdk_sqs::Client::new(&dead_aws()), "http://127.0.0.1:1"),
        short_links: ShortLinks::new(keys.links.clone(), "https://api.switchboard.example", 90),
        seal,
        keys,
        rules: Arc::new(TimeRules::default()),
        controls: Controls::new(dynamo_client, "catalog".to_owned(), "ephemera".to_owned(), 0),
        destinations: Arc::default(),
        free_text: FreeText::default(),
    })
}

/// Keys of every purpose.
pub fn held_keys() -> Result<HeldKeys, Box<dyn std::error::Error>> {
    let secret = |byte: u8| -> Result<PurposeSecret, serde_json::Error> {
        serde_json::from_value(json!({"active": "k1", "keys": {"k1": STANDARD.encode([byte; 32])}}))
    };
    Ok(HeldKeys {
        codes: Some(CodeKeys::fixed(secret(3)?)?),
        ledger: Some(LedgerKeys::fixed(secret(4)?)?),
        links: Some(LinkKeys::fixed(secret(5)?)?),
    })
}

/// An enabled subscriber that wants to know what was sent, and of which nothing is known yet. Made at the beginning of time.
pub fn sample_subscriber() -> Result<Subscriber, Box<dyn std::error::Error>> {
    Ok(Subscriber {
        id: SubscriberId::new(),
        maker: "test".to_owned(),
        target: Target::stored("https://hooks.example.com/").ok_or("no URL")?,
        wants: [EventType::Sent].into(),
        description: None,
        disabled: None,
        secrets: Secrets::new()?,
        failing: None,
        took: None,
        held_until: None,
        apart_until: None,
        created: Timestamp::UNIX_EPOCH,
        updated: Timestamp::UNIX_EPOCH,
    })
}

/// The key ids are derived under in tests.
pub fn sample_ids() -> IdKey {
    IdKey::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
}

/// An id, always the same for a name.
pub fn sample_id(name: &str) -> MessageId {
    MessageId::derived(&sample_ids(), "test", "test", name)
}

/// An accepted text, made at `now`.
pub fn sample_message(now: Timestamp) -> Message {
    let to = Address::stored(Channel::Sms, "+14155552671".to_owned());
    let (channel, class, lane) = (Channel::Sms, Class::Transactional, Lane::Standard);
    let intent = Intent { channel, class, trigger: None, lane, to: &to, carries_code: false, at: now };
    let question = Question { intent, rules: &TimeRules::default(), person: None, suppressions: &[] };
    let decision = Decision::make(&question, now);
    Message {
        id: sample_id("test"),
        task: sample_id("test"),
        siblings: Vec::new(),
        job: None,
        caller: "test".to_owned(),
        request_hash: None,
        person: None,
        channel: Channel::Sms,
        asked: None,
        class: Class::Transactional,
        trigger: None,
        template: None,
        lane: Lane::Standard,
        provider: ProviderName::Twilio,
        choice: ProviderChoice::Fixed,
        to,
        address_source: AddressSource::Given,
        from: None,
        content: Content::text("Hello"),
        code: None,
        secrets: None,
        segments: 1,
        cost: Micros::new(8_300),
        estimate: Micros::new(8_300),
        refund: Micros::default(),
        links: Links::default(),
        fallback_to: Vec::new(),
        fallbacks: Vec::new(),
        instead_of: None,
        status: Status::Accepted,
        reason: None,
        provider_code: None,
        provider_id: None,
        call: None,
        recordings: Vec::new(),
        engagement: Engagement::default(),
        attempts: 0,
        throttled: 0,
        held_ms: 0,
        looks: 0,
        decision,
        counted_as: None,
        trail: BTreeMap::new(),
        times: Times::new(now),
        erased: None,
    }
}

/// Budgets nobody answers for.
pub fn dead_budgets() -> Budgets {
    Budgets::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "catalog".to_owned(), "ephemera".to_owned())
}

/// Jobs and their files, none of which answers.
pub fn dead_jobs(road: &Road) -> (Jobs, JobFiles) {
    let dynamo = aws_sdk_dynamodb::Client::new(&dead_aws());
    (Jobs::new(dynamo, "catalog".to_owned(), road.seal.clone()), JobFiles::new(&dead_aws(), "files".to_owned()))
}

/// Subscribers and deliveries nobody answers for.
pub fn dead_events(road: &Road) -> Result<Events, NotHeld> {
    events_on("http://127.0.0.1:1", road)
}

/// Subscribers and deliveries whose tables are here.
pub fn events_on(dynamo_url: &str, road: &Road) -> Result<Events, NotHeld> {
    let [catalog, deliveries, ledger, people] = ["catalog", "deliveries", "ledger", "people"].map(str::to_owned);
    let dynamo = aws_sdk_dynamodb::Client::new(&aws_at(dynamo_url));
    let tables = events::Tables { catalog, deliveries, ledger, people };
    Ok(Events::new(dynamo, tables, road.keys.ledger()?, road.seal.clone()))
}

/// One-time codes and lookups nobody answers for, and their store.
pub fn dead_otp(road: &Road) -> Result<(Otp, Lookup, OtpStore), Box<dyn std::error::Error>> {
    let store = OtpStore::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "ephemera".to_owned());
    let lookup = Lookup::new(call::client()?, "http://127.0.0.1:1", road.clock.clone(), twilio()?);
    Ok((Otp::new(road.clone(), road.keys.codes()?, store.clone(), Settings::default()), lookup, store))
}

/// The store of second factors, which does not answer.
pub fn dead_twofactor_store(road: &Road) -> Result<TwoFactorStore, NotHeld> {
    let [people, ephemera, ledger] = ["people", "ephemera", "ledger"].map(str::to_owned);
    let dynamo = aws_sdk_dynamodb::Client::new(&dead_aws());
    Ok(TwoFactorStore::new(dynamo, Tables { people, ephemera, ledger }, road.keys.ledger()?, road.seal.clone()))
}

/// Assertions for actions, whose store does not answer.
pub fn dead_actions(road: &Road) -> Result<ActionAssertions, NotHeld> {
    let (codes, store) = (road.keys.codes()?, dead_twofactor_store(road)?);
    Ok(ActionAssertions::new(road.clock.clone(), codes, store, "https://api.example"))
}

/// Second factors nobody answers for, and a key that signs.
pub fn dead_twofactor(road: &Road) -> Result<TwoFactor, Box<dyn std::error::Error>> {
    let store = dead_twofactor_store(road)?;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    let key = serde_json::from_value(json!({"private_key": STANDARD.encode(pkcs8.as_ref())}))?;
    let signing = Secret::fixed(Versions { current: key, previous: None });
    let settings = twofactor::Settings { issuer: "https://api.example".to_owned(), ..twofactor::Settings::default() };
    let (engine, ..) = dead_otp(road)?;
    Ok(TwoFactor::new(road.clock.clone(), engine, store, road.keys.codes()?, signing, settings))
}

/// Erasures nobody answers for.
pub fn dead_eraser(road: &Road) -> Result<Eraser, NotHeld> {
    let dynamo = aws_sdk_dynamodb::Client::new(&dead_aws());
    let twofactor = dead_twofactor_store(road)?;
    let links = CancelLinks::new(road.keys.links()?, "https://api.example");
    let cooling = CoolingOff { seconds: 259_200, links };
    Ok(Eraser { road: road.clone(), twofactor, store: PrivacyStore::new(dynamo, "catalog".to_owned()), cooling })
}

/// An account of nobody's.
fn twilio() -> Result<Arc<Secret<TwilioCredentials>>, Box<dyn std::error::Error>> {
    let credentials = serde_json::from_value(json!({
        "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
    }))?;
    Ok(Arc::new(Secret::fixed(Versions { current: credentials, previous: None })))
}

/// Recordings nobody deletes.
pub fn dead_recordings(road: &Road) -> Result<Recordings, Box<dyn std::error::Error>> {
    Ok(Recordings::new(call::client()?, "http://127.0.0.1:1", road.clock.clone(), twilio()?))
}

/// What the API asks of privacy, and nobody answers.
pub fn dead_privacy(road: &Road) -> Result<Privacy, NotHeld> {
    let Eraser { twofactor, store, cooling, .. } = dead_eraser(road)?;
    Ok(Privacy::new(road, twofactor, store, cooling))
}

/// Sealing anew that nobody answers for.
pub fn dead_resealer(road: &Road) -> Resealer {
    let [messages, people, ledger, ephemera, catalog] =
        ["messages", "people", "ledger", "ephemera", "catalog"].map(str::to_owned);
    let tables = sealed::Tables { messages, people, ledger, ephemera, catalog };
    let dynamo = aws_sdk_dynamodb::Client::new(&dead_aws());
    let files = Files::new(&dead_aws(), "files".to_owned());
    let store = PrivacyStore::new(dynamo.clone(), "catalog".to_owned());
    let [messages, people, ephemera] = ["messages", "people", "ephemera"].map(str::to_owned);
    let indexed = Indexed::new(dynamo.clone(), indexed::Tables { messages, people, ephemera }, road.seal.clone());
    let sealed = Sealed::new(dynamo, tables, files, road.seal.clone());
    Resealer { clock: road.clock.clone(), seal: road.seal.clone(), store, sealed, indexed }
}

/// The auth secret of the tests.
pub fn auth_keys() -> Result<Secret<AuthKeys>, serde_json::Error> {
    auth_secret(&json!({"keys": [{"kid": "k1", "alg": "HS256", "secret": SECRET}]}))
}

/// The same with these fields beside the issuer and the audience.
pub fn auth_secret(fields: &Value) -> Result<Secret<AuthKeys>, serde_json::Error> {
    let mut keys = json!({"issuer": "test", "audience": "switchboard"});
    if let (Some(keys), Some(fields)) = (keys.as_object_mut(), fields.as_object()) {
        keys.extend(fields.clone());
    }
    Ok(Secret::fixed(Versions { current: serde_json::from_value(keys)?, previous: None }))
}

/// An edge with the tests' keys, on a store that does not answer.
pub fn edge(road: &Road) -> Result<Edge, serde_json::Error> {
    Ok(Edge::new(road.clock.clone(), auth_keys()?, road.ephemera.clone(), Limits::default()))
}

/// A token of `subject` with these scopes (space-separated).
pub fn token(subject: &str, scope: &str) -> Result<String, jsonwebtoken::errors::Error> {
    claims(good_claims(subject, scope))
}

/// Claims the tests' edge accepts, for an hour.
pub fn good_claims(subject: &str, scope: &str) -> Value {
    let now = Timestamp::now().as_second();
    json!({"sub": subject, "scope": scope, "iss": "test", "aud": "switchboard", "iat": now, "exp": now + 3_600})
}

/// A token with any claims, signed with the tests' key.
pub fn claims(claims: Value) -> Result<String, jsonwebtoken::errors::Error> {
    let header = Header { kid: Some("k1".to_owned()), ..Header::default() };
    encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

/// What a router answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub json: Value,
}

/// Asks a router, in process.
pub async fn ask(
    router: &Router,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = router.clone().oneshot(request.body(Body::from(body.to_owned()))?).await?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status: parts.status, headers: parts.headers, json })
}
