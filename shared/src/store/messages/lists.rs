//! Whose messages there are: of a person, and to an address, the oldest first. The indexes hold keys and times alone and
//! follow the table within moments; what stands in the table is read by id.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::Messages;
use super::mentions::Mention;
use crate::message::MessageId;
use crate::person::PersonId;
use crate::store::{Item, StoreError, number, text, unavailable};

/// A row of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    Message(MessageId),
    /// The address is one of an e-mail's further recipients.
    Mention(Mention),
}

/// A row of an index, and in the how-manyth list it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub listed: Listed,
    list: usize,
}

/// Where a list goes on: after this row. As text it is safe to hand out, and to take back from anybody: it names a row's time
/// and id, and can lead nowhere but in the list that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    created: i64,
    id: String,
    /// In the how-manyth list of those under the fingerprints of one address; they count from 0.
    list: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.list {
            0 => write!(f, "{}~{}", self.created, self.id),
            list => write!(f, "{}~{}~{list}", self.created, self.id),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (created, rest) = text.split_once('~').ok_or(())?;
        let (id, list) = match rest.split_once('~') {
            Some((id, list)) => (id, list.parse().map_err(|_| ())?),
            None => (rest, 0),
        };
        let is_row = id.parse::<MessageId>().is_ok() || id.parse::<Mention>().is_ok();
        if is_row { Ok(Self { created: created.parse().map_err(|_| ())?, id: id.to_owned(), list }) } else { Err(()) }
    }
}

impl Place {
    /// The place of a row that was made then.
    pub fn new(created: Timestamp, found: &Found) -> Self {
        let id = match &found.listed {
            Listed::Message(id) => id.to_string(),
            Listed::Mention(mention) => mention.to_string(),
        };
        Self { created: created.as_millisecond(), id, list: found.list }
    }

    fn of(key: &Item) -> Option<Self> {
        let created = key.get("created_at")?.as_n().ok()?.parse().ok()?;
        Some(Self { created, id: key.get("id")?.as_s().ok()?.clone(), list: 0 })
    }
}

impl Messages {
    /// The message a provider knows by this id. The index follows the table within moments, so "none" may mean "not yet".
    pub async fn find_by_provider_id(&self, provider_id: &str) -> Result<Option<MessageId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_provider_id")
            .key_condition_expression("provider_id = :p")
            .expression_attribute_values(":p", text(provider_id))
            .limit(1);
        let answer = query.send().await.map_err(unavailable("messages.find_by_provider_id"))?;
        let id = answer.items().first().and_then(|item| item.get("id")).and_then(|id| id.as_s().ok());
        Ok(id.and_then(|id| id.parse().ok()))
    }

    /// Messages of a person, at most so many, and where to go on.
    pub async fn of_person(
        &self,
        person: &PersonId,
        after: Option<&Place>,
        most: i32,
    ) -> Result<(Vec<Found>, Option<Place>), StoreError> {
        let (listed, next) = self.listed("by_person", ("person_key", person.as_str()), after, most).await?;
        Ok((listed.into_iter().map(|listed| Found { listed, list: 0 }).collect(), next))
    }

    /// Messages to an address (by its fingerprint), also those to a person and those in which it is not the only recipient: first
    /// those stored under its oldest fingerprint. One that is carried forward meanwhile may be listed twice, and is never left out.
    pub async fn to_address(
        &self,
        fingerprint: &str,
        after: Option<&Place>,
        most: i32,
    ) -> Result<(Vec<Found>, Option<Place>), StoreError> {
        let (mut found, mut after) = (Vec::new(), after);
        for (list, form) in self.seal.forms(fingerprint).iter().enumerate().skip(after.map_or(0, |after| after.list)) {
            let (listed, next) = self.listed("by_recipient", ("recipient", form), after.take(), most).await?;
            found.extend(listed.into_iter().map(|listed| Found { listed, list }));
            if let Some(next) = next {
                return Ok((found, Some(Place { list, ..next })));
            }
        }
        Ok((found, None))
    }

    async fn listed(
        &self,
        index: &str,
        (name, value): (&str, &str),
        after: Option<&Place>,
        most: i32,
    ) -> Result<(Vec<Listed>, Option<Place>), StoreError> {
        let start = after.map(|place| {
            HashMap::from([
                (name.to_owned(), text(value)),
                ("created_at".to_owned(), number(place.created)),
                ("id".to_owned(), text(&place.id)),
            ])
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression("#n = :v")
            .expression_attribute_names("#n", name)
            .expression_attribute_values(":v", text(value))
            .set_exclusive_start_key(start)
            .limit(most);
        let answer = query.send().await.map_err(unavailable("messages.listed"))?;
        let id = |item: &Item| item.get("id").and_then(|id: &AttributeValue| id.as_s().ok()).cloned();
        let listed = |id: String| match id.parse::<Mention>() {
            Ok(mention) => Some(Listed::Mention(mention)),
            Err(_) => id.parse().ok().map(Listed::Message),
        };
        let next = answer.last_evaluated_key().and_then(Place::of);
        Ok((answer.items().iter().filter_map(id).filter_map(listed).collect(), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went_and_nothing_else_is_one() {
        for text in [
            "17~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11",
            "17~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11~1",
            "-4~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11#3",
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", "17", "17~", "x~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11", "17~person", "17~0192f5e4#x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
