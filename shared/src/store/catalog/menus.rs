//! The voice menu. Versions are written once and never changed; the row that is in force is one of them, and is replaced
//! on the condition that nobody did meanwhile.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `voice_menu` | `current` | the version in force |
//! | `voice_menu` | `v#000003` | a version |

use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::store::{Item, StoreError, number, text, unavailable};
use crate::voice::Menu;

const PARTITION: &str = "voice_menu";
const CURRENT: &str = "current";

/// A stored menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMenu {
    /// From 1 on.
    pub version: u32,
    pub menu: Menu,
    pub put_at: Timestamp,
    /// Who put it: the token's subject.
    pub put_by: String,
}

/// What became of a new menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutMenu {
    Done(Box<StoredMenu>),
    /// Another version than expected is in force; 0: the shipped one.
    Conflict(u32),
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    version: u32,
    /// As JSON.
    menu: String,
    put_at: Timestamp,
    put_by: String,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: error.to_string() }
}

fn version_key(version: u32) -> String {
    format!("v#{version:06}")
}

impl Catalog {
    /// The menu in force; none: the shipped one is.
    pub async fn menu(&self) -> Result<Option<StoredMenu>, StoreError> {
        self.menu_row(CURRENT).await
    }

    /// A version of the menu, in force or not.
    pub async fn menu_version(&self, version: u32) -> Result<Option<StoredMenu>, StoreError> {
        self.menu_row(&version_key(version)).await
    }

    async fn menu_row(&self, sk: &str) -> Result<Option<StoredMenu>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(PARTITION)).key("sk", text(sk));
        let answer = get.send().await.map_err(unavailable("catalog.menu"))?;
        let Some(item) = answer.item else { return Ok(None) };
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let menu = serde_json::from_str(&row.menu).map_err(unreadable)?;
        Ok(Some(StoredMenu { version: row.version, menu, put_at: row.put_at, put_by: row.put_by }))
    }

    /// Stores a new version and puts it in force, only if `expected` is, where that is given.
    pub async fn put_menu(
        &self,
        menu: &Menu,
        by: &str,
        at: Timestamp,
        expected: Option<u32>,
    ) -> Result<PutMenu, StoreError> {
        for _ in 0..10 {
            let before = self.menu().await?.map_or(0, |stored| stored.version);
            if expected.is_some_and(|expected| expected != before) {
                return Ok(PutMenu::Conflict(before));
            }
            let stored = StoredMenu { version: before + 1, menu: menu.clone(), put_at: at, put_by: by.to_owned() };
            let current = self.menu_put(&stored, CURRENT)?;
            let current = if before == 0 {
                current.condition_expression("attribute_not_exists(pk)")
            } else {
                let current = current.condition_expression("version = :seen");
                current.expression_attribute_values(":seen", number(before))
            };
            let version = self.menu_put(&stored, &version_key(stored.version))?;
            let puts = [current, version.condition_expression("attribute_not_exists(pk)")].map(|put| put.build());
            let puts = puts.into_iter().collect::<Result<_, _>>().map_err(unreadable)?;
            if self.write(puts).await? {
                return Ok(PutMenu::Done(Box::new(stored)));
            }
        }
        Err(StoreError::Contended { operation: "catalog.put_menu" })
    }

    fn menu_put(
        &self,
        stored: &StoredMenu,
        sk: &str,
    ) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, StoreError> {
        let row = Row {
            pk: PARTITION.to_owned(),
            sk: sk.to_owned(),
            version: stored.version,
            menu: serde_json::to_string(&stored.menu).map_err(unreadable)?,
            put_at: stored.put_at,
            put_by: stored.put_by.clone(),
        };
        let item: Item = serde_dynamo::to_item(row).map_err(unreadable)?;
        Ok(Put::builder().table_name(&self.table).set_item(Some(item)))
    }
}
