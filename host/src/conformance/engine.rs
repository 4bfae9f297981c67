//! The suite that every engine must pass: backups of a database that is being written to hold what their scope promises.
//!
//! Whoever writes a [`SnapshotSource`] and a [`RestoreTarget`] implements [`EngineFixture`] in their tests and calls
//! [`run`]. The suite brings the data: batch `n` changes every shard, so the state after exactly `n` batches is known, and a
//! restored shard must equal one of those states, entry by entry. No storage is involved.

/// Returns a broken promise unless the condition holds.
macro_rules! promise {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err($crate::conformance::engine::broken(format!($($what)+)));
        }
    };
}

mod checks;
mod data;
mod transfer;

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ShardId;
use crate::source::{RestoreTarget, SnapshotSource};

pub use data::{Change, Entries};

/// A database under test. Its methods are called from several threads.
pub trait EngineFixture: Sync {
    /// The live database.
    fn source(&self) -> &dyn SnapshotSource;

    /// Its shards, at least two, all hot and empty when the suite begins, and at least one that [`EngineFixture::drop_shard`]
    /// can drop while the others stay.
    fn shards(&self) -> Vec<ShardId>;

    /// Applies changes to several shards in one step: a reader and a cut of scope node see all of them or none. Returns
    /// when they are acknowledged. Called by one thread at a time.
    fn write(&self, changes: &[Change]) -> Result<()>;

    /// Drops a shard.
    fn drop_shard(&self, shard: &ShardId) -> Result<()>;

    /// A new empty folder in the data folder of the live database, for [`crate::source::Budget::staging`].
    fn staging(&self) -> Result<PathBuf>;

    /// A new empty database, of the same engine, on any filesystem.
    fn empty(&self) -> Result<Box<dyn EmptyDatabase>>;
}

/// A database that backups are restored into; removed when it is dropped.
pub trait EmptyDatabase {
    /// The database as a target.
    fn target(&self) -> &dyn RestoreTarget;

    /// All entries of a shard.
    fn read(&self, shard: &ShardId) -> Result<Entries>;

    /// The same as [`EngineFixture::write`].
    fn write(&self, changes: &[Change]) -> Result<()>;
}

/// How hard the suite tries.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Cuts while a writer runs.
    pub cuts: u64,
    /// Most entries that a batch changes in each shard.
    pub changes: u64,
    /// Bytes of a value. Choose memtables so small that thousands of batches cause many flushes and compactions.
    pub value: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { cuts: 25, changes: 8, value: 200 }
    }
}

/// What the suite saw.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cuts of scope node, collection and shard.
    pub scopes: [u64; 3],
    /// Batches written while cuts were made.
    pub batches: u64,
    /// The longest pause that a cut reported, and the median, in microseconds.
    pub pause_us: [u64; 2],
}

/// Runs the suite; the error says which promise is broken.
///
/// 1. Cuts made while batches are written: every restored shard holds exactly `n` batches, `n` is the same for all shards
///    that the scope of a cut spans, and lies between the batches acknowledged before the cut and those begun before its end.
/// 2. The files of a cut have the lengths they are listed with, stay the same while compaction goes on, and are named safely.
/// 3. A cut that may hold nobody is made all the same.
/// 4. Writing into a restored database changes neither the files of the cut nor the live database.
/// 5. A restore shows nothing before its install and everything after it, refuses to be installed twice, and an abort
///    leaves an installed one alone.
/// 6. A shard that was dropped after a cut is delivered; one that was dropped before is gone.
pub fn run(fixture: &dyn EngineFixture, effort: Effort) -> Result<Report> {
    let mut report = Report::default();
    let last = checks::cuts_under_load(fixture, effort, &mut report)?;
    checks::cut_that_may_hold_nobody(fixture, effort, last)?;
    checks::copies_are_independent(fixture, effort, last)?;
    checks::restores_are_whole(fixture, effort, last)?;
    checks::dropped_shards(fixture, effort, last)?;
    Ok(report)
}

/// A promise that is broken.
fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, "engine conformance", what)
}
