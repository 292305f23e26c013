use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::clock::from_millis;
use crate::message::content::Text;
use crate::message::record::AddressSource;
use crate::message::{Content, Message, MessageId, Status};
use crate::provider::ProviderName;
use crate::seal::tests::test_seal;
use crate::store::Item;
use crate::store::messages::Messages;
use crate::testing::{dead_aws, sample_message};

fn messages() -> Messages {
    Messages::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "messages".to_owned(), Arc::new(test_seal()))
}

/// How large DynamoDB takes a value to be.
///
/// Source: the DynamoDB developer guide, "Item sizes and formats".
fn size(value: &AttributeValue) -> usize {
    if let Ok(text) = value.as_s() {
        text.len()
    } else if let Ok(bytes) = value.as_b() {
        bytes.as_ref().len()
    } else if let Ok(number) = value.as_n() {
        1 + number.trim_end_matches('0').len().div_ceil(2)
    } else if let Ok(list) = value.as_l() {
        3 + list.iter().map(|one| 1 + size(one)).sum::<usize>()
    } else if let Ok(map) = value.as_m() {
        3 + map.len() + size_of_item(map)
    } else {
        assert!(value.is_bool() || value.is_null(), "{value:?}");
        1
    }
}

fn size_of_item(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size(value)).sum()
}

/// A text of so many characters at the end of its road, as the steps write it: accepted by a request with an idempotency key.
fn delivered(characters: usize) -> Message {
    let at = from_millis(1_795_868_298_516);
    let check = |rule, reason| Check::new(rule, true, reason);
    let mut message = sample_message(at);
    message.id = MessageId::new();
    message.task = message.id;
    message.content = Content::Text(Text { body: "a".repeat(characters), ..Text::default() });
    message.address_source = AddressSource::Profile;
    message.request_hash = Some("h".repeat(43));
    message.template = Some(TemplateUse {
        name: "financial_alert".to_owned(),
        version: 12,
        locale: "en-GB".to_owned(),
        variant: None,
    });
    message.decision = Decision {
        outcome: Outcome::Allowed,
        until: None,
        reason: "explicit_consent".to_owned(),
        checks: vec![
            check("suppression", "not_suppressed"),
            check("consent", "explicit_consent"),
            check("preference", "no_objection"),
            check("quiet_hours", "not_quiet"),
        ],
        decided_at: at,
    };
    message.status = Status::Delivered;
    message.provider_id = Some(format!("SM{}", "5".repeat(32)));
    message.attempts = 1;
    let theirs = TrailEntry { by: ProviderName::Twilio.as_str().to_owned(), ..TrailEntry::ours(at, "delivered", None) };
    message.trail = BTreeMap::from([
        ("accept".to_owned(), TrailEntry::ours(at, "accepted", None)),
        ("attempt:1".to_owned(), TrailEntry::ours(at, "sending", Some("attempt 1".to_owned()))),
        ("attempt:1:sent".to_owned(), TrailEntry::ours(at, "sent", None)),
        ("delivered".to_owned(), theirs),
    ]);
    message.times.claimed = Some(at);
    message.times.sent = Some(at);
    message.times.ended = Some(at);
    message.times.due = None;
    message
}

#[tokio::test]
async fn row_of_delivered_sms_fits_one_write_unit() {
    let mut row = messages().to_item(&delivered(160)).await.unwrap();
    row.insert("write_token".to_owned(), AttributeValue::S("x".repeat(11)));
    let size = size_of_item(&row);
    assert!(size < 1_024, "{size} bytes");
}

#[tokio::test]
async fn times_that_are_the_same_as_others_are_read_from_them() {
    let messages = messages();
    let read = messages.read(messages.to_item(&delivered(9)).await.unwrap()).unwrap();
    assert_eq!(read.times.started, read.times.claimed);
    assert_eq!(read.times.delivered, read.times.ended);
    assert!(read.times.delivered.is_some());
    let mut failed = delivered(9);
    failed.status = Status::Failed;
    let read = messages.read(messages.to_item(&failed).await.unwrap()).unwrap();
    assert_eq!(read.times.delivered, None);
}

fn text() -> impl Strategy<Value = String> {
    "[^\t]{0,20}"
}

fn decisions() -> impl Strategy<Value = Decision> {
    let check = (text(), any::<bool>(), text(), proptest::option::of(".{0,20}"));
    let check = check.prop_map(|(rule, passed, reason, detail)| Check { detail, ..Check::new(&rule, passed, reason) });
    let outcome = prop_oneof![Just(Outcome::Allowed), Just(Outcome::Held), Just(Outcome::Refused)];
    let times = (0..4_000_000_000_000_i64, proptest::option::of(0..4_000_000_000_000_i64));
    (outcome, text(), times, proptest::collection::vec(check, 0..6)).prop_map(|(outcome, reason, times, checks)| {
        let (decided_at, until) = (from_millis(times.0), times.1.map(from_millis));
        Decision { outcome, until, reason, checks, decided_at }
    })
}

fn entries() -> impl Strategy<Value = TrailEntry> {
    let by = prop_oneof![Just(OURSELVES.to_owned()), Just("twilio".to_owned())];
    (0..4_000_000_000_000_i64, "[a-z_]{1,12}", by, proptest::option::of(".{0,20}"))
        .prop_map(|(at, event, by, detail)| TrailEntry { at: from_millis(at), event, by, detail })
}

proptest! {
    #[test]
    fn decisions_trails_and_templates_come_back_as_they_were_stored(
        decision in decisions(),
        trail in proptest::collection::btree_map("[a-z:0-9]{1,12}", entries(), 0..5),
        variant in proptest::option::of("[a-z]{1,5}"),
    ) {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Stored {
            #[serde(with = "decision")]
            decision: Decision,
            #[serde(with = "trail")]
            trail: BTreeMap<String, TrailEntry>,
            #[serde(with = "template")]
            template: Option<TemplateUse>,
        }

        let template = variant.map(|variant| TemplateUse {
            name: "alert".to_owned(), version: 3, locale: "en".to_owned(), variant: (variant.len() > 2).then_some(variant),
        });
        let stored = Stored { decision, trail, template };
        let item: Item = serde_dynamo::to_item(&stored).unwrap();
        prop_assert_eq!(serde_dynamo::from_item::<_, Stored>(item).unwrap(), stored);
    }

    #[test]
    fn sealed_text_comes_back_from_its_bytes(plain in proptest::collection::vec(any::<u8>(), 0..50)) {
        let text = test_seal().seal("messages/1", &plain).unwrap();
        prop_assert_eq!(seal::from_bytes(&seal::to_bytes(&text).unwrap()).unwrap(), text);
    }
}
