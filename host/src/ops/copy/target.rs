//! The target of a copy: what is there, the one write that makes the backup visible, and what a copy cleans up.

use std::time::Duration;

use super::Committed;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Record};
use crate::model::{AttemptId, Descriptor, Location};
use crate::ops::backup::abort_uploads;
use crate::ops::context::Context;
use crate::ops::listing::delete_prefix;
use crate::repository::{descriptor_store, layout};
use crate::storage::{Preconditions, Storage};

/// A call that was cancelled may still land a little later; then its temporary object is found by another look.
const LOOKS: usize = 3;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks for the backup at the target. Another one with its id is `AlreadyExists`.
pub(super) async fn look(target: &dyn Storage, wanted: &descriptor_store::Loaded) -> Result<Committed> {
    match descriptor_store::load(target, &wanted.descriptor.id).await? {
        None => Ok(Committed::No),
        Some(found) if found.bytes == wanted.bytes => Ok(Committed::Yes),
        Some(found) => Err(another(target, &found.descriptor)),
    }
}

fn another(target: &dyn Storage, found: &Descriptor) -> Error {
    let text = format!(
        "another backup `{}` already exists at {} ({}, attempt {}); forget it there first",
        found.id,
        target.home(),
        found.state.as_str(),
        found.attempt
    );
    Error::new(ErrorKind::AlreadyExists, "copy", text)
}

/// Writes the descriptor, only if none is there as far as the store can prove that. What is stored afterwards decides.
pub(super) async fn publish(
    target: &dyn Storage,
    wanted: &descriptor_store::Loaded,
    attempt: AttemptId,
    proven: Preconditions,
) -> Result<()> {
    if look(target, wanted).await? == Committed::Yes {
        return Ok(());
    }
    match descriptor_store::create(target, wanted, attempt, proven).await {
        Ok(()) => {}
        Err(e) if e.is(ErrorKind::AlreadyExists) || e.is_outcome_unknown() => {
            return match look(target, wanted).await {
                Ok(Committed::Yes) => Ok(()),
                Err(other) if other.is(ErrorKind::AlreadyExists) => Err(other),
                // What cannot be looked at now stays as unknown as it was.
                Ok(Committed::No) | Err(_) => Err(e),
            };
        }
        Err(e) => return Err(e),
    }
    match look(target, wanted).await.map_err(Error::outcome_unknown)? {
        Committed::Yes => Ok(()),
        Committed::No => {
            let text = format!("the descriptor of backup `{}` has disappeared", wanted.descriptor.id);
            Err(Error::new(ErrorKind::Conflict, "copy", text))
        }
    }
}

/// Aborts what is open of a copy and removes its temporary objects, then closes its record. Whole objects stay: each is
/// what some manifest says, and may belong to another backup of the target.
pub(super) async fn clean(target: &dyn Storage, entry: &Entry) -> Result<()> {
    if let Some(record) = entry.record() {
        // A copy that went well has nothing open.
        if !record.uploads.is_empty() {
            abort_uploads(target, &record).await?;
        }
        remove_temporary(target, &record).await?;
    }
    entry.finish().await
}

async fn remove_temporary(target: &dyn Storage, record: &Record) -> Result<()> {
    for look in 0..LOOKS {
        let temporary = delete_prefix(target, &layout::temporary_prefix(record.attempt)).await?;
        let probes = delete_prefix(target, &layout::probe_prefix(record.attempt)).await?;
        if temporary.refused + probes.refused > 0 {
            let text = format!("the store refused to delete temporary objects of attempt {}", record.attempt);
            return Err(Error::new(ErrorKind::Denied, "copy", text));
        }
        if record.uploads.is_empty() && temporary.objects + probes.objects == 0 {
            return Ok(());
        }
        if look + 1 < LOOKS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Ends a copy of an earlier run. If its descriptor was written the copy is complete; if not, the next copy goes on.
pub(crate) async fn end(context: &Context, entry: &Entry, record: &Record) -> Result<()> {
    let location = Location { bucket: record.bucket.clone(), path: record.path.clone() };
    let target = context.backends.open(&record.backend, &location).await?;
    clean(&*target, entry).await
}
