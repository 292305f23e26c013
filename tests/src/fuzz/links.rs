//! Links people follow, and URLs clients give us.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::json;
use switchboard::event::{Reach, Target};
use switchboard::message::short_link::{LinkCode, ShortLinks};
use switchboard::message::{Address, Channel, MessageId};
use switchboard::person::confirm::ConfirmLinks;
use switchboard::person::{PersonId, UnsubscribeLinks};
use switchboard::seal::Seal;
use switchboard::seal::purpose::LinkKeys;

use super::chance::Chance;

const BASE: &str = "https://sw.example";
const TEXTS: [&str; 5] = [
    "See https://shop.example/a?b=c#d, or http://x.example.",
    "https://sw.example/l/abcdefghijkl https://sw.example/l/abc",
    "(https://a.example/(b))https://c.example/ü HTTPS://D.EXAMPLE:8443/%20",
    "https://user:pass@a.example https:// http://[::1]/x https://a.example/\u{200b}",
    "one two",
];
const URLS: [&str; 9] = [
    "https://hooks.example/a?b=c",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://[::ffff:10.0.0.1]:8443/x",
    "https://169.254.169.254/latest/meta-data",
    "http://localhost:1/",
    "https://2130706433/",
    "https://a.example@10.0.0.1/",
    "https://[64:ff9b::a00:1]/",
];

/// The key every run has.
static SEAL: LazyLock<Option<Arc<Seal>>> = LazyLock::new(|| {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let content = serde_json::from_value(json!({"active": "k1", "keys": {"k1": key}})).ok()?;
    let lookup = serde_json::from_value(json!({"active": 1, "keys": {"1": key}, "ids_key": key})).ok()?;
    Seal::new(&content, &lookup).ok().map(Arc::new)
});

static LINKS: LazyLock<Option<LinkKeys>> = LazyLock::new(|| {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    LinkKeys::fixed(serde_json::from_value(json!({"active": "k1", "keys": {"k1": key}})).ok()?).ok()
});

fn link_keys() -> LinkKeys {
    let Some(keys) = LINKS.clone() else { panic!("keys") };
    keys
}

fn seal() -> Arc<Seal> {
    let Some(seal) = SEAL.clone() else { panic!("a key") };
    seal
}

pub(super) fn short_links(chance: &mut Chance) {
    let text = if chance.once_in(3) { chance.text(400) } else { sample(chance, &TEXTS) };
    let links = ShortLinks::new(Some(link_keys()), BASE, 90);
    let id = MessageId::derived(seal().ids(), "fuzz", "short", &text);
    let (short, made) = links.shorten(&text, id, Timestamp::UNIX_EPOCH);
    assert_eq!(links.shorten(&text, id, Timestamp::UNIX_EPOCH), (short.clone(), made.clone()), "twice is the same");
    assert_eq!(links.shorten(&short, id, Timestamp::UNIX_EPOCH).1, [], "what is short stays so: {text:?}");
    let found = links.codes_in(&short);
    for link in &made {
        assert!(text.contains(&link.target) && found.contains(&link.code), "{text:?}");
        assert_eq!(link.code.as_str().parse::<LinkCode>().ok().as_ref(), Some(&link.code));
    }
    let spoiled = chance.spoiled_text("abcdefghijkl");
    let is_code = spoiled.len() == 12 && spoiled.bytes().all(|byte| byte.is_ascii_alphanumeric());
    assert_eq!(spoiled.parse::<LinkCode>().is_ok(), is_code, "{spoiled:?}");
}

pub(super) fn tokens(chance: &mut Chance) {
    let to = Address::stored(Channel::Email, "ada@example.com".to_owned());
    let unsubscribe = UnsubscribeLinks::new(seal(), link_keys(), BASE);
    let token = unsubscribe.url(&to, None).rsplit('/').next().unwrap_or_default().to_owned();
    let spoiled = chance.spoiled_text(&token);
    assert!(unsubscribe.read(&token).is_some());
    assert!(spoiled == token || unsubscribe.read(&spoiled).is_none(), "{spoiled:?} of {token:?}");
    let Some(person) = PersonId::text("ada") else { panic!("an id") };
    let now = Timestamp::UNIX_EPOCH;
    let confirm = ConfirmLinks::new(seal(), link_keys(), BASE);
    let token = confirm.url(&person, &to, now).rsplit('/').next().unwrap_or_default().to_owned();
    let spoiled = chance.spoiled_text(&token);
    assert!(confirm.read(&token, now).is_ok());
    assert!(spoiled == token || confirm.read(&spoiled, now).is_err(), "{spoiled:?} of {token:?}");
    let other = chance.text(200);
    assert!(unsubscribe.read(&other).is_none() && confirm.read(&other, now).is_err(), "{other:?}");
}

pub(super) fn subscribers_urls(chance: &mut Chance) {
    let text = if chance.once_in(4) { chance.text(300) } else { sample(chance, &URLS) };
    let Ok(target) = Target::read(&text, Reach::Public) else { return };
    let authority = target.as_str().strip_prefix("https://").and_then(|rest| rest.split('/').next());
    assert!(authority.is_some_and(|authority| !authority.contains('@')), "{text:?}");
    assert_eq!(Target::read(target.as_str(), Reach::Public), Ok(target.clone()), "read twice is the same: {text:?}");
    let host = target.host().trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        assert!(Reach::Public.allows(address), "{text:?} leads to {address}");
        let private = match address {
            IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some() || v6.is_loopback() || v6.is_unspecified(),
        };
        assert!(!private, "{text:?} leads to {address}");
    }
}

fn sample(chance: &mut Chance, samples: &[&str]) -> String {
    let sample = chance.word(samples).to_owned();
    chance.spoiled_text(&sample)
}
