//! Free text that reads like a revocation. In the United States one counts by any reasonable means, not by the keyword
//! alone (47 CFR § 64.1200(a)(10)), so "please stop texting me" must not pass unnoticed.
//!
//! A text is held for one if a phrase stands in it (`$`: at the end of a clause) and nothing just before, in the same clause,
//! turns it round ("do not stop sending"; but "No, stop sending"), or if it is a keyword with nothing but courtesy and other
//! noes around it ("STOP PLEASE", "NO STOP").

use super::keywords::ALWAYS_STOP;

const PHRASES: &[&str] = &[
    // English
    "stop texting",
    "stop sending",
    "stop messaging",
    "stop contacting",
    "stop calling",
    "stop writing",
    "stop spamming",
    "stop emailing",
    "stop bothering",
    "stop harassing",
    "stop these",
    "stop the messages",
    "stop the texts",
    "stop all messages",
    "stop all texts",
    "please stop $",
    "stop it $",
    "stop this $",
    "quit texting",
    "quit sending",
    "quit messaging",
    "cease and desist",
    "unsubscribe me",
    "please unsubscribe",
    "want to unsubscribe",
    "opt out",
    "opt me out",
    "opting out",
    "remove me",
    "remove my number",
    "delete my number",
    "take me off",
    "leave me alone",
    "do not text",
    "do not contact",
    "do not message",
    "do not call",
    "do not send",
    "do not write",
    "dont text",
    "dont contact",
    "dont message",
    "dont call",
    "dont send me",
    "dont write",
    "no more texts",
    "no more messages",
    "no more sms",
    "no more emails",
    "not want these messages",
    "not want these texts",
    "dont want these messages",
    "dont want these texts",
    "not want any more messages",
    "dont want any more messages",
    "cancel my subscription",
    "revoke my consent",
    "withdraw my consent",
    "lose my number",
    // French
    "ne menvoyez plus",
    "ne mecrivez plus",
    "ne me contactez plus",
    "ne plus recevoir",
    "arretez de menvoyer",
    "arretez de mecrire",
    "arretez vos messages",
    "arretez les messages",
    "arretez ces messages",
    "arretez de me contacter",
    "arreter les messages",
    "plus de messages svp",
    "desabonnez moi",
    "desinscrivez moi",
    "me desabonner",
    "me desinscrire",
    "stop sms",
    "retirez moi",
    "laissez moi tranquille",
    // Spanish
    "no me escriban",
    "no me escriba mas",
    "no me envien",
    "no me envie mas",
    "no me manden",
    "no me contacten",
    "dejen de",
    "deje de enviar",
    "deje de escribir",
    "deja de enviar",
    "deja de escribir",
    "no mas mensajes",
    "no mas sms",
    "darme de baja",
    "dame de baja",
    "denme de baja",
    "no quiero recibir",
    "no deseo recibir",
    "borrenme",
    // German
    "keine nachrichten mehr",
    "keine sms mehr",
    "keine werbung mehr",
    "keine mails mehr",
    "horen sie auf",
    "hort auf",
    "hor auf",
    "bitte aufhoren",
    "nicht mehr anschreiben",
    "nicht mehr schreiben",
    "nicht mehr kontaktieren",
    "nichts mehr schicken",
    "melden sie mich ab",
    "meldet mich ab",
    "bitte abmelden",
    "mochte mich abmelden",
    "bitte stoppen",
    "lassen sie mich in ruhe",
    "lasst mich in ruhe",
    "aus dem verteiler",
    // Portuguese
    "parem de",
    "pare de enviar",
    "pare de mandar",
    "nao me mande",
    "nao me mandem",
    "nao me envie",
    "nao me enviem",
    "nao quero receber",
    "nao quero mais receber",
    "chega de mensagens",
    "me descadastre",
    "quero sair $",
    // Italian
    "non scrivetemi",
    "non scrivermi piu",
    "non inviatemi",
    "non mandatemi",
    "non contattatemi",
    "basta messaggi",
    "basta sms",
    "smettetela",
    "smettete di",
    "smetti di",
    "non voglio piu ricevere",
    "non voglio ricevere",
    "cancellatemi",
    "rimuovetemi",
    "disiscrivetemi",
    // Dutch
    "geen berichten meer",
    "geen sms meer",
    "stop met",
    "schrijf me uit",
    "schrijf mij uit",
    "meld me af",
    "meld mij af",
    "niet meer sturen",
    "niet meer berichten",
    "laat me met rust",
];

/// What turns the phrase behind it round: "do not stop sending", "never opt out".
const TURNS: [&str; 7] = ["not", "dont", "never", "didnt", "cant", "wont", "nicht"];

/// What says no by itself and negates in some languages only: with the words that it turns round there. "No dejen de" and "non
/// smettete" ask for more; "no stop texting me" and "non arretez" ask for nothing more, with or without a comma.
const NEGATIONS: [(&str, &[&str]); 3] = [
    ("no", &["dejen", "deje", "deja"]),
    ("non", &["smettete", "smettetela", "smetti", "cancellatemi", "rimuovetemi", "disiscrivetemi", "disiscrivimi"]),
    ("nao", &["parem", "pare", "me", "quero", "sair"]),
];

/// Answers that say no, beside a keyword: "NO STOP", "Nein, stopp".
const REFUSALS: [&str; 6] = ["no", "non", "nao", "nein", "nee", "nope"];

/// Courtesy around a keyword.
const COURTESY: [&str; 34] = [
    "please",
    "pls",
    "plz",
    "now",
    "immediately",
    "thanks",
    "thank",
    "you",
    "thx",
    "ok",
    "okay",
    "hi",
    "hey",
    "hello",
    "i",
    "said",
    "me",
    "sms",
    "text",
    "texts",
    "message",
    "messages",
    "bitte",
    "danke",
    "jetzt",
    "svp",
    "merci",
    "por",
    "favor",
    "gracias",
    "per",
    "favore",
    "aub",
    "alsjeblieft",
];

/// How long a keyword with courtesy is at most, in words.
const LONGEST_COURTESY: usize = 6;

/// A word of a text.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    /// Whether a clause begins with it: what stands before belongs to another.
    begins: bool,
}

/// Whether a text, folded, reads like a revocation.
pub(super) fn revokes(folded: &str) -> bool {
    // An adjective, and as an answer to a question no wish.
    let folded = folded.replace("non-stop", "nonstop");
    let words = words(&folded);
    is_keyword_with_courtesy(&words) || PHRASES.iter().any(|phrase| stands_in(phrase, &words))
}

fn words(folded: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for clause in folded.split(ends_clause) {
        let texts = clause.split(|c: char| !c.is_alphanumeric()).filter(|text| !text.is_empty());
        words.extend(texts.enumerate().map(|(place, text)| Word { text, begins: place == 0 }));
    }
    words
}

fn ends_clause(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | '!' | '?' | ';' | ':' | '\n' | '\r' | '(' | ')' | '\u{a1}' | '\u{bf}' | '\u{2013}' | '\u{2014}'
    )
}

fn is_keyword_with_courtesy(words: &[Word<'_>]) -> bool {
    let is_keyword = |word: &Word<'_>| ALWAYS_STOP.contains(&word.text);
    let is_around = |word: &Word<'_>| COURTESY.contains(&word.text) || REFUSALS.contains(&word.text);
    words.len() <= LONGEST_COURTESY
        && words.iter().enumerate().any(|(place, word)| is_keyword(word) && !is_turned(words, place))
        && words.iter().all(|word| is_keyword(word) || is_around(word))
}

/// Whether what stands just before, in the same clause, negates what begins there.
fn is_turned(words: &[Word<'_>], start: usize) -> bool {
    let Some(first) = words.get(start).filter(|first| !first.begins) else { return false };
    let Some(before) = start.checked_sub(1).and_then(|before| words.get(before)) else { return false };
    let negates = |(no, turned): &(&str, &[&str])| *no == before.text && turned.contains(&first.text);
    TURNS.contains(&before.text) || NEGATIONS.iter().any(negates)
}

fn stands_in(phrase: &str, words: &[Word<'_>]) -> bool {
    let (phrase, at_end) = phrase.strip_suffix(" $").map_or((phrase, false), |phrase| (phrase, true));
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words.windows(phrase.len()).enumerate().any(|(start, window)| {
        let is_it = window.iter().map(|word| word.text).eq(phrase.iter().copied());
        let ends = words.get(start + phrase.len()).is_none_or(|after| after.begins);
        is_it && !is_turned(words, start) && (!at_end || ends)
    })
}
