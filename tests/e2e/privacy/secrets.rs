//! Values that whoever holds them may act on reach their reader, and nobody who reads what is stored of the message.

use serde_json::{Value, json};

use super::export_path;
use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const CONFIRM: &str = "/api/communication/consent/email/confirm/";

/// What arrived for an address, once something did.
async fn first_arrived(world: &World, to: &str) -> Value {
    eventually("something arrived", seconds(40), async || {
        let arrived = world.arrived(to).await;
        arrived.first().cloned().ok_or_else(|| "nothing arrived".to_owned())
    })
    .await
}

#[tokio::test]
async fn confirmation_link_is_not_readable_by_its_requester() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (user, email) = (fresh::user(), fresh::email());
    let own = tokens::token(&user.to_string(), "communication:read");
    let body = json!({"user_id": user, "email": email, "message_types": ["monthly_report"]});
    world.post("/api/communication/consent/email", &body).token(&own).send().await.ok();

    let mail = first_arrived(&world, &email).await;
    let text = mail["text"].as_str().expect("a text");
    let link =
        text.split_whitespace().find(|word| word.contains(CONFIRM)).expect("the mailbox has the link").to_owned();
    let html = mail["html"].as_str().expect("a page");
    assert!(html.contains(&format!("<a href=\"{link}\">{link}</a>")), "{html}");
    let path = link[link.find("/api/").expect("a path")..].to_owned();
    let token = path.rsplit('/').next().expect("a token").to_owned();

    let thread = format!("/api/v2/communications/threads/user:{user}/messages");
    for readable in [export_path(user), thread] {
        let seen = world.get(&readable).token(&own).send().await.is(200).text;
        assert!(seen.contains("https://secret.invalid/link/"), "{readable}: the message is there, masked: {seen}");
        assert!(!seen.contains(&token) && !seen.contains(CONFIRM), "{readable}: {seen}");
    }
    // Who reads the mailbox confirms with it.
    let form =
        world.call("POST", &path).no_token().header("content-type", "application/x-www-form-urlencoded").body("");
    form.send().await.is(200);
}

#[tokio::test]
async fn secret_variables_reach_only_their_reader() {
    let world = World::new();
    let _lines = world.share(&Line::ALL[..5]).await;
    let person = world.person().await;
    let (pin, token) = (fresh::word(), fresh::word());
    let reset = format!("https://app.example/reset?a=1&token={token}");
    let text = json!({"to": person.phone, "message": "Hello {{ name }}, open {{ link }} with {{ pin }}", "shorten_links": true,
        "variables": {"name": "Ada [pin:00000000]", "link": reset, "pin": pin}, "secret_variables": ["link", "pin"]});
    let sms = world.post("/api/v2/communications/sms", &text).send().await.ok();
    let mail = json!({"to": person.email, "subject": "PIN {{ pin }}", "text": "Open {{ link }}",
        "html": "<a href=\"{{ link }}\">Open</a>", "variables": {"link": reset, "pin": pin}, "secret_variables": ["link", "pin"]});
    let mail = world.post("/api/v2/communications/email", &mail).send().await.ok();
    let notice = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
        "data": {"amount": 7, "due_date": pin, "account": "checking"}, "secret_variables": ["due_date"]});
    let notice = world.trigger(&notice).await;
    let job = json!({"channel": "sms", "class": "transactional", "message": "Your PIN is {{ pin }}", "secret_variables": ["pin"],
        "recipients": [{"to": person.phone, "variables": {"pin": pin}}]});
    let job = world.post("/api/v2/communications/jobs", &job).send().await.is(202).json;

    let ids =
        [&sms["message_id"], &mail["message_id"], &json!(notice)].map(|id| id.as_str().expect("an id").to_owned());
    for id in &ids {
        world.until(id, "delivered").await;
    }
    let texts = eventually("the texts arrived", seconds(60), async || {
        let arrived = world.arrived(&person.phone).await;
        if arrived.len() == 3 { Ok(arrived) } else { Err(format!("{} arrived", arrived.len())) }
    })
    .await;
    let said: Vec<&str> = texts.iter().filter_map(|text| text["text"].as_str().or(text["body"].as_str())).collect();
    assert!(said.contains(&format!("Hello Ada [pin:00000000], open {reset} with {pin}").as_str()), "{said:?}");
    assert!(said.contains(&format!("Your PIN is {pin}").as_str()), "{said:?}");
    let got = first_arrived(&world, &person.email).await;
    assert_eq!((&got["subject"], &got["text"]), (&json!(format!("PIN {pin}")), &json!(format!("Open {reset}"))));
    let escaped = reset.replace('&', "&amp;");
    assert_eq!(got["html"], json!(format!("<a href=\"{escaped}\">Open</a>")));

    let mut readable = vec![
        export_path(person.id),
        format!("/api/v2/communications/threads/user:{}/messages", person.id),
        format!("/api/v2/communications/jobs/{}", job["job_id"].as_str().expect("an id")),
    ];
    readable.extend(ids.iter().map(|id| format!("/api/v2/communications/messages/{id}")));
    readable.extend(ids.iter().map(|id| format!("/api/communication/status/{id}")));
    for path in readable {
        let seen = world.get(&path).send().await.is(200).text;
        assert!(!seen.contains(&pin) && !seen.contains(&token), "{path}: {seen}");
    }
    // The row has them encrypted for delivery alone, and the price is that of what went out.
    let message = world.message(&ids[0]).await;
    assert_eq!(message["segments"], 1, "{message}");
}

#[tokio::test]
async fn secret_variable_that_is_not_given_or_altered_is_refused() {
    let world = World::new();
    let send = |message: &str, names: Value| {
        let body =
            json!({"to": fresh::phone(), "message": message, "variables": {"pin": "abcd"}, "secret_variables": names});
        let call = world.post("/api/v2/communications/sms", &body);
        async move { call.send().await.refused(400, "Invalid value for field: secret_variables").json }
    };
    assert!(send("{{ pin }}", json!(["link"])).await["details"].to_string().contains("link"));
    assert!(send("{{ pin|upper }}", json!(["pin"])).await["details"].to_string().contains("pin"));
}
