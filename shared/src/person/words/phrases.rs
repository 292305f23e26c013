//! Free text that reads like a revocation. In the United States one counts by any reasonable means, not by the keyword
//! alone (47 CFR § 64.1200(a)(10)), so "please stop texting me" must not pass unnoticed.
//!
//! A text is held for one if a phrase stands in it (`$`: at its end) and nothing just before turns it round ("do not stop
//! sending"), or if it is a keyword with nothing but courtesy around it ("STOP PLEASE").

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
const TURNS: [&str; 10] = ["not", "dont", "never", "didnt", "cant", "wont", "nicht", "no", "nao", "non"];

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

/// Whether these words, folded, read like a revocation.
pub(super) fn revokes(words: &[&str]) -> bool {
    is_keyword_with_courtesy(words) || PHRASES.iter().any(|phrase| stands_in(phrase, words))
}

fn is_keyword_with_courtesy(words: &[&str]) -> bool {
    let is_keyword = |word: &&str| ALWAYS_STOP.contains(word);
    words.len() <= LONGEST_COURTESY
        && words.iter().any(is_keyword)
        && words.iter().all(|word| is_keyword(word) || COURTESY.contains(word))
}

fn stands_in(phrase: &str, words: &[&str]) -> bool {
    let (phrase, at_end) = phrase.strip_suffix(" $").map_or((phrase, false), |phrase| (phrase, true));
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words.windows(phrase.len()).enumerate().any(|(start, window)| {
        let turned = start.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| TURNS.contains(word));
        window == phrase && !turned && (!at_end || start + phrase.len() == words.len())
    })
}
