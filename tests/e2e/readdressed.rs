//! A message to a person goes to the address they have when it is sent; one to an address that its request names goes there.

use serde_json::{Value, json};

use crate::world::flows::{in_an_hour, trail};
use crate::world::{Line, World, fresh, seconds};

/// Somebody with this number and an e-mail address of their own, as an administrator put them on file.
async fn somebody(world: &World, phone: &str) -> (i64, String) {
    let (user, email) = (fresh::user(), fresh::email());
    world.has_number(user, phone).await;
    world.agrees_to_mail(user, &email).await;
    (user, email)
}

/// A message to somebody who has another number since it was accepted.
struct Moved {
    id: String,
    old: String,
    new: String,
}

impl World {
    /// An administrator puts a number on file, in the place of the one before.
    async fn has_number(&self, user: i64, phone: &str) {
        let texts = json!({"user_id": user, "phone_number": phone, "consent_source": "web_form", "send_code": false});
        self.post("/api/communication/consent/sms", &texts).send().await.ok();
    }

    async fn confirmation_in_an_hour(&self, user: i64) -> String {
        let body = json!({
            "user_id": user, "trigger_type": "payment_confirmation", "channel": "sms", "data": {},
            "scheduled_time": in_an_hour(),
        });
        self.trigger(&body).await
    }

    async fn moves_before_a_confirmation(&self) -> Moved {
        let (old, new) = (fresh::phone(), fresh::phone());
        let (user, _) = somebody(self, &old).await;
        let id = self.confirmation_in_an_hour(user).await;
        self.has_number(user, &new).await;
        Moved { id, old, new }
    }

    /// Which messages arrived there, but for what tells somebody that their address was changed.
    async fn arrived_of(&self, ids: &[&str], address: &str) -> Vec<String> {
        let arrived = self.arrived(address).await;
        let ours = arrived.iter().filter_map(|one| one["our_id"].as_str());
        ours.filter(|id| ids.contains(id)).map(str::to_owned).collect()
    }

    async fn until_its_time_came(&self, id: &str, status: &str) -> Value {
        self.age(id, 3_700).await;
        self.until_swept(seconds(60), id, status).await
    }
}

#[tokio::test]
async fn scheduled_message_goes_to_the_number_its_person_has_by_then() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let Moved { id, old, new } = world.moves_before_a_confirmation().await;
    let message = world.until_its_time_came(&id, "delivered").await;
    assert!(trail(&message).contains(&"readdressed"), "{message}");
    assert_eq!(world.arrived_of(&[&id], &new).await, std::slice::from_ref(&id));
    assert!(world.arrived_of(&[&id], &old).await.is_empty(), "the old number may be somebody else's by now");
}

#[tokio::test]
async fn scheduled_message_is_not_sent_where_its_persons_new_number_refuses_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let Moved { id, old, new } = world.moves_before_a_confirmation().await;
    let suppress = json!({"address": new, "channel": "sms"});
    assert!(world.post("/api/communication/suppressions", &suppress).send().await.status < 300);
    let message = world.until_its_time_came(&id, "blocked").await;
    assert_eq!(message["reason"], "address_suppressed", "{message}");
    for number in [old, new] {
        assert!(world.arrived_of(&[&id], &number).await.is_empty(), "{number}");
    }
}

#[tokio::test]
async fn message_to_a_named_number_goes_there_whoever_has_another() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (old, new) = (fresh::phone(), fresh::phone());
    let (user, _) = somebody(&world, &old).await;
    world.has_number(user, &new).await;
    let id = world.sms(&old, &fresh::text()).await;
    world.until(&id, "delivered").await;
    assert_eq!(world.arrived_of(&[&id], &old).await, [id]);
}

#[tokio::test]
async fn fallback_goes_to_the_mailbox_its_person_has_by_then() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let (user, old) = somebody(&world, &fresh::magic_phone("01")).await;
    let body = json!({
        "user_id": user, "trigger_type": "financial_alert", "data": {}, "channel": "sms", "scheduled_time": in_an_hour(),
    });
    let id = world.trigger(&body).await;
    let new = fresh::email();
    world.agrees_to_mail(user, &new).await;
    world.until_its_time_came(&id, "failed").await;
    let instead = world.message(&id).await["fallback_id"].as_str().expect("an id").to_owned();
    world.until(&instead, "delivered").await;
    assert_eq!(world.arrived_of(&[&instead], &new).await, std::slice::from_ref(&instead));
    assert!(world.arrived_of(&[&instead], &old).await.is_empty());
}
