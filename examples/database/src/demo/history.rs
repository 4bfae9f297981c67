//! The writes to a shard, one after the other: what each does, and what the shard holds after so many of them.
//!
//! Operation `n` of a shard, counted from 1, is always the same, and every batch that carries it also writes the shard's
//! counter. So whatever comes back from a backup says how many operations it holds, and what it must be follows from
//! that number alone.

use std::collections::HashMap;

use siltstone_db::{Change, Object};

use crate::demo::content::{self, Kind};

/// The history of one shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// Number of the shard.
    pub(super) shard: u64,
    /// What its objects are.
    pub(super) kind: Kind,
    /// How many were loaded; they have the numbers from 0.
    pub(super) loaded: u64,
}

/// What one operation does to the object of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Adds the next one.
    Insert(u64),
    /// Writes an existing one anew, or one that was deleted.
    Update(u64),
    /// Deletes one, which may be deleted already.
    Delete(u64),
}

impl History {
    /// The changes of operation `n`.
    pub(super) fn changes(&self, n: u64) -> Vec<Change> {
        let change = match self.deed(n) {
            Deed::Insert(number) | Deed::Update(number) => {
                Change::Put(content::object(self.kind, self.shard, number, n))
            }
            Deed::Delete(number) => Change::Delete(content::id(self.shard, number)),
        };
        vec![change, Change::Put(content::counter(n))]
    }

    /// What the shard holds after exactly `n` operations, without its counter, in the order of ids.
    pub(super) fn after(&self, n: u64) -> impl Iterator<Item = Object> + use<> {
        // Only what was written since the load is remembered; `None` is deleted.
        let mut versions: HashMap<u64, Option<u64>> = HashMap::new();
        for operation in 1..=n {
            match self.deed(operation) {
                Deed::Insert(number) | Deed::Update(number) => versions.insert(number, Some(operation)),
                Deed::Delete(number) => versions.insert(number, None),
            };
        }
        let Self { shard, kind, .. } = *self;
        (0..self.numbers(n)).filter_map(move |number| {
            let version = versions.get(&number).copied().unwrap_or(Some(0))?;
            Some(content::object(kind, shard, number, version))
        })
    }

    /// How many numbers there are after `n` operations.
    fn numbers(&self, n: u64) -> u64 {
        self.loaded + n / 4
    }

    fn deed(&self, n: u64) -> Deed {
        let there = self.numbers(n - 1);
        let any = content::mix(&[self.shard, n]) % there.max(1);
        match n % 4 {
            0 => Deed::Insert(there),
            3 => Deed::Delete(any),
            _ => Deed::Update(any),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;

    const HISTORY: History = History { shard: 5, kind: Kind::Ticket, loaded: 12 };

    #[test]
    fn the_state_after_n_operations_is_what_applying_them_gives() {
        let mut state: BTreeMap<Uuid, Object> =
            (0..12).map(|number| content::object(Kind::Ticket, 5, number, 0)).map(|o| (o.id, o)).collect();
        let mut deleted = 0;
        for n in 1..=120 {
            for change in HISTORY.changes(n) {
                match change {
                    Change::Put(object) => drop(state.insert(object.id, object)),
                    Change::Delete(id) => deleted += u64::from(state.remove(&id).is_some()),
                }
            }
            assert_eq!(state.remove(&Uuid::nil()).unwrap(), content::counter(n));
            assert!(HISTORY.after(n).eq(state.values().cloned()), "after {n} operations");
        }
        assert!(deleted > 10 && state.len() > 20, "{deleted} deleted, {} left", state.len());
    }

    #[test]
    fn no_two_neighbouring_states_are_equal_in_content_and_counter() {
        for n in 1..40 {
            let last = HISTORY.changes(n).pop();
            assert!(matches!(last, Some(Change::Put(object)) if object == content::counter(n)));
        }
    }
}
