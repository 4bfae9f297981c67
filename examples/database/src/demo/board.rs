//! What writers and the cut tell each other: how far each shard is, and in which order things happened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use siltstone::Result;
use siltstone::model::ShardId;
use siltstone::source::{Budget, CollectionInfo, CutOutcome, EngineInfo, NamedBlob, SnapshotSource};
use siltstone_db::Database;

/// Shared by all writers; shards are counted as in the data set.
#[derive(Debug)]
pub(super) struct Board {
    /// Orders everything that happens: each start and each acknowledgement takes a number.
    clock: AtomicU64,
    /// The newest operation of each shard that was begun.
    started: Vec<AtomicU64>,
    /// The newest operation of each shard that was acknowledged.
    acknowledged: Vec<AtomicU64>,
    bounds: Mutex<Option<Bounds>>,
    /// Whether writes are being measured.
    pub(super) measures: AtomicBool,
    /// Whether writers shall end.
    pub(super) ends: AtomicBool,
}

/// How many operations of each shard a backup may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// So many had been acknowledged before the cut began.
    pub(super) least: Vec<u64>,
    /// So many had been started when the cut was made.
    pub(super) most: Vec<u64>,
}

impl Board {
    pub(super) fn new(shards: usize) -> Arc<Self> {
        let zeros = || (0..shards).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            clock: AtomicU64::new(0),
            started: zeros(),
            acknowledged: zeros(),
            bounds: Mutex::new(None),
            measures: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        })
    }

    /// Notes that operations begin, one for each of several shards; the time.
    pub(super) fn start(&self, operations: &[(usize, u64)]) -> u64 {
        let now = self.clock.fetch_add(1, Ordering::SeqCst);
        for (shard, n) in operations {
            self.started[*shard].store(*n, Ordering::SeqCst);
        }
        now
    }

    /// Notes that they were acknowledged; the time.
    pub(super) fn acknowledge(&self, operations: &[(usize, u64)]) -> u64 {
        for (shard, n) in operations {
            self.acknowledged[*shard].store(*n, Ordering::SeqCst);
        }
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// What the cut that was made may hold; `None` before it was made.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(counters: &[AtomicU64]) -> Vec<u64> {
    counters.iter().map(|c| c.load(Ordering::SeqCst)).collect()
}

/// The database as the source of a backup, with a look at the board on both sides of the cut.
pub(super) struct Watched {
    pub(super) database: Database,
    pub(super) board: Arc<Board>,
}

impl SnapshotSource for Watched {
    fn engine(&self) -> EngineInfo {
        self.database.engine()
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        self.database.collections()
    }

    fn prepare(&self, shard: &ShardId) -> Result<()> {
        self.database.prepare(shard)
    }

    fn cut(&self, shards: &[ShardId], budget: &Budget) -> Result<CutOutcome> {
        let least = read(&self.board.acknowledged);
        let outcome = self.database.cut(shards, budget)?;
        let most = read(&self.board.started);
        *self.board.bounds.lock().unwrap_or_else(PoisonError::into_inner) = Some(Bounds { least, most });
        Ok(outcome)
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        self.database.extras()
    }
}
