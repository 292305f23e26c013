//! The steps of sealing anew: a page at a time, and how far it came is saved after each.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{ResealCounts, SEGMENTS, Segment, Walk};
use crate::clock::Clock;
use crate::privacy::Next;
use crate::queue::{PrivacyWork, Queues};
use crate::seal::Seal;
use crate::store::privacy::sealed::Part;
use crate::store::privacy::{Saved, Sealed, Started};
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
}

/// How far a walk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub walk: Walk,
    pub counts: ResealCounts,
}

impl Reseals {
    /// Begins a walk to the key that seals now. While one is on its way that one is answered, and whatever of it was lost goes on.
    pub async fn ask(&self, by: &str) -> Result<Walk, StoreError> {
        self.seal.read_anew().await;
        let walk = Walk {
            id: uuid::Uuid::now_v7().to_string(),
            key: self.seal.active(),
            by: by.to_owned(),
            began: self.clock.now(),
            left: SEGMENTS,
            ended: None,
        };
        let walk = match self.store.start_walk(&walk).await? {
            Started::New => walk,
            Started::Running(running) => running,
        };
        for segment in 0..SEGMENTS {
            if let Err(error) = self.queues.enqueue_privacy(&PrivacyWork::Reseal { segment }, Duration::ZERO).await {
                tracing::error!(reseal.id = walk.id, error = %error, "not queued; the sweep will queue it");
            }
        }
        Ok(walk)
    }

    /// How far the present walk is, or how the last one ended.
    pub async fn progress(&self) -> Result<Option<Progress>, StoreError> {
        let Some(walk) = self.store.walk().await? else { return Ok(None) };
        let mut counts = ResealCounts::default();
        for number in 0..SEGMENTS {
            let segment = self.store.segment(number).await?.filter(|segment| segment.walk == walk.id);
            counts = segment.map_or(counts, |segment| counts.plus(segment.counts));
        }
        Ok(Some(Progress { walk, counts }))
    }
}

impl Resealer {
    /// Takes a segment further until it has ended, has to wait, or `until` has come.
    pub async fn take(&self, number: u32, until: Timestamp) -> Result<Next, StoreError> {
        loop {
            let (walk, segment) = futures::try_join!(self.store.walk(), self.store.segment(number))?;
            let (Some(walk), Some(segment)) = (walk, segment) else { return Ok(Next::Nothing) };
            let Some(place) = segment.place.filter(|_| segment.walk == walk.id) else {
                self.store.close_segment(number).await?;
                return Ok(Next::Nothing);
            };
            let now = self.clock.now();
            if now >= until {
                return Ok(Next::After(Duration::ZERO));
            }
            if self.seal.active() != walk.key {
                return self.wait(segment, now).await;
            }
            let part = Part { segment: number, of: SEGMENTS };
            let (counts, last) = self.sealed.page(place, part, segment.after.as_deref()).await?;
            let next = segment.after_page(counts, last);
            if next.place != segment.place {
                tracing::info!(
                    reseal.id = walk.id,
                    reseal.place = %place,
                    reseal.segment = number,
                    reseal.resealed = next.counts.resealed,
                    "sealed anew"
                );
            }
            if self.store.save_segment(&next, self.clock.now()).await? == Saved::Overtaken {
                return Ok(Next::Nothing);
            }
        }
    }

    async fn wait(&self, segment: Segment, now: Timestamp) -> Result<Next, StoreError> {
        let next = Segment { waits: segment.waits + 1, version: segment.version + 1, ..segment };
        let given_up = next.waits > MOST_WAITS;
        let next = Segment { place: next.place.filter(|_| !given_up), ..next };
        if given_up {
            tracing::error!(reseal.segment = next.number, "the walk's key does not seal any more; begin another walk");
        }
        match self.store.save_segment(&next, now).await? {
            Saved::Yes if !given_up => Ok(Next::After(WAIT)),
            Saved::Yes | Saved::Overtaken => Ok(Next::Nothing),
        }
    }
}
