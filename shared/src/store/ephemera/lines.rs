//! Senders' lines: which place of one is free, and that it stands still.

use jiff::Timestamp;

use super::{Ephemera, any_of};
use crate::clock::from_micros;
use crate::provider::pacing::Queue;
use crate::store::update::{Applied, Update};
use crate::store::{StoreError, number};

/// How long a line is remembered, in seconds: longer than any line is.
const LINE_KEPT_SECONDS: i64 = 7 * 86_400;

impl Ephemera {
    /// The next free place of a line: when its holder may send. A line nobody stood in for a while begins again, with its
    /// burst. In a fast line it is the next one of any of its rows.
    pub async fn reserve(&self, queue: &Queue, now: Timestamp) -> Result<Timestamp, StoreError> {
        let key = queue.row(any_of(queue.rows));
        let now_micros = now.as_microsecond();
        let start = now_micros - queue.burst;
        for _ in 0..4 {
            let behind = Update::default()
                .add("next", queue.interval)
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_from("next", number(start));
            if let Applied::Done(item) =
                behind.apply(&self.client, &self.table, ("key", &key), "ephemera.reserve").await?
            {
                let next = item.get("next").and_then(|next| next.as_n().ok()).and_then(|next| next.parse::<i64>().ok());
                return Ok(from_micros(next.map_or(now_micros, |next| next - queue.interval)));
            }
            let first = Update::default()
                .set("next", number(start + queue.interval))
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_absent_or_before("next", number(start));
            if let Applied::Done(_) = first.apply(&self.client, &self.table, ("key", &key), "ephemera.reserve").await? {
                return Ok(from_micros(start));
            }
        }
        Err(StoreError::Contended { operation: "ephemera.reserve" })
    }

    /// Lets a line stand still until `until`: who reserves a place now gets none before.
    pub async fn stand_still(&self, queue: &Queue, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let stopped = (0..queue.rows).map(|row| async move {
            let update = Update::default()
                .set("next", number(until.as_microsecond()))
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_absent_or_before("next", number(until.as_microsecond()));
            update.apply(&self.client, &self.table, ("key", &queue.row(row)), "ephemera.stand_still").await
        });
        futures::future::try_join_all(stopped).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::message::{Channel, Lane};
    use crate::provider::ProviderName;
    use crate::provider::pacing::Paces;
    use crate::store::ephemera::tests::{NOW, written};

    #[tokio::test]
    async fn fast_line_is_reserved_in_all_its_rows_and_stands_still_in_each() {
        let paces = Paces { sms: 1_000, ..Paces::default() };
        let queue = paces.queue(ProviderName::Twilio, Channel::Sms, None, Lane::Standard).unwrap();
        let all: BTreeSet<String> = (0..4).map(|row| queue.row(row)).collect();
        let reserved = written(100, async |ephemera: &Ephemera| {
            for _ in 0..100 {
                ephemera.reserve(&queue, NOW).await.unwrap();
            }
        });
        assert_eq!(reserved.await, all);
        let stopped = written(10, async |ephemera: &Ephemera| {
            ephemera.stand_still(&queue, crate::clock::plus_seconds(NOW, 30), NOW).await.unwrap();
        });
        assert_eq!(stopped.await, all);
    }
}
