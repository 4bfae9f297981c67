//! Databases for tests, what is written to them, and what they must then hold.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, json};
use siltstone::model::{AttemptId, BackupId, CollectionName, EngineInfo, ShardId, TenantName, TenantState};
use siltstone::source::{AliasPolicy, Budget, CollectionPlan, Cut, RestorePlan, RestoreTarget, ShardPlan};
use uuid::Uuid;

use crate::{Change, Database, Object, Options, ShardChanges, Tenancy};

/// How a database for tests is set up.
pub(crate) struct Setup {
    pub(crate) tenants: u64,
    pub(crate) max_open: u64,
    pub(crate) memtable: u64,
    pub(crate) link: crate::LinkFn,
}

impl Default for Setup {
    fn default() -> Self {
        Self { tenants: 4, max_open: 64, memtable: 8 << 20, link: |from, to| std::fs::hard_link(from, to) }
    }
}

/// A database with one collection of tenants, in a folder of its own.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) db: Database,
    pub(crate) shards: Vec<ShardId>,
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

pub(crate) fn shard(collection: &str, tenant: &str) -> ShardId {
    ShardId {
        collection: CollectionName::new(collection).unwrap(),
        tenant: Some(TenantName::new(tenant).unwrap()),
    }
}

pub(crate) fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl Fixture {
    pub(crate) fn new(setup: &Setup) -> Self {
        let folder = fast_folder();
        let db = open(folder.path(), setup);
        db.create_collection(&collection("Tree"), json!({ "class": "Tree" }), Tenancy::Multi).unwrap();
        let shards: Vec<ShardId> =
            (0..setup.tenants).map(|n| shard("Tree", &format!("tenant-{n}"))).collect();
        let tenants: Vec<_> = shards.iter().map(|s| (s.tenant.clone().unwrap(), TenantState::Hot)).collect();
        db.add_tenants(&collection("Tree"), &tenants).unwrap();
        Self { folder, db, shards }
    }

    pub(crate) fn budget(&self, max_pause: Duration) -> Budget {
        let staging = self.folder.path().join(".siltstone").join(AttemptId::generate().to_string());
        std::fs::create_dir_all(&staging).unwrap();
        Budget { max_pause, staging }
    }
}

pub(crate) fn open(folder: &Path, setup: &Setup) -> Database {
    let mut options = Options::new(folder);
    options.max_open_shards = setup.max_open;
    options.write_buffers = setup.memtable * 2 * setup.max_open;
    options.link = setup.link;
    Database::open(options).unwrap()
}

pub(crate) fn object(id: u64, value: u64) -> Object {
    let properties = Map::from_iter([
        ("value".to_owned(), json!(value)),
        ("text".to_owned(), json!(format!("{value:x}-").repeat(10))),
    ]);
    let vector = Some(vec![value as f32, id as f32]);
    Object {
        id: Uuid::from_u128(u128::from(id)),
        properties,
        vector,
        named_vectors: Default::default(),
        created_ms: value,
        updated_ms: value,
    }
}

/// Batch `n`: sets object 0, overwrites one of 50, adds one, removes an old one.
pub(crate) fn batch(n: u64) -> Vec<Change> {
    let mut changes = vec![
        Change::Put(object(0, n)),
        Change::Put(object(1 + n % 50, n)),
        Change::Put(object(1_000 + n, n)),
    ];
    if n >= 200 {
        changes.push(Change::Delete(Uuid::from_u128(u128::from(1_000 + n - 200))));
    }
    changes
}

/// The objects after exactly `n` batches: object 0, the last of each of the 50, the last 200 that were added.
pub(crate) fn state_after(n: u64) -> BTreeMap<Uuid, Object> {
    let overwritten = (n.saturating_sub(49).max(1)..=n).map(|k| object(1 + k % 50, k));
    let added = (n.saturating_sub(199).max(1)..=n).map(|k| object(1_000 + k, k));
    let first = (n > 0).then(|| object(0, n));
    first.into_iter().chain(overwritten).chain(added).map(|o| (o.id, o)).collect()
}

pub(crate) fn contents(db: &Database, shard: &ShardId) -> BTreeMap<Uuid, Object> {
    db.list(shard, None, u64::MAX).unwrap().into_iter().map(|o| (o.id, o)).collect()
}

/// The number of batches that a shard holds; checks that it holds exactly those.
pub(crate) fn batches(db: &Database, shard: &ShardId) -> u64 {
    let contents = contents(db, shard);
    let n = contents.get(&Uuid::nil()).map_or(0, |o| o.created_ms);
    assert!(contents == state_after(n), "{shard} is not the state after {n} batches");
    n
}

pub(crate) fn write_all(db: &Database, shards: &[ShardId], n: u64) {
    let part = |s: &ShardId| ShardChanges { shard: s.clone(), changes: batch(n) };
    db.write(&shards.iter().map(part).collect::<Vec<_>>()).unwrap();
}

pub(crate) fn plan(shards: Vec<(ShardId, TenantState)>) -> RestorePlan {
    let mut collections: BTreeMap<CollectionName, Vec<(ShardId, TenantState)>> = BTreeMap::new();
    for (shard, state) in shards {
        collections.entry(shard.collection.clone()).or_default().push((shard, state));
    }
    RestorePlan {
        restore: AttemptId::generate(),
        backup: BackupId::new("test").unwrap(),
        engine: EngineInfo { name: "fjall".to_owned(), version: "3-1".to_owned() },
        collections: collections
            .into_iter()
            .map(|(name, shards)| CollectionPlan {
                schema: json!({ "class": name.as_str() }),
                name,
                aliases: Vec::new(),
                shards,
            })
            .collect(),
        extras: Vec::new(),
        aliases: AliasPolicy::Keep,
    }
}

/// Writes the files of a cut into staging folders of another database, as the host does.
pub(crate) fn deliver(
    cut: &dyn Cut,
    target: &Database,
    plan: &RestorePlan,
) -> Vec<siltstone::source::Staging> {
    let mut staged = Vec::new();
    for (shard, state) in cut.shards() {
        let files = cut.files(&shard).unwrap();
        if state == TenantState::Offloaded {
            assert!(files.is_empty());
            continue;
        }
        let staging = target.stage(&ShardPlan { restore: plan.restore, shard: shard.clone() }).unwrap();
        for file in files {
            let path = file.path.under(&staging.folder);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut content = io::Read::take(file.open().unwrap(), file.length);
            let copied = io::copy(&mut content, &mut std::fs::File::create(&path).unwrap()).unwrap();
            assert_eq!(copied, file.length, "{}", file.path);
        }
        target.check(&staging).unwrap();
        staged.push(staging);
    }
    staged
}

/// A new database that holds exactly what a cut holds.
pub(crate) fn restored(cut: &dyn Cut) -> (tempfile::TempDir, Database) {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let plan = plan(cut.shards());
    db.admit(&plan).unwrap();
    let staged = deliver(cut, &db, &plan);
    db.install(&plan, staged).unwrap();
    (folder, db)
}

/// Runs `during` while one thread writes batches over all shards; the last batch written.
pub(crate) fn while_writing(f: &Fixture, from: u64, during: impl FnOnce(&AtomicU64, &AtomicU64)) -> u64 {
    let (started, acknowledged, stop) = (AtomicU64::new(from), AtomicU64::new(from), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let n = started.fetch_add(1, Ordering::SeqCst) + 1;
                write_all(&f.db, &f.shards, n);
                acknowledged.store(n, Ordering::SeqCst);
            }
        });
        let stopped = Stop(&stop);
        during(&started, &acknowledged);
        drop(stopped);
    });
    acknowledged.load(Ordering::SeqCst)
}

/// Tells the writer to stop, also when the test fails.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
