//! The mark on a backup that is being forgotten: its descriptor says `FAILED` and still names its nodes.
//!
//! Who builds on a backup claims its own id first and looks for the `SUCCESS` of its base once more before it commits; who
//! forgets one marks it first and then looks who builds on it. So one of the two sees the other. A mark names the run that
//! made it: only that run may take it away again, and only while nothing was deleted. The mark of a run that did not get to its
//! end is first made one's own, by who sees that a complete backup needs what is marked: whoever had begun to delete would have
//! seen that backup as well.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{BackupId, Descriptor, State};
use crate::ops::context::Context;
use crate::ops::forget::needs::refused;
use crate::ops::verify::{chunks, stored_lengths};
use crate::repository::descriptor_store::{self, Loaded};
use crate::repository::{ManifestSpool, layout};
use crate::storage::{Preconditions, Storage};

/// How the error of a marked descriptor begins.
const FORGOTTEN: &str = "it is being forgotten, by run ";

/// A mark of this run.
pub(super) struct Mark {
    marked: Descriptor,
    /// As it was before.
    before: Loaded,
    proven: Preconditions,
}

impl Mark {
    /// Marks a backup that has succeeded, or takes over the mark of a run that did not get to its end.
    pub(super) async fn set(storage: &dyn Storage, before: Loaded, proven: Preconditions) -> Result<Self> {
        let run = uuid::Uuid::new_v4();
        let marked = Descriptor {
            state: State::Failed,
            error: Some(format!("{FORGOTTEN}{run}; forget it again to finish that")),
            ..before.descriptor.clone()
        };
        // Where the store keeps no condition, another run may have forgotten the backup since it was read; a descriptor
        // that is written now would stand for nothing.
        let now = descriptor_store::load(storage, &marked.id).await?;
        if now.is_none_or(|now| now.descriptor != before.descriptor) {
            return Err(changed(&marked.id));
        }
        descriptor_store::replace(storage, &marked, before.etag.clone(), proven).await?;
        let mark = Self { marked, before, proven };
        mark.expect_own(storage).await?;
        Ok(mark)
    }

    /// Fails when another run has put its own mark over this one, or the backup is gone.
    pub(super) async fn expect_own(&self, storage: &dyn Storage) -> Result<()> {
        self.own(storage).await?.map(drop).ok_or_else(|| changed(&self.marked.id))
    }

    /// Makes the backup what it was. One that somebody had begun to forget before stays marked, for some of it may be gone, and
    /// so does one of which another run has deleted something before this mark was there.
    pub(super) async fn take_back(&self, context: &Context, storage: &dyn Storage) -> Result<()> {
        if self.before.descriptor.state != State::Success {
            return Ok(());
        }
        match self.own(storage).await? {
            Some(own) => {
                expect_whole(context, storage, &self.before.descriptor).await?;
                descriptor_store::replace(storage, &self.before.descriptor, own.etag, self.proven).await
            }
            None => Ok(()),
        }
    }

    /// The descriptor, if it still carries this mark.
    async fn own(&self, storage: &dyn Storage) -> Result<Option<Loaded>> {
        let found = descriptor_store::load(storage, &self.marked.id).await?;
        Ok(found.filter(|found| found.descriptor == self.marked))
    }
}

/// Takes the mark of a run that did not get to its end off a backup that a complete one needs; fails when something of it is
/// gone.
pub(super) async fn take_off(
    context: &Context,
    storage: &dyn Storage,
    found: Loaded,
    proven: Preconditions,
) -> Result<()> {
    // What a mark changes is the state and the error, and a SUCCESS has no error.
    let success = Descriptor { state: State::Success, error: None, ..found.descriptor.clone() };
    let mark = Mark::set(storage, found, proven).await?;
    let own = mark.own(storage).await?.ok_or_else(|| changed(&success.id))?;
    expect_whole(context, storage, &success).await?;
    descriptor_store::replace(storage, &success, own.etag, proven).await
}

fn changed(id: &BackupId) -> Error {
    refused(id, "its descriptor has changed meanwhile; another server is working on it")
}

/// Fails unless the manifests of a backup, and every chunk that they name with its length, are there.
async fn expect_whole(context: &Context, storage: &dyn Storage, descriptor: &Descriptor) -> Result<()> {
    let gone = || {
        refused(
            &descriptor.id,
            "some of its data is gone already; forget it again when nothing needs it any more",
        )
    };
    for node in descriptor.nodes.values() {
        let manifest = match ManifestSpool::fetch(storage, node, &context.scratch()).await {
            Ok(manifest) => manifest,
            Err(e) if e.is(ErrorKind::Corrupt) => return Err(gone().with_source(e)),
            Err(e) => return Err(e),
        };
        let chunks = manifest.read(chunks).await?;
        let mut is_whole = true;
        stored_lengths(storage, &chunks, |chunk, size| is_whole &= size == Some(chunk.stored)).await?;
        if !is_whole {
            return Err(gone());
        }
    }
    Ok(())
}

/// Whether the mark is one of `forget`; a backup that was undone while its last write was on its way has one, too.
pub(super) fn is_forgotten(descriptor: &Descriptor) -> bool {
    is_marked(descriptor) && descriptor.error.as_deref().is_some_and(|error| error.starts_with(FORGOTTEN))
}

/// Whether a descriptor carries a mark.
pub(crate) fn is_marked(descriptor: &Descriptor) -> bool {
    descriptor.state == State::Failed && !descriptor.nodes.is_empty()
}

/// Removes the descriptor last of all, unless it is no longer the one that is forgotten.
pub(super) async fn remove(storage: &dyn Storage, id: &BackupId, mark: Option<&Mark>) -> Result<()> {
    if let Some(mark) = mark {
        mark.expect_own(storage).await?;
    }
    let key = layout::descriptor_key(id)?;
    match storage.delete(std::slice::from_ref(&key)).await?.pop() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
