//! How far a walk is: the walk, and a row for each of its segments.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::{KEPT_DAYS, PrivacyStore, key, open, unreadable};
use crate::clock::plus_seconds;
use crate::privacy::reseal::{SEGMENTS, Segment, Walk, WalkKind};
use crate::store::update::Update;
use crate::store::{Item, StoreError, number, text, unavailable};

const WALK: &str = "walk";
/// When the sweep first looks after a walk.
const FIRST_LOOK_SECONDS: i64 = 120;

/// Whether a walk was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    New,
    /// Another one has not ended.
    Running(Walk),
}

/// Whether a step was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Yes,
    /// Somebody else took the step.
    Overtaken,
}

fn segment_key(number: u32) -> String {
    format!("segment#{number:02}")
}

impl PrivacyStore {
    /// Begins a walk with its segments, unless one is on its way.
    pub async fn start_walk(&self, kind: WalkKind, walk: &Walk) -> Result<Started, StoreError> {
        let mut item: Item = serde_dynamo::to_item(walk).map_err(unreadable)?;
        item.extend(key(kind.as_str(), WALK));
        item.insert("expires".to_owned(), number(walk.began.as_second() + KEPT_DAYS * 86_400));
        let run = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #l = :none")
            .expression_attribute_names("#l", "left")
            .expression_attribute_values(":none", number(0));
        let mut writes = vec![TransactWriteItem::builder().put(run.build().map_err(unreadable)?).build()];
        for number in 0..SEGMENTS {
            let look = plus_seconds(walk.began, FIRST_LOOK_SECONDS);
            let opened = self.open.row(&open::name(&kind.work(number)), look);
            for item in [self.segment_item(kind, &Segment::new(&walk.id, number))?, opened] {
                let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unreadable)?;
                writes.push(TransactWriteItem::builder().put(put).build());
            }
        }
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(Started::New),
            Err(error) if is_cancelled(&error) => {
                let running = self.walk(kind).await?.ok_or(StoreError::Contended { operation: "reseal.start" })?;
                Ok(Started::Running(running))
            }
            Err(error) => Err(unavailable("reseal.start")(error)),
        }
    }

    /// The present walk, or the last one.
    pub async fn walk(&self, kind: WalkKind) -> Result<Option<Walk>, StoreError> {
        self.read_reseal(kind, WALK).await
    }

    /// A segment of it.
    pub async fn segment(&self, kind: WalkKind, number: u32) -> Result<Option<Segment>, StoreError> {
        self.read_reseal(kind, &segment_key(number)).await
    }

    async fn read_reseal<T: for<'de> serde::Deserialize<'de>>(
        &self,
        kind: WalkKind,
        sk: &str,
    ) -> Result<Option<T>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(kind.as_str(), sk)));
        let get = get.consistent_read(true);
        let answer = get.send().await.map_err(unavailable("reseal.get"))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    /// Saves a segment's next state, if it is still where it was; with its last one the walk has one segment less.
    pub async fn save_segment(&self, kind: WalkKind, segment: &Segment, now: Timestamp) -> Result<Saved, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.segment_item(kind, segment)?))
            .condition_expression("version = :seen AND walk = :walk")
            .expression_attribute_values(":seen", number(segment.version - 1))
            .expression_attribute_values(":walk", text(&segment.walk));
        let mut writes = vec![TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build()];
        if segment.place.is_none() {
            let walk = Update::default()
                .only_if_equal("id", text(&segment.walk))
                .add("left", -1)
                .set("ended", number(now.as_millisecond()));
            writes.push(walk.in_transaction(&self.table, key(kind.as_str(), WALK)).map_err(unreadable)?);
        }
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) if segment.place.is_none() => {
                self.open.close(&open::name(&kind.work(segment.number))).await?;
                Ok(Saved::Yes)
            }
            Ok(_) => Ok(Saved::Yes),
            Err(error) if is_conflict(&error) => Err(StoreError::Contended { operation: "reseal.save" }),
            Err(error) if is_cancelled(&error) => Ok(Saved::Overtaken),
            Err(error) => Err(unavailable("reseal.save")(error)),
        }
    }

    /// Nobody need look after a segment that has ended.
    pub async fn close_segment(&self, kind: WalkKind, number: u32) -> Result<(), StoreError> {
        self.open.close(&open::name(&kind.work(number))).await
    }

    fn segment_item(&self, kind: WalkKind, segment: &Segment) -> Result<Item, StoreError> {
        let mut item: Item = serde_dynamo::to_item(segment).map_err(unreadable)?;
        item.extend(key(kind.as_str(), segment_key(segment.number)));
        Ok(item)
    }
}

type Failed<R> = aws_sdk_dynamodb::error::SdkError<TransactWriteItemsError, R>;

fn is_cancelled<R>(error: &Failed<R>) -> bool {
    matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionCanceledException(_)))
}

fn is_conflict<R>(error: &Failed<R>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("TransactionConflict"))
        }
        Some(_) | None => false,
    }
}
