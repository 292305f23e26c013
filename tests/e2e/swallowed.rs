//! Every answer of DynamoDB to the conditional writes of a message's life is lost once, and the SDK asks again: whoever wrote is
//! told that it was done, and it was done once.

use std::fmt::Debug;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use jiff::Timestamp;
use switchboard::clock::{Clock, plus_seconds};
use switchboard::message::{Message, MessageId, Micros, Status};
use switchboard::provider::{Event, ProviderName, Report};
use switchboard::road::Road;
use switchboard::store::OtpStore;
use switchboard::store::messages::{Costs, Created, Look, Reported, Rescheduled, Settled, Then, Untaken};
use switchboard::testing::{road_with, sample_message};
use tests::fault_proxy::{Fault, FaultProxy, Rule};

use crate::world::World;

async fn table(dynamo: &aws_sdk_dynamodb::Client, name: &str, key: &str) {
    let attribute = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
    let schema = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
    let made = dynamo
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute.build().expect("an attribute"))
        .key_schema(schema.build().expect("a key"))
        .send()
        .await;
    if let Err(error) = made {
        assert!(error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()), "{error:?}");
    }
}

/// Makes a write whose first answer is lost.
async fn lost<T: Debug>(proxy: &FaultProxy, operation: &str, write: impl AsyncFnOnce() -> T) -> T {
    proxy.take_seen();
    proxy.set(Rule { fault: Fault::Swallow, operation: Some(operation.to_owned()), resource: None, count: 1 });
    let done = write().await;
    assert!(!proxy.clear(), "no answer was lost: {done:?}");
    let writes = proxy.take_seen().iter().filter(|seen| seen.operation == operation).count();
    assert!(writes >= 2, "it was not repeated: {done:?}");
    done
}

fn report(id: MessageId, event: Event, at: Timestamp) -> Report {
    Report {
        provider: ProviderName::Twilio,
        message_id: Some(id),
        provider_id: Some("SM1".to_owned()),
        key: event.name().to_owned(),
        event,
        at,
        recipient: None,
        provider_code: None,
        call: None,
        recording: None,
    }
}

/// A road whose tables are behind the proxy.
async fn behind(world: &World, now: Timestamp) -> (FaultProxy, Road) {
    let dynamo = world.dynamodb();
    table(&dynamo, "messages", "id").await;
    table(&dynamo, "ephemera", "key").await;
    let upstream = world.stack.aws_endpoint.trim_start_matches("http://").replace("localhost", "127.0.0.1");
    let proxy = FaultProxy::start(upstream.parse().expect("an address")).await.expect("a port");
    let aws = world.aws().into_builder().endpoint_url(&proxy.url).build();
    (proxy, road_with(&aws, Clock::fixed(now)).expect("a road"))
}

#[tokio::test]
async fn message_whose_writes_lose_their_answers_moves_on_once() {
    let world = World::new();
    let now = Timestamp::now();
    let (proxy, road) = behind(&world, now).await;
    let later = plus_seconds(now, 60);
    let messages = &road.messages;
    let fresh = || Message { id: MessageId::new(), ..sample_message(now) };
    let read = async |id| messages.story(id).await.expect("an answer").expect("a message");

    let message = fresh();
    let id = message.id;
    let created = lost(&proxy, "PutItem", async || messages.create(std::slice::from_ref(&message)).await).await;
    assert_eq!(created.expect("an answer"), Created::New);
    let done = lost(&proxy, "UpdateItem", async || messages.hold(&message, &message.decision, later, later, now).await);
    assert!(done.await.expect("an answer"), "held");
    let seen = read(id).await;
    let done = lost(&proxy, "UpdateItem", async || messages.reschedule(&seen, now, later, "a test", now).await);
    assert_eq!(done.await.expect("an answer"), Rescheduled::Done);
    let seen = read(id).await;
    let done = lost(&proxy, "UpdateItem", async || messages.claim(&seen, &seen.decision, later, now).await);
    assert!(done.await.expect("an answer"), "claimed");
    let busy = Settled::Retry {
        at: later,
        due: later,
        provider_code: "http_429".to_owned(),
        detail: "too many".to_owned(),
        because: Untaken::Busy,
    };
    let done = lost(&proxy, "UpdateItem", async || messages.settle(id, 1, &busy, now).await);
    assert!(done.await.expect("an answer"), "settled");
    let seen = read(id).await;
    assert_eq!((seen.attempts, seen.throttled, seen.status), (1, 1, Status::Retrying), "counted once");
    let done = lost(&proxy, "UpdateItem", async || messages.claim(&seen, &seen.decision, later, now).await);
    assert!(done.await.expect("an answer"), "claimed again");
    let sent = Settled::Sent { provider_id: "SM1".to_owned(), look: Look::AsClaimed };
    let done = lost(&proxy, "UpdateItem", async || messages.settle(id, 2, &sent, now).await);
    assert!(done.await.expect("an answer"), "sent");
    let opened = report(id, Event::Opened, now);
    let done = lost(&proxy, "UpdateItem", async || messages.report(id, &opened).await);
    assert_eq!(done.await.expect("an answer"), Reported::Noted);
    assert_eq!(read(id).await.engagement.opens, 1, "counted once");
    let delivered = report(id, Event::Delivered, now);
    let done = lost(&proxy, "UpdateItem", async || messages.report(id, &delivered).await);
    assert_eq!(done.await.expect("an answer"), Reported::Moved(Status::Delivered));

    // One that fails, and is given back once.
    let failing = fresh();
    messages.create(std::slice::from_ref(&failing)).await.expect("an answer");
    messages.claim(&failing, &failing.decision, later, now).await.expect("an answer");
    let failed = Settled::Failed {
        reason: "rejected".to_owned(),
        provider_code: None,
        detail: "no".to_owned(),
        costs: Costs::Nothing,
        then: Then::FollowUp { due: later },
    };
    let done = lost(&proxy, "UpdateItem", async || messages.settle(failing.id, 1, &failed, now).await);
    assert!(done.await.expect("an answer"), "failed");
    let seen = read(failing.id).await;
    assert_eq!((seen.cost, seen.refund), (Micros::default(), failing.cost));
    let done = lost(&proxy, "UpdateItem", async || messages.done_with(&seen).await);
    assert!(done.await.expect("an answer"), "whoever ends it gives it back");
    assert!(!messages.done_with(&seen).await.expect("an answer"), "and nobody else");

    // One that is cancelled, one that is refused.
    let cancelled = fresh();
    messages.create(std::slice::from_ref(&cancelled)).await.expect("an answer");
    let done = lost(&proxy, "UpdateItem", async || messages.cancel(cancelled.id, "a test", now).await);
    assert!(done.await.expect("an answer").1, "cancelled by this call");
    let refused = fresh();
    messages.create(std::slice::from_ref(&refused)).await.expect("an answer");
    let done = lost(&proxy, "UpdateItem", async || {
        messages.end(&refused, Status::Blocked, "opted_out", None, &Then::Nothing, now).await
    });
    assert!(done.await.expect("an answer"), "ended");
}

#[tokio::test]
async fn sums_and_codes_whose_answers_are_lost_count_once() {
    let world = World::new();
    let now = Timestamp::now();
    let (proxy, road) = behind(&world, now).await;
    let key = uuid::Uuid::new_v4().to_string();
    for expected in 1..=3 {
        let operation = if expected == 1 { "PutItem" } else { "UpdateItem" };
        let window = lost(&proxy, operation, async || road.ephemera.count(&key, 60, now).await).await;
        assert_eq!(window.expect("an answer").count, expected);
    }
    let place = lost(&proxy, "UpdateItem", async || road.ephemera.take_place(&key, "one", 1, now).await).await;
    assert!(place.expect("an answer"));
    let otp = OtpStore::new(client(&world, &proxy), "ephemera".to_owned());
    let challenge = switchboard::otp::challenge::Challenge::new(6.try_into().expect("digits"), now);
    assert!(lost(&proxy, "PutItem", async || otp.begin(&key, &challenge, now).await).await.expect("an answer"));
    let checks = lost(&proxy, "UpdateItem", async || otp.count_check(&key, now).await).await.expect("an answer");
    assert!(matches!(checks, switchboard::store::otp::Counted::May(challenge) if challenge.checks == 1));
    assert!(lost(&proxy, "UpdateItem", async || otp.use_up(&key, &challenge, now).await).await.expect("an answer"));
    assert!(!otp.use_up(&key, &challenge, now).await.expect("an answer"), "a code is used once");
}

fn client(world: &World, proxy: &FaultProxy) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&world.aws().into_builder().endpoint_url(&proxy.url).build())
}
