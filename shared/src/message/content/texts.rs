//! The texts of a content that are filled in when it is handed to its provider: a code, a secret.

use super::{Call, Content, Email, ProviderTemplate, Script, Text};

/// How a text is shown, which decides how a value is escaped in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    Plain,
    Html,
}

impl Content {
    /// Returns the content with every text that a person reads or hears replaced by what `with` makes of it: bodies, subject,
    /// spoken words and the variables of a provider's template. Addresses, media and attachments stay as they are.
    #[must_use]
    pub fn map_texts(&self, with: &mut dyn FnMut(&str, Markup) -> String) -> Self {
        match self {
            Self::Text(text) => {
                let template = text.template.as_ref().map(|template| {
                    let variables = template.variables.iter();
                    let variables = variables.map(|(name, value)| (name.clone(), with(value, Markup::Plain))).collect();
                    ProviderTemplate { sid: template.sid.clone(), variables }
                });
                Self::Text(Text { body: with(&text.body, Markup::Plain), template, ..text.clone() })
            }
            Self::Email(email) => Self::Email(Email {
                subject: with(&email.subject, Markup::Plain),
                text: email.text.as_deref().map(|text| with(text, Markup::Plain)),
                html: email.html.as_deref().map(|html| with(html, Markup::Html)),
                ..email.clone()
            }),
            Self::Call(call) => {
                let script = match &call.script {
                    Script::Say { text, language } => {
                        Script::Say { text: with(text, Markup::Plain), language: language.clone() }
                    }
                    Script::Url(_) | Script::Menu => call.script.clone(),
                };
                Self::Call(Call { script, machine: call.machine })
            }
        }
    }

    /// Returns whether any of those texts satisfies `is`.
    pub fn any_text(&self, is: &dyn Fn(&str) -> bool) -> bool {
        let mut found = false;
        let _ = self.map_texts(&mut |text, _| {
            found |= is(text);
            String::new()
        });
        found
    }
}

/// Returns a text as the template filter `digits` makes it: spoken character by character.
pub fn spoken(text: &str) -> String {
    text.chars().map(String::from).collect::<Vec<_>>().join(", ")
}
