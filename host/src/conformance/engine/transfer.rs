//! Brings a cut into an empty database, as a restore does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::conformance::engine::{EmptyDatabase, EngineFixture};
use crate::error::{Error, Result};
use crate::model::{AttemptId, BackupId, CollectionName, EngineInfo, Hash, ShardId, TenantState};
use crate::source::{
    AliasPolicy, CollectionPlan, Cut, InstallState, RestorePlan, SegmentFile, ShardPlan, Staging,
};

/// What a file of a cut was when it was read.
pub(super) type Fingerprint = BTreeMap<String, Hash>;

/// The plan that installs what a cut holds.
pub(super) fn plan(cut: &dyn Cut, engine: EngineInfo, schemas: &Schemas) -> Result<RestorePlan> {
    let mut collections: BTreeMap<CollectionName, Vec<(ShardId, TenantState)>> = BTreeMap::new();
    for (shard, state) in cut.shards() {
        collections.entry(shard.collection.clone()).or_default().push((shard, state));
    }
    let collections = collections
        .into_iter()
        .map(|(name, shards)| CollectionPlan {
            schema: schemas.get(&name).cloned().unwrap_or_default(),
            name,
            aliases: Vec::new(),
            shards,
        })
        .collect();
    Ok(RestorePlan {
        restore: AttemptId::generate(),
        backup: BackupId::new("conformance")?,
        engine,
        collections,
        extras: Vec::new(),
        aliases: AliasPolicy::Keep,
    })
}

/// The schemas of the live database by collection.
pub(super) type Schemas = BTreeMap<CollectionName, serde_json::Value>;

pub(super) fn schemas(fixture: &dyn EngineFixture) -> Result<Schemas> {
    Ok(fixture.source().collections()?.into_iter().map(|c| (c.name, c.schema)).collect())
}

/// Stages and checks all shards of a cut.
pub(super) fn stage(cut: &dyn Cut, database: &dyn EmptyDatabase, plan: &RestorePlan) -> Result<Vec<Staging>> {
    let target = database.target();
    target.admit(plan)?;
    let mut staged = Vec::new();
    for (shard, state) in cut.shards() {
        let files = cut.files(&shard)?;
        if state == TenantState::Offloaded {
            promise!(files.is_empty(), "offloaded shard `{shard}` has files");
            continue;
        }
        let staging = target.stage(&ShardPlan { restore: plan.restore, shard: shard.clone() })?;
        for file in &files {
            copy(file, &staging.folder)?;
        }
        staged.push(staging);
    }
    for staging in &staged {
        target.check(staging)?;
    }
    Ok(staged)
}

/// A new database with what a cut holds.
pub(super) fn restore(fixture: &dyn EngineFixture, cut: &dyn Cut) -> Result<Box<dyn EmptyDatabase>> {
    let database = fixture.empty()?;
    let plan = plan(cut, fixture.source().engine(), &schemas(fixture)?)?;
    let staged = stage(cut, &*database, &plan)?;
    let target = database.target();
    promise!(
        target.outcome(plan.restore)? == InstallState::Absent,
        "a restore counts as installed before its install"
    );
    target.install(&plan, staged)?;
    promise!(
        target.outcome(plan.restore)? == InstallState::Installed,
        "a restore does not count as installed after its install"
    );
    Ok(database)
}

/// The names and hashes of the files of all shards of a cut.
pub(super) fn fingerprint(cut: &dyn Cut) -> Result<Fingerprint> {
    let mut all = Fingerprint::new();
    for (shard, _) in cut.shards() {
        for file in cut.files(&shard)? {
            let name = format!("{shard}: {}", file.path);
            let mut bytes = Vec::new();
            open(&file)?.take(file.length).read_to_end(&mut bytes).map_err(|e| unreadable(&file, e))?;
            promise!(
                bytes.len() as u64 == file.length,
                "`{name}` is listed with {} bytes and has {}",
                file.length,
                bytes.len()
            );
            promise!(file.mode <= 0o777, "`{name}` has mode {:o}", file.mode);
            promise!(all.insert(name.clone(), Hash::of(&bytes)).is_none(), "`{name}` is listed twice");
        }
    }
    Ok(all)
}

fn copy(file: &SegmentFile, folder: &Path) -> Result<()> {
    let path = file.path.under(folder);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| Error::io("stage file", parent, e))?;
    }
    let mut out = File::create(&path).map_err(|e| Error::io("stage file", &path, e))?;
    let copied = io::copy(&mut open(file)?.take(file.length), &mut out).map_err(|e| unreadable(file, e))?;
    promise!(copied == file.length, "`{}` is listed with {} bytes and gave {copied}", file.path, file.length);
    Ok(())
}

fn open(file: &SegmentFile) -> Result<Box<dyn Read + Send>> {
    file.open().map_err(|e| unreadable(file, e))
}

fn unreadable(file: &SegmentFile, error: io::Error) -> Error {
    Error::io("read file of a cut", file.path.as_str(), error)
}
