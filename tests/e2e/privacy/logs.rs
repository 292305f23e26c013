//! No function's log names an address or a text, whatever way a message takes: all channels, refusals, failures, fallbacks, codes,
//! bulk rows, broken callbacks, and taking data out and away. (`when_all_is_over` looks at the logs of the whole run once more.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{export_path, needles};
use crate::world::stack::stack;
use crate::world::{Line, World, eventually, fresh, seconds};

/// Twilio does with a number that ends so as with the magic one: refuses it as invalid, or as a landline.
const REFUSED: [&str; 2] = ["01", "09"];

#[tokio::test]
async fn no_log_of_any_function_names_whom_or_what() {
    let world = World::new();
    let _lines = world.share(&Line::ALL).await;
    let hook = world.hook(&["message.sent", "message.delivered", "message.failed"]).await;
    let person = world.person().await;
    let texts: [String; 6] = std::array::from_fn(|_| fresh::text());
    let sms = world.sms(&person.phone, &texts[0]).await;
    let whatsapp = world.whatsapp(&person.phone, &texts[1]).await;
    world.until(&sms, "delivered").await;
    world.until(&whatsapp, "delivered").await;
    hook.listener.until(1, &sms).await;
    let call = json!({"to": person.phone, "message": texts[2], "purpose": "reminder"});
    world.post("/api/v2/communications/calls", &call).send().await.ok();
    let mail = json!({"to": person.email, "cc": [fresh::email()], "subject": texts[3], "text": texts[3]});
    world.post("/api/v2/communications/email", &mail).send().await.ok();
    let urgent = json!({"user_id": person.id, "trigger_type": "financial_alert", "channel": "sms", "priority": "critical",
        "data": {"amount": 1, "account": texts[4], "threshold": 2}});
    world.trigger(&urgent).await;
    // Refused by the provider, by us, and unreadable.
    let refused = REFUSED.map(fresh::magic_phone);
    for to in &refused {
        world.post("/api/v1/twilio/send-sms", &json!({"to": to, "body": texts[5]})).send().await.ok();
    }
    let unreadable = json!({"to": "not a number 4155550199", "body": texts[5]});
    world.post("/api/v1/twilio/send-sms", &unreadable).send().await.is(400);
    world.post_text("/api/v1/twilio/send-sms", &format!("{{\"to\": \"{}\", ", person.phone)).send().await.is(400);
    let form = [("MessageSid", "SM1"), ("To", person.phone.as_str()), ("Body", texts[5].as_str())];
    world.twilio_form("/twilio/sms-status", &form, "a wrong token", None).await.is(403);
    let code = json!({"to": person.phone, "channel": "sms", "purpose": "login", "user_id": person.id});
    world.post("/api/v2/communications/otp/send", &code).send().await.ok();
    let wrong = json!({"to": person.phone, "purpose": "login", "code": "000000"});
    world.post("/api/v2/communications/otp/verify", &wrong).send().await.ok();
    let rows = json!([{"to": person.phone}, {"to": person.email}, {"to": "nobody"}]);
    let job = json!({"channel": "sms", "class": "transactional", "message": texts[5], "recipients": rows});
    let job = world.post("/api/v2/communications/jobs", &job).send().await.is(202).json;
    let path = format!("/api/v2/communications/jobs/{}", job["job_id"].as_str().expect("an id"));
    eventually("the job is done", seconds(30), async || {
        let job = world.get(&path).send().await.ok();
        if job["status"] == "completed" { Ok(()) } else { Err(job.to_string()) }
    })
    .await;
    world.get(&export_path(person.id)).send().await.ok();
    world.asks_to_erase(person.id).await;
    world.until_erased(person.id).await;

    let mut private = vec![person.phone.clone(), person.email.clone()];
    private.extend(refused);
    private.extend(texts);
    let forms: Vec<String> = needles(&private)
        .into_iter()
        .flat_map(|needle| {
            let encoded: String = form_urlencoded::byte_serialize(needle.as_bytes()).collect();
            [needle.to_owned(), encoded, STANDARD.encode(needle).trim_end_matches('=').to_owned()]
        })
        .collect();
    for function in
        ["send", "deliver", "webhooks", "consent", "otp", "bulk", "privacy", "reminders", "settings", "events"]
    {
        let log = stack().logs.join(format!("{}.log", stack().functions[function]));
        let log = std::fs::read_to_string(&log).unwrap_or_else(|error| panic!("the log of {function}: {error}"));
        assert!(log.lines().count() > 0, "{function} logs nothing");
        for line in log.lines() {
            let named = forms.iter().find(|form| line.contains(form.as_str()));
            assert!(named.is_none(), "{function} logs {named:?}: {line}");
        }
    }
}
