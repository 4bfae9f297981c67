//! Measures how long cuts hold writers: 24 hot shards, four writers, 20 cuts; `gate [data folder]`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use siltstone::model::{CollectionName, Scope, ShardId, TenantName, TenantState};
use siltstone::source::{Budget, SnapshotSource};
use siltstone::{Error, Result};
use siltstone_db::{Change, Database, Object, Options, ShardChanges, Tenancy};
use uuid::Uuid;

const SHARDS: u64 = 24;
const WRITERS: u64 = 4;
const CUTS: u64 = 20;

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> Result<()> {
    let parent = std::env::args().nth(1).map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from);
    let folder = tempfile::tempdir_in(&parent).map_err(|e| Error::io("create folder", &parent, e))?;
    let db = Database::open(Options::new(folder.path()))?;
    let name = CollectionName::new("Measured")?;
    db.create_collection(&name, json!({}), Tenancy::Multi)?;
    let tenants = (0..SHARDS).map(|n| Ok((TenantName::new(format!("t{n}"))?, TenantState::Hot)));
    let tenants = tenants.collect::<Result<Vec<_>>>()?;
    db.add_tenants(&name, &tenants)?;
    let shards: Vec<ShardId> = tenants
        .into_iter()
        .map(|(tenant, _)| ShardId { collection: name.clone(), tenant: Some(tenant) })
        .collect();

    let (stop, written, slowest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut pauses = Vec::new();
    let mut whole = Vec::new();
    let mut at_node = 0;
    std::thread::scope(|scope| -> Result<()> {
        for writer in 0..WRITERS {
            let (db, shards, stop, written, slowest) = (&db, &shards, &stop, &written, &slowest);
            scope.spawn(move || {
                let mut n = writer;
                while !stop.load(Ordering::Relaxed) {
                    let shard = shards[(n % SHARDS) as usize].clone();
                    let begun = Instant::now();
                    if db.write(&[ShardChanges { shard, changes: batch(n) }]).is_err() {
                        return;
                    }
                    slowest.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
                    written.fetch_add(1, Ordering::Relaxed);
                    n += WRITERS;
                }
            });
        }
        let mut measure = || {
            for cut in 0..CUTS {
                std::thread::sleep(Duration::from_millis(250));
                shards.iter().try_for_each(|s| db.prepare(s))?;
                let staging = folder.path().join(".siltstone").join(cut.to_string());
                std::fs::create_dir_all(&staging).map_err(|e| Error::io("create folder", &staging, e))?;
                let begun = Instant::now();
                let budget = Budget { max_pause: Duration::from_millis(50), staging };
                let outcome = db.cut(&shards, &budget)?;
                whole.push(begun.elapsed());
                at_node += u64::from(outcome.cuts.iter().all(|c| c.scope() == Scope::Node));
                pauses.extend(outcome.cuts.iter().map(|c| c.pause()).max());
                std::fs::remove_dir_all(&budget.staging)
                    .map_err(|e| Error::io("remove folder", &budget.staging, e))?;
            }
            Ok(())
        };
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        measured
    })?;
    pauses.sort();
    whole.sort();
    println!("{SHARDS} shards, {WRITERS} writers, {CUTS} cuts, {at_node} of scope node");
    println!("writers held: median {:?}, longest {:?}", pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
    println!("whole cut:    median {:?}, longest {:?}", whole[whole.len() / 2], whole[whole.len() - 1]);
    println!(
        "{} batches of 10 objects, the slowest took {} us",
        written.load(Ordering::Relaxed),
        slowest.load(Ordering::Relaxed)
    );
    db.close()
}

fn batch(n: u64) -> Vec<Change> {
    let object = |i: u64| Object {
        id: Uuid::from_u128(u128::from((n * 10 + i) % 200_000)),
        properties: Map::from_iter([("n".to_owned(), json!(n)), ("text".to_owned(), json!("x".repeat(200)))]),
        vector: Some((0..64).map(|d| (n * d) as f32).collect()),
        named_vectors: Default::default(),
        created_ms: n,
        updated_ms: n,
    };
    (0..10).map(|i| Change::Put(object(i))).collect()
}
