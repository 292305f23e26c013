//! `/api/v2/communications/voice/menu`: what our calls ask and say.

pub mod get;
pub mod put;

use jiff::Timestamp;
use serde::Serialize;
use switchboard::store::catalog::menus::StoredMenu;
use switchboard::voice::Menu;
use switchboard::voice::shipped::SHIPPED_VERSION;

/// A version of the menu.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MenuView {
    success: bool,
    /// 0: the shipped one.
    version: u32,
    menu: Menu,
    /// Absent: it ships with the product.
    #[schema(value_type = Option<String>, format = DateTime)]
    put_at: Option<Timestamp>,
    /// Who put it: the token's subject.
    put_by: Option<String>,
}

impl MenuView {
    fn stored(stored: StoredMenu) -> Self {
        let StoredMenu { version, menu, put_at, put_by } = stored;
        Self { success: true, version, menu, put_at: Some(put_at), put_by: Some(put_by) }
    }

    fn unstored(version: u32, menu: Menu) -> Self {
        Self { success: true, version, menu, put_at: None, put_by: None }
    }

    fn shipped(menu: Menu) -> Self {
        Self::unstored(SHIPPED_VERSION, menu)
    }
}
