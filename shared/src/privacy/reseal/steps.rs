//! The steps of a walk: a page at a time, and how far it came is saved after each.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{ResealCounts, SEGMENTS, Segment, Walk, WalkKind};
use crate::clock::Clock;
use crate::privacy::Next;
use crate::queue::Queues;
use crate::seal::Seal;
use crate::store::privacy::sealed::Part;
use crate::store::privacy::{Indexed, Saved, Sealed, Started};
use crate::store::{PrivacyStore, StoreError};

/// How long a worker waits that does not know the walk's key yet, and how often. It reads the secret every five minutes; who
/// does not have the key by then will not get it, because another has taken its place.
const WAIT: Duration = Duration::from_secs(30);
const MOST_WAITS: u32 = 20;

/// Whoever begins a walk, or looks how far it is.
#[derive(Clone, Debug)]
pub struct Reseals {
    pub clock: Clock,
    pub seal: Arc<Seal>,
    pub store: PrivacyStore,
    pub queues: Queues,
}

/// Whoever walks.
#[derive(Clone, Debug)]
pub struct Resealer {
    pub clock: Clock,
    pub seal: Arc<Seal>,
    pub store: PrivacyStore,
    pub sealed: Sealed,
    pub indexed: Indexed,
}

/// How far a walk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub walk: Walk,
    pub counts: ResealCounts,
}

impl Reseals {
    /// Begins a walk to the present key. While one is on its way that one is answered, and whatever of it was lost goes on.
    /// Answers how far it is.
    pub async fn ask(&self, kind: WalkKind, by: &str) -> Result<Progress, StoreError> {
        self.seal.read_anew().await;
        let walk = Walk {
            id: uuid::Uuid::now_v7().to_string(),
            key: kind.present(&self.seal),
            by: by.to_owned(),
            began: self.clock.now(),
            left: SEGMENTS,
            ended: None,
        };
        let walk = match self.store.start_walk(kind, &walk).await? {
            Started::New => walk,
            Started::Running(running) => running,
        };
        for segment in 0..SEGMENTS {
            if let Err(error) = self.queues.enqueue_privacy(&kind.work(segment), Duration::ZERO).await {
                tracing::error!(reseal.id = walk.id, error = %error, "not queued; the sweep will queue it");
            }
        }
        let counts = self.counts(kind, &walk).await?;
        Ok(Progress { walk, counts })
    }

    /// How far the present walk is, or how the last one ended.
    pub async fn progress(&self, kind: WalkKind) -> Result<Option<Progress>, StoreError> {
        let Some(walk) = self.store.walk(kind).await? else { return Ok(None) };
        let counts = self.counts(kind, &walk).await?;
        Ok(Some(Progress { walk, counts }))
    }

    async fn counts(&self, kind: WalkKind, walk: &Walk) -> Result<ResealCounts, StoreError> {
        let mut counts = ResealCounts::default();
        for number in 0..SEGMENTS {
            let segment = self.store.segment(kind, number).await?.filter(|segment| segment.walk == walk.id);
            counts = segment.map_or(counts, |segment| counts.plus(segment.counts));
        }
        Ok(counts)
    }
}

impl Resealer {
    /// Takes a segment further until it has ended, has to wait, or `until` has come.
    pub async fn take(&self, kind: WalkKind, number: u32, until: Timestamp) -> Result<Next, StoreError> {
        loop {
            let (walk, segment) = futures::try_join!(self.store.walk(kind), self.store.segment(kind, number))?;
            let (Some(walk), Some(segment)) = (walk, segment) else { return Ok(Next::Nothing) };
            let Some(place) = segment.place.filter(|_| segment.walk == walk.id) else {
                self.store.close_segment(kind, number).await?;
                return Ok(Next::Nothing);
            };
            let now = self.clock.now();
            if now >= until {
                return Ok(Next::After(Duration::ZERO));
            }
            if kind.present(&self.seal) != walk.key {
                return self.wait(kind, segment, now).await;
            }
            let part = Part { segment: number, of: SEGMENTS };
            let after = segment.after.as_deref();
            let (counts, last) = match kind {
                WalkKind::Reseal => self.sealed.page(place, part, after).await?,
                WalkKind::Reindex => self.indexed.page(place, part, after, now).await?,
            };
            let next = segment.after_page(kind, counts, last);
            if next.place != segment.place {
                tracing::info!(
                    walk.kind = kind.as_str(),
                    reseal.id = walk.id,
                    reseal.place = %place,
                    reseal.segment = number,
                    reseal.resealed = next.counts.resealed,
                    "a place is done"
                );
            }
            if self.store.save_segment(kind, &next, self.clock.now()).await? == Saved::Overtaken {
                return Ok(Next::Nothing);
            }
        }
    }

    async fn wait(&self, kind: WalkKind, segment: Segment, now: Timestamp) -> Result<Next, StoreError> {
        let next = Segment { waits: segment.waits + 1, version: segment.version + 1, ..segment };
        let given_up = next.waits > MOST_WAITS;
        let next = Segment { place: next.place.filter(|_| !given_up), ..next };
        if given_up {
            tracing::error!(
                reseal.segment = next.number,
                "the walk's key is not the active one any more; begin another walk"
            );
        }
        match self.store.save_segment(kind, &next, now).await? {
            Saved::Yes if !given_up => Ok(Next::After(WAIT)),
            Saved::Yes | Saved::Overtaken => Ok(Next::Nothing),
        }
    }
}
