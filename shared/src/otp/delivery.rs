//! How a code gets into its message: the content is rendered and stored with `[code]` in the code's place, and only what
//! is handed to the provider says the code. So no row, list or log can show one, sealed or not.

use super::code::{Code, Codes};
use crate::message::content::spoken;
use crate::message::{Content, Message};
use crate::provider::Outgoing;

/// What stands for a code.
pub const MASK: &str = "[code]";

/// Whether a content says the code anywhere.
pub(super) fn says_code(content: &Content) -> bool {
    content.any_text(&|text| text.contains(MASK) || text.contains(&spoken(MASK)))
}

/// The content with the code in its place.
fn with_code(content: &Content, code: &Code) -> Content {
    let (mask, aloud) = (spoken(MASK), spoken(code.expose()));
    content.map_texts(&mut |text, _| text.replace(&mask, &aloud).replace(MASK, code.expose()))
}

impl Codes {
    /// A message as its provider gets it, with its code in its place.
    pub fn outgoing(&self, message: &Message) -> Outgoing {
        let outgoing = message.outgoing();
        match &message.code {
            Some(of) => {
                let code = self.code(of, &message.to);
                Outgoing { content: with_code(&outgoing.content, &code), ..outgoing }
            }
            None => outgoing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::message::content::{Call, Email, MachineDetection, ProviderTemplate, Script, Text};
    use crate::otp::challenge::{ChallengeId, CodeRef};
    use crate::otp::purpose::Purpose;
    use crate::testing::sample_message;

    fn code() -> Code {
        Code::entered("482913").unwrap()
    }

    fn say(text: &str) -> Content {
        let script = Script::Say { text: text.to_owned(), language: None };
        Content::Call(Call { script, machine: MachineDetection::Off })
    }

    #[test]
    fn every_kind_of_content_gets_its_code() {
        let text = with_code(&Content::text("[code] is your code. [code]!"), &code());
        assert!(text == Content::text("482913 is your code. 482913!"));
        let spoken = with_code(&say("It is: [, c, o, d, e, ]."), &code());
        assert!(spoken == say("It is: 4, 8, 2, 9, 1, 3."));
        let email = Email {
            subject: "[code]".to_owned(),
            text: Some("a [code]".to_owned()),
            html: Some("<b>[code]</b>".to_owned()),
            ..Email::default()
        };
        let Content::Email(email) = with_code(&Content::Email(email), &code()) else { panic!("no e-mail") };
        assert_eq!((email.subject.as_str(), email.text.as_deref()), ("482913", Some("a 482913")));
        assert_eq!(email.html.as_deref(), Some("<b>482913</b>"));
        let template =
            ProviderTemplate { sid: "HX1".to_owned(), variables: [("1".to_owned(), MASK.to_owned())].into() };
        let content = Content::Text(Text { template: Some(template), ..Text::default() });
        assert!(says_code(&content) && says_code(&say("[, c, o, d, e, ]")) && !says_code(&Content::text("no code")));
        let Content::Text(text) = with_code(&content, &code()) else { panic!("no text") };
        assert_eq!(text.template.unwrap().variables["1"], "482913");
    }

    #[test]
    fn only_what_is_handed_over_says_the_code() {
        let codes = Codes::new(crate::seal::purpose::tests::codes());
        let mut message = sample_message(from_millis(0));
        message.content = Content::text("[code] is not always a code");
        assert!(codes.outgoing(&message).content == message.content, "other messages are as they are");
        let of = CodeRef {
            challenge: ChallengeId::for_tests(1),
            purpose: Purpose::two_factor(),
            digits: 6.try_into().unwrap(),
        };
        message.code = Some(of.clone());
        let Content::Text(text) = codes.outgoing(&message).content else { panic!("no text") };
        let code = codes.code(&of, &message.to);
        assert_eq!(text.body, format!("{} is not always a code", code.expose()));
    }
}
