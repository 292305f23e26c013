//! Conversations, the newest first: what went to an address and came from it, and what went to its owner. Each is a list of
//! an index; a page of several lists is merged here.

use std::collections::{BTreeSet, HashMap};

use super::Messages;
use crate::message::{Message, MessageId};
use crate::person::PersonId;
use crate::store::batch_get::batch_get;
use crate::store::{Item, StoreError, number, text, unavailable};

/// One list of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    OfPerson(PersonId),
    /// By its fingerprint.
    OfAddress(String),
}

/// Where a page ended: the time (epoch milliseconds) and the id of its last message. The next goes on with what is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub created: i64,
    pub id: MessageId,
}

impl Mark {
    /// The latest time of what comes before it.
    fn latest(&self) -> i64 {
        if self.id == MessageId::least() { self.created - 1 } else { self.created }
    }
}

/// So many more are read of a list than a page holds: of messages of the same millisecond an index does not say which comes
/// first.
const MARGIN: usize = 32;

/// How many rows are read of a list at a time, once the first did not suffice: an e-mail's further recipients have rows of
/// their own there, which are no messages of the conversation. Keys alone, some 200 bytes each.
const AT_A_TIME: i32 = 1_000;
/// How often. A page of somebody who is in copy of more than this ends where the reading did, and the next goes on from there.
const MOST_QUERIES: usize = 8;

/// What was read of a list.
struct Read {
    /// The newest first.
    marks: Vec<Mark>,
    /// Where the reading ended, epoch milliseconds, if the list goes on: what is of that time may not have been read.
    until: Option<i64>,
}

impl Messages {
    /// A page of messages, newest first, and where the next one begins, if there is one.
    pub async fn page(
        &self,
        lists: &[List],
        before: Option<Mark>,
        most: usize,
    ) -> Result<(Vec<Message>, Option<Mark>), StoreError> {
        let lists: Vec<List> = lists.iter().flat_map(|list| self.stored(list)).collect();
        let read = lists.iter().map(|list| self.marks(list, before, most));
        let (marks, next) = merged(futures::future::try_join_all(read).await?, before, most);
        Ok((self.several(&marks).await?, next))
    }

    /// The lists a list is stored as: an address's under each of its fingerprints.
    fn stored(&self, list: &List) -> Vec<List> {
        match list {
            List::OfPerson(_) => vec![list.clone()],
            List::OfAddress(fingerprint) => self.seal.forms(fingerprint).into_iter().map(List::OfAddress).collect(),
        }
    }

    async fn marks(&self, list: &List, before: Option<Mark>, most: usize) -> Result<Read, StoreError> {
        let (index, name, value) = match list {
            List::OfPerson(person) => ("by_person", "person_key", person.as_str()),
            List::OfAddress(fingerprint) => ("by_recipient", "recipient", fingerprint.as_str()),
        };
        let enough = most.saturating_add(1 + MARGIN);
        let query = self.client.query().table_name(&self.table).index_name(index).scan_index_forward(false);
        let query = query.expression_attribute_names("#n", name).expression_attribute_values(":v", text(value));
        let query = match before {
            Some(before) => query
                .key_condition_expression("#n = :v AND created_at <= :t")
                .expression_attribute_values(":t", number(before.latest())),
            None => query.key_condition_expression("#n = :v"),
        };
        let (mut limit, mut start) = (i32::try_from(enough).unwrap_or(AT_A_TIME), None);
        let mut marks = Vec::new();
        for _ in 0..MOST_QUERIES {
            let part = query.clone().limit(limit).set_exclusive_start_key(start.take());
            let answer = part.send().await.map_err(unavailable("messages.page"))?;
            marks.extend(answer.items().iter().filter_map(mark));
            let Some(last) = answer.last_evaluated_key else { return Ok(Read { marks, until: None }) };
            let until = created(&last);
            if marks.len() >= enough {
                return Ok(Read { marks, until });
            }
            (limit, start) = (AT_A_TIME, Some(last));
        }
        let until = start.as_ref().and_then(created);
        Ok(Read { marks, until })
    }

    /// These messages, in this order, without content that is stored apart. One that was deleted meanwhile is left out.
    async fn several(&self, marks: &[Mark]) -> Result<Vec<Message>, StoreError> {
        let mut found: HashMap<MessageId, Message> = HashMap::new();
        let keys = marks.iter().map(|mark| key(mark.id)).collect();
        for row in batch_get(&self.client, &self.table, keys, false, "messages.several").await? {
            // One that cannot be read holds up none of the others.
            match self.read(row) {
                Ok(message) => drop(found.insert(message.id, message)),
                Err(error) => {
                    tracing::error!(error = %error, "a message of a page cannot be read, left out");
                    crate::telemetry::count("message_unreadable", 1);
                }
            }
        }
        Ok(marks.iter().filter_map(|mark| found.remove(&mark.id)).collect())
    }
}

fn key(id: MessageId) -> Item {
    Item::from([("id".to_owned(), text(id.to_string()))])
}

/// The newest of what several lists hold before a mark, and where the next page begins.
fn merged(lists: Vec<Read>, before: Option<Mark>, most: usize) -> (Vec<Mark>, Option<Mark>) {
    // Of a list that goes on, what is older than its reading is not known: a page that went beyond would leave it out for ever.
    let until = lists.iter().filter_map(|read| read.until).max();
    let all: BTreeSet<Mark> = lists.into_iter().flat_map(|read| read.marks).collect();
    let older = all.into_iter().rev().filter(|mark| before.is_none_or(|before| *mark < before));
    let mut marks: Vec<Mark> = older.filter(|mark| until.is_none_or(|until| mark.created >= until)).collect();
    if marks.len() > most {
        marks.truncate(most);
        let next = marks.last().copied();
        return (marks, next);
    }
    let next = until.map(|until| {
        let again = Mark { created: until + 1, id: MessageId::least() };
        if before.is_some_and(|before| before <= again) {
            // All that was read is of this one time: it is left behind, or nobody would ever get past it.
            return Mark { created: until, id: MessageId::least() };
        }
        // What is of that time is read again as a whole.
        marks.retain(|mark| mark.created > until);
        again
    });
    (marks, next)
}

fn created(item: &Item) -> Option<i64> {
    item.get("created_at")?.as_n().ok()?.parse().ok()
}

fn mark(item: &Item) -> Option<Mark> {
    let created = created(item)?;
    Some(Mark { created, id: item.get("id")?.as_s().ok()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::road_on;

    fn at(created: i64) -> Mark {
        Mark { created, id: MessageId::new() }
    }

    fn row(id: String, created: i64) -> Value {
        json!({"id": {"S": id}, "created_at": {"N": created.to_string()}, "recipient": {"S": "x"}})
    }

    fn mentions(times: impl Iterator<Item = i64>) -> Vec<Value> {
        times.map(|created| row(format!("{}#0", MessageId::new()), created)).collect()
    }

    async fn read(replies: Vec<Value>) -> (Read, Vec<Value>) {
        let tables = Stub::new(replies.into_iter().map(|body| reply(200, body))).await;
        let road = road_on(&tables.base_url, Clock::fixed(jiff::Timestamp::UNIX_EPOCH)).unwrap();
        let read = road.messages.marks(&List::OfAddress("x".to_owned()), None, 2).await.unwrap();
        let asked = tables.requests().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
        (read, asked)
    }

    #[tokio::test]
    async fn what_lies_behind_the_rows_of_copies_is_read_too() {
        let copies = mentions((965..1_000).rev());
        let last = copies.last().unwrap().clone();
        let old = at(7);
        let (read, asked) = read(vec![
            json!({"Items": copies, "LastEvaluatedKey": last}),
            json!({"Items": [row(old.id.to_string(), old.created)]}),
        ])
        .await;
        assert_eq!((read.marks, read.until), (vec![old], None));
        assert_eq!(asked[1]["ExclusiveStartKey"], last);
    }

    #[tokio::test]
    async fn reading_ends_somewhere_and_says_where() {
        let many = (0..20).map(|part| {
            let copies = mentions(std::iter::once(5_000 - part));
            json!({"Items": copies, "LastEvaluatedKey": copies[0]})
        });
        let (read, asked) = read(many.collect()).await;
        assert_eq!((asked.len(), read.until, read.marks), (MOST_QUERIES, Some(4_993), vec![]));
        let next = merged(vec![Read { marks: Vec::new(), until: Some(4_993) }], None, 2).1.unwrap();
        assert_eq!((next.created, next.latest()), (4_994, 4_993));
        // Everything is of one time: it is passed.
        let next = merged(vec![Read { marks: Vec::new(), until: Some(4_993) }], Some(next), 2).1.unwrap();
        assert_eq!((next.created, next.latest()), (4_993, 4_992));
    }

    #[test]
    fn a_page_ends_where_a_list_was_not_read_any_further() {
        let (new, middle, old) = (at(30), at(20), at(10));
        let lists = || vec![Read { marks: vec![new], until: Some(25) }, Read { marks: vec![middle, old], until: None }];
        let (marks, next) = merged(lists(), None, 5);
        assert_eq!((marks, next.map(|next| next.latest())), (vec![new], Some(25)));
        let rest = vec![Read { marks: vec![middle, old], until: None }];
        assert_eq!(merged(rest, next, 5), (vec![middle, old], None));
        assert_eq!(
            merged(vec![Read { marks: vec![new, middle, old], until: None }], None, 2),
            (vec![new, middle], Some(middle))
        );
    }

    #[tokio::test]
    async fn page_with_an_unreadable_row_leaves_that_one_out() {
        let message = crate::testing::sample_message(jiff::Timestamp::UNIX_EPOCH);
        let road = async |tables: &Stub| road_on(&tables.base_url, Clock::fixed(jiff::Timestamp::UNIX_EPOCH)).unwrap();
        let table = Stub::new([reply(200, json!({}))]).await;
        road(&table).await.messages.create(std::slice::from_ref(&message)).await.unwrap();
        let (good, broken) = (table.only_request().json()["Item"].clone(), MessageId::new());
        let broken_row = json!({"id": {"S": broken.to_string()}, "status": {"S": "no such status"}});
        let table = Stub::new([reply(200, json!({"Responses": {"messages": [broken_row, good]}}))]).await;
        let marks = [broken, message.id].map(|id| Mark { created: 0, id });
        let read = road(&table).await.messages.several(&marks).await.unwrap();
        assert_eq!(read.iter().map(|message| message.id).collect::<Vec<_>>(), [message.id]);
    }
}
