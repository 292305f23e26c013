//! Every route refuses whoever it is not for, and nothing changes. The routes come from the functions' own tables, so a new
//! one is tried as soon as it is there; where the handler checks whose object it is, this file must know a request for it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchboard::http::{Endpoint, OwnerRule, Who};
use tests::openapi;

use crate::world::api::Answer;
use crate::world::flows::Person;
use crate::world::{Line, World, fresh, tokens};

/// Every scope there is.
const SCOPES: [&str; 7] = [
    "communication:send",
    "communication:urgent",
    "communication:read",
    "preferences:manage",
    "analytics:read",
    "settings:manage",
    "monitoring:read",
];

/// One object of each kind, of a person and of a service that the attackers are not.
struct Objects {
    person: Person,
    /// A message that waits, sent by the service to the person.
    message: String,
    /// A booking's confirmation, sent by the service to the person.
    confirmation: String,
    /// A bulk job of the service's that waits for its rows.
    job: String,
    webhook: String,
    template: String,
    service: String,
}

/// A token with no rate limit to speak of.
fn token(subject: &str, scope: &str) -> String {
    let mut claims = tokens::claims(subject, scope);
    claims["limits"] = json!({"general": 100_000, "send": 100_000, "batch": 100_000, "analytics": 100_000});
    tokens::signed(&claims)
}

impl Objects {
    async fn make(world: &World) -> Self {
        let service = fresh::word();
        let maker = token(&service, "communication:send communication:read");
        let person = world.person().await;
        let id = |answer: &Value, field: &str| answer[field].as_str().expect("an id").to_owned();
        let send = json!({
            "user_id": person.id, "trigger_type": "booking_reminder", "channel": "sms", "data": {},
            "scheduled_time": later(),
        });
        let sent = world.post("/api/communication/send", &send).token(&maker).send().await.ok();
        let booking = json!({"user_id": person.id, "booking": {"service": "Cleaning"}});
        let confirmed = world.post("/api/sms/resend-booking-confirmation", &booking).token(&maker).send().await.ok();
        let job = json!({"channel": "sms", "class": "transactional", "message": "Hello"});
        let job = world.post("/api/v2/communications/jobs", &job).token(&maker).send().await.is(202).json;
        let hook = json!({"url": "http://127.0.0.1:9/", "events": ["message.expired"], "state": "disabled"});
        let hook = world.post("/api/v2/communications/webhooks", &hook).send().await.is(201).json;
        let template = format!("t_{}", &fresh::word()[..16]);
        let words = json!({"template": {"locales": {"en": {"text": "Hello {{ name }}"}}}});
        let path = format!("/api/v2/communications/templates/{template}");
        world.put(&path, &words).send().await.ok();
        Self {
            message: id(&sent, "task_id"),
            confirmation: id(&confirmed, "message_id"),
            job: id(&job, "job_id"),
            webhook: id(&hook["webhook"], "id"),
            person,
            template,
            service,
        }
    }

    /// The address of a route, about these objects. A parameter it does not know is a reason to fail.
    fn path(&self, endpoint: &Endpoint) -> String {
        let mut path = endpoint.path.to_owned();
        let id = if endpoint.path.contains("/jobs/") {
            &self.job
        } else if endpoint.path.contains("/webhooks/") {
            &self.webhook
        } else {
            &self.message
        };
        let person = self.person.id.to_string();
        let thread = format!("user:{person}");
        for (parameter, value) in [
            ("{id}", id.as_str()),
            ("{task_id}", &self.message),
            ("{message_id}", &self.message),
            ("{message_sid}", &self.message),
            ("{call_sid}", &self.message),
            ("{delivery_id}", &self.message),
            ("{user_id}", &person),
            ("{thread_id}", &thread),
            ("{name}", &self.template),
            ("{scope}", &self.service),
            ("{token}", "AAAAAAAAAAAAAAAA"),
            ("{code}", "AAAAAAAAAAAA"),
        ] {
            path = path.replace(parameter, value);
        }
        assert!(!path.contains('{'), "say what {path} is about");
        if endpoint.name == "optimal_send_time" {
            path = format!("{path}?user_id={person}");
        }
        path
    }

    /// A request about these objects that would be granted to whoever it is for.
    fn body(&self, endpoint: &Endpoint) -> Option<Value> {
        let Person { id, phone, email } = &self.person;
        Some(match endpoint.name {
            "reschedule_communication" | "reschedule_message" => json!({"scheduled_time": "2020-01-01T00:00:00Z"}),
            "resend_booking_confirmation" => json!({"message_id": self.confirmation}),
            "track_action" => json!({"action": "paid"}),
            "grant_sms_consent" => json!({"user_id": id, "phone_number": phone}),
            "verify_sms_consent" => json!({"user_id": id, "phone_number": phone, "verification_code": "123456"}),
            "grant_email_consent" => json!({"user_id": id, "email": email}),
            "revoke_consent" => json!({"user_id": id, "channel": "sms"}),
            "opt_out" => json!({"user_id": id, "channel": "all"}),
            "check_consent" => json!({"user_id": id, "message_type": "weekly_checkin"}),
            "change_preferences" => json!({"sms_enabled": false}),
            "change_sms_preferences" => json!({"smsEnabled": true}),
            "erase_person" => json!({"reason": "a test"}),
            "two_factor_remove" => json!({"user_id": id}),
            _ => return None,
        })
    }

    /// How all of them look to an administrator.
    async fn look(&self, world: &World) -> Vec<Value> {
        let person = self.person.id;
        let mut seen = Vec::new();
        for path in [
            format!("/api/v2/communications/messages/{}", self.message),
            format!("/api/v2/communications/jobs/{}", self.job),
            format!("/api/v2/communications/webhooks/{}", self.webhook),
            format!("/api/v2/communications/webhooks/{}/deliveries", self.webhook),
            format!("/api/v2/communications/templates/{}", self.template),
            format!("/api/v2/communications/budgets/{}", self.service),
            format!("/api/v2/communications/threads/user:{person}/messages"),
            format!("/api/communication/preferences/{person}"),
            format!("/api/communication/ledger/{person}"),
            format!("/api/v2/2fa/status/{person}"),
            format!("/api/v2/2fa/history/{person}"),
        ] {
            seen.push(world.get(&path).send().await.ok());
        }
        let erasure = world.get(&format!("/api/communication/privacy/{person}/erase")).send().await;
        seen.push(json!(erasure.status));
        seen
    }
}

fn later() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2)).to_string()
}

/// One request to a route.
async fn call(world: &World, objects: &Objects, endpoint: &Endpoint, token: Option<&str>) -> Answer {
    let call = world.call(endpoint.method, &objects.path(endpoint));
    let call = match token {
        Some(token) => call.token(token),
        None => call.no_token(),
    };
    let call = call.header("content-type", "application/json");
    let body = if endpoint.method == "GET" || endpoint.method == "HEAD" {
        String::new()
    } else {
        objects.body(endpoint).unwrap_or_else(|| json!({})).to_string()
    };
    call.body(&body).send().await
}

fn refuses(endpoint: &Endpoint, who: &str, answer: &Answer) {
    let refused = matches!(answer.status, 403 | 404);
    assert!(refused, "{who} got {} from {} {}: {}", answer.status, endpoint.method, endpoint.path, answer.text);
}

/// A new route whose handler checks whose object it is must be tried with a request that would be granted.
fn is_known(objects: &Objects, endpoint: &Endpoint) -> bool {
    let mut document = openapi::document();
    let operation = openapi::operation(&mut document, endpoint).expect("every route is described");
    operation.request_body.is_none() || objects.body(endpoint).is_some()
}

#[tokio::test]
async fn every_route_refuses_whoever_it_is_not_for_and_nothing_changes() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let objects = Objects::make(&world).await;
    world.until(&objects.confirmation, "delivered").await;
    // Somebody who says that the person's addresses are theirs, and never proved it.
    let claimant = fresh::user();
    let claiming = token(&claimant.to_string(), "");
    let claims = [
        ("/api/communication/consent/sms", json!({"user_id": claimant, "phone_number": objects.person.phone})),
        ("/api/communication/consent/email", json!({"user_id": claimant, "email": objects.person.email})),
    ];
    for (path, claim) in claims {
        world.post(path, &claim).token(&claiming).send().await;
    }
    let before = objects.look(&world).await;
    let texts = world.arrived(&objects.person.phone).await.len();
    let stranger = token(&fresh::user().to_string(), "");
    for endpoint in openapi::routes() {
        let Endpoint { access, .. } = endpoint;
        let all_but = |left_out: &BTreeSet<&str>| {
            let scopes: Vec<&str> = SCOPES.into_iter().filter(|scope| !left_out.contains(scope)).collect();
            token(&fresh::word(), &scopes.join(" "))
        };
        let nobody = call(&world, &objects, &endpoint, None).await;
        match (access.who, access.owner) {
            (Who::Unauthenticated, OwnerRule::Public) => assert_eq!(nobody.status, 200, "{}", endpoint.path),
            (Who::Unauthenticated, _) => refuses(&endpoint, "somebody without signature or link", &nobody),
            (Who::Scoped(..) | Who::Authenticated(_), _) => assert_eq!(nobody.status, 401, "{}", endpoint.path),
        }
        if let Who::Scoped(scope, _) = access.who {
            let answer = call(&world, &objects, &endpoint, Some(&all_but(&[scope.as_str()].into()))).await;
            assert_eq!(answer.status, 403, "without {}: {}", scope.as_str(), endpoint.path);
            assert_eq!(answer.json["details"], format!("This needs the scope {}", scope.as_str()), "{}", endpoint.path);
        }
        if !access.needs_token() {
            continue;
        }
        for (who, token) in [("another person", &stranger), ("a person with a claimed address", &claiming)] {
            let answer = call(&world, &objects, &endpoint, Some(token)).await;
            match access.owner {
                OwnerRule::Public => {}
                // They get what is their own; nothing of the person is in it but what they typed themselves.
                OwnerRule::Own if access.scope().is_none() => {
                    let theirs = who == "another person" && answer.text.contains(&objects.person.phone[2..]);
                    assert!(
                        !theirs && !answer.text.contains(&objects.person.email),
                        "{}: {}",
                        endpoint.path,
                        answer.text
                    );
                }
                OwnerRule::Maker
                | OwnerRule::Person
                | OwnerRule::Recipient
                | OwnerRule::Own
                | OwnerRule::Organization(_)
                | OwnerRule::Link
                | OwnerRule::Signature => refuses(&endpoint, who, &answer),
            }
        }
        if endpoint.access.owner.is_checked_by_handler() {
            assert!(is_known(&objects, &endpoint), "say with which body {} is tried", endpoint.name);
            // Another service, with every scope that is not the very right to touch others' objects.
            let rights = match access.owner {
                OwnerRule::Maker => BTreeSet::from(["settings:manage"]),
                OwnerRule::Recipient => BTreeSet::from(["communication:send"]),
                OwnerRule::Person
                | OwnerRule::Own
                | OwnerRule::Organization(_)
                | OwnerRule::Link
                | OwnerRule::Signature
                | OwnerRule::Public => BTreeSet::from(["preferences:manage"]),
            };
            let answer = call(&world, &objects, &endpoint, Some(&all_but(&rights))).await;
            refuses(&endpoint, "another service", &answer);
        }
    }
    assert_eq!(objects.look(&world).await, before);
    assert_eq!(world.arrived(&objects.person.phone).await.len(), texts, "nothing was sent to them");
    let path = format!("/api/v2/communications/webhooks/{}", objects.webhook);
    world.call("DELETE", &path).send().await;
    let administrator = token(&fresh::word(), "communication:send settings:manage");
    for path in [
        format!("/api/communication/cancel/{}", objects.message),
        format!("/api/v2/communications/jobs/{}/cancel", objects.job),
    ] {
        world.post_text(&path, "").token(&administrator).send().await.ok();
    }
}

/// Who may reach an object for a reason of the organization's is said in words; every other rule is one that is enforced.
#[test]
fn every_route_that_has_no_owner_says_why() {
    for endpoint in openapi::routes() {
        if let OwnerRule::Organization(reason) = endpoint.access.owner {
            assert!(reason.split(' ').count() > 4, "{}: {reason}", endpoint.path);
            assert!(endpoint.access.scope().is_some(), "{} needs a scope", endpoint.path);
        }
    }
}
