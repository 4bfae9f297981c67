//! The data of the engine suite: batches, and the state after exactly so many of them.

use std::collections::BTreeMap;

use crate::conformance::engine::{Effort, broken};
use crate::error::Result;
use crate::model::ShardId;

/// The entries of a shard: key and value.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// One change of a batch. Keys have 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The shard.
    pub shard: ShardId,
    /// The key.
    pub key: Vec<u8>,
    /// The new value; `None` removes the entry.
    pub value: Option<Vec<u8>>,
}

/// Key of the entry that holds the number of the last batch.
const COUNTER: u64 = 0;
/// Keys that are overwritten again and again begin here.
const OVERWRITTEN: u64 = 1;
/// So many of them.
const CIRCLE: u64 = 97;
/// Keys that are written once and removed later begin here.
const PASSING: u64 = 1 << 32;
/// So many batches later.
const LIFE: u64 = 150;

impl Effort {
    /// Overwrites and additions per batch, each.
    fn half(self) -> u64 {
        (self.changes / 2).clamp(1, CIRCLE)
    }
}

/// Batch `n` (from 1) for all shards: sets the counter, overwrites some entries, adds some, removes some old ones.
pub(super) fn batch(shards: &[ShardId], n: u64, effort: Effort) -> Vec<Change> {
    shards
        .iter()
        .flat_map(|shard| {
            let put =
                |at: u64| Change { shard: shard.clone(), key: key(at), value: Some(value(at, n, effort)) };
            let remove = |at: u64| Change { shard: shard.clone(), key: key(at), value: None };
            let mut changes = vec![put(COUNTER)];
            changes.extend(overwritten(n, effort).map(put));
            changes.extend(passing(n, effort).map(put));
            if n > LIFE {
                changes.extend(passing(n - LIFE, effort).map(remove));
            }
            changes
        })
        .collect()
}

/// The entries of every shard after exactly `n` batches.
pub(super) fn state_after(n: u64, effort: Effort) -> Entries {
    let mut entries = Entries::new();
    for k in n.saturating_sub(CIRCLE).max(1)..=n {
        entries.extend(overwritten(k, effort).map(|at| (key(at), value(at, k, effort))));
    }
    for k in n.saturating_sub(LIFE - 1).max(1)..=n {
        entries.extend(passing(k, effort).map(|at| (key(at), value(at, k, effort))));
    }
    if n > 0 {
        entries.insert(key(COUNTER), value(COUNTER, n, effort));
    }
    entries
}

/// How many batches the entries of a shard hold; an error unless they hold exactly those.
pub(super) fn count(shard: &ShardId, entries: &Entries, effort: Effort) -> Result<u64> {
    let n = match entries.get(&key(COUNTER)).map(|v| v.first_chunk::<8>()) {
        None => 0,
        Some(Some(bytes)) => u64::from_le_bytes(*bytes),
        Some(None) => return Err(broken(format!("the counter of `{shard}` is cut short"))),
    };
    let expected = state_after(n, effort);
    if *entries == expected {
        return Ok(n);
    }
    let differing = expected
        .iter()
        .filter(|(k, v)| entries.get(*k) != Some(v))
        .map(|(k, _)| k)
        .chain(entries.keys().filter(|k| !expected.contains_key(*k)));
    Err(broken(format!(
        "shard `{shard}` is no state that it ever had: its counter says {n} batches, {} entries differ from that",
        differing.count()
    )))
}

fn overwritten(n: u64, effort: Effort) -> impl Iterator<Item = u64> {
    let half = effort.half();
    (0..half).map(move |i| OVERWRITTEN + (n * half + i) % CIRCLE)
}

fn passing(n: u64, effort: Effort) -> impl Iterator<Item = u64> {
    let half = effort.half();
    (0..half).map(move |i| PASSING + n * half + i)
}

/// A key; the spread of the last bytes keeps neighbours apart, so that tables overlap and are merged.
fn key(at: u64) -> Vec<u8> {
    let spread = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [spread.to_be_bytes(), at.to_be_bytes()].concat()
}

/// A value that differs for every batch and does not compress to nothing.
fn value(at: u64, n: u64, effort: Effort) -> Vec<u8> {
    let seed = at.wrapping_mul(31).wrapping_add(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let noise = (0_u64..).flat_map(|i| seed.rotate_left((i % 64) as u32).wrapping_add(i).to_le_bytes());
    let length = usize::try_from(effort.value).unwrap_or(usize::MAX).max(8);
    n.to_le_bytes().into_iter().chain(noise).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CollectionName;

    #[test]
    fn the_state_after_n_batches_is_what_applying_them_gives() {
        let shard = ShardId { collection: CollectionName::new("A").unwrap(), tenant: None };
        for changes in [1, 8, 190] {
            let effort = Effort { cuts: 1, changes, value: 16 };
            let mut entries = Entries::new();
            for n in 1..=400 {
                for change in batch(std::slice::from_ref(&shard), n, effort) {
                    match change.value {
                        Some(value) => entries.insert(change.key, value),
                        None => entries.remove(&change.key),
                    };
                }
                if n % 40 == 0 || n < 3 {
                    assert_eq!(count(&shard, &entries, effort).unwrap(), n, "{changes} changes");
                }
            }
            entries.remove(&key(PASSING + 399 * effort.half()));
            assert!(count(&shard, &entries, effort).is_err());
        }
    }
}
