//! When the WhatsApp windows of addresses end, in Ephemera: a row an address, by its fingerprint.

use jiff::Timestamp;

use super::update::Update;
use super::{Ephemera, StoreError, number, text, unavailable};
use crate::clock::from_millis;
use crate::person::window::OPEN_FOR;
use crate::seal::Seal;

/// How long it is remembered that a window closed, in seconds. After that it is as if they had never written.
const KEPT_SECONDS: i64 = 90 * 86_400;

fn key(fingerprint: &str) -> String {
    format!("window#whatsapp#{fingerprint}")
}

impl Ephemera {
    /// Opens the window of somebody who wrote `at`. A text that comes late closes nothing.
    pub async fn open_window(&self, seal: &Seal, fingerprint: &str, at: Timestamp) -> Result<(), StoreError> {
        let ends = at.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX);
        let update = Update::default()
            .set("ends", number(ends.as_millisecond()))
            .set("expires", number(ends.as_second().saturating_add(KEPT_SECONDS)))
            .only_if_absent_or_before("ends", number(ends.as_millisecond()));
        let key = key(&seal.form_to_store(fingerprint));
        update.apply(&self.client, &self.table, ("key", &key), "windows.open").await?;
        Ok(())
    }

    /// When the window of an address ends or ended, if its owner ever wrote.
    pub async fn window_ends(&self, seal: &Seal, fingerprint: &str) -> Result<Option<Timestamp>, StoreError> {
        let mut latest = None;
        for form in seal.forms(fingerprint) {
            let get = self.client.get_item().table_name(&self.table).key("key", text(key(&form)));
            let answer = get.send().await.map_err(unavailable("windows.ends"))?;
            let ends = answer.item().and_then(|item| item.get("ends")).and_then(|ends| ends.as_n().ok());
            latest = latest.max(ends.and_then(|ends| ends.parse().ok()).map(from_millis));
        }
        Ok(latest)
    }
}
