//! What people prefer is kept whole, belongs to them, and is respected.

use serde_json::{Value, json};

use crate::world::{Line, World, fresh, tokens};

fn path(user: i64) -> String {
    format!("/api/communication/preferences/{user}")
}

#[tokio::test]
async fn a_new_person_has_the_default_preferences_once_anything_is_known_of_them() {
    let world = World::new();
    let user = fresh::user();
    world.get(&path(user)).send().await.refused(404, &format!("Unknown user: {user}"));
    let made = world.prefers(user, &json!({"time_zone": "Europe/Berlin"})).await;
    assert_eq!((&made["user_id"], &made["time_zone"]), (&json!(user), &json!("Europe/Berlin")), "{made}");
    assert_eq!((&made["sms_enabled"], &made["email_enabled"]), (&json!(true), &json!(true)));
    assert_eq!(made["frequency_preference"], "daily");
    let read = world.get(&path(user)).send().await.ok();
    assert_eq!(read, json!({"success": true, "preferences": made}));
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_what_was_read_can_be_written_back() {
    let world = World::new();
    let user = fresh::user();
    let first = json!({
        "sms_enabled": false, "preferred_sms_time": "09:30", "preferred_email_day": 7, "locale": "pt-BR",
        "alert_types_sms": {"payment_reminder": false}, "frequency_preference": "weekly", "user_segment": "premium",
        "quiet_hours": {"start": "22:00", "end": "07:30"}, "time_zone": "America/Sao_Paulo",
    });
    let one = world.prefers(user, &first).await;
    assert_eq!(one["preferred_sms_time"], "09:30:00", "{one}");
    assert_eq!(one["quiet_hours"], json!({"start": "22:00", "end": "07:30"}));
    let two = world.prefers(user, &json!({"alert_types_sms": {"financial_alert": false}, "quiet_hours": null})).await;
    let mut expected = one.clone();
    expected["alert_types_sms"]["financial_alert"] = json!(false);
    expected["quiet_hours"] = Value::Null;
    assert_eq!(two, expected);
    // The person sends back what they got: nothing changes, and their segment is no offence.
    let own = tokens::token(&user.to_string(), "");
    let again = world.put(&path(user), &two).token(&own).send().await.ok();
    assert_eq!(again["preferences"], two);
    let promoted = json!({"user_segment": "gold"});
    world.put(&path(user), &promoted).token(&own).send().await.refused(403, "Insufficient scope");
}

#[tokio::test]
async fn people_change_their_own_and_nobody_elses() {
    let world = World::new();
    let (own, other) = (fresh::user(), fresh::user());
    world.prefers(other, &json!({"sms_enabled": true})).await;
    let token = tokens::token(&own.to_string(), "communication:send communication:read");
    world.put(&path(own), &json!({"sms_enabled": false})).token(&token).send().await.ok();
    assert_eq!(world.get(&path(own)).token(&token).send().await.ok()["preferences"]["sms_enabled"], false);
    world
        .put(&path(other), &json!({"sms_enabled": false}))
        .token(&token)
        .send()
        .await
        .refused(403, "Insufficient scope");
    world.get(&path(other)).token(&token).send().await.refused(403, "Insufficient scope");
    assert_eq!(world.get(&path(other)).send().await.ok()["preferences"]["sms_enabled"], true);
}

#[tokio::test]
async fn changes_at_the_same_moment_lose_nothing() {
    let world = World::new();
    let user = fresh::user();
    let triggers = ["financial_alert", "payment_reminder", "weekly_checkin", "monthly_report"];
    let changes = triggers.iter().map(|trigger| {
        let body = json!({"alert_types_sms": {*trigger: false}, "alert_types_email": {*trigger: false}});
        world.put(&path(user), &body).send()
    });
    for answer in futures::future::join_all(changes).await {
        answer.ok();
    }
    let kept = world.get(&path(user)).send().await.ok();
    for trigger in triggers {
        for channel in ["alert_types_sms", "alert_types_email"] {
            assert_eq!(kept["preferences"][channel][trigger], false, "{channel} {trigger}: {kept}");
        }
    }
}

#[tokio::test]
async fn what_a_person_switched_off_is_not_sent_and_the_record_says_why() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"alert_types_sms": {"payment_reminder": false}, "email_enabled": false})).await;
    let send = |trigger: &str, channel: &str| json!({"user_id": person.id, "trigger_type": trigger, "channel": channel, "data": {}});
    for (trigger, channel, reason) in [
        ("payment_reminder", "sms", "message_type_disabled"),
        ("payment_reminder", "email", "channel_disabled"),
        ("weekly_checkin", "email", "channel_disabled"),
    ] {
        let refused = world.post("/api/communication/send", &send(trigger, channel)).send().await;
        let refused = refused.refused(403, "The recipient has switched these messages off").json;
        assert_eq!(refused["reason"], reason, "{refused}");
        let message = world.message(refused["task_id"].as_str().expect("an id")).await;
        assert_eq!((&message["status"], &message["reason"]), (&json!("blocked"), &json!(reason)), "{message}");
        let last = message["decision"]["checks"].as_array().and_then(|checks| checks.last()).expect("a check");
        assert_eq!(last, &json!({"rule": "preference", "passed": false, "reason": reason}));
    }
    // What they did not switch off goes, and what concerns their security goes always.
    for (trigger, channel) in [("financial_alert", "sms"), ("security_alert", "email")] {
        world.until(&world.trigger(&send(trigger, channel)).await, "delivered").await;
    }
}
