//! What happens when the disk of the backups, or that of the database, is full. Needs root: it mounts small file systems.

use std::path::{Path, PathBuf};
use std::process::Command;

use siltstone::ErrorKind;
use siltstone::model::{CollectionName, Compression, Location, ShardId, State};
use siltstone::ops::{BackupRequest, VerifyDepth};
use siltstone_db::{Change, Database, Object, Options, ShardChanges, Tenancy};

use crate::ops_house::{BACKEND, House, Plan, error_of, fill, shown};

type Checked<T> = Result<T, String>;

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A small file system in memory, unmounted when it is dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: &Path, megabytes: u64) -> Checked<Self> {
        std::fs::create_dir_all(at).map_err(told)?;
        command(
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(at),
        )?;
        Ok(Self(at.to_path_buf()))
    }

    fn resize(&self, megabytes: u64) -> Checked<()> {
        command(Command::new("mount").args(["-o", &format!("remount,size={megabytes}m")]).arg(&self.0))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, because a host that is being dropped may hold the folder for a moment.
        let _ = command(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn command(command: &mut Command) -> Checked<()> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed; this needs root: {}", String::from_utf8_lossy(&done.stderr)))
}

fn check(fact: impl FnOnce() -> bool, violation: impl FnOnce() -> String) -> Checked<()> {
    if fact() { Ok(()) } else { Err(violation()) }
}

async fn raw_backup(house: &House, id: &str) -> Checked<siltstone::ops::Status> {
    let mut request = BackupRequest::new(BACKEND, id);
    request.compression = Compression::from_name("NoCompression").ok_or("no such compression")?;
    house.backup_with(request).await.map_err(told)
}

/// A backup to a full disk fails, leaves nothing, and harms nothing that was there.
pub async fn backup(base: &Path) -> Checked<()> {
    let plan = Plan::new(base, "a").map_err(told)?;
    let disk = Tmpfs::mount(&plan.backups, 24)?;
    let a = plan.start().await.map_err(told)?;
    fill(&a.db, 4 << 20).map_err(told)?;
    let first = raw_backup(&a, "first").await?;
    check(|| first.state == State::Success, || shown(&first))?;
    let before = a.objects().map_err(told)?;
    // 24 MiB in all, 9 MiB of them taken, and 36 MiB are to come.
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &crate::ops_house::files(3, &[27 << 20]))
        .map_err(told)?;
    for round in 0..3 {
        let status = raw_backup(&a, "big").await?;
        let full = status.state == State::Failed && error_of(&status).contains("space");
        check(|| full, || format!("round {round}: {}", shown(&status)))?;
        let left: Vec<String> =
            a.objects().map_err(told)?.into_iter().filter(|n| !before.contains(n)).collect();
        check(|| left == ["big/backup.json"], || format!("round {round}: {left:?} stay"))?;
        let local = a.local_leftovers().map_err(told)?;
        check(|| local.is_empty(), || format!("round {round}: {local:?} stay"))?;
    }
    let report =
        a.host.verify(BACKEND, "first", &Location::default(), VerifyDepth::ReadData).await.map_err(told)?;
    check(|| report.problems.is_empty(), || format!("{:?}", report.problems))?;
    disk.resize(128)?;
    let status = raw_backup(&a, "big").await?;
    check(|| status.state == State::Success, || format!("with room: {}", shown(&status)))?;
    a.stop().await;
    Ok(())
}

/// A restore to a full disk fails, leaves nothing, and works as soon as there is room.
pub async fn restore(base: &Path) -> Checked<()> {
    let a = Plan::new(base, "a").map_err(told)?.start().await.map_err(told)?;
    fill(&a.db, 12 << 20).map_err(told)?;
    let made = a.backup("x").await.map_err(told)?;
    check(|| made.state == State::Success, || shown(&made))?;
    let plan = Plan::new(base, "r").map_err(told)?;
    let disk = Tmpfs::mount(&plan.root, 16)?;
    let r = plan.start().await.map_err(told)?;
    for round in 0..3 {
        let status = r.restore("x").await.map_err(told)?;
        let full = status.state == State::Failed && error_of(&status).contains("no space");
        check(|| full, || format!("round {round}: {}", shown(&status)))?;
        let left = r.local_leftovers().map_err(told)?;
        check(|| left.is_empty(), || format!("round {round}: {left:?} stay"))?;
        let content = r.db.content().map_err(told)?;
        check(|| content.is_empty(), || format!("round {round}: something was installed"))?;
    }
    disk.resize(128)?;
    let status = r.restore("x").await.map_err(told)?;
    check(|| status.state == State::Success, || format!("with room: {}", shown(&status)))?;
    let same = r.db.content().map_err(told)? == a.db.content().map_err(told)?;
    check(|| same, || "it brought something else".into())?;
    r.stop().await;
    a.stop().await;
    Ok(())
}

/// Writes to a database whose disk is full fail, nothing that was acknowledged is lost, and as soon as there is room they
/// go on without a restart.
pub fn writes(base: &Path) -> Checked<()> {
    let data = base.join("data");
    let disk = Tmpfs::mount(&data, 24)?;
    let db = Database::open(Options::new(&data)).map_err(told)?;
    let name = CollectionName::new("Full").map_err(told)?;
    db.create_collection(&name, serde_json::json!({}), Tenancy::Single).map_err(told)?;
    let shard = ShardId { collection: name, tenant: None };
    let mut written = 0_u128;
    let refused = loop {
        match write(&db, &shard, written + 1) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        check(|| written < 10_000, || "24 MiB never get full".into())?;
    };
    let full = refused.is(ErrorKind::Exhausted) || refused.to_string().contains("such as a full disk");
    check(|| full, || told(&refused))?;
    disk.resize(64)?;
    for _ in 0..10 {
        written += 1;
        write(&db, &shard, written).map_err(|e| format!("with room: {e}"))?;
    }
    // What was refused may have reached the journal all the same; what was acknowledged must be there.
    for id in 1..=written {
        let found = db.get(&shard, uuid::Uuid::from_u128(id)).map_err(told)?;
        check(|| found.is_some(), || format!("object {id} of {written} was acknowledged and is lost"))?;
    }
    db.close().map_err(told)
}

/// An object of half a megabyte that compression does not shrink.
fn write(db: &Database, shard: &ShardId, id: u128) -> siltstone::Result<()> {
    let vector = (0..131_072_u32).map(|n| f32::from_bits((n ^ id as u32).wrapping_mul(0x9E37_79B9) >> 2));
    let object = Object {
        id: uuid::Uuid::from_u128(id),
        properties: serde_json::Map::new(),
        vector: Some(vector.collect()),
        named_vectors: Default::default(),
        created_ms: 0,
        updated_ms: 0,
    };
    db.write(&[ShardChanges { shard: shard.clone(), changes: vec![Change::Put(object)] }])
}
