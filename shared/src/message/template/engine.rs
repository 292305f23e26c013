//! Fills one text with variables: minijinja, held to our [`dialect`](super::dialect) and bounds.
//!
//! A variable that is printed and not given is an error that names it; one that is only asked for (`{% if … %}`) may be
//! missing. `null` is as good as missing: nobody wants to read it in a message.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};
use serde_json::{Map, Value};

use super::{TemplateError, dialect, filters};
use crate::message::Locale;

/// How many instructions a template may take: clients write templates too, and nested loops must end.
const MOST_WORK: u64 = 50_000;
/// The longest text that is rendered, in bytes. No message is longer.
const LONGEST: usize = 100_000;
/// The most variables of a text. Which of them are missing is found in as many renderings at most.
const MAX_VARIABLES: usize = 64;

/// What becomes of the signs that mean something where a text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Html,
}

/// Fills `source` with `data`, in the spelling of `locale`.
pub(super) fn fill(
    source: &str,
    data: &Map<String, Value>,
    locale: &Locale,
    escape: Escape,
) -> Result<Filled, TemplateError> {
    compiles(source)?;
    let mut engine = engine(locale, escape);
    let printed = Arc::new(AtomicUsize::new(0));
    let counted = printed.clone();
    engine.set_formatter(move |out, state, value| {
        counted.fetch_add(letters(&value.to_string()), Ordering::Relaxed);
        escape_formatter(out, state, value)
    });
    let given = without_nulls(data);
    let filled = render(&engine, source, &given);
    let printed = printed.load(Ordering::Relaxed);
    filled.map(|text| Filled { text, printed }).map_err(|error| match missing(&engine, source, &given) {
        names if !names.is_empty() => TemplateError::MissingVariables(names),
        _ => described(source, &error),
    })
}

/// A text with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// How many letters and digits of it were printed from data.
    printed: usize,
}

/// The fewest letters and digits of its own that a text must have not to be free text.
const FEWEST_OWN: usize = 20;
/// How many letters and digits may be printed from data for each of the template's own.
const MOST_PRINTED: usize = 4;

impl Filled {
    /// Whether the data says what the message says: the template has fewer than 20 letters and digits of its own, or less
    /// than a fifth of the whole.
    pub(super) fn is_free(&self, escape: Escape) -> bool {
        let whole = match escape {
            Escape::None => letters(&self.text),
            Escape::Html => letters(&without_tags(&self.text)),
        };
        let own = whole.saturating_sub(self.printed);
        own < FEWEST_OWN || self.printed > own.saturating_mul(MOST_PRINTED)
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// What a reader of the HTML sees of it, roughly.
fn without_tags(html: &str) -> String {
    let mut inside = false;
    let mut visible = |c: &char| {
        let is_text = !inside && *c != '<';
        inside = match c {
            '<' => true,
            '>' => false,
            _ => inside,
        };
        is_text
    };
    html.chars().filter(|c| visible(c)).collect()
}

/// Whether a text is a template at all, and one we take.
pub(super) fn compiles(source: &str) -> Result<(), TemplateError> {
    dialect::check(source).map_err(|refusal| broken(Some(refusal.line), &refusal.why))?;
    let engine = engine(&Locale::english(), Escape::None);
    let template = engine.template_from_str(source).map_err(|error| described(source, &error))?;
    let variables = template.undeclared_variables(true).len();
    if variables > MAX_VARIABLES {
        return Err(broken(None, &format!("it has {variables} variables; it may have at most {MAX_VARIABLES}")));
    }
    Ok(())
}

/// The variables a template asks for, with the path into them: `name`, `user.name`.
pub(super) fn variables(source: &str) -> BTreeSet<String> {
    let engine = engine(&Locale::english(), Escape::None);
    engine
        .template_from_str(source)
        .map(|template| template.undeclared_variables(true).into_iter().collect())
        .unwrap_or_default()
}

/// The variables it cannot be rendered without.
pub(super) fn required(source: &str) -> BTreeSet<String> {
    missing(&engine(&Locale::english(), Escape::None), source, &Map::new()).into_iter().collect()
}

fn engine(locale: &Locale, escape: Escape) -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_fuel(Some(MOST_WORK));
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_auto_escape_callback(move |_| match escape {
        Escape::None => AutoEscape::None,
        Escape::Html => AutoEscape::Html,
    });
    filters::add(&mut engine, locale);
    engine
}

/// A text that takes no more than it has room for.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.0.len() + more.len() > LONGEST {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn render(engine: &Environment<'_>, source: &str, data: &Map<String, Value>) -> Result<String, minijinja::Error> {
    let context = minijinja::Value::from(minijinja::value::Serde(data));
    let mut out = Bounded(Vec::new());
    engine.template_from_str(source)?.render_captured_to(context, &mut out)?;
    String::from_utf8(out.0).map_err(|_| minijinja::Error::new(ErrorKind::WriteFailure, "not a text"))
}

/// The variables without which the template does not render, all others given. Asked only after a failure.
fn missing(engine: &Environment<'_>, source: &str, data: &Map<String, Value>) -> Vec<String> {
    let absent = variables(source).into_iter().filter(|path| !is_given(data, path));
    let absent: Vec<String> = absent.take(MAX_VARIABLES).collect();
    let needs = |path: &&String| {
        let mut others = data.clone();
        absent.iter().filter(|other| other != path).for_each(|other| give(&mut others, other));
        let failed = render(engine, source, &others).err();
        failed.is_some_and(|error| error.kind() == ErrorKind::UndefinedError)
    };
    absent.iter().filter(needs).cloned().collect()
}

fn is_given(data: &Map<String, Value>, path: &str) -> bool {
    let mut steps = path.split('.');
    let first = steps.next().and_then(|name| data.get(name));
    steps.try_fold(first, |value, name| value.map(|value| value.get(name))).flatten().is_some()
}

fn give(data: &mut Map<String, Value>, path: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let slot = data.entry(name).or_insert(Value::Null);
    match rest {
        None if slot.is_null() => *slot = Value::from("x"),
        None => {}
        Some(rest) => {
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            if let Some(inner) = slot.as_object_mut() {
                give(inner, rest);
            }
        }
    }
}

fn without_nulls(data: &Map<String, Value>) -> Map<String, Value> {
    fn cleaned(value: &Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Object(members) => Some(Value::Object(without_nulls(members))),
            Value::Array(entries) => Some(entries.iter().filter_map(cleaned).collect()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }
    data.iter().filter_map(|(name, value)| Some((name.clone(), cleaned(value)?))).collect()
}

/// The engine's words on a failure. They name the line and may quote the template, never the data.
fn described(source: &str, error: &minijinja::Error) -> TemplateError {
    if error.kind() == ErrorKind::UndefinedError
        && let Some(name) = error.range().and_then(|range| source.get(range))
    {
        return TemplateError::MissingVariables(vec![name.trim_matches(['{', '}', ' ', '-']).to_owned()]);
    }
    let why = match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, Some(detail)) => detail.to_owned(),
        (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
        (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, Some(detail)) => {
            detail.to_owned()
        }
        (ErrorKind::WriteFailure, _) => format!("it is longer than {LONGEST} bytes"),
        (kind, _) => kind.to_string(),
    };
    broken(error.line(), &why)
}

fn broken(line: Option<usize>, why: &str) -> TemplateError {
    TemplateError::Broken(line.map_or_else(|| why.to_owned(), |line| format!("line {line}: {why}")))
}
