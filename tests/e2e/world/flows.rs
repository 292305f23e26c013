//! Steps many tests take: register somebody, send, and see what became of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchboard::ledger::Witness;
use switchboard::message::{Address, EmailAddress, PhoneNumber};
use switchboard::person::{PersonId, Proof, ProofSource};

use super::aws::{number, text};
use super::{World, eventually, fresh, seconds};

/// How long a message may take from accept to its end when nothing goes wrong, on a busy machine.
const ROAD: Duration = seconds(60);

/// Somebody who agreed to texts, and to e-mails of every kind, and with whom it is noon.
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) phone: String,
    pub(crate) email: String,
}

const ENDS: [&str; 6] = ["delivered", "undelivered", "failed", "blocked", "cancelled", "expired"];

impl World {
    pub(crate) async fn person(&self) -> Person {
        let person = Person { id: fresh::user(), phone: fresh::phone(), email: fresh::email() };
        let texts = json!({"user_id": person.id, "phone_number": person.phone, "consent_source": "web_form", "send_code": false});
        self.post("/api/communication/consent/sms", &texts).send().await.ok();
        self.agrees_to_mail(person.id, &person.email).await;
        self.prefers(person.id, &json!({"time_zone": fresh::zone_at(12)})).await;
        person
    }

    /// Somebody who proved before that an e-mail address is theirs: what they agree to for it counts at once.
    pub(crate) async fn owns(&self, user: i64, email: &str) {
        let id = PersonId::text(&user.to_string()).expect("an id");
        let address = EmailAddress::parse(email).expect("an address");
        let witness = Witness::new("a test", "test", Timestamp::now());
        let change = |person: &mut switchboard::person::Person| {
            person.recorded(|person| {
                person.set_email(address.clone());
                person.prove(&Address::Email(address.clone()), Proof::new(ProofSource::Link, witness.at));
            })
        };
        self.people().await.change(&id, &witness, change).await.expect("DynamoDB answers");
    }

    /// Somebody who proved, by a code, that a number is theirs.
    pub(crate) async fn has_proven(&self, person: &PersonId, phone: &str) {
        let number = PhoneNumber::parse(phone, "US").expect("a number");
        let witness = Witness::new("a test", "test", Timestamp::now());
        let change = |person: &mut switchboard::person::Person| {
            person.recorded(|person| {
                let address = Address::Phone(number.clone());
                person.claim_address(&address);
                person.prove(&address, Proof::new(ProofSource::Code, witness.at));
            })
        };
        self.people().await.change(person, &witness, change).await.expect("DynamoDB answers");
    }

    /// The same, and they agree to e-mails of every kind.
    pub(crate) async fn agrees_to_mail(&self, user: i64, email: &str) {
        self.owns(user, email).await;
        let mails = json!({"user_id": user, "email": email, "consent_source": "api"});
        let answer = self.post("/api/communication/consent/email", &mails).send().await.ok();
        assert_eq!(answer["verification_required"], false, "{answer}");
    }

    /// Changes a person's preferences and gives all of them.
    pub(crate) async fn prefers(&self, user: i64, change: &Value) -> Value {
        self.put(&format!("/api/communication/preferences/{user}"), change).send().await.ok()["preferences"].take()
    }

    /// Sends by trigger and gives the task's id.
    pub(crate) async fn trigger(&self, body: &Value) -> String {
        task_id(&self.post("/api/communication/send", body).send().await.ok())
    }

    /// Sends directly (`send-sms`, `send-whatsapp`, `send-email`) and gives the message's id.
    pub(crate) async fn direct(&self, endpoint: &str, body: &Value) -> String {
        task_id(&self.post(&format!("/api/v1/twilio/{endpoint}"), body).send().await.ok())
    }

    pub(crate) async fn sms(&self, to: &str, text: &str) -> String {
        self.direct("send-sms", &json!({"to": to, "body": text})).await
    }

    pub(crate) async fn whatsapp(&self, to: &str, text: &str) -> String {
        self.direct("send-whatsapp", &json!({"to": to, "body": text})).await
    }

    /// Sends by trigger through Resend, and gives the task's id.
    pub(crate) async fn trigger_by_resend(&self, body: &Value) -> String {
        let mut body = body.clone();
        body["scheduled_time"] = json!(in_an_hour());
        let id = self.trigger(&body).await;
        self.release(&id, "resend", "fixed").await;
        id
    }

    /// Lets a scheduled message go now, through this provider (which one takes an e-mail is chance otherwise). `choice`:
    /// `fixed`, or `preferred` where another may still take over.
    pub(crate) async fn release(&self, id: &str, provider: &str, choice: &str) {
        let now = Timestamp::now().as_millisecond();
        let values = [(":p", text(provider)), (":c", text(choice)), (":n", number(now))];
        self.rewrite(id, "SET provider = :p, choice = :c, not_before = :n", &values).await;
        let lane = self.message(id).await["lane"].as_str().expect("a lane").to_owned();
        self.enqueue(&lane, id).await;
    }

    /// One message, as it is now.
    pub(crate) async fn message(&self, id: &str) -> Value {
        self.get(&format!("/api/v2/communications/messages/{id}")).send().await.ok()
    }

    /// A task, in the words of its clients.
    pub(crate) async fn status(&self, task: &str) -> Value {
        self.get(&format!("/api/communication/status/{task}")).send().await.ok()
    }

    /// The message, once it has this status.
    pub(crate) async fn until(&self, id: &str, status: &str) -> Value {
        self.until_within(ROAD, id, status).await
    }

    pub(crate) async fn until_within(&self, within: Duration, id: &str, status: &str) -> Value {
        let is_sent = ["sent", "delivered"].contains(&status);
        assert!(!is_sent || self.has_lines.load(Ordering::Relaxed), "what is sent goes over a line: share it");
        eventually(&format!("message {id} is {status}"), within, async || {
            let message = self.message(id).await;
            let now = message["status"].as_str().unwrap_or_default();
            assert!(now == status || !ENDS.contains(&now), "message {id} ended otherwise than {status}: {message}");
            if now == status { Ok(message) } else { Err(message.to_string()) }
        })
        .await
    }

    /// The message, once this happened to it, whatever has happened since.
    pub(crate) async fn until_noted(&self, id: &str, event: &str) -> Value {
        eventually(&format!("{event} is noted of {id}"), ROAD, async || {
            let message = self.message(id).await;
            if count(&message, event) > 0 { Ok(message) } else { Err(message.to_string()) }
        })
        .await
    }

    /// How often `deliver` has taken a step with a message.
    pub(crate) async fn steps(&self, id: &str) -> usize {
        let log = self.stack.logs.join(format!("{}.log", self.stack.functions["deliver"]));
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.lines().filter(|line| line.contains(id) && line.contains("\"step\"")).count()
    }

    /// Waits until `deliver` logged so many steps with a message.
    pub(crate) async fn until_stepped(&self, id: &str, times: usize) {
        let log = self.stack.logs.join(format!("{}.log", self.stack.functions["deliver"]));
        eventually(&format!("deliver has taken {times} steps with {id}"), ROAD, async || {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let steps = log.lines().filter(|line| line.contains(id) && line.contains("\"step\"")).count();
            if steps >= times { Ok(()) } else { Err(format!("{steps} steps")) }
        })
        .await;
    }

    /// The message, once it has this status, with a sweep before every look: what is due is put in its lane at once, not at the next full minute.
    pub(crate) async fn until_swept(&self, within: Duration, id: &str, status: &str) -> Value {
        eventually(&format!("message {id} is {status}"), within, async || {
            self.sweep().await;
            let message = self.message(id).await;
            if message["status"] == status { Ok(message) } else { Err(message.to_string()) }
        })
        .await
    }
}

/// A time too far off for a queue: what is scheduled for it waits in the table.
pub(crate) fn in_an_hour() -> String {
    (Timestamp::now() + SignedDuration::from_hours(1)).to_string()
}

#[track_caller]
fn task_id(answer: &Value) -> String {
    answer["task_id"].as_str().unwrap_or_else(|| panic!("no task_id in {answer}")).to_owned()
}

/// The names of what happened to a message, in order.
pub(crate) fn trail(message: &Value) -> Vec<&str> {
    let steps = message["trail"].as_array().expect("a trail");
    steps.iter().map(|step| step["event"].as_str().expect("an event")).collect()
}

/// How often something happened to a message.
pub(crate) fn count(message: &Value, event: &str) -> usize {
    trail(message).into_iter().filter(|step| *step == event).count()
}
