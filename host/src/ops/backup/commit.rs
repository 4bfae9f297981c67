//! Checks that what was stored is there, then makes the backup visible in one write.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Phase;
use crate::model::{Descriptor, NodeEntry, State};
use crate::ops::backup::{Job, base};
use crate::ops::context::Context;
use crate::ops::verify::{Depth, check_chunks, chunks, stored_lengths};
use crate::repository::{ManifestSpool, descriptor_store};
use crate::settings::VerifyMode;

/// How often the terminal write is tried again when it is not known whether it took effect.
const TRIES: usize = 3;

/// Reads the manifest back, lists the attempts whose chunks it names and compares the stored length of every one, and reads
/// as much data as is set.
pub(super) async fn check(context: &Arc<Context>, job: &Job, node: &NodeEntry) -> Result<()> {
    let manifest = ManifestSpool::fetch(&*job.storage, node, &context.scratch()).await?;
    let chunks = manifest.read(chunks).await?;
    let mut wrong = Ok(());
    stored_lengths(&*job.storage, &chunks, |chunk, size| {
        let text = match size {
            Some(size) if size == chunk.stored => return,
            Some(size) => format!("chunk `{}` has {size} of {} bytes in the store", chunk.key, chunk.stored),
            None => format!("chunk `{}` is not in the store", chunk.key),
        };
        if wrong.is_ok() {
            wrong = Err(Error::corrupt("backup", text));
        }
    })
    .await?;
    wrong?;
    let depth = match context.settings.verify {
        VerifyMode::List => return Ok(()),
        VerifyMode::Sample => Depth::Sample,
        VerifyMode::Full => Depth::All,
    };
    check_chunks(&job.storage, &chunks, depth).await
}

/// Writes the terminal descriptor: the one commit point of a backup.
pub(super) async fn commit(context: &Arc<Context>, job: &Job, node: NodeEntry) -> Result<NodeEntry> {
    job.operation.begin_commit(context.settings.publish_after).await?;
    if let Some(base) = &job.base {
        base::expect_still(&*job.storage, &base.id, base.attempt).await?;
    }
    job.entry.set_phase(Phase::Committing).await?;
    let mut last = Descriptor {
        state: State::Success,
        completed_at: context.now(),
        nodes: [(context.settings.node.clone(), node.clone())].into(),
        ..job.descriptor.clone()
    };
    let skipped: HashSet<&str> =
        node.skipped.iter().filter_map(|s| s.what.strip_prefix("collection ")).collect();
    last.selection.collections.retain(|c| !skipped.contains(c.as_str()));
    write_last(job, &last).await?;
    if let Err(error) = job.entry.finish().await {
        // The backup is complete; the next start finds the record, sees that, and removes it.
        tracing::warn!(%error, "the journal keeps the record of a backup that succeeded");
    }
    Ok(node)
}

async fn write_last(job: &Job, last: &Descriptor) -> Result<()> {
    let mut tried = 0;
    loop {
        tried += 1;
        let error = match descriptor_store::end(&*job.storage, last, job.proven).await {
            Ok(()) => return confirm(job, last).await,
            Err(error) => error,
        };
        if !error.is_outcome_unknown() {
            return Err(error);
        }
        // It may have taken effect: what is stored decides.
        match descriptor_store::load(&*job.storage, &job.id).await {
            // Seen is not yet durable: a write that is answered with ok is, and writing the same again harms nothing.
            Ok(Some(found)) if found.descriptor == *last && tried >= TRIES => return Ok(()),
            Ok(_) if tried < TRIES => {}
            _ => return Err(error),
        }
    }
}

/// Reads the last descriptor back: a store that says that it keeps it, and does not, has no backup.
async fn confirm(job: &Job, last: &Descriptor) -> Result<()> {
    let (kind, wrong) = match descriptor_store::load(&*job.storage, &job.id).await {
        // With its nodes it is ours, even if somebody has begun to forget it.
        Ok(Some(found)) if found.descriptor.attempt == last.attempt => {
            if found.descriptor.nodes == last.nodes {
                return Ok(());
            }
            (ErrorKind::Corrupt, "is still the one from before")
        }
        Ok(Some(_)) => (ErrorKind::Conflict, "names another attempt"),
        Ok(None) => (ErrorKind::Corrupt, "is not there"),
        Err(e) if e.is(ErrorKind::Corrupt) => return Err(e),
        Err(error) => {
            tracing::warn!(%error, "the last descriptor was stored and could not be read back");
            return Ok(());
        }
    };
    let text = format!("the store took the last descriptor of backup `{}`, and what it has {wrong}", job.id);
    Err(Error::new(kind, "backup", text))
}
