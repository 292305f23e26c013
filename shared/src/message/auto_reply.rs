//! What is answered by itself to a text somebody wrote: one wording for each of a few words.
//!
//! A word matches like a keyword of an opt-out does: it is the whole text, in any case, with or without accents and
//! punctuation. The words that stop, start and explain texts are Twilio's to answer and cannot be used here.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Channel;
use crate::person::words::{Reply, whole};

/// All of them. Empty: nothing is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoReplies {
    /// At most 50. The first whose word it is answers.
    #[schema(max_items = 50)]
    pub replies: Vec<AutoReply>,
    /// How many automatic answers one address gets in an hour at most, 1 to 20: two machines that answer each other must
    /// come to an end (Twilio itself cuts in after 15 to 20, error 14107).
    #[serde(default = "usual_per_hour")]
    #[schema(default = 4, minimum = 1, maximum = 20)]
    pub per_hour: u32,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoReply {
    /// What is written to get it: 1 to 20 words or phrases, each of 1 to 64 characters.
    #[schema(example = json!(["hours", "opening hours"]))]
    pub keywords: Vec<String>,
    /// What is answered, 1 to 1,600 characters.
    #[schema(example = "We are here from Monday to Friday, 9:00 to 17:00.")]
    pub text: String,
    /// Where: `sms`, `whatsapp`. Absent: on both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
}

const MOST_REPLIES: usize = 50;
const MOST_KEYWORDS: usize = 20;
const LONGEST_KEYWORD: usize = 64;
/// Twilio's longest message (its error 21617).
const LONGEST_TEXT: usize = 1_600;
const MOST_PER_HOUR: u32 = 20;

fn usual_per_hour() -> u32 {
    4
}

impl Default for AutoReplies {
    fn default() -> Self {
        Self { replies: Vec::new(), per_hour: usual_per_hour() }
    }
}

/// Why a list cannot be used: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub why: String,
}

impl AutoReplies {
    /// The answer to a text on a channel, if there is one.
    pub fn answer(&self, channel: Channel, text: &str) -> Option<&AutoReply> {
        let said = whole(text);
        let on = |reply: &&AutoReply| reply.channels.as_ref().is_none_or(|channels| channels.contains(&channel));
        let fits = |reply: &&AutoReply| !said.is_empty() && reply.keywords.iter().any(|keyword| whole(keyword) == said);
        self.replies.iter().filter(on).find(fits)
    }

    /// Whether a text is one of these answers itself: somebody's machine sends ours back.
    pub fn is_own(&self, text: &str) -> bool {
        let said = whole(text);
        self.replies.iter().any(|reply| whole(&reply.text) == said)
    }

    /// Looks whether all of it can be used.
    pub fn check(&self) -> Result<(), Fault> {
        let fault = |field: String, why: String| Err(Fault { field, why });
        if self.replies.len() > MOST_REPLIES {
            return fault("replies".to_owned(), format!("There can be {MOST_REPLIES} of them at most"));
        }
        if !(1..=MOST_PER_HOUR).contains(&self.per_hour) {
            return fault("per_hour".to_owned(), format!("It must be 1 to {MOST_PER_HOUR}"));
        }
        let mut taken = HashSet::new();
        for (place, reply) in self.replies.iter().enumerate() {
            let field = |name: &str| format!("replies[{place}].{name}");
            if reply.text.trim().is_empty() || reply.text.chars().count() > LONGEST_TEXT {
                return fault(field("text"), format!("It must have 1 to {LONGEST_TEXT} characters"));
            }
            if !(1..=MOST_KEYWORDS).contains(&reply.keywords.len()) {
                return fault(field("keywords"), format!("There must be 1 to {MOST_KEYWORDS} of them"));
            }
            let channels = reply.channels.clone().unwrap_or_else(|| vec![Channel::Sms, Channel::Whatsapp]);
            let texts = [Channel::Sms, Channel::Whatsapp];
            if channels.is_empty() || !channels.iter().all(|channel| texts.contains(channel)) {
                return fault(field("channels"), "They must be sms, whatsapp or both".to_owned());
            }
            for keyword in &reply.keywords {
                let word = whole(keyword);
                if word.is_empty() || keyword.chars().count() > LONGEST_KEYWORD {
                    let why = format!("Each must have 1 to {LONGEST_KEYWORD} characters, a letter or digit among them");
                    return fault(field("keywords"), why);
                }
                if Reply::read(keyword) != Reply::Other {
                    let why = "STOP, START, HELP and what is like them cannot be answered automatically";
                    return fault(field("keywords"), why.to_owned());
                }
                if channels.iter().any(|channel| !taken.insert((*channel, word.clone()))) {
                    return fault(field("keywords"), "Each can stand once for a channel".to_owned());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(keywords: &[&str], text: &str, channels: Option<Vec<Channel>>) -> AutoReply {
        AutoReply {
            keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
            text: text.to_owned(),
            channels,
        }
    }

    fn all(replies: Vec<AutoReply>) -> AutoReplies {
        AutoReplies { replies, ..AutoReplies::default() }
    }

    #[test]
    fn a_word_is_the_whole_text_however_it_is_spelled() {
        let replies = all(vec![
            reply(&["hours", "Öffnungszeiten"], "Nine to five", None),
            reply(&["agent"], "Soon", Some(vec![Channel::Whatsapp])),
        ]);
        for text in ["hours", " HOURS! ", "“Hours”", "offnungszeiten?"] {
            assert_eq!(
                replies.answer(Channel::Sms, text).map(|reply| reply.text.as_str()),
                Some("Nine to five"),
                "{text}"
            );
        }
        for text in ["", "!", "what are your hours", "agent"] {
            assert_eq!(replies.answer(Channel::Sms, text), None, "{text}");
        }
        assert!(replies.answer(Channel::Whatsapp, "Agent").is_some());
        assert!(replies.is_own("nine to five.") && !replies.is_own("nine"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let field = |replies: AutoReplies| replies.check().unwrap_err().field;
        assert_eq!(AutoReplies::default().check(), Ok(()));
        assert_eq!(field(all(vec![reply(&["a"], "x", None); 51])), "replies");
        assert_eq!(field(AutoReplies { per_hour: 0, ..AutoReplies::default() }), "per_hour");
        assert_eq!(field(all(vec![reply(&["a"], " ", None)])), "replies[0].text");
        assert_eq!(field(all(vec![reply(&["a"], &"x".repeat(1_601), None)])), "replies[0].text");
        assert_eq!(field(all(vec![reply(&[], "x", None)])), "replies[0].keywords");
        for word in ["", "!", "Stop", "yes", "HELP", "arrêt"] {
            assert_eq!(field(all(vec![reply(&[word], "x", None)])), "replies[0].keywords", "{word}");
        }
        assert_eq!(field(all(vec![reply(&["a"], "x", Some(vec![Channel::Email]))])), "replies[0].channels");
        assert_eq!(field(all(vec![reply(&["Hi"], "x", None), reply(&["hi!"], "y", None)])), "replies[1].keywords");
        let apart =
            vec![reply(&["hi"], "x", Some(vec![Channel::Sms])), reply(&["hi"], "y", Some(vec![Channel::Whatsapp]))];
        assert_eq!(all(apart).check(), Ok(()));
    }
}
