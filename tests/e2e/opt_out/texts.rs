//! What people answer to texts.

use serde_json::{Value, json};
use switchboard::person::words::{Keyword, Reply};
use switchboard::road::{FreeText, Heard, Heeded};

use super::{WEBHOOK, heeded, known, names, phone, refusal, says, told, trigger_refusal};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, eventually, fresh, seconds, signing};

const SMS: &str = "/api/communication/consent/sms";
const STOPPED: [&str; 2] = ["sms opt_out all", "whatsapp opt_out all"];

/// What the ledger says happened to somebody since `before` entries.
async fn ledger(world: &World, user: i64) -> Vec<Value> {
    let page = world.get(&format!("/api/communication/ledger/{user}?limit=100")).send().await.ok();
    assert_eq!(page["intact"], true, "{page}");
    let mut entries = page["entries"].as_array().expect("entries").clone();
    entries.reverse();
    entries
}

#[tokio::test]
async fn a_stop_holds_for_every_text_number_and_owner_until_a_start() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp]).await;
    let (person, other) = (world.person().await, fresh::user());
    let shared = json!({"user_id": other, "phone_number": person.phone, "send_code": false});
    world.post(SMS, &shared).send().await.ok();
    let report = json!({"user_id": person.id, "trigger_type": "monthly_report", "channel": "sms", "data": {}});
    assert_eq!(refusal(&world, "/api/communication/send", &report).await, "");
    let due_later = json!({
        "user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms", "data": {}, "scheduled_time": in_an_hour(),
    });
    let due_later = world.trigger(&due_later).await;

    says(&world, &person.phone, "Stop.").await;
    assert_eq!(known(&world, &person.phone).await, STOPPED);
    // By text and by WhatsApp, from any number of ours, whoever's it is, whatever about.
    let to = json!({"to": person.phone, "body": "x"});
    let from = json!({"to": person.phone, "body": "x", "from": "+15005550006"});
    for (path, body) in [("send-sms", &to), ("send-sms", &from), ("send-whatsapp", &to)] {
        assert_eq!(refusal(&world, &format!("/api/v1/twilio/{path}"), body).await, "address_suppressed", "{path}");
    }
    for user in [person.id, other] {
        for trigger in ["monthly_report", "payment_reminder", "security_alert"] {
            assert_eq!(trigger_refusal(&world, user, trigger, "sms").await, "address_suppressed", "{trigger}");
        }
        let check = json!({"user_id": user, "message_type": "payment_reminder", "channel": "sms"});
        let check = world.post("/api/communication/consent/check", &check).send().await.ok();
        assert_eq!((&check["can_send"], &check["consent_status"]), (&json!(false), &json!("revoked")), "{check}");
    }
    // Calls and e-mails are another matter.
    for (channel, trigger) in [("voice", "payment_reminder"), ("email", "payment_reminder")] {
        assert_eq!(trigger_refusal(&world, person.id, trigger, channel).await, "", "{channel}");
    }
    // What was accepted before is not sent either.
    world.release(&due_later, "twilio", "fixed").await;
    let blocked = world.until(&due_later, "blocked").await;
    assert_eq!(blocked["reason"], "address_suppressed", "{blocked}");
    assert_eq!(blocked["decision"]["checks"][0]["detail"], "opt_out, all messages", "{blocked}");
    assert!(world.arrived(&person.phone).await.is_empty());

    says(&world, &person.phone, "START").await;
    assert_eq!(known(&world, &person.phone).await, Vec::<String>::new());
    assert_eq!(refusal(&world, "/api/communication/send", &report).await, "", "what they had agreed to counts again");
    world.until(&world.sms(&person.phone, &fresh::text()).await, "delivered").await;

    let about_number = told(&world, &phone(&person.phone)).await;
    let twice = |event: &'static str| [event, event];
    assert_eq!(names(&about_number), [twice("address_suppressed"), twice("address_released")].concat());
    assert_eq!(about_number[0].1["reason"], "opt_out");
    assert_eq!(about_number[0].1["source"], "sms_keyword");
    for user in [person.id, other] {
        let entries = ledger(&world, user).await;
        let of_twilio: Vec<&Value> = entries.iter().filter(|entry| entry["caller"] == "twilio").collect();
        let events: Vec<_> = of_twilio.iter().map(|entry| (&entry["event"], &entry["details"]["channel"])).collect();
        let (revoked, granted, lifted) =
            (json!("consent_revoked"), json!("consent_granted"), json!("revocation_lifted"));
        let (sms, whatsapp) = (json!("sms"), json!("whatsapp"));
        assert_eq!(events, [(&revoked, &sms), (&revoked, &whatsapp), (&granted, &sms), (&lifted, &whatsapp)]);
        assert_eq!(of_twilio[0]["details"]["source"], "sms_keyword");
        assert_eq!(of_twilio[0]["personal"]["address"], json!(person.phone));
    }
}

#[tokio::test]
async fn a_text_that_is_brought_again_says_nothing_new() {
    let world = World::new();
    let person = world.person().await;
    let (stop, start) = (fresh::sid(), fresh::sid());
    heeded(&world, &stop, &person.phone, "STOP", &[]).await;
    heeded(&world, &stop, &person.phone, "STOP", &[]).await;
    heeded(&world, &fresh::sid(), &person.phone, "STOP", &[]).await;
    let entries = (told(&world, &phone(&person.phone)).await.len(), ledger(&world, person.id).await.len());
    assert_eq!(entries.0, 2, "one a channel");
    heeded(&world, &start, &person.phone, "START", &[]).await;
    heeded(&world, &stop, &person.phone, "STOP", &[]).await;
    assert_eq!(known(&world, &person.phone).await, Vec::<String>::new(), "the STOP before it was heeded");
    heeded(&world, &start, &person.phone, "START", &[]).await;
    assert_eq!(told(&world, &phone(&person.phone)).await.len(), entries.0 + 2);
}

#[tokio::test]
async fn every_language_is_understood_and_only_a_word_by_itself() {
    let world = World::new();
    for word in ["ARRÊT", "baja", "STOPP", "Abmelden!", "Sair", "disiscrivimi", "afmelden", "opt out", "Revoke"] {
        let number = fresh::phone();
        says(&world, &number, word).await;
        assert_eq!(known(&world, &number).await, STOPPED, "{word}");
    }
    for text in ["STOP PLEASE", "Please stop texting me", "keine SMS mehr!"] {
        let number = fresh::phone();
        says(&world, &number, text).await;
        assert_eq!(known(&world, &number).await, Vec::<String>::new(), "{text}");
        let noted = told(&world, &phone(&number)).await;
        assert_eq!(names(&noted), ["revocation_suspected"], "{text}");
        assert!(!noted[0].1.to_string().to_lowercase().contains("stop"), "what they wrote is nobody's business");
    }
    for text in ["HELP", "info", "Yes, see you at the bus stop", "", "START"] {
        let number = fresh::phone();
        says(&world, &number, text).await;
        assert_eq!(known(&world, &number).await, Vec::<String>::new(), "{text}");
        assert!(told(&world, &phone(&number)).await.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn whatsapp_and_words_of_ones_own_are_heard_too() {
    let world = World::new();
    let (on_whatsapp, own_word) = (fresh::phone(), fresh::phone());
    says(&world, &format!("whatsapp:{on_whatsapp}"), "STOP").await;
    assert_eq!(known(&world, &on_whatsapp).await, STOPPED, "a text is a text");
    heeded(&world, &fresh::sid(), &own_word, "Genug jetzt", &[("OptOutType", "STOP")]).await;
    assert_eq!(known(&world, &own_word).await, STOPPED);
    // Who has no number writes in vain; nothing breaks.
    says(&world, "72345", "STOP").await;
}

#[tokio::test]
async fn start_takes_back_what_stop_did_and_nothing_else() {
    let world = World::new();
    let person = world.person().await;
    let manual = json!({"address": person.phone, "channel": "sms", "note": "Asked by telephone"});
    world.post(super::LIST, &manual).send().await.ok();
    let revoke = json!({"user_id": person.id, "channel": "whatsapp", "reason": "user_request"});
    world.post("/api/communication/consent/revoke", &revoke).send().await.ok();
    says(&world, &person.phone, "STOP").await;
    assert_eq!(known(&world, &person.phone).await, ["sms manual all", "sms opt_out all", "whatsapp opt_out all"]);
    says(&world, &person.phone, "UNSTOP").await;
    assert_eq!(known(&world, &person.phone).await, ["sms manual all"]);
    assert_eq!(trigger_refusal(&world, person.id, "payment_reminder", "sms").await, "address_suppressed");
    assert_eq!(trigger_refusal(&world, person.id, "payment_reminder", "whatsapp").await, "opted_out");
}

#[tokio::test]
async fn the_json_form_is_taken_as_documented_and_what_is_not_signed_is_not() {
    let world = World::new();
    let number = fresh::phone();
    let body = json!({"From": number, "Body": "STOP"}).to_string();
    let path = format!("{WEBHOOK}?bodySHA256={}", signing::sha256_hex(&body));
    let signature =
        signing::twilio(world.stack.secret("twilio_auth_token"), &format!("{}{path}", world.stack.api_url), &[]);
    let call = |body: &str| {
        let call = world.call("POST", &path).no_token().header("content-type", "application/json");
        call.header("x-twilio-signature", &signature).body(body)
    };
    call(&body.replace("STOP", "HELP")).send().await.refused(403, "Invalid signature");
    assert_eq!(call(&body).send().await.ok(), json!({"success": true}));
    // It has no id by which to look for it.
    eventually("it is heeded", seconds(30), async || {
        let known = known(&world, &number).await;
        if known == STOPPED { Ok(()) } else { Err(format!("{known:?}")) }
    })
    .await;

    let unsigned = fresh::phone();
    let form = [("From", unsigned.as_str()), ("Body", "STOP")];
    world.twilio_form(WEBHOOK, &form, "another token", None).await.refused(403, "Invalid signature");
    assert_eq!(known(&world, &unsigned).await, Vec::<String>::new());
    let nobody = [("MessageSid", "SM1"), ("Body", "STOP")];
    let token = world.stack.secret("twilio_auth_token");
    world.twilio_form(WEBHOOK, &nobody, token, None).await.refused(400, "Malformed callback");
}

#[tokio::test]
async fn replayed_json_start_lifts_no_opt_out() {
    let world = World::new();
    let number = fresh::phone();
    let call = |text: &str| {
        let body = json!({"From": number, "Body": text}).to_string();
        let path = format!("{WEBHOOK}?bodySHA256={}", signing::sha256_hex(&body));
        let url = format!("{}{path}", world.stack.api_url);
        let signature = signing::twilio(world.stack.secret("twilio_auth_token"), &url, &[]);
        let call = world.call("POST", &path).no_token().header("content-type", "application/json");
        let call = call.header("x-twilio-signature", &signature).body(&body);
        async move { call.send().await.ok() }
    };
    let is_stopped = || {
        eventually("the STOP is heeded", seconds(30), async || {
            let known = known(&world, &number).await;
            if known == STOPPED { Ok(()) } else { Err(format!("{known:?}")) }
        })
    };
    call("STOP").await;
    is_stopped().await;
    // As captured, twice; whoever wants texts again writes START, which comes with an id.
    for _ in 0..2 {
        assert_eq!(call("START").await, json!({"success": true}));
    }
    heeded(&world, &fresh::sid(), &fresh::phone(), "STOP", &[]).await;
    assert_eq!(known(&world, &number).await, STOPPED);
    heeded(&world, &fresh::sid(), &number, "START", &[]).await;
    assert_eq!(known(&world, &number).await, Vec::<String>::new());
    // The same words again are a wish again, if they are a no.
    call("STOP").await;
    is_stopped().await;
}

#[tokio::test]
async fn free_text_is_honoured_where_the_deployment_says_so_and_a_late_text_is_not() {
    let world = World::new();
    let mut road = world.road().await;
    road.free_text = FreeText::Honoured;
    let number = phone(&fresh::phone());
    let now = road.clock.now();
    let heard = |reply: Reply, seconds: i64| Heard {
        provider_id: Some(fresh::sid()),
        fingerprint: road.seal.fingerprint(&number),
        channel: switchboard::message::Channel::Sms,
        reply,
        at: switchboard::clock::plus_seconds(now, seconds),
    };
    let start = Reply::Keyword(Keyword::Start);
    assert_eq!(road.heed(&heard(Reply::RevocationLikely, 0), Some(&number)).await.expect("heeded"), Heeded::Stopped);
    assert_eq!(known(&world, number.as_str()).await, STOPPED);
    assert_eq!(told(&world, &number).await[0].1["source"], "sms_free_text");
    assert_eq!(road.heed(&heard(start, 10), None).await.expect("heeded"), Heeded::Started);
    // One that waited in a queue while a later one was heeded.
    let late = heard(Reply::Keyword(Keyword::Stop), 5);
    assert_eq!(road.heed(&late, None).await.expect("heeded"), Heeded::Past);
    assert_eq!(known(&world, number.as_str()).await, Vec::<String>::new());
    // And one that could not be heeded when it came is, by whoever works through the queue.
    let stop = heard(Reply::Keyword(Keyword::Stop), 20);
    let record = json!({"kind": "heard", "heard": stop}).to_string();
    assert!(!record.contains(number.as_str()));
    let queue = &world.stack.queues["callbacks"];
    world.sqs().send_message().queue_url(queue).message_body(record).send().await.expect("SQS takes it");
    eventually("the parked STOP is heeded", seconds(40), async || {
        let known = known(&world, number.as_str()).await;
        if known == STOPPED { Ok(()) } else { Err(format!("{known:?}")) }
    })
    .await;
}
