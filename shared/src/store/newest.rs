//! The newest of what is spread over several partitions. Of each a small piece is read first; further pieces only of those that
//! may have more of the page. So a page costs little more than itself, over however many partitions.

use std::cmp::Reverse;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::StoreError;

/// How many partitions are read at a time.
const READS_AT_A_TIME: usize = 16;
/// So many more are read of each at first than its share of the page.
const MARGIN: usize = 3;

/// What was read of one partition, the newest first.
#[derive(Debug)]
pub(super) struct Piece<K, T> {
    pub(super) rows: Vec<(K, T)>,
    /// Whether there is more behind the last of them.
    pub(super) goes_on: bool,
}

/// Returns the `most` newest rows of all partitions, the newest first. `read` gives a piece of one: those before a key, or the newest.
pub(super) async fn newest<K: Ord + Clone, T, F>(
    partitions: usize,
    most: usize,
    read: impl Fn(usize, Option<K>, usize) -> F,
) -> Result<Vec<(K, T)>, StoreError>
where
    F: Future<Output = Result<Piece<K, T>, StoreError>>,
{
    let mut found: Vec<(K, T)> = Vec::new();
    let mut wanted: Vec<(usize, Option<K>)> = (0..partitions).map(|partition| (partition, None)).collect();
    // Partitions that go on, and the last that was read of each.
    let mut open: Vec<(usize, K)> = Vec::new();
    let mut limit = (most / partitions.max(1) + MARGIN).min(most);
    while !wanted.is_empty() {
        let mut reads = Vec::with_capacity(wanted.len());
        for (partition, before) in wanted {
            let piece = read(partition, before, limit);
            reads.push(async move { Ok::<_, StoreError>((partition, piece.await?)) });
        }
        let pieces: Vec<(usize, Piece<K, T>)> =
            stream::iter(reads).buffer_unordered(READS_AT_A_TIME).try_collect().await?;
        for (partition, piece) in pieces {
            if let Some((last, _)) = piece.rows.last().filter(|_| piece.goes_on) {
                open.push((partition, last.clone()));
            }
            found.extend(piece.rows);
        }
        found.sort_by(|(one, _), (other, _)| Reverse(one).cmp(&Reverse(other)));
        found.truncate(most);
        let last = found.last().filter(|_| found.len() == most).map(|(key, _)| key.clone());
        let (more, rest) = open.into_iter().partition(|(_, read)| last.as_ref().is_none_or(|last| read > last));
        open = rest;
        let more: Vec<(usize, K)> = more;
        wanted = more.into_iter().map(|(partition, read)| (partition, Some(read))).collect();
        limit = most;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn page_over_partitions_is_the_page_of_all_of_them(
            lists in proptest::collection::vec(proptest::collection::btree_set(0u32..500, 0..60), 1..12),
            most in 1usize..40,
            end in 1usize..30,
        ) {
            let rows: Vec<Vec<(u32, usize)>> =
                lists.iter().enumerate().map(|(n, keys)| keys.iter().rev().map(|key| (key * 16 + n as u32, n)).collect()).collect();
            let read = |partition: usize, before: Option<u32>, limit: usize| {
                // As DynamoDB may: fewer than asked for, though there are more.
                let left: Vec<_> =
                    rows[partition].iter().copied().filter(|(key, _)| before.is_none_or(|before| *key < before)).collect();
                let piece: Vec<_> = left.iter().copied().take(limit.min(end)).collect();
                std::future::ready(Ok(Piece { goes_on: piece.len() < left.len(), rows: piece }))
            };
            let page = futures::executor::block_on(newest(rows.len(), most, read)).unwrap();
            let mut all: Vec<_> = rows.iter().flatten().copied().collect();
            all.sort_by(|one, other| other.cmp(one));
            all.truncate(most);
            prop_assert_eq!(page, all);
        }
    }

    #[tokio::test]
    async fn page_of_evenly_spread_rows_reads_little_more_than_itself() {
        let read = RefCell::new(0);
        let page = newest(64, 100, |partition: usize, before: Option<u64>, limit: usize| {
            let from = before.unwrap_or(64_000);
            let rows = (0..from).rev().filter(|key| key % 64 == partition as u64).take(limit);
            let rows: Vec<_> = rows.map(|key| (key, ())).collect();
            *read.borrow_mut() += rows.len();
            std::future::ready(Ok(Piece { rows, goes_on: true }))
        })
        .await;
        assert_eq!(page.unwrap().len(), 100);
        assert!(*read.borrow() <= 64 * 4, "{}", read.borrow());
    }
}
