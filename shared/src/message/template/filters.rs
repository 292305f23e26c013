//! The filters a template may use. Each gives text of about the size of what it was given; none can mark a value as safe
//! to print unescaped.
//!
//! `default`, `upper`, `lower`, `title`, `capitalize`, `trim`, `length`, `first`, `last`, `round` as in Jinja, and:
//!
//! * `money`: a number with two decimals in the language's spelling, and a currency behind it: `{{ amount|money(currency) }}`
//! * `date`, `time`: an ISO 8601 date or time in the language's spelling
//! * `sentence`: with a full stop behind it, if it has none
//! * `digits`: characters one by one, to be spoken
//! * `join`: a list with something between its entries
//!
//! `money`, `date` and `time` leave alone what is not of their kind: what a client wrote out stays as written.

use jiff::civil::{Date, DateTime};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, filters, tests};

use crate::message::Locale;

/// The longest text `join` makes, in characters.
const LONGEST_JOINED: usize = 10_000;

pub(super) fn add(engine: &mut Environment<'_>, locale: &Locale) {
    engine.add_filter("default", filters::default);
    engine.add_filter("upper", |value: &Value| Ok(plain(value)?.to_uppercase()));
    engine.add_filter("lower", |value: &Value| Ok(plain(value)?.to_lowercase()));
    engine.add_filter("title", |value: &Value| Ok(filters::title(plain(value)?.into())));
    engine.add_filter("capitalize", |value: &Value| {
        let text = plain(value)?;
        let mut rest = text.chars();
        Ok(rest.next().map(|first| first.to_uppercase().chain(rest.flat_map(char::to_lowercase)).collect::<String>()))
    });
    engine.add_filter("trim", |value: &Value| Ok(plain(value)?.trim().to_owned()));
    engine.add_filter("length", |value: &Value| filters::length(given(value)?));
    engine.add_filter("first", |value: &Value| filters::first(given(value)?));
    engine.add_filter("last", |value: &Value| filters::last(given(value)?.clone()));
    engine.add_filter("round", |value: &Value, places: Option<usize>| {
        let number = f64::try_from(given(value)?.clone())?;
        Ok(format!("{number:.*}", places.unwrap_or_default().min(9)))
    });
    engine.add_filter("sentence", |value: &Value| {
        let text = plain(value)?;
        let ended = text.trim_end().ends_with(['.', '!', '?', '…', ':']);
        Ok(if ended { text } else { format!("{}.", text.trim_end()) })
    });
    engine.add_filter("digits", |value: &Value| {
        Ok(plain(value)?.chars().map(String::from).collect::<Vec<_>>().join(", "))
    });
    engine.add_filter("join", join);
    let spelling = Spelling::of(locale);
    engine.add_filter("money", move |value: &Value, currency: Rest<Value>| money(spelling, value, currency.first()));
    engine.add_filter("date", move |value: &Value| written(value, |at| spelling.date(at.date())));
    engine.add_filter("time", move |value: &Value| written(value, |at| spelling.time(at)));
    engine.add_test("defined", tests::is_defined);
    engine.add_test("undefined", tests::is_undefined);
    engine.add_test("number", tests::is_number);
    engine.add_test("string", tests::is_string);
    engine.add_test("sequence", tests::is_sequence);
}

/// A value that is there: what is missing must not become an empty text on its way through a filter.
fn given(value: &Value) -> Result<&Value, Error> {
    if value.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(value) }
}

fn plain(value: &Value) -> Result<String, Error> {
    given(value).map(Value::to_string)
}

fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    if given(list)?.kind() != ValueKind::Seq {
        return Err(Error::new(ErrorKind::InvalidOperation, "join needs a list"));
    }
    let mut joined = String::new();
    for (place, entry) in list.try_iter()?.enumerate() {
        if place > 0 {
            joined.push_str(between.unwrap_or(", "));
        }
        joined.push_str(&plain(&entry)?);
        if joined.chars().count() > LONGEST_JOINED {
            return Err(Error::new(ErrorKind::InvalidOperation, "the joined list is too long"));
        }
    }
    Ok(joined)
}

fn money(spelling: Spelling, value: &Value, currency: Option<&Value>) -> Result<String, Error> {
    let number = if value.is_number() { f64::try_from(value.clone()).ok() } else { None }.filter(|n| n.is_finite());
    let amount = number.map_or_else(|| plain(value), |amount| Ok(spelling.amount(amount)))?;
    Ok(match currency.and_then(|currency| plain(currency).ok()) {
        Some(currency) => format!("{amount} {currency}"),
        None => amount,
    })
}

/// A date, or a date with a time, as `write` has it; anything else as it came.
fn written(value: &Value, write: impl Fn(DateTime) -> Option<String>) -> Result<Value, Error> {
    let text = given(value)?.as_str().unwrap_or_default();
    // The time that is meant is the one that is written, at the place of the event: the offset is not applied.
    let at = text.parse::<DateTime>().ok().filter(|_| text.len() >= 10);
    Ok(at.and_then(write).map_or_else(|| value.clone(), Value::from))
}

/// How a language spells amounts, dates and times.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    English,
    Spanish,
    French,
    German,
    /// ISO 8601 and a decimal point.
    Neutral,
}

const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const SPANISH: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

impl Spelling {
    fn of(locale: &Locale) -> Self {
        match locale.language() {
            "en" => Self::English,
            "es" => Self::Spanish,
            "fr" => Self::French,
            "de" => Self::German,
            _ => Self::Neutral,
        }
    }

    fn amount(self, amount: f64) -> String {
        let text = format!("{amount:.2}");
        match self {
            Self::English | Self::Neutral => text,
            Self::Spanish | Self::French | Self::German => text.replace('.', ","),
        }
    }

    fn date(self, date: Date) -> Option<String> {
        let month = |names: [&'static str; 12]| names.get(usize::from(date.month().unsigned_abs()) - 1).copied();
        let (day, year) = (date.day(), date.year());
        Some(match self {
            Self::English => format!("{} {day}, {year}", month(ENGLISH)?),
            Self::Spanish => format!("{day} de {} de {year}", month(SPANISH)?),
            Self::French if day == 1 => format!("1er {} {year}", month(FRENCH)?),
            Self::French => format!("{day} {} {year}", month(FRENCH)?),
            Self::German => format!("{day}. {} {year}", month(GERMAN)?),
            Self::Neutral => date.to_string(),
        })
    }

    fn time(self, at: DateTime) -> Option<String> {
        let (hour, minute) = (at.hour(), at.minute());
        Some(match self {
            Self::English => {
                let half = if hour < 12 { "AM" } else { "PM" };
                format!("{}:{minute:02} {half}", if hour % 12 == 0 { 12 } else { hour % 12 })
            }
            Self::Spanish | Self::French | Self::German | Self::Neutral => format!("{hour:02}:{minute:02}"),
        })
    }
}
