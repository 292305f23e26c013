//! The words themselves, as [`super::folded`] leaves them: lower case, without accents.
//!
//! Sources: Twilio, "Twilio support for opt-out keywords" (STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE; START
//! YES UNSTOP; HELP INFO); 47 CFR § 64.1200(a)(10) names "stop", "quit", "end", "revoke", "opt out", "cancel" and
//! "unsubscribe" as a revocation by themselves; the Canadian short code guidelines ask for ARRET and AIDE beside STOP and
//! HELP; Spain's code of conduct for text services (BOE 2009) for BAJA; Brazil's messaging rules for SAIR.
//!
//! Of each other language only what can be nothing but an opt-out, as one word, is in. "Cancel" in another language is
//! not (ANNULER, CANCELAR, ANNULLA, STORNIEREN, ANNULEREN): no rule makes it one, and to a reminder it is an answer. Neither
//! are words that are also a common adjective or preposition (Spanish ALTO and PARA). For a start the list is shorter still:
//! to write to somebody against their wish is worse than to wait for a clearer word.

use super::Keyword;

const STOP: [(&str, &[&str]); 7] = [
    (
        "en",
        &[
            "stop",
            "stopall",
            "stop all",
            "stop-all",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "optout",
            "opt out",
            "opt-out",
            "revoke",
        ],
    ),
    ("fr", &["arret", "arrete", "arreter", "arretez", "desabonner", "desabonnement", "desinscrire", "desinscription"]),
    ("es", &["baja", "parar", "detener", "desuscribir", "desuscribirme"]),
    ("de", &["stopp", "stoppen", "abmelden", "abmeldung", "abbestellen", "austragen"]),
    ("pt", &["sair", "parar", "pare", "descadastrar"]),
    ("it", &["disiscrivi", "disiscrivimi", "disiscrizione", "disattiva"]),
    ("nl", &["stoppen", "afmelden", "uitschrijven"]),
];

const START: [(&str, &[&str]); 5] = [
    ("en", &["start", "yes", "unstop"]),
    ("fr", &["reabonner"]),
    ("es", &["alta"]),
    ("de", &["anmelden"]),
    ("nl", &["aanmelden"]),
];

const HELP: [(&str, &[&str]); 7] = [
    ("en", &["help", "info"]),
    ("fr", &["aide"]),
    ("es", &["ayuda"]),
    ("de", &["hilfe"]),
    ("pt", &["ajuda"]),
    ("it", &["aiuto"]),
    ("nl", &["hulp"]),
];

/// The keyword a whole text is.
pub(super) fn keyword(whole: &str) -> Option<Keyword> {
    let is_in = |families: &[(&str, &[&str])]| families.iter().any(|(_, words)| words.contains(&whole));
    [(Keyword::Stop, &STOP[..]), (Keyword::Start, &START), (Keyword::Help, &HELP)]
        .into_iter()
        .find(|(_, families)| is_in(families))
        .map(|(keyword, _)| keyword)
}

/// Words of the stop family that mean nothing else wherever they stand in a text.
pub(super) const ALWAYS_STOP: [&str; 12] = [
    "stop",
    "stopp",
    "stopall",
    "unsubscribe",
    "optout",
    "arret",
    "desabonner",
    "desinscrire",
    "abbestellen",
    "sair",
    "disiscrivimi",
    "uitschrijven",
];

#[cfg(test)]
pub(super) fn all(keyword: Keyword) -> impl Iterator<Item = &'static str> {
    let families: &[(&str, &[&str])] = match keyword {
        Keyword::Stop => &STOP,
        Keyword::Start => &START,
        Keyword::Help => &HELP,
    };
    families.iter().flat_map(|(_, words)| words.iter().copied())
}
