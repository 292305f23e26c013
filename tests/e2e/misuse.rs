//! What a token that may send cannot do with it: reach people who said no, call numbers that are paid for it, or send
//! without end.

use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds, tokens};

/// The attack: an advert in the template for emergencies, to somebody who opted out.
#[tokio::test]
async fn emergency_template_with_advert_needs_urgent_scope() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let no = json!({"user_id": person.id, "channel": "all"});
    world.post("/api/communication/opt-out", &no).send().await.ok();
    let data = json!({"message": "50 % off everything today"});
    let by_trigger = json!({
        "user_id": person.id, "trigger_type": "emergency_notification", "channel": "sms", "data": data,
    });
    let direct = json!({"to": person.phone, "template": "emergency_notification", "variables": data});
    let many = json!({
        "channel": "sms", "template": "emergency_notification",
        "recipients": [{"user_id": person.id, "variables": data}],
    });
    let batch = json!({"communications": [by_trigger]});
    let service = tokens::sender(&fresh::word());
    let refused = async |path: &str, body: &Value| {
        let answer = world.post(path, body).token(&service).send().await.refused(403, "Insufficient scope");
        assert_eq!(answer.json["details"], "This needs the scope communication:urgent");
    };
    refused("/api/communication/send", &by_trigger).await;
    refused("/api/v2/communications/sms", &direct).await;
    refused("/api/v2/communications/jobs", &many).await;
    let done = world.post("/api/communication/batch", &batch).token(&service).send().await.ok();
    assert_eq!(
        (&done["summary"]["successful"], &done["results"][0]["error"]),
        (&json!(0), &json!("Insufficient scope"))
    );
    assert!(world.arrived(&person.phone).await.is_empty());
    // The template's own words are nobody's advert, and who has the scope sends what there is to say.
    let alert = json!({
        "user_id": person.id, "trigger_type": "security_alert", "channel": "sms",
        "data": {"event": "a new sign-in from Berlin"},
    });
    world.post("/api/communication/send", &alert).token(&service).send().await.ok();
    let urgent = tokens::token(&fresh::word(), "communication:send communication:urgent");
    world.post("/api/communication/send", &by_trigger).token(&urgent).send().await.ok();
}

/// The attack: a stolen token calls and texts numbers whose owner is paid for each minute.
#[tokio::test]
async fn call_to_premium_number_is_refused() {
    let world = World::new();
    let service = tokens::sender(&fresh::word());
    for to in ["+19002345678", "+449098790123"] {
        for (path, body) in [
            ("/api/v2/communications/calls", json!({"to": to, "message": "Hello", "purpose": "x"})),
            ("/api/v1/twilio/initiate-call", json!({"to": to, "message": "Hello"})),
            ("/api/v1/twilio/send-sms", json!({"to": to, "body": "Hello"})),
            ("/api/v1/twilio/send-whatsapp", json!({"to": to, "body": "Hello"})),
            ("/api/v2/communications/sms", json!({"to": to, "message": "Hello"})),
        ] {
            let answer = world.post(path, &body).token(&service).send().await.is(403);
            assert_eq!(answer.json["reason"], "line_not_allowed", "{path}: {}", answer.json);
            let id = answer.json["task_id"].as_str().expect("the refusal is on record").to_owned();
            let message = world.message(&id).await;
            let checks = &message["decision"]["checks"];
            assert_eq!(
                (&message["status"], &checks[0]["rule"]),
                (&json!("blocked"), &json!("destination")),
                "{message}"
            );
        }
    }
}

/// The attack: messages of the class that no budget holds, without end.
#[tokio::test]
async fn caller_cap_stops_security_messages_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let subject = fresh::word();
    let token = tokens::token(&subject, "communication:send communication:read");
    let path = format!("/api/v2/communications/budgets/{subject}");
    let set = world.put(&path, &json!({"messages_daily": 2})).send().await.ok();
    assert_eq!(set["messages_daily"], 2, "{set}");
    let alert = json!({
        "user_id": person.id, "trigger_type": "security_alert", "channel": "sms", "priority": "critical",
        "data": {"event": "a new sign-in"},
    });
    let send = async |key: &str| world.post("/api/communication/send", &alert).token(&token).key(key).send().await;
    for key in ["1", "2"] {
        send(key).await.ok();
    }
    let over = send("3").await.refused(429, "The caller's messages for today are used up");
    assert_eq!(over.json["reason"], "caller_daily_cap");
    assert!(over.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=86_400).contains(&seconds)));
    // What was accepted before is answered as it was, and uses up nothing.
    assert_eq!(send("1").await.is(200).header("idempotency-replay"), "true");
    let batch = json!({"communications": [alert, alert]});
    let done = world.post("/api/communication/batch", &batch).token(&token).send().await.ok();
    assert_eq!(done["summary"]["successful"], 0, "{done}");
    // A job's rows wait for the next day, and the job says so.
    let recipients = [json!({"to": fresh::phone()}), json!({"to": fresh::phone()})];
    let job = json!({"channel": "sms", "class": "transactional", "message": "Hello", "recipients": recipients});
    let job = world.post("/api/v2/communications/jobs", &job).token(&token).send().await.is(202).json;
    let path = format!("/api/v2/communications/jobs/{}", job["job_id"].as_str().expect("an id"));
    eventually("the job waits", seconds(60), async || {
        let seen = world.get(&path).token(&token).send().await.ok();
        let waits = seen["held_because"] == "caller_daily_cap" && seen["counts"]["pending"] == 2;
        if waits { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    world.post_text(&format!("{path}/cancel"), "").token(&token).send().await.ok();
}

/// The attack: one message to a number that nothing reaches, with three more to be sent instead of it.
#[tokio::test]
async fn message_sent_instead_of_another_counts_against_the_cap() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let (user, email, subject) = (fresh::user(), fresh::email(), fresh::word());
    let number = json!({"user_id": user, "phone_number": "+15005550030", "send_code": false});
    world.post("/api/communication/consent/sms", &number).send().await.ok();
    world.owns(user, &email).await;
    let token = tokens::token(&subject, "communication:send communication:read");
    let path = format!("/api/v2/communications/budgets/{subject}");
    world.put(&path, &json!({"messages_daily": 1})).send().await.ok();
    let send = json!({
        "user_id": user, "trigger_type": "payment_confirmation", "data": {}, "channel": "sms", "fallback": "auto",
    });
    let sent = world.post("/api/communication/send", &send).token(&token).send().await.ok();
    let task = sent["task_id"].as_str().expect("a task").to_owned();
    let mail = eventually("what is sent instead is decided", seconds(60), async || {
        let task = world.status(&task).await;
        let instead = task["messages"].get(1).cloned();
        instead.filter(|mail| mail["status"] == "blocked").ok_or_else(|| task.to_string())
    })
    .await;
    assert_eq!(mail["reason"], "caller_daily_cap", "{mail}");
    assert!(world.arrived(&email).await.is_empty());
}

/// The attack: questions about numbers, each of which a provider is paid for, without end.
#[tokio::test]
async fn paid_lookups_count_against_the_cap() {
    let world = World::new();
    let subject = fresh::word();
    let token = tokens::sender(&subject);
    let path = format!("/api/v2/communications/budgets/{subject}");
    world.put(&path, &json!({"messages_daily": 1})).send().await.ok();
    let (first, second) = (fresh::phone(), fresh::phone());
    let ask = async |phone: &str| {
        let question = json!({"phone_number": phone, "lookup": true});
        world.post("/api/sms/validate-phone", &question).token(&token).send().await
    };
    ask(&first).await.ok();
    assert_eq!(ask(&second).await.is(429).json["reason"], "caller_daily_cap");
    // What is known already costs nothing.
    ask(&first).await.ok();
    world.put(&format!("/api/v2/communications/switches/{subject}"), &json!({"stopped": true})).send().await.ok();
    eventually("the caller is stopped", seconds(30), async || {
        let answer = ask(&second).await;
        if answer.json["reason"] == "caller_stopped" { Ok(()) } else { Err(answer.text) }
    })
    .await;
}

/// The attack: use one's messages up, and see by who is refused who has a second factor.
#[tokio::test]
async fn caller_without_messages_left_learns_of_no_second_factor() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (enrolled, other, subject) = (fresh::user(), fresh::user(), fresh::word());
    world.enrolled(enrolled, &fresh::phone()).await;
    let token = tokens::sender(&subject);
    let path = format!("/api/v2/communications/budgets/{subject}");
    world.put(&path, &json!({"messages_daily": 1})).send().await.ok();
    let used = json!({"to": fresh::phone(), "body": fresh::text()});
    world.post("/api/v1/twilio/send-sms", &used).token(&token).send().await.ok();
    let mut reasons = Vec::new();
    for user in [enrolled, other] {
        let start = json!({"user_id": user});
        let answer = world.post("/api/v2/2fa/start", &start).token(&token).send().await.is(429);
        reasons.push((answer.json["error"].clone(), answer.json["reason"].clone()));
    }
    assert_eq!(reasons[0], reasons[1]);
}

#[tokio::test]
async fn kill_switch_holds_waiting_messages() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (person, subject) = (world.person().await, fresh::word());
    let token = tokens::token(&subject, "communication:send communication:read");
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    let mut alert = json!({
        "user_id": person.id, "trigger_type": "security_alert", "channel": "sms", "data": {}, "scheduled_time": later,
    });
    let sent = world.post("/api/communication/send", &alert).token(&token).send().await.ok();
    let id = sent["task_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v2/communications/switches/{subject}");
    let switch = async |stopped: bool, channels: Value| {
        let body = json!({"stopped": stopped, "channels": channels, "reason": "the key was stolen"});
        world.put(&path, &body).send().await.ok()
    };
    let administrator_only = world.put(&path, &json!({"stopped": false})).token(&token).send().await;
    administrator_only.refused(403, "Insufficient scope");
    assert_eq!(switch(true, json!(["sms"])).await["stopped"], true);
    alert["scheduled_time"] = Value::Null;
    eventually("the send is refused", seconds(30), async || {
        let answer = world.post("/api/communication/send", &alert).token(&token).send().await;
        let stopped = answer.status == 403 && answer.json["reason"] == "channel_stopped";
        if stopped { Ok(()) } else { Err(answer.text) }
    })
    .await;
    // What waits is held when its time comes, and goes when the switch is released.
    world.release(&id, "twilio", "fixed").await;
    eventually("the message is held", seconds(30), async || {
        let message = world.message(&id).await;
        if message["held_because"] == "channel_stopped" { Ok(()) } else { Err(message.to_string()) }
    })
    .await;
    switch(true, json!([])).await;
    eventually("the caller is stopped", seconds(30), async || {
        let answer = world.post("/api/communication/send", &alert).token(&token).send().await;
        if answer.json["reason"] == "caller_stopped" { Ok(()) } else { Err(answer.text) }
    })
    .await;
    switch(false, json!([])).await;
    assert_eq!(world.get(&path).send().await.ok()["stopped"], false);
    eventually("the message goes", seconds(60), async || {
        let message = world.message(&id).await;
        if message["status"] == "delivered" {
            return Ok(());
        }
        if message["status"] == "held" {
            world.release(&id, "twilio", "fixed").await;
        }
        Err(message.to_string())
    })
    .await;
}
