//! Rows in the request itself.

use serde_json::{Value, json};

use super::{PATH, numbers};
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn more_recipients_than_one_request_sends_become_a_job_that_is_made_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::BulkLane]).await;
    let text = fresh::text();
    let (person, numbers) = (world.person().await, numbers(150));
    let mut recipients: Vec<Value> =
        numbers.iter().enumerate().map(|(row, to)| json!({"to": to, "variables": {"n": row}})).collect();
    recipients.push(json!({"user_id": person.id, "variables": {"n": "you"}}));
    recipients.push(json!({"user_id": fresh::user(), "variables": {"n": 0}}));
    recipients.push(json!({"to": fresh::phone()}));
    recipients.push(json!({"to": 5}));
    let body = json!({
        "channel": "sms", "class": "transactional", "message": format!("{text} {{{{ n }}}}"), "recipients": recipients,
    });
    let key = fresh::word();
    let made = world.post(PATH, &body).key(&key).send().await.is(202);
    assert_eq!(made.header("idempotency-replay"), "");
    let id = made.json["job_id"].as_str().expect("an id");
    let again = world.post(PATH, &body).key(&key).send().await.is(202);
    assert_eq!((again.header("idempotency-replay"), &again.json["job_id"]), ("true", &json!(id)));
    let mut other = body.clone();
    other["message"] = json!("Something else");
    let refused = world.post(PATH, &other).key(&key).send().await;
    refused.refused(422, "Idempotency key was used with another request body");

    let job = world.until_job(id, "completed").await;
    assert_eq!(job["counts"], json!({"pending": 0, "accepted": 151, "refused": 0, "invalid": 3}), "{job}");
    let file = world.http.get(job["error_file"].as_str().expect("an address")).send().await.expect("S3 answers");
    let errors = file.text().await.expect("a text");
    assert_eq!(
        errors,
        "line,error,field\r\n152,Unknown user,user_id\r\n153,Missing variable,n\r\n\
         154,\"It is no object of to or user_id, and variables\",\r\n"
    );
    world.until_each_got_one(&numbers).await;
    assert_eq!(world.the_one(&numbers[149], "sms").await["text"], format!("{text} 149"));
    world.until_each_got_one(&[person.phone]).await;
    // It is over: the same request still finds it, and sends nothing.
    let replay = world.post(PATH, &body).key(&key).send().await.is(202);
    assert_eq!(replay.json["status"], "completed");
    assert_eq!(world.job(id).await["counts"], job["counts"]);
}

#[tokio::test]
async fn marketing_reaches_only_who_agreed_to_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::BulkLane]).await;
    let (person, stranger) = (world.person().await, fresh::email());
    let body = json!({
        "channel": "email", "subject": "For {{ name }}", "html": "<p>{{ name }}</p>",
        "recipients": [
            {"user_id": person.id, "variables": {"name": "<Ada>"}},
            {"to": stranger, "variables": {"name": "Bob"}},
        ],
    });
    let job = world.make_job(&body).await;
    assert_eq!(job["class"], "marketing");
    let job = world.until_job(job["job_id"].as_str().expect("an id"), "completed").await;
    assert_eq!(job["counts"], json!({"pending": 0, "accepted": 1, "refused": 1, "invalid": 0}));
    let id: switchboard::message::JobId = job["job_id"].as_str().expect("an id").parse().expect("an id");
    let seal = world.seal().await;
    world.until(&id.row(seal.ids(), 0).to_string(), "delivered").await;
    let refused = world.until(&id.row(seal.ids(), 1).to_string(), "blocked").await;
    assert_eq!(refused["reason"], "no_consent");
    let mail = world.the_one(&person.email, "email").await;
    assert_eq!((&mail["subject"], &mail["html"]), (&json!("For <Ada>"), &json!("<p>&lt;Ada&gt;</p>")));
    assert!(world.arrived(&stranger).await.is_empty());
}

#[tokio::test]
async fn a_job_says_what_a_template_says_in_each_persons_language() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::BulkLane]).await;
    let numbers = numbers(2);
    let name = format!("t_{}", fresh::word());
    let parts = json!({"en": {"text": "Good day {{ name }}"}, "fr": {"text": "Bonjour {{ name }}"}});
    let template = json!({"template": {"class": "transactional", "locales": parts}});
    let path = format!("/api/v2/communications/templates/{name}");
    world.call("PUT", &path).header("content-type", "application/json").body(&template.to_string()).send().await.ok();
    let recipients: Vec<Value> = numbers.iter().map(|to| json!({"to": to, "variables": {"name": "Ada"}})).collect();
    let body = json!({"channel": "sms", "template": name, "locale": "fr-CA", "recipients": recipients});
    let job = world.make_job(&body).await;
    assert_eq!((&job["class"], &job["template"]), (&json!("transactional"), &json!(name)));
    world.until_job(job["job_id"].as_str().expect("an id"), "completed").await;
    world.until_each_got_one(&numbers).await;
    assert_eq!(world.the_one(&numbers[0], "sms").await["text"], "Bonjour Ada");
    let mail = json!({"channel": "email", "template": name});
    world.post(PATH, &mail).send().await.refused(400, "Invalid value for field: channel");
    let unknown = json!({"channel": "sms", "template": "there_is_none"});
    world.post(PATH, &unknown).send().await.refused(404, "Unknown template: there_is_none");
}
