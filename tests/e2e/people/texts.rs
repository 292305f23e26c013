//! `/api/sms/preferences`: two families of names, one truth.

use serde_json::{Value, json};

use crate::world::{World, fresh, tokens};

const PATH: &str = "/api/sms/preferences";

#[tokio::test]
async fn who_never_said_anything_has_the_printed_defaults_and_they_open_no_marketing() {
    let world = World::new();
    let user = fresh::user();
    let own = tokens::token(&user.to_string(), "");
    let answer = world.get(PATH).token(&own).send().await.ok();
    let printed = json!({
        "smsEnabled": true, "bookingConfirmations": true, "bookingReminders": true, "statusUpdates": true,
        "paymentConfirmations": true, "twoFactorAuth": false,
        "sms_enabled": true, "whatsapp_enabled": true, "phone_number": null, "consent_status": "none"
    });
    for (name, value) in printed.as_object().expect("an object") {
        assert_eq!(&answer[name], value, "{name}: {answer}");
    }
    // Asked for word for word, they are still no agreement.
    let phone = fresh::phone();
    let wish = json!({"sms_enabled": true, "whatsapp_enabled": true, "phone_number": phone});
    let answer = world.put(PATH, &wish).token(&own).send().await.ok();
    assert_eq!((&answer["phone_number"], &answer["phone_verified"]), (&json!(phone), &json!(false)), "{answer}");
    world.put(PATH, &json!({"smsEnabled": true})).token(&own).send().await.ok();
    let person = switchboard::person::PersonId::text(&user.to_string()).expect("an id");
    world.has_proven(&person, &phone).await;
    for (kind, can_send, reason) in
        [("weekly_checkin", false, "no_consent"), ("booking_reminder", true, "transactional_message")]
    {
        let check = json!({"user_id": user, "message_type": kind, "channel": "sms"});
        let answer = world.post("/api/communication/consent/check", &check).send().await.ok();
        assert_eq!((&answer["can_send"], &answer["reason"]), (&json!(can_send), &json!(reason)), "{kind}");
    }
    let send = json!({"user_id": user, "trigger_type": "weekly_checkin", "channel": "sms", "data": {}});
    assert_eq!(world.post("/api/communication/send", &send).send().await.is(403).json["reason"], "no_consent");
}

#[tokio::test]
async fn both_spellings_are_one_preference_and_the_same_everywhere() {
    let world = World::new();
    let user = fresh::user();
    let own = tokens::token(&user.to_string(), "");
    let put = async |body: Value| world.put(PATH, &body).token(&own).send().await;
    let answer = put(json!({"smsEnabled": false, "bookingReminders": false, "twoFactorAuth": true})).await.ok();
    for (name, value) in [("sms_enabled", false), ("booking_reminders", false), ("two_factor_auth", true)] {
        assert_eq!(answer[name], value, "{name}: {answer}");
    }
    // What was read can be written back, and changes nothing.
    assert_eq!(put(answer.clone()).await.ok(), answer);
    let preferences = world.get(&format!("/api/communication/preferences/{user}")).send().await.ok();
    let types = &preferences["preferences"]["alert_types_sms"];
    assert_eq!(preferences["preferences"]["sms_enabled"], false);
    assert_eq!((&types["booking_reminder"], &types["booking_last_minute_reminder"]), (&json!(false), &json!(false)));
    assert_eq!(types["booking_confirmation"], true);
    // And the other way round.
    let change =
        json!({"sms_enabled": true, "whatsapp_enabled": false, "alert_types_sms": {"payment_confirmation": false}});
    world.prefers(user, &change).await;
    let answer = world.get(PATH).token(&own).send().await.ok();
    assert_eq!((&answer["smsEnabled"], &answer["whatsapp_enabled"]), (&json!(true), &json!(false)));
    assert_eq!(answer["paymentConfirmations"], false);
    let contrary = put(json!({"sms_enabled": true, "smsEnabled": false})).await;
    contrary.refused(400, "Invalid value for field: sms_enabled");
    put(json!({"phone_number": "12"})).await.refused(400, "Invalid value for field: phone_number");
    put(json!({"statusUpdates": "yes"})).await.refused(400, "Invalid value for field: statusUpdates");
}

#[tokio::test]
async fn whatsapp_switched_off_is_not_sent() {
    let world = World::new();
    let (user, phone) = (fresh::user(), fresh::phone());
    let own = tokens::token(&user.to_string(), "");
    let person = switchboard::person::PersonId::text(&user.to_string()).expect("an id");
    world.has_proven(&person, &phone).await;
    world.put(PATH, &json!({"whatsapp_enabled": false})).token(&own).send().await.ok();
    let send = json!({"user_id": user, "trigger_type": "task_assignment", "channel": "whatsapp", "data": {}});
    let refused = world.post("/api/communication/send", &send).send().await.is(403).json;
    assert_eq!(refused["reason"], "channel_disabled", "{refused}");
}
