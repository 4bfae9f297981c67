//! How many instances of a plugin there are, and what became of the others.

use std::sync::atomic::{AtomicU64, Ordering};

/// Instances of one plugin at all its locations, since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceCounts {
    /// Those that there are, busy or waiting.
    pub now: u64,
    /// Those that were made, for `describe` and `needs` too.
    pub created: u64,
    /// Those that were thrown away because of a fault or because their caller gave up. Others end in order: after many calls,
    /// with much memory, or with their location.
    pub discarded: u64,
}

/// The counters behind [`InstanceCounts`].
#[derive(Debug, Default)]
pub(crate) struct Tally {
    created: AtomicU64,
    ended: AtomicU64,
    discarded: AtomicU64,
}

/// What became of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    InOrder,
    Discarded,
}

impl Tally {
    /// An instance is being made.
    pub(crate) fn begin(&self) {
        self.created.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance is gone.
    pub(crate) fn end(&self, how: End) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if how == End::Discarded {
            self.discarded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts of now.
    pub(crate) fn counts(&self) -> InstanceCounts {
        // Read before `created`, so that what ends meanwhile is not missing there.
        let ended = self.ended.load(Ordering::Relaxed);
        let discarded = self.discarded.load(Ordering::Relaxed);
        let created = self.created.load(Ordering::Relaxed);
        InstanceCounts { now: created.saturating_sub(ended), created, discarded }
    }
}
