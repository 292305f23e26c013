//! A template becomes the content of one message.

use serde_json::{Map, Value};

use super::engine::{Escape, fill};
use super::page::page;
use super::source::{Parts, Template, Variant};
use super::{LONGEST_TEXT, TemplateError, UNSUBSCRIBE_VARIABLE, variant};
use crate::message::content::{
    Call, Email, LONGEST_SUBJECT, MachineDetection, ProviderTemplate, Script, Text, UNSUBSCRIBE_LINK,
};
use crate::message::record::TemplateUse;
use crate::message::trigger::Class;
use crate::message::{Channel, Content, Locale, Trigger};

/// What is to be rendered, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub channel: Channel,
    /// The language the reader wants, and the one everybody gets who asked for none.
    pub wanted: Option<&'a Locale>,
    pub default: &'a Locale,
    /// Who they are, for split tests: a person's id, or an address.
    pub key: &'a str,
    pub data: &'a Map<String, Value>,
}

/// Content, and which template it was made from.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub content: Content,
    pub template: TemplateUse,
    /// It is a security message, and its data says what it says, not its template.
    pub is_free_text: bool,
}

/// The most that is spoken in a call: three minutes.
const LONGEST_SPOKEN: usize = 3_000;

impl Template {
    /// Renders it, as version `version` of the template `name`.
    pub fn render(&self, name: &str, version: u32, ask: &Ask<'_>) -> Result<Rendered, TemplateError> {
        let chosen = variant::choose(&self.variants, name, version, ask.key);
        let found = languages(self, ask).into_iter().find_map(|locale| words(self, chosen, &locale, ask.channel));
        let (locale, parts, variant) = found.ok_or(TemplateError::NoContent(ask.channel))?;
        let content = content(&parts, &locale, ask)?;
        let class = name.parse().ok().map(Trigger::class).or(self.class);
        let is_free_text = class == Some(Class::Security) && is_free_text(&parts, &locale, ask.data);
        let template = TemplateUse {
            name: name.to_owned(),
            version,
            locale: locale.to_string(),
            variant: variant.map(|variant| variant.name.clone()),
        };
        Ok(Rendered { content, template, is_free_text })
    }
}

/// The languages to try, in this order: the reader's and ever less of it, the default and ever less of it, and at last
/// whatever the template has: a message in another language tells more than none.
fn languages(template: &Template, ask: &Ask<'_>) -> Vec<Locale> {
    let wanted = ask.wanted.map(Locale::chain).unwrap_or_default();
    wanted.into_iter().chain(ask.default.chain()).chain(template.locales.keys().cloned()).collect()
}

type Words<'a> = (Locale, Parts, Option<&'a Variant>);

/// The words of a language for a channel: the variant's over the template's own. The variant is named only where it had
/// a say, or is the control; else its results would be the template's.
fn words<'a>(template: &Template, chosen: Option<&'a Variant>, locale: &Locale, channel: Channel) -> Option<Words<'a>> {
    let empty = Parts::default();
    let base = template.locales.get(locale).unwrap_or(&empty);
    let own = chosen.and_then(|variant| variant.locales.get(locale));
    let parts = own.map_or_else(|| base.clone(), |own| own.over(base));
    let had_a_say = own.is_some_and(|own| own.concern(channel));
    let variant = chosen.filter(|variant| had_a_say || variant.locales.is_empty());
    parts.serve(channel).then(|| (locale.clone(), parts, variant))
}

/// Whether the data says what any of the bodies says, on whichever channel: see [`super::engine::Filled::is_free`].
fn is_free_text(parts: &Parts, locale: &Locale, data: &Map<String, Value>) -> bool {
    let data = with_link(data);
    let bodies = [
        (&parts.text, Escape::None),
        (&parts.email, Escape::None),
        (&parts.html, Escape::Html),
        (&parts.voice, Escape::None),
    ];
    // A body that cannot be filled in with this data is not the one that is sent.
    bodies.into_iter().any(|(body, escape)| {
        let filled = body.as_deref().and_then(|source| fill(source, &data, locale, escape).ok());
        filled.is_some_and(|filled| filled.is_free(escape))
    })
}

fn content(parts: &Parts, locale: &Locale, ask: &Ask<'_>) -> Result<Content, TemplateError> {
    let nothing = || TemplateError::NoContent(ask.channel);
    let plain = |source: &str| fill(source, ask.data, locale, Escape::None).map(|filled| tidy(&filled.text));
    match ask.channel {
        Channel::Sms | Channel::Whatsapp => {
            let body = bounded("text", plain(parts.text.as_deref().ok_or_else(nothing)?)?, LONGEST_TEXT)?;
            let approved = parts.whatsapp_template.as_ref().filter(|_| ask.channel == Channel::Whatsapp);
            let template = approved.map(|template| {
                let value = |(name, source): (&String, &String)| Ok((name.clone(), one_line(&plain(source)?)));
                let variables = template.variables.iter().map(value).collect::<Result<_, TemplateError>>()?;
                Ok(ProviderTemplate { sid: template.content_sid.clone(), variables })
            });
            Ok(Content::Text(Text { body, template: template.transpose()?, ..Text::default() }))
        }
        Channel::Voice => {
            let source = parts.voice.as_ref().or(parts.text.as_ref()).ok_or_else(nothing)?;
            let text = bounded("voice", plain(source)?, LONGEST_SPOKEN)?;
            let script = Script::Say { text, language: Some(spoken(locale, ask.wanted)) };
            let call = Call { script, machine: MachineDetection::Off };
            Ok(Content::Call(call))
        }
        Channel::Email => {
            let subject = one_line(&plain(parts.subject.as_deref().ok_or_else(nothing)?)?);
            let data = with_link(ask.data);
            let filled = |source: &str, escape| fill(source, &data, locale, escape);
            let text = parts.email.as_deref().map(|source| filled(source, Escape::None)).transpose()?;
            let own_html = parts.html.as_deref().map(|source| filled(source, Escape::Html)).transpose()?;
            let text = text.map(|filled| tidy(&filled.text));
            let html = match (own_html, &text) {
                (Some(html), _) => Some(printable(&html.text)),
                (None, text) => text.as_ref().map(|text| page(text, locale)),
            };
            let subject = bounded("subject", subject, LONGEST_SUBJECT)?;
            Ok(Content::Email(Email { subject, text, html, ..Email::default() }))
        }
    }
}

/// An e-mail may say where it is unsubscribed from; a client that has a page of its own for that gives it.
fn with_link(data: &Map<String, Value>) -> Map<String, Value> {
    let mut data = data.clone();
    data.entry(UNSUBSCRIBE_VARIABLE).or_insert_with(|| UNSUBSCRIBE_LINK.into());
    data
}

/// The language a text is spoken in: the reader's own where it is the same but for the region.
fn spoken(locale: &Locale, wanted: Option<&Locale>) -> String {
    wanted.filter(|wanted| wanted.language() == locale.language()).unwrap_or(locale).to_string()
}

fn bounded(part: &'static str, text: String, most: usize) -> Result<String, TemplateError> {
    if text.chars().count() > most { Err(TemplateError::TooLong { part, most }) } else { Ok(text) }
}

/// Without control characters, line breaks excepted.
pub(super) fn printable(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The same, without the empty lines that what was not given left behind.
fn tidy(text: &str) -> String {
    let mut tidy = printable(text);
    while tidy.contains("\n\n\n") {
        tidy = tidy.replace("\n\n\n", "\n\n");
    }
    tidy.trim().to_owned()
}

/// A subject is one line: a line break in a variable must not start another header.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
