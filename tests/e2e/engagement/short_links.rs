//! Links in texts are made short, lead on, count who follows them, and end.

use reqwest::redirect::Policy;
use serde_json::{Value, json};
use switchboard::clock::plus_seconds;
use switchboard::message::content::Email;
use switchboard::message::record::{AddressSource, ProviderChoice};
use switchboard::message::short_link::LinkForm;
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Lane, MessageId};
use switchboard::provider::ProviderName;
use switchboard::road::{Part, Task};

use super::counts;
use crate::world::aws::number;
use crate::world::{Line, World, fresh};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1";

/// What a browser gets that follows nothing by itself: status and where it is led.
async fn open(url: &str, method: &str, agent: &str) -> (u16, String, String) {
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("an HTTP client");
    let request = client.request(method.parse().expect("a method"), url).header("user-agent", agent);
    let answer = request.send().await.expect("an answer");
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    (answer.status().as_u16(), header("location"), header("cache-control"))
}

/// The text that arrived, and the short link in it.
async fn arrived(world: &World, id: &str, to: &str) -> (String, String) {
    world.until(id, "delivered").await;
    let text = world.the_one(to, "sms").await["text"].as_str().expect("a text").to_owned();
    let start =
        text.find(&format!("{}/l/", world.stack.api_url)).unwrap_or_else(|| panic!("no short link in {text:?}"));
    let link = text[start..].split_whitespace().next().expect("a link").to_owned();
    (text, link)
}

#[tokio::test]
async fn a_link_in_a_text_is_made_short_leads_on_and_counts_who_follows_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = fresh::phone();
    let target = format!("https://forecast.example/{}?a=1&b=%20#top", "long/".repeat(40));
    let body = json!({"to": to, "message": format!("Your forecast: {target}"), "shorten_links": true});
    let accepted = world.post("/api/v2/communications/sms", &body).send().await.ok();
    assert_eq!(accepted["segments"], 1, "priced as it goes out: {accepted}");
    let id = accepted["task_id"].as_str().expect("an id").to_owned();
    let (text, link) = arrived(&world, &id, &to).await;
    assert_eq!(text, format!("Your forecast: {link}"));
    assert!(!link.contains("forecast"), "{link}");

    let led = (302, target.clone(), "no-store".to_owned());
    assert_eq!(open(&link, "GET", PHONE).await, led);
    let first = world.message(&id).await;
    assert_eq!(counts(&first), json!([0, 0, 1, 0, 0]), "{first}");
    assert!(first["clicked_at"].is_string() && first["opened_at"] == first["clicked_at"], "{first}");
    assert_eq!(open(&link, "GET", PHONE).await, led);
    assert_eq!(open(&link, "GET", "WhatsApp/2.23.20.0 A").await, led, "a preview is led on, and told apart");
    assert_eq!(open(&link, "HEAD", PHONE).await, led, "who checks links is led on, and is nobody");
    let message = world.message(&id).await;
    assert_eq!(counts(&message), json!([0, 0, 2, 1, 0]), "{message}");
    assert_eq!((&message["clicked_at"], &message["status"]), (&first["clicked_at"], &json!("delivered")));

    // What is stored says neither where it leads nor, by its key, whose it is.
    let code = link.rsplit('/').next().expect("a code").to_owned();
    let row = world.catalog_row((&format!("link#{code}"), "link")).await;
    assert!(!format!("{row:?}").contains("forecast"), "{row:?}");

    world.rewrite_catalog((&format!("link#{code}"), "link"), "SET ends_at = :e", (":e", number(1))).await;
    assert_eq!(open(&link, "GET", PHONE).await.0, 410);
    assert_eq!(counts(&world.message(&id).await), json!([0, 0, 2, 1, 0]), "what has ended counts nothing");
    for other in ["abcdefghijkl", "x", "https:%2F%2Fevil.example"] {
        let (status, location, _) = open(&format!("{}/l/{other}", world.stack.api_url), "GET", PHONE).await;
        assert_eq!((status, location.as_str()), (404, ""), "{other}");
    }
}

#[tokio::test]
async fn links_stay_as_they_are_unless_the_request_or_the_template_asks() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let name = format!("offer_{}", fresh::word());
    let link = format!("https://offer.example/{}", fresh::word());
    let template = json!({"template": {"shorten_links": true, "locales": {"en": {"text": "See {{ link }}"}}}});
    world.put(&format!("/api/v2/communications/templates/{name}"), &template).send().await.ok();
    let send = async |body: Value| {
        let to = fresh::phone();
        let mut body = body;
        body["to"] = json!(to);
        let id = world.post("/api/v2/communications/sms", &body).send().await.ok()["task_id"].take();
        world.until(id.as_str().expect("an id"), "delivered").await;
        world.the_one(&to, "sms").await["text"].as_str().expect("a text").to_owned()
    };
    let plain = json!({"message": format!("See {link}")});
    assert_eq!(send(plain).await, format!("See {link}"));
    let by_template = json!({"template": name, "variables": {"link": link}});
    let short = send(by_template.clone()).await;
    assert!(short.starts_with(&format!("See {}/l/", world.stack.api_url)), "{short}");
    let mut refused = by_template;
    refused["shorten_links"] = json!(false);
    assert_eq!(send(refused).await, format!("See {link}"));
}

#[tokio::test]
async fn a_repeated_request_has_the_same_link() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, key) = (fresh::phone(), fresh::word());
    let body =
        json!({"to_number": to, "message": format!("See https://a.example/{}", fresh::word()), "shorten_links": true});
    let send = || world.post("/api/sms/send", &body).key(&key).send();
    let (first, again) = (send().await, send().await);
    assert_eq!(again.header("idempotency-replay"), "true");
    let (first, again) = (first.ok(), again.ok());
    assert_eq!(first, again);
    let (_, link) = arrived(&world, first["message_id"].as_str().expect("an id"), &to).await;
    assert_eq!(open(&link, "GET", PHONE).await.0, 302);
}

#[tokio::test]
async fn the_links_of_a_message_that_is_put_off_live_their_days_from_when_it_goes() {
    let world = World::new();
    let road = world.road().await;
    let now = jiff::Timestamp::now();
    let in_days = |days: i64| plus_seconds(now, days * 86_400);
    let part = |channel: Channel, to: String, content: Content, provider| Part {
        channel,
        to: Address::stored(channel, to),
        address_source: AddressSource::Given,
        from: None,
        content,
        template: None,
        provider,
        choice: ProviderChoice::Fixed,
        asked: None,
    };
    let text = || {
        let text = Content::text(format!("See https://a.example/{} today", fresh::word()));
        part(Channel::Sms, fresh::phone(), text, ProviderName::Twilio)
    };
    let mail = Email { subject: "x".to_owned(), text: Some("x".to_owned()), ..Email::default() };
    let mail = part(Channel::Email, fresh::email(), Content::Email(mail), ProviderName::Sendgrid);
    for (first, fallbacks) in [(text(), Vec::new()), (mail, vec![text()])] {
        let task = Task::new(MessageId::new(), "test".to_owned(), Class::Transactional, Lane::Standard, vec![first]);
        let task = Task { scheduled: Some(in_days(1)), link_form: LinkForm::Shortened, fallbacks, ..task };
        let message = road.store(task).await.expect("stored").messages.remove(0);
        let contents = std::iter::once(&message.content).chain(message.fallbacks.iter().map(|each| &each.content));
        let texts =
            contents.filter_map(|content| if let Content::Text(text) = content { Some(&text.body) } else { None });
        let codes: Vec<_> = texts.flat_map(|text| road.short_links.codes_in(text)).collect();
        assert_eq!(codes.len(), 1);
        let lives = async |days: i64| {
            let row = world.catalog_row((&format!("link#{}", codes[0].as_str()), "link")).await;
            let whole = |name: &str| row[name].as_n().expect("a number").parse::<i64>().expect("a whole number");
            assert_eq!(whole("ends_at"), road.short_links.ends(in_days(days)).as_millisecond());
            assert_eq!(whole("expires"), whole("ends_at") / 1_000 + 30 * 86_400);
        };
        lives(1).await;
        for (days, left) in [(300, 300), (2, 300)] {
            let path = format!("/api/v2/communications/messages/{}/reschedule", message.id);
            world.post(&path, &json!({"scheduled_time": in_days(days).to_string()})).send().await.ok();
            lives(left).await;
        }
        let cancel = format!("/api/communication/cancel/{}", message.id);
        world.post(&cancel, &json!({})).send().await.ok();
    }
}
