//! The base of an incremental backup: whether it can be one, and what content it has.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, BackupId, Descriptor, State, Timestamp};
use crate::ops::LOOK_UP;
use crate::ops::backup::Job;
use crate::ops::context::Context;
use crate::repository::{ContentIndex, ManifestSpool, descriptor_store};
use crate::storage::Storage;

/// Most backups that may build on each other.
const LONGEST_CHAIN: usize = 1000;

/// Finds the base and follows its chain. `Invalid` with the reason when it cannot be built on.
///
/// A backup names every chunk it needs, so only the base itself must be there: an older backup of the chain may have been
/// forgotten, or its id may have been used again.
pub(super) async fn find(
    storage: &dyn Storage,
    id: &BackupId,
    base: &BackupId,
    now: Timestamp,
) -> Result<Descriptor> {
    if base == id {
        return Err(refused(base, "a backup cannot be its own base"));
    }
    let found = match load(storage, base).await? {
        None => return Err(refused(base, &format!("it does not exist at {}", storage.home()))),
        Some(found) => found,
    };
    expect_success(base, &found)?;
    if found.started_at > now || found.completed_at > now {
        let text = format!(
            "it was completed at {} by the clock of the server that made it, which is later than now ({now}): \
             set the clocks right",
            found.completed_at
        );
        return Err(refused(base, &text));
    }
    follow(storage, &found).await?;
    expect_manifests(storage, &found).await?;
    Ok(found)
}

async fn follow(storage: &dyn Storage, base: &Descriptor) -> Result<()> {
    let mut seen = BTreeSet::from([base.id.clone()]);
    let mut child = base.clone();
    while let Some(parent) = child.base.clone() {
        let Some(found) = load(storage, &parent).await? else { return Ok(()) };
        if child.base_attempt.is_some_and(|attempt| attempt != found.attempt) {
            return Ok(());
        }
        if !seen.insert(parent.clone()) {
            let text = format!("its chain of bases comes back to `{parent}`: such a cycle has no beginning");
            return Err(refused(&base.id, &text));
        }
        if seen.len() > LONGEST_CHAIN {
            let text = format!("{LONGEST_CHAIN} backups build on each other already; make a full one");
            return Err(refused(&base.id, &text));
        }
        expect_success(&base.id, &found)?;
        if found.started_at > child.started_at {
            let text = format!("`{}` of its chain builds on `{parent}`, which is newer", child.id);
            return Err(refused(&base.id, &text));
        }
        child = found;
    }
    Ok(())
}

/// Damage is a reason to refuse, and what to do about it is the caller's: a full backup.
async fn load(storage: &dyn Storage, id: &BackupId) -> Result<Option<Descriptor>> {
    match descriptor_store::load(storage, id).await {
        Ok(found) => Ok(found.map(|f| f.descriptor)),
        Err(e) if e.is(ErrorKind::Corrupt) || e.is(ErrorKind::Unsupported) => {
            Err(refused(id, "its descriptor cannot be read").with_source(e))
        }
        Err(e) => Err(unseen(id, storage, e)),
    }
}

/// A store that does not let us look keeps the request from being judged.
fn unseen(id: &BackupId, storage: &dyn Storage, error: Error) -> Error {
    let text = format!("it cannot be told whether the incremental base `{id}` exists at {}", storage.home());
    Error::new(error.kind(), LOOK_UP, text).with_source(error)
}

/// What says which content the base has is there; whether it is sound is seen when it is read.
async fn expect_manifests(storage: &dyn Storage, base: &Descriptor) -> Result<()> {
    for node in base.nodes.values() {
        match storage.head(&node.manifest).await {
            Ok(meta) if meta.size == node.manifest_bytes => {}
            Ok(_) => return Err(refused(&base.id, "its manifest does not have its length")),
            Err(e) if e.is(ErrorKind::NotFound) => return Err(refused(&base.id, "its manifest is missing")),
            Err(e) => return Err(unseen(&base.id, storage, e)),
        }
    }
    Ok(())
}

fn expect_success(base: &BackupId, found: &Descriptor) -> Result<()> {
    if found.state == State::Success {
        return Ok(());
    }
    let text = format!("`{}` is {}; only a SUCCESS can be built on", found.id, found.state.as_str());
    Err(refused(base, &text))
}

fn refused(base: &BackupId, why: &str) -> Error {
    Error::invalid("backup", format!("backup `{base}` cannot be the incremental base: {why}"))
}

/// What content the base has; `None` for a backup without one.
pub(super) async fn content(context: &Arc<Context>, job: &Job) -> Result<Option<Arc<ContentIndex>>> {
    let Some(base) = &job.base else { return Ok(None) };
    let scratch = context.scratch();
    let mut spools = Vec::new();
    for node in base.nodes.values() {
        spools.push(ManifestSpool::fetch(&*job.storage, node, &scratch).await.map_err(|e| of(&base.id, e))?);
    }
    let index = job.blocking(context, "backup", move || {
        let manifests = spools.iter().map(|spool| spool.open()).collect::<Result<Vec<_>>>()?;
        ContentIndex::read(manifests, &scratch)
    });
    index.await.map(|index| Some(Arc::new(index))).map_err(|e| of(&base.id, e))
}

fn of(base: &BackupId, error: Error) -> Error {
    error.with("incremental base", base)
}

/// Fails when the base is being forgotten or is gone. Who forgets it marks its descriptor first and then looks whether
/// anybody builds on it; so either that one sees our descriptor, or we see here that its own is no `SUCCESS` any more.
pub(super) async fn expect_still(storage: &dyn Storage, base: &BackupId, attempt: AttemptId) -> Result<()> {
    let found = descriptor_store::load(storage, base).await?.map(|found| found.descriptor);
    if found.is_some_and(|found| found.attempt == attempt && found.state == State::Success) {
        return Ok(());
    }
    let text = format!("the incremental base `{base}` was forgotten while the backup was made");
    Err(Error::new(ErrorKind::Conflict, "backup", text))
}
