//! How long a cut holds the writers of the reference database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use siltstone::model::{CollectionName, Scope, ShardId};
use siltstone::source::{Budget, SnapshotSource};
use siltstone_db::{Change, Database, Object, Options, ShardChanges, Tenancy};
use uuid::Uuid;

use crate::Result;
use crate::machine::Machine;
use crate::measure::median;
use crate::report::{Goal, Report, Row};
use crate::run::Work;

/// Cuts of hot shards while threads write to all of them without a rest, in memory and on disk.
///
/// The pause is what the database reports; next to it stands the longest that any write took while a cut was made.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Hot shards, each a collection.
    #[arg(long, default_value_t = 24)]
    shards: usize,
    /// Threads that write.
    #[arg(long, default_value_t = 4)]
    writers: usize,
    /// Cuts.
    #[arg(long, default_value_t = 20)]
    cuts: usize,
    /// A folder on tmpfs.
    #[arg(long, default_value = "/dev/shm")]
    tmpfs: PathBuf,
    /// A folder on disk.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
}

/// Objects of one batch.
const BATCH: usize = 8;
/// Floats of a vector.
const DIMENSIONS: usize = 384;
/// What the host allows a cut by default.
const MAX_PAUSE: Duration = Duration::from_millis(50);
/// Between two cuts, so that there is something new to flush.
const REST: Duration = Duration::from_millis(250);

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let machine = Machine::look(&args.tmpfs)?;
    let memory = row(args, "tmpfs", &args.tmpfs, Some((10.0, 25.0)))?;
    let disk = row(args, "disk", &args.work, None)?;
    Ok(Report::new("gate", machine, vec![memory, disk]))
}

/// What the writers and the cuts share.
struct Load {
    database: Database,
    shards: Vec<ShardId>,
    stop: AtomicBool,
    written: AtomicU64,
    /// Longest write since the last look, in microseconds.
    longest: AtomicU64,
}

/// One cut as it was.
struct Cut {
    pause: f64,
    longest_write: f64,
    /// Longest between the cut before and this one, to compare.
    longest_before: f64,
    scope: Scope,
}

fn row(args: &Args, name: &str, parent: &Path, goals: Option<(f64, f64)>) -> Result<Row> {
    let work = Work::new(parent)?;
    let load = prepare(&work, args.shards)?;
    let cuts = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..args.writers).map(|_| scope.spawn(|| write(&load))).collect();
        let cuts = (0..args.cuts).map(|_| cut(&load, &work)).collect::<Result<Vec<_>>>();
        load.stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")??;
        }
        cuts
    })?;
    let written = load.written.load(Ordering::Relaxed);
    load.database.close()?;
    let most = |figure: fn(&Cut) -> f64| cuts.iter().map(figure).fold(0.0, f64::max);
    let (typical, longest) = (goals.map(|g| Goal::AtMost(g.0)), goals.map(|g| Goal::AtMost(g.1)));
    Ok(Row::new(format!("{name}: {} shards, {} writers, {} cuts", args.shards, args.writers, args.cuts))
        .goal("median pause, ms", median(cuts.iter().map(|c| c.pause).collect()), typical)
        .goal("longest pause, ms", most(|c| c.pause), longest)
        .figure("longest write at a cut, ms", most(|c| c.longest_write))
        .figure("longest write between, ms", most(|c| c.longest_before))
        .figure("cuts of node scope", cuts.iter().filter(|c| c.scope == Scope::Node).count() as f64)
        .figure("objects written", written as f64))
}

fn prepare(work: &Work, shards: usize) -> Result<Load> {
    let database = Database::open(Options::new(work.path("data")))?;
    let mut ids = Vec::new();
    for number in 0..shards {
        let collection = CollectionName::new(format!("Shard{number}"))?;
        let schema = serde_json::json!({ "class": collection.as_str() });
        database.create_collection(&collection, schema, Tenancy::Single)?;
        let shard = ShardId { collection, tenant: None };
        database.write(&[batch(&shard, 64 * BATCH)])?;
        ids.push(shard);
    }
    Ok(Load {
        database,
        shards: ids,
        stop: AtomicBool::new(false),
        written: AtomicU64::new(0),
        longest: AtomicU64::new(0),
    })
}

fn write(load: &Load) -> Result<()> {
    let mut rng = rand::rng();
    while !load.stop.load(Ordering::Relaxed) {
        let shard = &load.shards[rng.random_range(0..load.shards.len())];
        let changes = batch(shard, BATCH);
        let begun = Instant::now();
        load.database.write(&[changes])?;
        load.longest.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        load.written.fetch_add(BATCH as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn batch(shard: &ShardId, objects: usize) -> ShardChanges {
    let mut rng = rand::rng();
    let mut object = || {
        let properties =
            serde_json::json!({ "title": Uuid::new_v4().to_string(), "body": "segment ".repeat(80) });
        Change::Put(Object {
            id: Uuid::now_v7(),
            properties: properties.as_object().cloned().unwrap_or_default(),
            vector: Some((0..DIMENSIONS).map(|_| rng.random()).collect()),
            named_vectors: Default::default(),
            created_ms: 0,
            updated_ms: 0,
        })
    };
    ShardChanges { shard: shard.clone(), changes: (0..objects).map(|_| object()).collect() }
}

/// As a backup does it: flush ahead, then cut into an empty folder beside the data.
fn cut(load: &Load, work: &Work) -> Result<Cut> {
    std::thread::sleep(REST);
    for shard in &load.shards {
        load.database.prepare(shard)?;
    }
    let staging = work.path("data/.siltstone/staging");
    std::fs::create_dir_all(&staging)?;
    let longest_before = load.longest.swap(0, Ordering::Relaxed) as f64 / 1e3;
    let outcome =
        load.database.cut(&load.shards, &Budget { max_pause: MAX_PAUSE, staging: staging.clone() })?;
    let longest_write = load.longest.load(Ordering::Relaxed) as f64 / 1e3;
    let held: usize = outcome.cuts.iter().map(|c| c.shards().len()).sum();
    if held != load.shards.len() {
        return Err(format!("a cut holds {held} of {} shards", load.shards.len()).into());
    }
    let pause = outcome.cuts.iter().map(|c| c.pause().as_secs_f64() * 1e3).fold(0.0, f64::max);
    let scope = outcome.cuts.iter().map(|c| c.scope()).min().unwrap_or(Scope::Node);
    drop(outcome);
    std::fs::remove_dir_all(&staging)?;
    Ok(Cut { pause, longest_write, longest_before, scope })
}
