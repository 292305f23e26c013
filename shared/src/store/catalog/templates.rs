//! Templates. Versions are written once and never changed; the head of a template says which one is in force, and is
//! changed on the condition that nobody changed it meanwhile. A row a template makes the list a query.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `template#NAME` | `v#000003` | a version |
//! | `template#NAME` | `current` | the head: version in force, latest version, history |
//! | `templates` | NAME | what the list shows |

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::message::template::{SHIPPED_VERSION, Template, TemplateName};
use crate::message::trigger::Class;
use crate::message::{Channel, Locale};
use crate::store::{Item, StoreError, number, text, unavailable};

/// The partition of the list.
const LIST: &str = "templates";
const HEAD: &str = "current";
/// How many changes a head remembers.
const MOST_HISTORY: usize = 50;

/// Which version of a template is in force, and how that came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version in force; [`SHIPPED_VERSION`]: the shipped one.
    pub version: u32,
    /// The highest stored version: all from 1 to it are there.
    pub latest: u32,
    /// Who made its first stored version: the token's subject.
    pub maker: String,
    /// Counts changes; a write names the revision it read.
    revision: u32,
    /// The latest changes, newest first.
    pub history: Vec<Change>,
}

/// One change of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    pub action: Action,
    /// The version in force since.
    pub version: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who did it: the token's subject.
    pub by: String,
    /// Why, if they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new version was put.
    Put,
    /// An older version, or the shipped one, was put back in force.
    Rollback,
}

/// A template as the list shows it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Listed {
    pub name: TemplateName,
    /// The version in force; 0: the shipped one.
    pub version: u32,
    /// The highest stored version; 0: none is stored.
    pub latest: u32,
    #[serde(default)]
    pub description: Option<String>,
    pub class: Class,
    pub channels: Vec<Channel>,
    #[schema(value_type = Vec<String>)]
    pub locales: Vec<Locale>,
    /// Its variants' names.
    pub variants: Vec<String>,
    /// The latest change; absent: never changed.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

impl Listed {
    /// How a template is listed of which `version` is in force.
    pub fn of(name: &TemplateName, template: &Template, version: u32, latest: u32) -> Self {
        let class = name.trigger().map(|trigger| trigger.class()).or(template.class);
        Self {
            name: name.clone(),
            version,
            latest,
            description: template.description.clone(),
            class: class.unwrap_or(Class::Transactional),
            channels: template.channels(),
            locales: template.locales.keys().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            variants: template.variants.iter().map(|variant| variant.name.clone()).collect(),
            updated_at: None,
        }
    }
}

/// Who changes a template, when and why, and which version they think is in force.
#[derive(Clone, Debug)]
pub struct Author {
    pub by: String,
    pub at: Timestamp,
    pub note: Option<String>,
    /// Set: only if this version is in force.
    pub expected: Option<u32>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    Done(Head),
    /// Another version than expected is in force.
    Conflict(u32),
}

#[derive(Serialize, Deserialize)]
struct VersionRow {
    pk: String,
    sk: String,
    version: u32,
    /// The template as JSON.
    template: String,
    created_at: Timestamp,
    created_by: String,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: error.to_string() }
}

fn partition(name: &TemplateName) -> String {
    format!("template#{name}")
}

fn version_key(version: u32) -> String {
    format!("v#{version:06}")
}

impl Catalog {
    /// The head of a template; none: nothing is stored under this name.
    pub async fn template_head(&self, name: &TemplateName) -> Result<Option<Head>, StoreError> {
        let item = self.template_row(name, HEAD).await?;
        item.map(|item| serde_dynamo::from_item(item).map_err(unreadable)).transpose()
    }

    /// One stored version of a template.
    pub async fn template_version(&self, name: &TemplateName, version: u32) -> Result<Option<Template>, StoreError> {
        let Some(item) = self.template_row(name, &version_key(version)).await? else { return Ok(None) };
        let row: VersionRow = serde_dynamo::from_item(item).map_err(unreadable)?;
        serde_json::from_str(&row.template).map(Some).map_err(unreadable)
    }

    async fn template_row(&self, name: &TemplateName, sk: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(partition(name))).key("sk", text(sk));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("catalog.template"))?;
        Ok(answer.item)
    }

    /// Stores a new version and puts it in force. Of two at the same time each gets a version of its own.
    pub async fn put_template(
        &self,
        name: &TemplateName,
        template: &Template,
        author: &Author,
    ) -> Result<Changed, StoreError> {
        self.change(name, template, author, Action::Put, |head| head.map_or(0, |head| head.latest) + 1).await
    }

    /// Puts an earlier version in force again, or the shipped one; `template` is what that version holds.
    pub async fn point_template(
        &self,
        name: &TemplateName,
        version: u32,
        template: &Template,
        author: &Author,
    ) -> Result<Changed, StoreError> {
        self.change(name, template, author, Action::Rollback, |_| version).await
    }

    async fn change(
        &self,
        name: &TemplateName,
        template: &Template,
        author: &Author,
        action: Action,
        version: impl Fn(Option<&Head>) -> u32,
    ) -> Result<Changed, StoreError> {
        for _ in 0..10 {
            let before = self.template_head(name).await?;
            let in_force = before.as_ref().map_or(SHIPPED_VERSION, |head| head.version);
            if author.expected.is_some_and(|expected| expected != in_force) {
                return Ok(Changed::Conflict(in_force));
            }
            let head = next(before.as_ref(), version(before.as_ref()), author, action);
            let mut rows =
                vec![self.head_write(name, before.as_ref(), &head)?, self.list_write(name, template, &head)?];
            if action == Action::Put {
                rows.push(self.version_write(name, head.version, template, author)?);
            }
            if self.write(rows).await? {
                return Ok(Changed::Done(head));
            }
        }
        Err(StoreError::Contended { operation: "catalog.change" })
    }

    fn head_write(&self, name: &TemplateName, before: Option<&Head>, head: &Head) -> Result<Put, StoreError> {
        let mut item: Item = serde_dynamo::to_item(head).map_err(unreadable)?;
        item.insert("pk".to_owned(), text(partition(name)));
        item.insert("sk".to_owned(), text(HEAD));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("revision = :seen")
                .expression_attribute_values(":seen", number(before.revision)),
        };
        put.build().map_err(unreadable)
    }

    fn list_write(&self, name: &TemplateName, template: &Template, head: &Head) -> Result<Put, StoreError> {
        let updated_at = head.history.first().map(|change| change.at);
        let listed = Listed { updated_at, ..Listed::of(name, template, head.version, head.latest) };
        let mut item: Item = serde_dynamo::to_item(listed).map_err(unreadable)?;
        item.insert("pk".to_owned(), text(LIST));
        item.insert("sk".to_owned(), text(name.as_str()));
        Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unreadable)
    }

    fn version_write(
        &self,
        name: &TemplateName,
        version: u32,
        template: &Template,
        author: &Author,
    ) -> Result<Put, StoreError> {
        let row = VersionRow {
            pk: partition(name),
            sk: version_key(version),
            version,
            template: serde_json::to_string(template).map_err(unreadable)?,
            created_at: author.at,
            created_by: author.by.clone(),
        };
        let put =
            Put::builder().table_name(&self.table).set_item(Some(serde_dynamo::to_item(row).map_err(unreadable)?));
        put.condition_expression("attribute_not_exists(pk)").build().map_err(unreadable)
    }

    /// Writes rows together. `false`: somebody changed what they depend on meanwhile.
    pub(super) async fn write(&self, puts: Vec<Put>) -> Result<bool, StoreError> {
        let items = puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled.cancellation_reasons().iter().any(|reason| {
                        matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))
                    }) =>
                {
                    Ok(false)
                }
                _ => Err(unavailable("catalog.write")(error)),
            },
        }
    }

    /// Stored templates in the order of their names, from behind `after`.
    pub async fn list_templates(&self, after: Option<&str>, most: usize) -> Result<Vec<Listed>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", text(LIST))
            // Every name comes behind a space.
            .expression_attribute_values(":after", text(after.unwrap_or(" ")))
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(unavailable("catalog.list_templates"))?;
        let items = answer.items.unwrap_or_default().into_iter();
        items.map(|item| serde_dynamo::from_item(item).map_err(unreadable)).collect()
    }
}

fn next(before: Option<&Head>, version: u32, author: &Author, action: Action) -> Head {
    let change = Change { action, version, at: author.at, by: author.by.clone(), note: author.note.clone() };
    let earlier = before.map(|head| head.history.clone()).unwrap_or_default();
    Head {
        maker: before.map_or_else(|| author.by.clone(), |head| head.maker.clone()),
        version,
        latest: before.map_or(0, |head| head.latest).max(version),
        revision: before.map_or(0, |head| head.revision) + 1,
        history: std::iter::once(change).chain(earlier).take(MOST_HISTORY).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_kept_and_bounded_and_a_new_version_follows_the_latest() {
        let author = Author { by: "ops".to_owned(), at: Timestamp::UNIX_EPOCH, note: None, expected: None };
        let mut head = next(None, 1, &author, Action::Put);
        let author = Author { by: "others".to_owned(), ..author };
        for version in 2..=60 {
            head = next(Some(&head), version, &author, Action::Put);
        }
        head = next(Some(&head), SHIPPED_VERSION, &author, Action::Rollback);
        assert_eq!((head.version, head.latest, head.revision, head.history.len()), (0, 60, 61, MOST_HISTORY));
        assert_eq!((head.maker.as_str(), head.history[0].by.as_str()), ("ops", "others"));
        assert_eq!((head.history[0].action, head.history[1].version), (Action::Rollback, 60));
    }
}
