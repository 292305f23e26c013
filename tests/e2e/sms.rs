//! `/api/sms/*`: texts to numbers, one or many.

use serde_json::{Value, json};

use crate::world::{Line, World, fresh};

#[tokio::test]
async fn a_text_is_taken_in_both_spellings_and_found_by_either_id() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let text = fresh::text();
    for body in [json!({"to_number": fresh::phone(), "message": text}), json!({"to": fresh::phone(), "body": text})] {
        let answer = world.post("/api/sms/send", &body).send().await.ok();
        let id = answer["message_id"].as_str().unwrap().to_owned();
        let message = world.until(&id, "delivered").await;
        let sid = message["provider_id"].as_str().unwrap();
        for path in ["/api/sms/message-status", "/api/sms/status", "/api/v1/twilio/sms-status"] {
            for known in [id.as_str(), sid] {
                let status = world.get(&format!("{path}/{known}")).send().await.ok();
                assert_eq!((&status["status"], &status["message_sid"]), (&json!("delivered"), &json!(sid)), "{status}");
                assert_eq!(status["type"], "sms");
            }
        }
    }
}

#[tokio::test]
async fn a_whatsapp_message_carries_its_medium() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let body = json!({"to_number": to, "message": fresh::text(), "media_url": "https://example.com/image.jpg"});
    let answer = world.post("/api/sms/whatsapp/send", &body).send().await.ok();
    world.until(answer["message_id"].as_str().unwrap(), "delivered").await;
    let arrived = world.the_one(&to, "whatsapp").await;
    assert_eq!(arrived["media"], json!(["https://example.com/image.jpg"]), "{arrived}");
}

#[tokio::test]
async fn a_bulk_text_reaches_every_good_number_once_and_names_the_bad_ones() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp, Line::BulkLane]).await;
    for (path, channel) in
        [("/api/sms/send-bulk", "sms"), ("/api/sms/bulk-send", "sms"), ("/api/sms/whatsapp/send-bulk", "whatsapp")]
    {
        let good = [fresh::phone(), fresh::phone(), fresh::phone()];
        let body = json!({"phone_numbers": [good[0], "12345", good[1], good[2]], "message": fresh::text()});
        let key = fresh::word();
        let answer = world.post(path, &body).key(&key).send().await.ok();
        assert_eq!((&answer["total"], &answer["successful"], &answer["failed"]), (&json!(4), &json!(3), &json!(1)));
        assert_eq!(answer["results"][1]["phone_number"], "12345");
        assert_eq!(answer["results"][1]["error"], "Invalid value for field: to_number");
        let again = world.post(path, &body).key(&key).send().await;
        assert_eq!(again.header("idempotency-replay"), "true");
        assert_eq!(again.ok(), answer);
        for result in answer["results"].as_array().unwrap().iter().filter(|result| result["success"] == true) {
            let message = world.until(result["message_id"].as_str().unwrap(), "delivered").await;
            assert_eq!(message["lane"], "bulk");
        }
        for to in good {
            world.the_one(&to, channel).await;
        }
    }
}

#[tokio::test]
async fn a_test_text_says_that_it_is_one() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let answer = world.post("/api/sms/test", &json!({"to_number": to})).send().await.ok();
    world.until(answer["message_id"].as_str().unwrap(), "delivered").await;
    let arrived = world.the_one(&to, "sms").await;
    assert!(arrived["text"].as_str().unwrap().starts_with("This is a test message"), "{arrived}");
}

#[tokio::test]
async fn each_recipient_gets_its_own_variables_and_a_missing_one_is_named() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (ada, bob, word) = (fresh::phone(), fresh::phone(), fresh::text());
    let body = json!({"message": "{{ word }} {{ name }}", "recipients": [
        {"to": ada, "variables": {"name": "Ada", "word": word}},
        {"to": bob, "variables": {"word": word}},
        {"to": "nobody", "variables": {"name": "x", "word": word}}
    ]});
    let answer = world.post("/api/v2/communications/sms/bulk", &body).send().await.ok();
    let errors: Vec<&Value> = answer["results"].as_array().unwrap().iter().map(|result| &result["error"]).collect();
    assert_eq!(
        errors,
        [&Value::Null, &json!("Missing required field: variables.name"), &json!("Invalid value for field: to")]
    );
    world.until(answer["results"][0]["message_id"].as_str().unwrap(), "delivered").await;
    assert_eq!(world.the_one(&ada, "sms").await["text"], format!("{word} Ada"));

    let single = world.post("/api/v2/communications/sms", &json!({"to": bob, "message": word})).send().await.ok();
    world.until(single["message_id"].as_str().unwrap(), "delivered").await;
    assert_eq!(world.the_one(&bob, "sms").await["text"], word);
    let broken = json!({"message": "Hello {{ name", "recipients": [{"to": ada}]});
    let path = "/api/v2/communications/sms/bulk";
    world.post(path, &broken).send().await.refused(400, "Invalid value for field: message");
}

#[tokio::test]
async fn what_is_wrong_with_a_text_is_named_in_the_documented_spelling() {
    let world = World::new();
    let cases: [(&str, Value, &str); 6] = [
        ("send", json!({"message": "x"}), "Missing required field: to_number"),
        ("send", json!({"to": "abc", "message": "x"}), "Invalid value for field: to_number"),
        ("send", json!({"to": fresh::phone()}), "Missing required field: message"),
        (
            "whatsapp/send",
            json!({"to": fresh::phone(), "message": "x", "media_url": "x"}),
            "Invalid value for field: media_url",
        ),
        ("send-bulk", json!({"phone_numbers": [], "message": "x"}), "Invalid value for field: phone_numbers"),
        ("test", json!({}), "Missing required field: to_number"),
    ];
    for (path, body, error) in cases {
        world.post(&format!("/api/sms/{path}"), &body).send().await.refused(400, error);
    }
    world.get("/api/sms/status/SM00000000000000000000000000000000").send().await.refused(404, "Message not found");
}
