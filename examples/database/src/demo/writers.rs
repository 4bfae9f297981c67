//! Threads that go on writing while a backup runs: inserts, updates and deletes, at a steady pace.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use siltstone::Result;
use siltstone_db::{Database, ShardChanges};

use crate::demo::board::Board;
use crate::demo::consistency::Stamp;
use crate::demo::content;
use crate::demo::dataset::{Planned, joined};

/// Number of writers.
pub(super) const WRITERS: usize = 4;
/// A writer writes no more often than this.
const PACE: Duration = Duration::from_micros(2_500);
/// Every so many batches, one changes two shards at once.
const DOUBLE: u64 = 8;

/// Writers at work.
pub(super) struct Writers {
    board: Arc<Board>,
    threads: Vec<JoinHandle<Result<Written>>>,
}

/// What writers have done.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// By shard, in the order of the data set: who wrote to it, and its operations.
    pub(super) shards: Vec<Lane>,
    /// Operations that were acknowledged while they were measured.
    pub(super) measured: u64,
    /// The longest of those.
    pub(super) longest: Duration,
}

/// One shard of a writer.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) shard: Planned,
    pub(super) writer: usize,
    pub(super) stamps: Vec<Stamp>,
}

impl Lane {
    /// Number of the shard.
    fn index(&self) -> usize {
        self.shard.history.shard as usize
    }

    /// The next operation.
    fn next(&self) -> u64 {
        self.stamps.len() as u64 + 1
    }
}

impl Writers {
    /// Starts to write to these shards; no shard has two writers.
    pub(super) fn start(database: &Database, board: &Arc<Board>, hot: Vec<Planned>) -> Self {
        let mut lanes: Vec<Vec<Lane>> = vec![Vec::new(); WRITERS];
        for (index, shard) in hot.into_iter().enumerate() {
            let writer = index % WRITERS;
            lanes[writer].push(Lane { shard, writer, stamps: Vec::new() });
        }
        let spawn = |lanes| {
            let (database, board) = (database.clone(), Arc::clone(board));
            thread::spawn(move || write(&database, &board, lanes))
        };
        Self { board: Arc::clone(board), threads: lanes.into_iter().map(spawn).collect() }
    }

    /// Ends them.
    pub(super) fn finish(mut self) -> Result<Written> {
        self.board.ends.store(true, Ordering::SeqCst);
        let mut all = Written::default();
        for thread in std::mem::take(&mut self.threads) {
            let one = joined(thread.join())?;
            all.shards.extend(one.shards);
            all.measured += one.measured;
            all.longest = all.longest.max(one.longest);
        }
        all.shards.sort_by_key(Lane::index);
        Ok(all)
    }
}

impl Drop for Writers {
    /// Nobody writes on when something else has failed.
    fn drop(&mut self) {
        self.board.ends.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // What failed first is what is told.
            let _ = thread.join();
        }
    }
}

fn write(database: &Database, board: &Board, mut lanes: Vec<Lane>) -> Result<Written> {
    let mut written = Written::default();
    let mut step = 0;
    while !lanes.is_empty() && !board.ends.load(Ordering::SeqCst) {
        let begun = Instant::now();
        step += 1;
        let first = pick(step, lanes.len());
        let mut chosen = vec![first];
        if step % DOUBLE == 0 && lanes.len() > 1 {
            chosen.push((first + 1) % lanes.len());
        }
        let operations: Vec<(usize, u64)> =
            chosen.iter().map(|&lane| (lanes[lane].index(), lanes[lane].next())).collect();
        let batch: Vec<ShardChanges> = chosen
            .iter()
            .map(|&lane| &lanes[lane])
            .map(|lane| ShardChanges {
                shard: lane.shard.id.clone(),
                changes: lane.shard.history.changes(lane.next()),
            })
            .collect();

        let measures = board.measures.load(Ordering::SeqCst);
        let start = board.start(&operations);
        let clock = Instant::now();
        database.write(&batch)?;
        let latency = clock.elapsed();
        let acknowledged = board.acknowledge(&operations);

        for lane in chosen {
            lanes[lane].stamps.push(Stamp { start, acknowledged });
        }
        if measures {
            written.measured += operations.len() as u64;
            written.longest = written.longest.max(latency);
        }
        thread::sleep(PACE.saturating_sub(begun.elapsed()));
    }
    written.shards = lanes;
    Ok(written)
}

/// Which shard is written to in a step.
fn pick(step: u64, lanes: usize) -> usize {
    (content::mix(&[step, lanes as u64]) % lanes as u64) as usize
}
