use jiff::tz::TimeZone;

use super::*;
use crate::{
    ids,
    store::{Channel, Detail, Direction, NewMessage, Status},
};

fn store(messages: &[(&str, &str)]) -> Store {
    let mut store = Store::default();
    for (to, from) in messages {
        store.accept(NewMessage {
            id: ids::sid("SM"),
            provider: Provider::Twilio,
            channel: Channel::Sms,
            direction: Direction::Outbound,
            to: (*to).to_owned(),
            from: (*from).to_owned(),
            subject: None,
            text: Some("x".to_owned()),
            html: None,
            media: Vec::new(),
            our_id: None,
            status: Status::Queued,
            detail: Detail::Twilio(Box::default()),
        });
    }
    store
}

fn filter(query: &str) -> Filter {
    Filter::parse(query, true).expect("a valid query")
}

#[test]
fn to_and_from_are_exact_and_combine() {
    let store = store(&[("+1", "+9"), ("+2", "+9"), ("+1", "+8"), ("whatsapp:+1", "whatsapp:+9")]);
    let count = |query: &str| filter(query).select(&store).len();
    assert_eq!(count(""), 4);
    assert_eq!(count("To=%2B1"), 2);
    assert_eq!(count("From=%2B9"), 2);
    assert_eq!(count("To=%2B1&From=%2B8"), 1);
    assert_eq!(count("To=whatsapp:%2B1"), 1);
    assert_eq!(count("To=%2B3"), 0);
}

#[test]
fn a_day_in_date_sent_includes_the_whole_day() {
    let store = store(&[("+1", "+9")]);
    let today = store.newest(None).next().expect("a message").received_at.to_zoned(TimeZone::UTC).date();
    let (yesterday, tomorrow) = (today.yesterday().expect("a day"), today.tomorrow().expect("a day"));
    let count = |query: String| filter(&query).select(&store).len();
    assert_eq!(count(format!("DateSent={today}")), 1);
    assert_eq!(count(format!("DateSent%3E={today}")), 1);
    assert_eq!(count(format!("DateSent%3C={today}")), 1);
    assert_eq!(count(format!("DateSent%3E={tomorrow}")), 0);
    assert_eq!(count(format!("DateSent%3C={yesterday}")), 0);
    assert_eq!(count(format!("DateSent%3E={yesterday}&DateSent%3C={tomorrow}")), 1);
    assert!(Filter::parse("DateSent=soon", true).is_err());
    assert!(Filter::parse("Colour=red", true).is_err());
}

#[test]
fn a_page_token_goes_on_where_the_page_ended_though_new_messages_came() {
    let mut store = store(&[("+1", "+9"), ("+1", "+8"), ("+1", "+7")]);
    let first: Vec<_> = filter("To=%2B1&PageSize=2").select(&store).iter().take(2).map(|m| m.content.clone()).collect();
    assert_eq!(first.iter().map(|m| m.from.as_str()).collect::<Vec<_>>(), ["+7", "+8"]);
    store.accept(NewMessage { id: ids::sid("SM"), from: "+6".to_owned(), ..first[0].clone() });
    let next = format!("To=%2B1&PageSize=2&Page=1&PageToken=PA{}", first[1].id);
    let second: Vec<_> = filter(&next).select(&store).iter().map(|m| m.content.from.clone()).collect();
    assert_eq!(second, ["+9"]);
}
