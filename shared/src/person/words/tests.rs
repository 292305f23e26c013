use proptest::prelude::*;

use super::keywords::all;
use super::*;

fn is(keyword: Keyword, text: &str) {
    assert_eq!(Reply::read(text), Reply::Keyword(keyword), "{text:?}");
}

#[test]
fn every_word_of_twilios_sets_is_one() {
    for word in ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"] {
        is(Keyword::Stop, word);
    }
    for word in ["START", "YES", "UNSTOP"] {
        is(Keyword::Start, word);
    }
    for word in ["HELP", "INFO"] {
        is(Keyword::Help, word);
    }
}

#[test]
fn people_write_them_as_they_like() {
    for text in [
        "stop",
        "Stop.",
        " STOP \n",
        "\"STOP\"",
        "\u{ab}Stop\u{bb}",
        "STOP!!!",
        "s\u{200b}top",
        "\u{ff33}\u{ff34}\u{ff2f}\u{ff30}",
        "STOP \u{1f6d1}",
        "\u{feff}stop",
        "(stop)",
        "opt out",
        "Opt-Out",
        "ARR\u{ca}T",
        "arre\u{302}t",
        "arrêté",
        "d\u{e9}sabonner",
        "Baja.",
        "stopp",
        "ABMELDEN",
        "Sair",
        "uitschrijven",
    ] {
        is(Keyword::Stop, text);
    }
    is(Keyword::Start, "Unstop.");
    is(Keyword::Help, "Aide ?");
}

#[test]
fn a_keyword_is_the_whole_text_and_one_word() {
    for text in ["STOP PLEASE", "please stop", "stop stop stop", "Stop, thank you!", "Hi, STOP now pls"] {
        assert_eq!(Reply::read(text), Reply::RevocationLikely, "{text}");
    }
    for text in [
        "",
        " ",
        "\u{1f6d1}",
        "nonstop",
        "stopping",
        "the bus stop",
        "yes please",
        "help me with my booking",
        "info about the loan",
        "cancel my booking",
        "annuler",
        "cancelar",
        "alto",
        "para",
        "I will not stop here",
        "start of the week?",
        "end of May",
    ] {
        assert_eq!(Reply::read(text), Reply::Other, "{text}");
    }
}

#[test]
fn free_text_that_revokes_is_noticed_in_every_language_we_read() {
    for text in [
        "please stop texting me",
        "Stop sending me these!",
        "I don\u{2019}t want these messages",
        "Do not contact me again",
        "take me off your list",
        "Would you please stop",
        "Can you opt me out?",
        "Merci de ne plus m'écrire: désabonnez-moi",
        "Arrêtez de m\u{2019}envoyer des messages",
        "No me escriban más",
        "quiero darme de baja",
        "Bitte keine SMS mehr!",
        "Hören Sie auf damit",
        "Não quero mais receber",
        "non scrivetemi più",
        "geen berichten meer aub",
    ] {
        assert_eq!(Reply::read(text), Reply::RevocationLikely, "{text}");
    }
    for text in [
        "please stop by tomorrow",
        "Please don't stop sending these",
        "do not stop texting me, I like it",
        "I never opt out of anything",
        "What time does the bus stop?",
        "See you at the stop",
        "Ich komme nicht mehr pünktlich",
        "yes, that works",
        "Merci beaucoup",
    ] {
        assert_eq!(Reply::read(text), Reply::Other, "{text}");
    }
}

#[test]
fn a_no_before_a_wish_is_one_more_no() {
    for text in [
        "No, stop texting me",
        "no stop texting me",
        "I said no. Stop texting me",
        "NO STOP",
        "No! STOP!",
        "no no no stop",
        "Non, arrêtez de m\u{2019}envoyer des messages",
        "non arrêtez de m'envoyer des messages",
        "Non. STOP",
        "Não! Parem de mandar mensagens",
        "Não, parem de mandar",
        "Não. Sair",
        "No, dejen de escribirme",
        "\u{a1}No! \u{a1}Dejen de enviarme mensajes!",
        "No\ndejen de enviarme mensajes",
        "No, smettete di scrivermi",
        "Nein, stopp",
        "I do not. Stop texting me",
        "You never listen: stop texting me",
        "Please stop. This is not my number",
        "no, remove me",
    ] {
        assert_eq!(Reply::read(text), Reply::RevocationLikely, "{text}");
    }
    for text in [
        "No dejen de enviarme mensajes",
        "por favor, no deje de escribir",
        "non smettete di scrivermi",
        "Não parem de mandar",
        "não pare de enviar, por favor",
        "não quero sair",
        "não sair",
        "Don't stop texting me",
        "Please, do not stop sending these",
        "bitte nicht bitte stoppen",
        "Non-stop!",
        "no",
        "No, thank you",
        "No. The bus stop is on the left",
        "no please",
    ] {
        assert_eq!(Reply::read(text), Reply::Other, "{text}");
    }
}

#[test]
fn folded_again_a_text_stays_as_it_is() {
    for text in ["a\u{483}'\u{591}b", "\u{1e9e}'\u{345}\u{301}x", &"\u{fdfa}".repeat(1_600)] {
        assert_eq!(folded(&folded(text)), folded(text), "{text:?}");
        assert_eq!(whole(&whole(text)), whole(text), "{text:?}");
    }
}

#[test]
fn advanced_opt_out_says_what_it_took_the_text_for() {
    assert_eq!(Keyword::of_opt_out_type("STOP"), Some(Keyword::Stop));
    assert_eq!(Keyword::of_opt_out_type("start"), Some(Keyword::Start));
    assert_eq!(Keyword::of_opt_out_type("HELP"), Some(Keyword::Help));
    assert_eq!(Keyword::of_opt_out_type(""), None);
}

#[test]
fn no_word_is_in_two_families_and_every_word_is_as_folding_leaves_it() {
    let every = [Keyword::Stop, Keyword::Start, Keyword::Help];
    for keyword in every {
        for word in all(keyword) {
            assert_eq!(folded(word), word);
            is(keyword, word);
            assert!(
                every.into_iter().filter(|other| *other != keyword).all(|other| all(other).all(|known| known != word))
            );
        }
    }
}

/// A keyword's spelling with each letter's case turned at will.
fn spelled(word: &str, upper: &[bool]) -> String {
    let turn = |(letter, upper): (char, &bool)| if *upper { letter.to_ascii_uppercase() } else { letter };
    word.chars().zip(upper.iter().cycle()).map(turn).collect()
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let _ = Reply::read(&text);
    }

    #[test]
    fn any_text_folded_again_stays_as_it_is(text in any::<String>()) {
        prop_assert_eq!(folded(&folded(&text)), folded(&text));
    }

    #[test]
    fn any_bytes_a_phone_may_send_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        let _ = Reply::read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn case_does_not_matter(text in "[a-zA-Z' ]{0,40}") {
        let read = Reply::read(&text);
        prop_assert_eq!(Reply::read(&text.to_uppercase()), read);
        prop_assert_eq!(Reply::read(&text.to_lowercase()), read);
    }

    #[test]
    fn case_and_what_stands_around_a_keyword_do_not_matter(
        place in 0..100_usize,
        upper in proptest::collection::vec(any::<bool>(), 1..12),
        before in "[ \t\n\"(«]{0,3}",
        after in "[ \t\n\")».!?,;:]{0,4}",
    ) {
        let words: Vec<&str> = all(Keyword::Stop).collect();
        let word = words[place % words.len()];
        let text = format!("{before}{}{after}", spelled(word, &upper));
        prop_assert_eq!(Reply::read(&text), Reply::Keyword(Keyword::Stop), "{:?}", text);
    }

    #[test]
    fn a_keyword_with_another_word_is_no_keyword(place in 0..100_usize, other in "[a-z]{2,8}", first in any::<bool>()) {
        let words: Vec<&str> = all(Keyword::Stop).chain(all(Keyword::Start)).chain(all(Keyword::Help)).collect();
        let word = words[place % words.len()];
        let text = if first { format!("{other} {word}") } else { format!("{word} {other}") };
        prop_assume!(!["stop all", "opt out"].contains(&text.as_str()));
        prop_assert!(!matches!(Reply::read(&text), Reply::Keyword(_)), "{}", text);
    }
}
