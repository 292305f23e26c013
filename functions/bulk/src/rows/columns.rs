//! What a file's header says: which column holds the address or the person, and what the others are called.

use serde_json::{Map, Value};
use switchboard::job::Fault;
use switchboard::message::Channel;
use switchboard::person::PersonId;

use super::{Recipient, Record, Wanted};

/// The columns of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    address: Option<usize>,
    person: Option<usize>,
}

/// The most columns of a file, and the longest name of one, in characters.
const MOST_COLUMNS: usize = 100;
const LONGEST_NAME: usize = 100;
/// The column of people we know.
const PERSON: &str = "user_id";

/// What the column of addresses may be called, the likeliest first. With an e-mail job `phone` is a variable like others.
fn address_names(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => &["to", "address", "phone_number", "phone"],
        Channel::Email => &["to", "address", "email"],
    }
}

impl Columns {
    /// Reads a header; what is wrong with it, if anything is.
    pub fn read(header: &Record<'_>, channel: Channel) -> Result<Self, String> {
        let mut names = Vec::new();
        for cell in header.cells() {
            let name = std::str::from_utf8(cell).map_err(|_| "The file is not UTF-8 text".to_owned())?;
            names.push(name.trim().to_owned());
        }
        Self::named(names, channel)
    }

    /// Columns of these names.
    pub fn named(names: Vec<String>, channel: Channel) -> Result<Self, String> {
        if names.len() > MOST_COLUMNS {
            return Err(format!("The header has more than {MOST_COLUMNS} columns"));
        }
        if names.iter().any(|name| name.contains('\0')) {
            return Err("The file is not UTF-8 text".to_owned());
        }
        if names.iter().any(|name| name.chars().count() > LONGEST_NAME) {
            return Err(format!("A column's name is longer than {LONGEST_NAME} characters"));
        }
        let place = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let twice = names.iter().enumerate().find(|(at, name)| !name.is_empty() && names[..*at].contains(name));
        if let Some((_, name)) = twice {
            return Err(format!("The header names the column {name:?} twice"));
        }
        let address = address_names(channel).iter().find_map(|name| place(name));
        let person = place(PERSON);
        if address.is_none() && person.is_none() {
            let wanted = address_names(channel).join(", ");
            return Err(format!("The header has no column of recipients: it needs one of {wanted}, {PERSON}"));
        }
        Ok(Self { names, address, person })
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What a row asks for.
    pub fn wanted(&self, cells: &[Vec<u8>]) -> Result<Wanted, Fault> {
        if cells.len() > self.names.len() {
            return Err(Fault::new("", "The row has more cells than the header has columns"));
        }
        let mut given = Vec::with_capacity(cells.len());
        for (cell, name) in cells.iter().zip(&self.names) {
            given.push(std::str::from_utf8(cell).map_err(|_| Fault::new(name, "It is not UTF-8 text"))?);
        }
        let cell = |place: Option<usize>| place.and_then(|place| given.get(place)).map(|cell| cell.trim());
        let filled = |place: Option<usize>| cell(place).filter(|cell| !cell.is_empty());
        let recipient = match (filled(self.address), filled(self.person)) {
            (Some(_), Some(_)) => return Err(Fault::new(PERSON, "Either an address or a user, not both")),
            (Some(address), None) => Recipient::Address(address.to_owned()),
            (None, Some(person)) => {
                Recipient::Person(PersonId::text(person).ok_or_else(|| Fault::new(PERSON, "It is not a user's id"))?)
            }
            (None, None) => {
                let place = self.address.or(self.person).and_then(|place| self.names.get(place));
                return Err(Fault::new(place.map_or("", String::as_str), "Missing recipient"));
            }
        };
        let variable = |place: &usize| Some(*place) != self.address && Some(*place) != self.person;
        let variables: Map<String, Value> = (0..given.len())
            .filter(variable)
            .filter(|place| !self.names[*place].is_empty())
            .map(|place| (self.names[place].clone(), Value::from(given[place])))
            .collect();
        Ok(Wanted { recipient, variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str], channel: Channel) -> Result<Columns, String> {
        Columns::named(names.iter().map(|&name| name.to_owned()).collect(), channel)
    }

    fn wanted(columns: &Columns, cells: &[&str]) -> Result<Wanted, Fault> {
        columns.wanted(&cells.iter().map(|cell| cell.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn the_column_of_addresses_follows_from_the_channel() {
        let names = ["email", "Phone", "name"];
        let texts = columns(&names, Channel::Sms).unwrap();
        let wanted_of = |columns: &Columns| wanted(columns, &["a@b.example", "+1 415", "Ada"]).unwrap();
        assert_eq!(wanted_of(&texts).recipient, Recipient::Address("+1 415".to_owned()));
        assert_eq!(wanted_of(&texts).variables["email"], "a@b.example");
        let mails = columns(&names, Channel::Email).unwrap();
        assert_eq!(wanted_of(&mails).recipient, Recipient::Address("a@b.example".to_owned()));
        assert_eq!(wanted_of(&mails).variables.keys().collect::<Vec<_>>(), ["Phone", "name"]);
    }

    #[test]
    fn a_row_names_an_address_or_a_user() {
        let columns = columns(&["user_id", "to"], Channel::Sms).unwrap();
        let recipient = |cells: &[&str]| wanted(&columns, cells).map(|wanted| wanted.recipient);
        assert_eq!(recipient(&["7", ""]), Ok(Recipient::Person(PersonId::text("7").unwrap())));
        assert_eq!(recipient(&["", " +1 "]), Ok(Recipient::Address("+1".to_owned())));
        assert_eq!(recipient(&["7"]), Ok(Recipient::Person(PersonId::text("7").unwrap())));
        assert_eq!(recipient(&["7", "+1"]).unwrap_err().field, "user_id");
        assert_eq!(recipient(&[" ", "x", "y"]).unwrap_err().field, "");
        assert_eq!(recipient(&["", ""]).unwrap_err(), Fault::new("to", "Missing recipient"));
    }

    #[test]
    fn a_header_without_recipients_is_refused_in_words_that_help() {
        let error = columns(&["name", "email"], Channel::Sms).unwrap_err();
        assert_eq!(
            error,
            "The header has no column of recipients: it needs one of to, address, phone_number, phone, user_id"
        );
        assert!(columns(&["to", ""], Channel::Sms).is_ok(), "a nameless column is passed over");
    }

    #[test]
    fn text_in_another_encoding_is_the_rows_fault() {
        let columns = columns(&["to", "name"], Channel::Sms).unwrap();
        let error = columns.wanted(&[b"+1".to_vec(), b"Andr\xe9".to_vec()]).unwrap_err();
        assert_eq!(error, Fault::new("name", "It is not UTF-8 text"));
    }
}
