//! What was pressed or said, as one of a question's choices.

use super::menu::{Ask, Choice};

impl Ask {
    /// The choice these keys are.
    pub fn by_digits(&self, digits: &str) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.digits.as_deref() == Some(digits))
    }

    /// The choice of which a phrase stands in what was said; of several, the one with the longest phrase. Two choices
    /// that are named as plainly are none.
    pub fn by_speech(&self, said: &str) -> Option<&Choice> {
        let said = words(said);
        let mut best: Option<(usize, &Choice)> = None;
        let mut ambiguous = false;
        for choice in &self.choices {
            let longest = choice.words.iter().map(|phrase| words(phrase)).filter(|phrase| holds(&said, phrase));
            let Some(length) = longest.map(|phrase| phrase.len()).max() else { continue };
            match best {
                Some((other, _)) if other > length => {}
                Some((other, _)) if other == length => ambiguous = true,
                Some(_) | None => (best, ambiguous) = (Some((length, choice)), false),
            }
        }
        best.filter(|_| !ambiguous).map(|(_, choice)| choice)
    }

    /// How many keys a choice has; none where it is chosen by words alone.
    pub fn keys(&self) -> Option<usize> {
        self.choices.iter().find_map(|choice| choice.digits.as_ref()).map(String::len)
    }

    /// Every phrase that is listened for.
    pub fn phrases(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().flat_map(|choice| &choice.words).map(String::as_str)
    }
}

/// The words of a text, in small letters, without what joins and ends them.
pub(super) fn words(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
    text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn holds(said: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && said.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        let choice = |digits: &str, words: &[&str], to: &str| Choice {
            digits: Some(digits.to_owned()),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            to: to.to_owned(),
        };
        let choices = vec![
            choice("1", &["account", "account status"], "account"),
            choice("2", &["agent", "somebody"], "agent"),
            choice("9", &["repeat", "say that again"], "main"),
        ];
        Ask { choices, wait_seconds: 5 }
    }

    #[test]
    fn keys_choose_exactly() {
        let ask = ask();
        assert_eq!(ask.by_digits("2").map(|choice| choice.to.as_str()), Some("agent"));
        for wrong in ["", "3", "22", " 2", "*"] {
            assert_eq!(ask.by_digits(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_choose_wherever_they_stand() {
        let ask = ask();
        let chosen = |said: &str| ask.by_speech(said).map(|choice| choice.to.as_str());
        assert_eq!(chosen("An AGENT, please."), Some("agent"));
        assert_eq!(chosen("Say that again!"), Some("main"));
        assert_eq!(chosen("the account status"), Some("account"));
        assert_eq!(chosen("agents"), None, "another word");
        assert_eq!(chosen("that say again"), None, "another order");
        assert_eq!(chosen(""), None);
    }

    #[test]
    fn the_plainer_choice_counts_and_of_two_as_plain_none() {
        let ask = ask();
        let chosen = |said: &str| ask.by_speech(said).map(|choice| choice.to.as_str());
        assert_eq!(chosen("tell an agent I want my account status"), Some("account"));
        assert_eq!(chosen("an agent for my account"), None);
        assert_eq!(chosen("agent, account, say that again"), Some("main"));
    }
}
