//! How often.

use futures::future::join_all;
use serde_json::json;

use crate::world::{World, fresh, tokens};

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

#[tokio::test]
async fn the_eleventh_send_in_a_minute_has_to_wait() {
    let world = World::new();
    let token = tokens::sender(&fresh::word());
    let nothing = json!({});
    // At once: a minute is not long on a busy machine.
    let sends = (0..10).map(|_| world.post("/api/communication/send", &nothing).token(&token).send());
    let (mut remaining, mut resets) = (Vec::new(), Vec::new());
    for answer in join_all(sends).await {
        let answer = answer.is(400);
        assert_eq!(answer.header("x-ratelimit-limit"), "10");
        remaining.push(number(answer.header("x-ratelimit-remaining")));
        resets.push(number(answer.header("x-ratelimit-reset")));
    }
    remaining.sort_unstable();
    assert_eq!(remaining, (0..10).collect::<Vec<_>>(), "each is counted");
    assert!(resets.iter().all(|reset| *reset == resets[0]), "one window: {resets:?}");
    let now = jiff::Timestamp::now().as_second();
    assert!((now..=now + 61).contains(&resets[0]), "{} is not within the next minute", resets[0]);

    // Whatever the endpoint, it is one more send.
    let text = json!({"to": fresh::phone(), "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &text).token(&token).send().await;
    let refused = refused.refused(429, "Rate limit exceeded");
    assert!((1..=60).contains(&number(refused.header("retry-after"))), "{:?}", refused.headers);
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    // Reading has a window of its own, and so has everybody else.
    let read = world.get("/api/communication/trigger-types").token(&token).send().await.is(200);
    assert_eq!((read.header("x-ratelimit-limit"), read.header("x-ratelimit-remaining")), ("100", "99"));
    let other =
        world.post("/api/communication/send", &nothing).token(&tokens::sender(&fresh::word())).send().await.is(400);
    assert_eq!(other.header("x-ratelimit-remaining"), "9");
}

#[tokio::test]
async fn a_token_may_carry_its_own_limits() {
    let world = World::new();
    let mut claims = tokens::claims(&fresh::word(), "communication:send");
    claims["limits"] = json!({"send": 2});
    let token = tokens::signed(&claims);
    for remaining in ["1", "0"] {
        let answer = world.post("/api/communication/send", &json!({})).token(&token).send().await.is(400);
        assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")), ("2", remaining));
    }
    world.post("/api/communication/send", &json!({})).token(&token).send().await.refused(429, "Rate limit exceeded");
}

#[tokio::test]
async fn every_answer_to_a_caller_says_where_they_stand_and_has_an_id() {
    let world = World::new();
    let sender = tokens::sender(&fresh::word());
    let reader = tokens::token(&fresh::word(), "communication:read");
    let mut ids = Vec::new();
    let calls = [
        (200, world.get("/api/communication/trigger-types").token(&sender)),
        (400, world.post_text("/api/communication/send", "{").token(&sender)),
        (403, world.post("/api/communication/send", &json!({})).token(&reader)),
        (404, world.get("/api/communication/status/unknown").token(&sender)),
        (401, world.get("/api/communication/trigger-types").no_token()),
    ];
    for (status, call) in calls {
        let answer = call.send().await.is(status);
        // Who nobody knows stands nowhere.
        for name in
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].into_iter().filter(|_| status != 401)
        {
            assert!(answer.header(name).parse::<u64>().is_ok(), "{status} without {name}: {:?}", answer.headers);
        }
        ids.push(answer.header("x-request-id").to_owned());
    }
    assert!(ids.iter().all(|id| !id.is_empty()), "{ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each request has its own id");
}

#[tokio::test]
async fn batch_counts_each_of_its_recipients() {
    let world = World::new();
    let mut claims = tokens::claims(&fresh::word(), "communication:send");
    claims["limits"] = json!({"batch": 100, "recipients": 5});
    let token = tokens::signed(&claims);
    let batch = |size: usize| {
        let one = json!({"user_id": fresh::user(), "trigger_type": "payment_reminder", "data": {}});
        let call = world.post("/api/communication/batch", &json!({"communications": vec![one; size]})).token(&token);
        async move { call.send().await }
    };
    batch(4).await.is(200);
    let refused = batch(2).await.refused(429, "Rate limit exceeded");
    assert!((1..=60).contains(&number(refused.header("retry-after"))), "{:?}", refused.headers);
    let numbers = json!({"phone_numbers": [fresh::phone()], "message": fresh::text()});
    world.post("/api/sms/send-bulk", &numbers).token(&token).send().await.refused(429, "Rate limit exceeded");
}
