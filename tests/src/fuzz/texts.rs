//! What people write, and where they are written to.

use switchboard::message::auto_reply::AutoReplies;
use switchboard::message::segments::segments as count;
use switchboard::message::smart::encoded;
use switchboard::message::{Channel, EmailAddress, PhoneNumber};
use switchboard::person::words::{Keyword, Reply, whole};
use switchboard::provider::twilio::twiml;

use super::chance::Chance;

const SAID: [&str; 10] = [
    "STOP",
    "Arrêt",
    "stop please",
    "please stop texting me",
    "ｓｔｏｐ",
    "HELP",
    "unstop",
    "don’t text me anymore",
    "“Quit”",
    "Parar",
];
const NUMBERS: [&str; 8] = [
    "+1 (415) 555-2671",
    "whatsapp:+14155552671",
    "0041 44 668 18 00",
    "+44 (0)20 7946 0958",
    "415-555-2671",
    "+7 812 123-45-67",
    "+49 151 23456789",
    "tel:+1-201-555-0123;ext=9",
];
const MAILS: [&str; 6] = [
    "ada@example.com",
    "\"a b\"@example.com",
    "a.b+c@EXAMPLE.co.uk",
    "ä@exämple.de",
    "a@[127.0.0.1]",
    "Ada <a@b.example>",
];

fn text(chance: &mut Chance, samples: &[&str]) -> String {
    if chance.once_in(3) {
        return chance.text(2_000);
    }
    let sample = chance.word(samples).to_owned();
    chance.spoiled_text(&sample)
}

pub(super) fn words(chance: &mut Chance) {
    let said = text(chance, &SAID);
    let reply = Reply::read(&said);
    let word = whole(&said);
    assert_eq!(whole(&word), word, "folded once is folded: {said:?}");
    if said.chars().count() <= 1_000 && matches!(reply, Reply::Keyword(Keyword::Stop)) {
        let around = format!(" …“{said}”! ");
        assert_eq!(Reply::read(&around), reply, "what stands around a word does not change it: {said:?}");
        // The mark below a Greek letter has a letter for a capital.
        if !said.contains('\u{345}') {
            assert_eq!(Reply::read(&said.to_uppercase()), reply, "nor does its case: {said:?}");
        }
    }
    let replies =
        serde_json::json!({"replies": [{"keywords": [said], "text": chance.text(20)}], "per_hour": chance.below(30)});
    if let Ok(replies) = serde_json::from_value::<AutoReplies>(replies)
        && replies.check().is_ok()
    {
        assert!(replies.answer(Channel::Sms, &said).is_some(), "a word that can be set is answered: {said:?}");
    }
    let document = twiml::say(&said, None);
    assert!(is_well_formed(&document), "{said:?}");
}

fn is_well_formed(document: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

pub(super) fn addresses(chance: &mut Chance) {
    let number = text(chance, &NUMBERS);
    let region = chance.word(&["", "US", "GB", "DE", "CH", "ZZ", "001"]);
    if let Ok(number) = PhoneNumber::parse(&number, region) {
        let digits = number.as_str().strip_prefix('+').unwrap_or_default();
        assert!(
            (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()),
            "{}",
            number.as_str()
        );
        assert_eq!(PhoneNumber::parse(number.as_str(), "").as_ref(), Ok(&number), "{}", number.as_str());
        drop(number.country());
    }
    let mail = text(chance, &MAILS);
    if let Ok(mail) = EmailAddress::parse(&mail) {
        assert!(mail.as_str().len() <= 254 && mail.as_str().contains('@'), "{}", mail.as_str());
        assert_eq!(EmailAddress::parse(mail.as_str()).as_ref(), Ok(&mail), "{}", mail.as_str());
    }
}

pub(super) fn segments(chance: &mut Chance) {
    let said = chance.text(1_000);
    let parts = count(&said).count;
    let most = usize::try_from(parts).unwrap_or(usize::MAX).saturating_mul(160);
    assert!(parts >= 1 && said.chars().count() <= most, "a part has 160 characters at most: {said:?}");
    let smart = encoded(&said);
    assert!(count(&smart).count <= parts, "smart is never longer: {said:?}");
    assert_eq!(encoded(&smart), smart, "once is enough: {said:?}");
}
