//! Whether what came back is one instant of all shards that the reported scope covers.

use siltstone::model::{Scope, ShardId};

/// When an operation was started and when it was acknowledged, on the clock of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) start: u64,
    pub(super) acknowledged: u64,
}

/// A shard that came back.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) shard: &'a ShardId,
    /// Which writer wrote to it.
    pub(super) writer: usize,
    /// How many operations it holds.
    pub(super) operations: u64,
    /// The operations in their order.
    pub(super) stamps: &'a [Stamp],
}

impl Seen<'_> {
    fn last(&self) -> Option<Stamp> {
        let index = usize::try_from(self.operations.checked_sub(1)?).ok()?;
        self.stamps.get(index).copied()
    }

    fn first_missing(&self) -> Option<Stamp> {
        self.stamps.get(usize::try_from(self.operations).ok()?).copied()
    }
}

/// Every pair of shards that cannot both be of one instant, in words.
///
/// An operation that is there must not have been started after one that is missing had been acknowledged; and of the
/// operations of one writer, which come one after the other, and of the two halves of one batch, the missing ones must
/// all be later than those that are there.
pub(super) fn torn(scope: Scope, shards: &[Seen<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for there in shards {
        for missing in shards {
            let (Some(last), Some(lost)) = (there.last(), missing.first_missing()) else { continue };
            let is_torn = last.start > lost.acknowledged
                || (there.writer == missing.writer && last.start >= lost.start);
            if is_torn && covers(scope, there.shard, missing.shard) {
                found.push(format!(
                    "operation {} of `{}` is there, which came after operation {} of `{}`, which is missing",
                    there.operations,
                    there.shard,
                    missing.operations + 1,
                    missing.shard,
                ));
            }
        }
    }
    found
}

fn covers(scope: Scope, a: &ShardId, b: &ShardId) -> bool {
    match scope {
        Scope::Node => true,
        Scope::Collection => a.collection == b.collection,
        Scope::Shard => a == b,
    }
}

#[cfg(test)]
mod tests {
    use siltstone::model::CollectionName;

    use super::*;

    fn shard(name: &str) -> ShardId {
        ShardId { collection: CollectionName::new(name).unwrap(), tenant: None }
    }

    fn stamps(all: &[(u64, u64)]) -> Vec<Stamp> {
        all.iter().map(|&(start, acknowledged)| Stamp { start, acknowledged }).collect()
    }

    fn count(scope: Scope, writers: [usize; 2], there: [u64; 2], all: [&[(u64, u64)]; 2]) -> usize {
        let (a, b) = (shard("A"), shard("B"));
        let all = all.map(stamps);
        let seen = [
            Seen { shard: &a, writer: writers[0], operations: there[0], stamps: &all[0] },
            Seen { shard: &b, writer: writers[1], operations: there[1], stamps: &all[1] },
        ];
        torn(scope, &seen).len()
    }

    #[test]
    fn an_operation_after_a_missing_one_was_acknowledged_is_found() {
        let all: [&[_]; 2] = [&[(0, 1), (4, 5)], &[(2, 3), (6, 7)]];
        assert_eq!(count(Scope::Node, [0, 1], [2, 0], all), 1);
        assert_eq!(count(Scope::Node, [0, 1], [2, 1], all), 0);
        assert_eq!(count(Scope::Node, [0, 1], [1, 1], all), 0);
        assert_eq!(count(Scope::Collection, [0, 1], [2, 0], all), 0);
    }

    #[test]
    fn operations_at_the_same_time_may_come_in_any_order() {
        let all: [&[_]; 2] = [&[(0, 3)], &[(1, 2)]];
        for there in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            assert_eq!(count(Scope::Node, [0, 1], there, all), 0, "{there:?}");
        }
    }

    #[test]
    fn half_of_a_batch_is_found() {
        let all: [&[_]; 2] = [&[(0, 1)], &[(0, 1)]];
        assert_eq!(count(Scope::Node, [0, 0], [1, 0], all), 1);
        assert_eq!(count(Scope::Node, [0, 0], [1, 1], all), 0);
    }
}
