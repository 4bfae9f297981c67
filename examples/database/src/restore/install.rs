//! Installs a restore: record, renames, one write of the catalogue; and finishes or undoes one that was cut short.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use siltstone::model::{AttemptId, ShardId, TenantState};
use siltstone::source::{RestorePlan, Staging};
use siltstone::{Error, Result};

use crate::catalogue::{Catalogue, CatalogueStore};
use crate::database::read_dir;
use crate::engine::folder::{self, DataFolder};
use crate::engine::pool::Pool;
use crate::restore::record::Record;

/// Installs what is staged. The write of the catalogue is the instant at which all of it appears.
pub(crate) fn install(
    data: &DataFolder,
    pool: &Pool,
    catalogue: &CatalogueStore,
    plan: &RestorePlan,
    staged: &[Staging],
) -> Result<()> {
    let record = Record::new(plan, staged)?;
    let path = begin(data, &record, plan, staged)?;
    let moving = |shard: &ShardId, step: Step<'_>| pool.close_and(shard, step);
    let installed = rename_all(data, &record, moving).and_then(|()| catalogue.change(|c| record.apply(c)));
    match installed {
        Ok(()) => finish(data, plan.restore, &path),
        // The catalogue holds it; only its durability is not certain. The record stays for the next start.
        Err(e) if catalogue.current().has_restore(plan.restore) => Err(e),
        Err(e) => {
            roll_back(data, &catalogue.current(), &record, &path)?;
            Err(e)
        }
    }
}

/// Makes the staged names durable and writes the record. A shard that is to have files and was not staged would appear
/// empty, so it is refused.
fn begin(data: &DataFolder, record: &Record, plan: &RestorePlan, staged: &[Staging]) -> Result<PathBuf> {
    let shards = plan.collections.iter().flat_map(|c| &c.shards);
    for (shard, _) in shards.filter(|(_, state)| *state != TenantState::Offloaded) {
        if !record.moves.contains(shard) {
            return Err(Error::invalid("install", format!("shard `{shard}` was not staged")));
        }
    }
    for staging in staged {
        if staging.folder != record.staged(data, &staging.shard) {
            let message = format!("`{}` is not where this restore stages", staging.folder.display());
            return Err(Error::invalid("install", message));
        }
        sync_tree(&staging.folder)?;
    }
    let path = data.install_record(record.restore);
    record.write(&path)?;
    Ok(path)
}

/// Changes the folder of one shard.
pub(crate) type Step<'a> = &'a mut dyn FnMut() -> Result<()>;

/// Moves every staged folder to its place, unless it is there already. `alone` runs a step while nobody has the shard
/// open, which a drop that was cut short may have left so.
pub(crate) fn rename_all(
    data: &DataFolder,
    record: &Record,
    alone: impl Fn(&ShardId, Step<'_>) -> Result<()>,
) -> Result<()> {
    let mut parents = BTreeSet::from([data.shards()]);
    for shard in &record.moves {
        let (from, to) = (record.staged(data, shard), data.shard(shard));
        if !from.exists() {
            continue;
        }
        if let Some(parent) = to.parent() {
            folder::create(parent)?;
            parents.insert(parent.to_owned());
        }
        alone(shard, &mut || {
            // What a drop that was cut short has left; no collection has this name.
            if to.exists() {
                trash(data, &to)?;
            }
            fs::rename(&from, &to).map_err(|e| Error::io("install shard", &to, e))
        })?;
    }
    parents.iter().try_for_each(|parent| folder::sync(parent))
}

/// Removes what was moved, but never a shard that the catalogue knows: it is not from this restore. Then the record, and only
/// then what is staged: with a record, staged folders that are half removed would pass for whole ones at the next start.
pub(crate) fn roll_back(
    data: &DataFolder,
    catalogue: &Catalogue,
    record: &Record,
    path: &Path,
) -> Result<()> {
    for shard in &record.moves {
        let place = data.shard(shard);
        let is_ours = catalogue.state(shard).is_none() && !record.staged(data, shard).exists();
        if is_ours && place.exists() {
            trash(data, &place)?;
        }
    }
    remove_file(path)?;
    folder::remove(&data.restore(record.restore))
}

fn finish(data: &DataFolder, restore: AttemptId, record: &Path) -> Result<()> {
    // It is installed, whatever happens to the leftovers: the next start removes them.
    // The record last: it is what makes the next start look here.
    if let Err(error) = folder::remove(&data.restore(restore)).and_then(|()| remove_file(record)) {
        tracing::warn!(%restore, %error, "leftovers of a finished restore stay until the next start");
    }
    Ok(())
}

/// At the start, before anything is served: a restore that the catalogue holds is finished; one with a record all of whose
/// parts are there is installed; any other is undone. Staged folders without a record are the host's to abort.
pub(crate) fn recover(data: &DataFolder, catalogue: &CatalogueStore) -> Result<()> {
    for path in read_dir(&data.restores())? {
        if path.extension().is_none_or(|e| e != "install") {
            continue;
        }
        let record = Record::read(&path)?;
        if catalogue.current().has_restore(record.restore) {
            finish(data, record.restore, &path)?;
            continue;
        }
        let is_whole = record.moves.iter().all(|s| record.staged(data, s).exists() || data.shard(s).exists());
        if is_whole && record.apply(&mut (*catalogue.current()).clone()).is_ok() {
            // Nothing is open yet.
            rename_all(data, &record, |_, step| step())?;
            catalogue.change(|c| record.apply(c))?;
            finish(data, record.restore, &path)?;
        } else {
            roll_back(data, &catalogue.current(), &record, &path)?;
        }
    }
    Ok(())
}

fn trash(data: &DataFolder, folder: &Path) -> Result<()> {
    let trash = data.trash().join(AttemptId::generate().to_string());
    fs::rename(folder, &trash).map_err(|e| Error::io("remove shard", folder, e))?;
    folder::remove(&trash)
}

fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| Error::io("remove install record", path, e))?;
    path.parent().map_or(Ok(()), folder::sync)
}

/// Makes the names in a folder and in those below it durable; the content of the files is durable already.
fn sync_tree(folder: &Path) -> Result<()> {
    for path in read_dir(folder)? {
        if path.is_dir() {
            sync_tree(&path)?;
        }
    }
    folder::sync(folder)
}
