//! The whole of it: shipped templates, fallbacks, splits, and anything a client may write.

use proptest::prelude::*;
use serde_json::json;
use strum::IntoEnumIterator;

use super::*;
use crate::message::content::{Email, Script};
use crate::message::segments::segments;
use crate::message::{Content, Trigger};

const CHANNELS: [Channel; 4] = [Channel::Sms, Channel::Whatsapp, Channel::Email, Channel::Voice];

fn data(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn locale(text: &str) -> Locale {
    text.parse().unwrap()
}

fn render(
    template: &Template,
    channel: Channel,
    wanted: Option<&str>,
    data: &Map<String, Value>,
) -> Result<Rendered, TemplateError> {
    let wanted = wanted.map(locale);
    let ask = Ask { channel, wanted: wanted.as_ref(), default: &Locale::english(), key: "123", data };
    template.render("test", 1, &ask)
}

fn template(json: Value) -> Template {
    serde_json::from_value(json).unwrap()
}

fn text(rendered: &Rendered) -> &str {
    match &rendered.content {
        Content::Text(text) => &text.body,
        Content::Email(email) => email.text.as_deref().unwrap(),
        Content::Call(call) => match &call.script {
            Script::Say { text, .. } => text,
            Script::Url(url) => url,
            Script::Menu => panic!("words"),
        },
    }
}

#[test]
fn every_trigger_ships_words_for_every_channel_that_are_sound() {
    for trigger in Trigger::iter() {
        let shipped = shipped::template(&trigger.into()).unwrap();
        assert_eq!(shipped.faults(), [], "{trigger}");
        assert_eq!(shipped.channels(), CHANNELS, "{trigger}");
        let english = &shipped.locales[&Locale::english()];
        for parts in shipped.locales.values() {
            let has = |parts: &Parts| {
                [parts.text.is_some(), parts.subject.is_some(), parts.email.is_some(), parts.voice.is_some()]
            };
            assert_eq!(has(parts), has(english), "{trigger} has the same parts in every language");
        }
    }
}

#[test]
fn shipped_templates_need_no_data_but_the_codes() {
    for trigger in Trigger::iter() {
        let shipped = shipped::template(&trigger.into()).unwrap();
        let needs_code =
            matches!(trigger, Trigger::OneTimeCode | Trigger::PhoneVerification | Trigger::EmailVerification);
        let expected: &[&str] = if needs_code { &["code"] } else { &[] };
        assert_eq!(shipped.required_variables().into_iter().collect::<Vec<_>>(), expected, "{trigger}");
    }
}

#[test]
fn shipped_texts_are_one_segment_in_every_language_with_typical_data() {
    for trigger in Trigger::iter() {
        let name = TemplateName::from(trigger);
        let shipped = shipped::template(&name).unwrap();
        let example = shipped::example(&name).unwrap_or_else(|| panic!("{trigger} has no example"));
        let known = shipped.variables();
        assert!(example.keys().all(|name| known.contains(name)), "{trigger}: {example:?} {known:?}");
        for locale in shipped.locales.keys() {
            let rendered = render(shipped, Channel::Sms, Some(locale.as_str()), example).unwrap();
            assert_eq!(rendered.template.locale, locale.as_str());
            let body = text(&rendered);
            assert_eq!(segments(body).count, 1, "{trigger} {locale}: {body:?} {:?}", segments(body));
            for channel in CHANNELS {
                let rendered = render(shipped, channel, Some(locale.as_str()), example).unwrap();
                let body = text(&rendered);
                let neat =
                    !body.contains("  ") && !body.contains(" .") && !body.contains("..") && !body.contains("\n\n\n");
                assert!(neat && body.trim() == body, "{trigger} {locale} {channel}: {body:?}");
                let bare = data(json!({"code": "1"}));
                let bare = text(&render(shipped, channel, Some(locale.as_str()), &bare).unwrap()).to_owned();
                assert!(!bare.contains("  ") && !bare.contains(" ."), "{trigger} {locale} {channel}: {bare:?}");
            }
        }
    }
}

#[test]
fn data_is_filled_in_as_the_language_spells_it() {
    let shipped = shipped::template(&Trigger::PaymentReminder.into()).unwrap();
    let data = data(json!({"amount": 1234.5, "currency": "EUR", "due_date": "2026-05-01"}));
    let in_ = |language: &str| text(&render(shipped, Channel::Sms, Some(language), &data).unwrap()).to_owned();
    assert_eq!(in_("en"), "Reminder: your payment of 1234.50 EUR is due on May 1, 2026.");
    assert_eq!(in_("es-MX"), "Recordatorio: su pago de 1234,50 EUR vence el 1 de mayo de 2026.");
    assert_eq!(in_("fr-CA"), "Rappel : votre paiement de 1234,50 EUR est à régler avant le 1er mai 2026.");
    assert_eq!(in_("de"), "Erinnerung: Ihre Zahlung über 1234,50 EUR ist am 1. Mai 2026 fällig.");
}

#[test]
fn what_a_client_wrote_out_stays_as_written() {
    let shipped = shipped::template(&Trigger::BookingReminder.into()).unwrap();
    let data = data(json!({"date": "May 5", "time": "10:00"}));
    let rendered = render(shipped, Channel::Sms, None, &data).unwrap();
    assert_eq!(text(&rendered), "Reminder: your booking is on May 5 at 10:00.");
    let exact = fill_text(
        "{{ at|date }} {{ at|time }} {{ n|money }} {{ c|digits }} {{ l|join(' and ') }}",
        &json!({
            "at": "2026-05-05T00:05:00+02:00", "n": "7.5", "c": 482, "l": ["a", "b"],
        })
        .as_object()
        .cloned()
        .unwrap(),
    );
    assert_eq!(exact.unwrap(), "May 5, 2026 12:05 AM 7.5 4, 8, 2 a and b");
}

#[test]
fn the_chain_goes_from_the_region_to_the_language_to_the_default_to_anything() {
    let template = template(json!({"locales": {
        "fr": {"text": "bonjour"}, "fr-CA": {"text": "allô", "voice": "allô"}, "en": {"text": "hello"}, "de-AT": {"text": "servus"}
    }}));
    let served = |wanted: Option<&str>| render(&template, Channel::Sms, wanted, &Map::new()).unwrap().template.locale;
    assert_eq!(served(Some("fr-CA")), "fr-CA");
    assert_eq!(served(Some("fr-BE")), "fr");
    assert_eq!(served(Some("ja")), "en");
    assert_eq!(served(None), "en");
    let only: Template = serde_json::from_value(json!({"locales": {"de-AT": {"text": "servus"}}})).unwrap();
    assert_eq!(render(&only, Channel::Sms, Some("ja"), &Map::new()).unwrap().template.locale, "de-AT");
    assert_eq!(render(&only, Channel::Email, None, &Map::new()).unwrap_err(), TemplateError::NoContent(Channel::Email));
}

#[test]
fn a_call_is_spoken_in_the_readers_own_region() {
    let template = template(json!({"locales": {"fr": {"text": "bonjour"}}}));
    let language = |wanted: &str| match render(&template, Channel::Voice, Some(wanted), &Map::new()).unwrap().content {
        Content::Call(call) => match call.script {
            Script::Say { language, .. } => language.unwrap(),
            Script::Url(url) => url,
            Script::Menu => panic!("words"),
        },
        Content::Text(_) | Content::Email(_) => panic!("a call"),
    };
    assert_eq!((language("fr-CA").as_str(), language("de-DE").as_str()), ("fr-CA", "fr"));
}

/// The attack: an advert as the only thing a security message says.
#[test]
fn text_that_is_the_callers_own_is_free_text() {
    let said = "50 % off everything today, only at our shop";
    let is_free = |source: &str, data: &Map<String, Value>| {
        let free = |parts: Value, channel| {
            let template = template(json!({"class": "security", "locales": {"en": parts}}));
            render(&template, channel, None, data).unwrap().is_free_text
        };
        let text = free(json!({"text": source}), Channel::Sms);
        let html = json!({"subject": "s", "html": format!("<p style=\"a long attribute, not read\">{source}</p>")});
        assert_eq!(free(html, Channel::Email), text, "{source}");
        text
    };
    let data = data(json!({"a": said, "long": said.repeat(6), "list": [said, said]}));
    for free in [
        "{{ a }}",
        "URGENT: {{ a }}",
        "{{ a|upper }}",
        "{% for one in list %}{{ one }} {% endfor %}",
        "Please read what we have to tell you: {{ long }}",
        "{% if a %}{{ a }}{% else %}These are a lot of words of the template itself.{% endif %}",
    ] {
        assert!(is_free(free, &data), "{free}");
    }
    for own in ["There was a sign-in to your account from {{ a }}.", "Nothing is filled into this text at all."] {
        assert!(!is_free(own, &data), "{own}");
    }
    let shipped = |name: &str| shipped::template(&name.parse().unwrap()).unwrap().clone();
    let typical = |name: &str| shipped::example(&name.parse().unwrap()).unwrap().clone();
    for channel in [Channel::Sms, Channel::Email, Channel::Voice] {
        for (name, free) in [("emergency_notification", true), ("security_alert", false), ("email_verification", false)]
        {
            let data = typical(name);
            let ask = Ask { channel, wanted: None, default: &Locale::english(), key: "123", data: &data };
            let rendered = shipped(name).render(name, 1, &ask).unwrap();
            assert_eq!(rendered.is_free_text, free, "{name} on {channel}: {}", text(&rendered));
        }
    }
}

#[test]
fn a_missing_variable_is_named_wherever_it_hides() {
    let missing = |source: &str, given: Value| match fill_text(source, &data(given)) {
        Err(TemplateError::MissingVariables(names)) => names,
        other => panic!("{source}: {other:?}"),
    };
    assert_eq!(missing("Hi {{ name }}, {% if city %}in {{ city }}{% endif %}", json!({})), ["name"]);
    assert_eq!(missing("{{ b }}{{ a }}", json!({})), ["a", "b"]);
    assert_eq!(missing("{{ user.name }} {{ user.age }}", json!({"user": {"age": 7}})), ["user.name"]);
    assert_eq!(missing("{{ name }}", json!({"name": null})), ["name"]);
    assert_eq!(missing("{% for x in list %}{{ x.name }}{% endfor %}", json!({"list": [{}]})), ["x.name"]);
    assert_eq!(missing("{{ name|upper }}", json!({})), ["name"]);
    assert_eq!(missing("{{ amount|money(currency) }}", json!({})), ["amount"]);
    assert_eq!(fill_text("{{ name|default('you') }}", &Map::new()).unwrap(), "you");
}

#[test]
fn html_is_escaped_a_subject_is_one_line_and_control_characters_are_gone() {
    let template = template(json!({"locales": {"en": {
        "subject": "{{ x }}", "email": "R&D {{ x }}", "html": "<p title=\"{{ x }}\">{{ x }}</p>", "text": "{{ x }}"
    }}}));
    let data = data(json!({"x": "<b>&\r\nBcc: a@b\u{0}\u{7}\""}));
    let Content::Email(Email { subject, text: Some(plain), html: Some(html), .. }) =
        render(&template, Channel::Email, None, &data).unwrap().content
    else {
        panic!("an e-mail");
    };
    assert_eq!(subject, "<b>& Bcc: a@b\"");
    assert_eq!(plain, "R&D <b>&\nBcc: a@b\"");
    assert_eq!(html, "<p title=\"&lt;b&gt;&amp;\nBcc: a@b&quot;\">&lt;b&gt;&amp;\nBcc: a@b&quot;</p>");
}

#[test]
fn what_is_too_long_for_its_channel_is_refused_at_accept() {
    let template = template(json!({"locales": {"en": {"text": "{{ x }}"}}}));
    let long = data(json!({"x": "a".repeat(LONGEST_TEXT + 1)}));
    let error = render(&template, Channel::Sms, None, &long).unwrap_err();
    assert_eq!(error, TemplateError::TooLong { part: "text", most: LONGEST_TEXT });
}

#[test]
fn a_template_that_never_ends_is_ended() {
    let data = data(json!({"x": vec![0; 100], "big": "b".repeat(60_000)}));
    let loops = "{% for a in x %}{% for b in x %}{% for c in x %}{{ c }}{% endfor %}{% endfor %}{% endfor %}";
    assert!(matches!(fill_text(loops, &data), Err(TemplateError::Broken(_))));
    assert!(matches!(fill_text("{{ big }}{{ big }}", &data), Err(TemplateError::Broken(_))));
    for source in ["{{ x|safe }}", "{{ x|nothing }}", "{{ x.y() }}", "{{ range(9) }}", "{% if x is odd %}{% endif %}"] {
        let error = fill_text(source, &data);
        assert!(
            matches!(error, Err(TemplateError::Broken(_) | TemplateError::MissingVariables(_))),
            "{source}: {error:?}"
        );
    }
}

#[test]
fn a_variants_words_lie_over_the_templates_and_the_control_keeps_them() {
    let template = template(json!({
        "locales": {"en": {"text": "old", "subject": "old", "email": "old"}, "fr": {"text": "vieux"}},
        "variants": [
            {"name": "control", "weight": 1},
            {"name": "new", "weight": 1, "locales": {"en": {"subject": "new"}}}
        ]
    }));
    assert_eq!(template.faults(), []);
    let mut seen = std::collections::BTreeMap::new();
    for key in 0..200 {
        let (english, key, data) = (Locale::english(), key.to_string(), Map::new());
        let ask = |channel| Ask { channel, wanted: None, default: &english, key: &key, data: &data };
        let rendered = template.render("test", 1, &ask(Channel::Email)).unwrap();
        let Content::Email(email) = rendered.content else { panic!("an e-mail") };
        let variant = rendered.template.variant.unwrap();
        assert_eq!(email.subject, if variant == "new" { "new" } else { "old" });
        assert_eq!(email.text.as_deref(), Some("old"));
        // The new subject has no say in a text.
        let sms = template.render("test", 1, &ask(Channel::Sms)).unwrap().template.variant;
        assert_eq!(sms.as_deref(), (variant == "control").then_some("control"));
        *seen.entry(variant).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn a_split_is_stable_and_keeps_to_its_weights() {
    let variants: Vec<Variant> = [("a", 1), ("none", 0), ("b", 2), ("c", 7)]
        .map(|(name, weight)| Variant { name: name.to_owned(), weight, locales: std::collections::BTreeMap::new() })
        .into();
    let mut counts = std::collections::BTreeMap::from([("none", 0)]);
    for key in 0..10_000 {
        let pick =
            |version| variant::choose(&variants, "test", version, &format!("person-{key}")).unwrap().name.as_str();
        assert_eq!(pick(3), pick(3));
        *counts.entry(pick(3)).or_insert(0) += 1;
    }
    // Four standard deviations of a fair draw.
    let near = |name: &str, expected: f64, p: f64| {
        (f64::from(counts[name]) - expected).abs() <= 4.0 * (10_000.0 * p * (1.0 - p)).sqrt()
    };
    assert!(near("a", 1000.0, 0.1) && near("b", 2000.0, 0.2) && near("c", 7000.0, 0.7), "{counts:?}");
    assert_eq!(counts["none"], 0);
    let pick = |version, key: i32| &variant::choose(&variants, "test", version, &key.to_string()).unwrap().name;
    assert!((0..100).any(|key| pick(1, key) != pick(2, key)), "another version splits anew");
}

#[test]
fn faults_are_found_and_named() {
    let faults =
        |json: Value| -> Vec<String> { template(json).faults().into_iter().map(|fault| fault.field).collect() };
    assert_eq!(faults(json!({"locales": {}})), ["locales"]);
    assert_eq!(faults(json!({"locales": {"en": {"text": "{{ a"}}})), ["locales.en.text"]);
    assert_eq!(faults(json!({"locales": {"en": {}}})), ["locales.en"]);
    assert_eq!(faults(json!({"locales": {"en": {"email": "x"}}})), ["locales.en.subject"]);
    assert_eq!(faults(json!({"locales": {"en": {"subject": "x"}}})), ["locales.en.email"]);
    assert_eq!(faults(json!({"locales": {"en": {"text": " "}}})), ["locales.en.text"]);
    assert_eq!(faults(json!({"locales": {"en": {"text": "x".repeat(4_001)}}})), ["locales.en.text"]);
    assert_eq!(
        faults(json!({"locales": {"en": {"text": "x", "whatsapp_template": {"content_sid": "HX1"}}}})),
        ["locales.en.whatsapp_template.content_sid"]
    );
    let variants = |variants: Value| faults(json!({"locales": {"en": {"text": "x"}}, "variants": variants}));
    assert_eq!(variants(json!([{"name": "a", "weight": 0}])), ["variants"]);
    assert_eq!(variants(json!([{"name": "a", "weight": 1}, {"name": "a", "weight": 1}])), ["variants[1].name"]);
    assert_eq!(
        variants(json!([{"name": "a", "weight": 1, "locales": {"en": {"text": "{% set x = 1 %}"}}}])),
        ["variants[0].locales.en.text"]
    );
    let large = "x".repeat(99_000);
    let locales = json!({"en": {"subject": "s", "email": large, "html": large}, "fr": {"subject": "s", "email": large, "html": large}});
    assert_eq!(faults(json!({"locales": locales})), ["locales"]);
    let syntax = template(json!({"locales": {"en": {"text": "one\n{{ a"}}})).faults();
    assert!(syntax[0].why.starts_with("line 2: "), "{syntax:?}");
    assert!(serde_json::from_value::<Template>(json!({"locales": {"en": {"txt": "x"}}})).is_err());
    assert!(serde_json::from_value::<Template>(json!({"locales": {"english": {"text": "x"}}})).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[<>&\"'{}%]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Pieces of templates, well-formed and not.
fn any_source() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-c <>&]{0,4}",
        "\\PC{0,6}",
        "\\{\\{ [a-c](\\.[a-c])?(\\|(upper|money|date|time|digits|join|length|first|round|default\\('x'\\)))? \\}\\}",
        "\\{% if [a-c] \\%\\}",
        "\\{% for x in [a-c] \\%\\}\\{\\{ x \\}\\}",
        Just("{% endif %}".to_owned()),
        Just("{% endfor %}".to_owned()),
        Just("{% else %}".to_owned()),
        "[{}%#'\"~*+ a-c|.()-]{0,8}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn template_with_thousands_of_variables_is_refused_before_it_is_rendered() {
    let source: String = (0..14_000).map(|number| format!("{{{{v{number}}}}}")).collect();
    let why = |error| if let TemplateError::Broken(why) = error { why } else { panic!("{error}") };
    let refused = why(check_text(&source).unwrap_err());
    assert_eq!(refused, "it has 14000 variables; it may have at most 64");
    assert_eq!(why(fill_text(&source, &Map::new()).unwrap_err()), refused);
    assert!(engine::required(&source).len() <= 64);
    let most: String = (0..64).map(|number| format!("{{{{v{number}}}}}")).collect();
    assert_eq!(engine::required(&most).len(), 64);
}

proptest! {
    #[test]
    fn no_template_and_no_data_make_it_panic(source in any_source(), value in proptest::collection::btree_map("[a-c]", any_json(), 0..4)) {
        let data: Map<String, Value> = value.into_iter().collect();
        let _ = fill_text(&source, &data);
        let _ = engine::variables(&source);
        let _ = engine::required(&source);
        let _ = Template { locales: [(Locale::english(), Parts { text: Some(source), ..Parts::default() })].into(), ..Template::default() }.faults();
    }

    #[test]
    fn a_variable_never_brings_markup(value in "\\PC{0,20}|[<>&\"'a-z/]{0,20}", filter in "|\\|upper|\\|trim|\\|title|\\|money|\\|digits|\\|default\\('x'\\)") {
        let data = data(json!({"x": value}));
        let source = format!("{{{{ x{filter} }}}}");
        let html = engine::fill(&source, &data, &Locale::english(), Escape::Html).unwrap().text;
        let safe = |html: &str| {
            !html.contains(['<', '>', '"', '\''])
                && html.match_indices('&').all(|(at, _)| ["&amp;", "&lt;", "&gt;", "&quot;", "&#"].iter().any(|entity| html[at..].starts_with(entity)))
        };
        prop_assert!(safe(&html), "{html}");
        let page = page::page(&fill_text(&source, &data).unwrap(), &Locale::english());
        let body = page.split_once("<p>").map_or("", |(_, body)| body).replace("</body></html>", "");
        let body = body.replace("<p>", "").replace("</p>", "").replace("<br>", "");
        let words_only = body.split("<a href=\"").enumerate().all(|(place, part)| {
            let part = if place == 0 { part.to_owned() } else { part.replacen("\">", "", 1).replacen("</a>", "", 1) };
            safe(&part)
        });
        prop_assert!(words_only, "{body}");
    }

    #[test]
    fn a_missing_variable_is_always_named(name in "[a-z][a-z_]{0,10}", before in "[a-zA-Z ,.]{0,10}") {
        prop_assume!(!["true", "false", "none", "not", "and", "or", "in", "is", "if", "else", "self", "loop"].contains(&name.as_str()));
        let error = fill_text(&format!("{before}{{{{ {name} }}}}{{{{ given }}}}"), &data(json!({"given": 1})));
        prop_assert_eq!(error, if name == "given" { Ok(format!("{before}11")) } else { Err(TemplateError::MissingVariables(vec![name])) });
    }

    #[test]
    fn a_locales_chain_ends_with_its_language_and_only_gets_shorter(tag in "[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?(-u-[a-z]{2})?") {
        let chain = locale(&tag).chain();
        prop_assert!(chain.windows(2).all(|pair| pair[0].as_str().starts_with(pair[1].as_str()) && pair[0] != pair[1]));
        let tag = locale(&tag);
        prop_assert_eq!(chain.last().unwrap().as_str(), tag.language());
    }
}
