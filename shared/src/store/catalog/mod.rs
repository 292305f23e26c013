//! The Catalog table: what is looked up by its name.
//!
//! [`templates`]: templates, their versions, and which one is in force · [`menus`]: the voice menu, the same way ·
//! [`auto_replies`]: what is answered by itself · [`links`]: where short links lead.

mod auto_replies;
pub mod links;
pub mod menus;
pub mod templates;

use aws_sdk_dynamodb::Client;

/// The table.
#[derive(Clone, Debug)]
pub struct Catalog {
    client: Client,
    table: String,
}

impl Catalog {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}
