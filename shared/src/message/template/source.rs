//! What one version of a template holds: its words per language and channel, and the variants of a split test.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{TemplateError, UNSUBSCRIBE_VARIABLE, engine};
use crate::message::trigger::Class;
use crate::message::{Channel, Locale};

/// One version of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What it is for, to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// On what ground it may be sent; a trigger's template has the trigger's own. Transactional if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Links in its SMS go out short, and count how often they are followed, unless a request says otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shorten_links: bool,
    /// The words, by language (BCP 47).
    #[schema(value_type = std::collections::BTreeMap<String, Parts>)]
    pub locales: BTreeMap<Locale, Parts>,
    /// A split test: each person always gets the same variant of a version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// The words of one language. Each is a Jinja text with the variables in double braces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// SMS and WhatsApp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Your booking for {{ service }} is confirmed.")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// An e-mail in plain text, paragraphs apart by an empty line. Its HTML form is made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// An e-mail's HTML, instead of the one made from `email`. Variables are escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// What is spoken in a call; `text` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// A template WhatsApp approved, sent instead of `text` there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp_template: Option<WhatsappTemplate>,
}

/// A template the provider keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatsappTemplate {
    /// Twilio's id of it.
    #[schema(example = "HXb5b62575e6e4ff6129ad7c8efe1f983e")]
    pub content_sid: String,
    /// Its variables, each a Jinja text.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"1": "{{ name }}"}))]
    pub variables: BTreeMap<String, String>,
}

/// One variant of a split test. What it says nothing about is as in the template; a variant that says nothing is the control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    #[schema(example = "short")]
    pub name: String,
    /// Its share: its weight of the sum of all weights.
    pub weight: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, Parts>)]
    pub locales: BTreeMap<Locale, Parts>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What is wrong with a version, and where: `locales.en.text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub why: String,
}

/// The largest version, as JSON. A DynamoDB row has at most 400 kB.
const LARGEST: usize = 300_000;
const MOST_LOCALES: usize = 50;
const MOST_VARIANTS: usize = 10;
const MOST_WEIGHT: u32 = 1_000_000;
const LONGEST_DESCRIPTION: usize = 500;
/// The longest source of a short text and of a body, in characters.
const LONGEST_SHORT: usize = 4_000;
const LONGEST_BODY: usize = 100_000;
const MOST_WHATSAPP_VARIABLES: usize = 100;

impl Template {
    /// Everything that is wrong with it; empty: it may be put.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        if serde_json::to_vec(self).map_or(usize::MAX, |json| json.len()) > LARGEST {
            faults.add("locales", format!("A version has at most {LARGEST} bytes"));
            return faults.0;
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            faults.add("description", format!("It must be at most {LONGEST_DESCRIPTION} characters"));
        }
        if self.locales.is_empty() {
            faults.add("locales", "It must have at least one language".to_owned());
        }
        faults.locales("locales", &self.locales, None);
        if self.variants.len() > MOST_VARIANTS {
            faults.add("variants", format!("There may be at most {MOST_VARIANTS}"));
        }
        let mut names = BTreeSet::new();
        for (place, variant) in self.variants.iter().enumerate() {
            let field = format!("variants[{place}]");
            if !is_variant_name(&variant.name) || !names.insert(&variant.name) {
                let why = "It must be 1 to 32 of a to z, 0 to 9, - and _, and stand once".to_owned();
                faults.add(&format!("{field}.name"), why);
            }
            if variant.weight > MOST_WEIGHT {
                faults.add(&format!("{field}.weight"), format!("It must be at most {MOST_WEIGHT}"));
            }
            faults.locales(&format!("{field}.locales"), &variant.locales, Some(&self.locales));
        }
        if !self.variants.is_empty() && self.variants.iter().all(|variant| variant.weight == 0) {
            faults.add("variants", "At least one weight must be above 0".to_owned());
        }
        faults.0
    }

    /// The variables it may print or ask for, in all languages and variants.
    pub fn variables(&self) -> BTreeSet<String> {
        self.texts().flat_map(engine::variables).collect()
    }

    /// The variables without which some channel, language or variant cannot be rendered.
    pub fn required_variables(&self) -> BTreeSet<String> {
        self.texts().flat_map(engine::required).filter(|name| name != UNSUBSCRIBE_VARIABLE).collect()
    }

    /// The channels it has words for.
    pub fn channels(&self) -> Vec<Channel> {
        let has = |channel: &Channel| self.locales.values().any(|parts| parts.serve(*channel));
        [Channel::Sms, Channel::Whatsapp, Channel::Email, Channel::Voice].into_iter().filter(has).collect()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let variants = self.variants.iter().flat_map(|variant| variant.locales.values());
        self.locales.values().chain(variants).flat_map(|parts| parts.texts().into_iter().map(|(_, text)| text))
    }
}

fn is_variant_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=32).contains(&name.len()) && name.bytes().all(fits)
}

impl Parts {
    /// Whether it has words for a channel.
    pub fn serve(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms | Channel::Whatsapp => self.text.is_some(),
            Channel::Email => self.subject.is_some() && (self.email.is_some() || self.html.is_some()),
            Channel::Voice => self.voice.is_some() || self.text.is_some(),
        }
    }

    /// Whether anything in it is for a channel.
    pub(super) fn concern(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms => self.text.is_some(),
            Channel::Whatsapp => self.text.is_some() || self.whatsapp_template.is_some(),
            Channel::Email => self.subject.is_some() || self.email.is_some() || self.html.is_some(),
            Channel::Voice => self.voice.is_some() || self.text.is_some(),
        }
    }

    /// These words, and the others' where it has none. New plain words for an e-mail come with their own HTML form.
    #[must_use]
    pub(super) fn over(&self, others: &Self) -> Self {
        let pick = |own: &Option<String>, other: &Option<String>| own.clone().or_else(|| other.clone());
        let html = if self.email.is_some() { self.html.clone() } else { pick(&self.html, &others.html) };
        // Likewise new words in a text: an approved template would say the old ones.
        let keeps_template = self.text.is_none() && self.whatsapp_template.is_none();
        let voice = if self.text.is_some() && others.voice.is_none() { None } else { others.voice.clone() };
        Self {
            text: pick(&self.text, &others.text),
            subject: pick(&self.subject, &others.subject),
            email: if self.html.is_some() && self.email.is_none() { None } else { pick(&self.email, &others.email) },
            html,
            voice: pick(&self.voice, &voice),
            whatsapp_template: if keeps_template {
                others.whatsapp_template.clone()
            } else {
                self.whatsapp_template.clone()
            },
        }
    }

    /// Every text in it, with its name.
    fn texts(&self) -> Vec<(String, &str)> {
        let named = [
            ("text", &self.text),
            ("subject", &self.subject),
            ("email", &self.email),
            ("html", &self.html),
            ("voice", &self.voice),
        ];
        let mut texts: Vec<(String, &str)> =
            named.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?))).collect();
        for (name, text) in self.whatsapp_template.iter().flat_map(|template| &template.variables) {
            texts.push((format!("whatsapp_template.variables.{name}"), text));
        }
        texts
    }
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: &str, why: String) {
        self.0.push(Fault { field: field.to_owned(), why });
    }

    /// Looks through the words of several languages; `base` is what a variant's words lie over.
    fn locales(&mut self, field: &str, locales: &BTreeMap<Locale, Parts>, base: Option<&BTreeMap<Locale, Parts>>) {
        if locales.len() > MOST_LOCALES {
            self.add(field, format!("There may be at most {MOST_LOCALES}"));
            return;
        }
        for (locale, parts) in locales {
            let field = format!("{field}.{locale}");
            let empty = Parts::default();
            let under = base.and_then(|base| base.get(locale)).unwrap_or(&empty);
            self.parts(&field, parts, &parts.over(under));
        }
    }

    fn parts(&mut self, field: &str, parts: &Parts, whole: &Parts) {
        if *parts == Parts::default() {
            self.add(field, "It has no words".to_owned());
        }
        for (name, text) in parts.texts() {
            let most = if matches!(name.as_str(), "email" | "html") { LONGEST_BODY } else { LONGEST_SHORT };
            if text.trim().is_empty() || text.chars().count() > most {
                self.add(&format!("{field}.{name}"), format!("It must be 1 to {most} characters"));
            } else if let Err(TemplateError::Broken(why)) = engine::compiles(text) {
                self.add(&format!("{field}.{name}"), why);
            }
        }
        let body = whole.email.is_some() || whole.html.is_some();
        if parts.concern(Channel::Email) && body != whole.subject.is_some() {
            let missing = if body { "subject" } else { "email" };
            self.add(&format!("{field}.{missing}"), "An e-mail needs a subject and a body".to_owned());
        }
        if let Some(template) = &parts.whatsapp_template {
            let field = format!("{field}.whatsapp_template");
            let sid = template.content_sid.strip_prefix("HX").unwrap_or_default();
            if sid.len() != 32 || !sid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                self.add(&format!("{field}.content_sid"), "It must be HX and 32 hexadecimal digits".to_owned());
            }
            if template.variables.len() > MOST_WHATSAPP_VARIABLES {
                self.add(&format!("{field}.variables"), format!("There may be at most {MOST_WHATSAPP_VARIABLES}"));
            }
            if whole.text.is_none() {
                // Who cannot be sure that a message was taken looks for it by its text.
                self.add(&field, "It needs `text` beside it, what the approved template says".to_owned());
            }
        }
    }
}
