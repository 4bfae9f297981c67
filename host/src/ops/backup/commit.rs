//! Checks that what was stored is there, then makes the backup visible in one write.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::journal::Phase;
use crate::model::{ChunkLine, Descriptor, ManifestLine, NodeEntry, State, Timestamp};
use crate::ops::backup::Job;
use crate::ops::context::Context;
use crate::ops::listing::list_all;
use crate::ops::verify::{Depth, check_chunks};
use crate::repository::{ManifestSpool, descriptor_store, layout};
use crate::settings::VerifyMode;

/// How often the terminal write is tried again when it is not known whether it took effect.
const TRIES: usize = 3;

/// Lists the attempt, compares every chunk's stored length, reads the manifest back, and as much data as is set.
pub(super) async fn check(context: &Arc<Context>, job: &Job, node: &NodeEntry) -> Result<()> {
    let prefix = layout::attempt_prefix(&job.id, job.descriptor.attempt);
    let mut stored: HashMap<String, u64> = HashMap::new();
    list_all(&*job.storage, &prefix, |object| {
        stored.insert(object.key.as_str().to_owned(), object.size);
        Ok(())
    })
    .await?;
    let manifest = ManifestSpool::fetch(&*job.storage, node, &context.scratch()).await?;
    let chunks = manifest.read(move |lines| compare(lines, &stored)).await?;
    let depth = match context.settings.verify {
        VerifyMode::List => return Ok(()),
        VerifyMode::Sample => Depth::Sample,
        VerifyMode::Full => Depth::All,
    };
    check_chunks(&job.storage, &chunks, depth).await
}

/// The chunks of a manifest, each of which is in the store with its length.
fn compare(
    lines: impl Iterator<Item = Result<ManifestLine>>,
    stored: &HashMap<String, u64>,
) -> Result<Vec<ChunkLine>> {
    let mut chunks = Vec::new();
    for line in lines {
        if let ManifestLine::Chunk(chunk) = line? {
            let text = match stored.get(chunk.key.as_str()) {
                Some(size) if *size == chunk.stored => {
                    chunks.push(chunk);
                    continue;
                }
                Some(size) => {
                    format!("chunk `{}` has {size} of {} bytes in the store", chunk.key, chunk.stored)
                }
                None => format!("chunk `{}` is not in the store", chunk.key),
            };
            return Err(Error::corrupt("backup", text));
        }
    }
    Ok(chunks)
}

/// Writes the terminal descriptor: the one commit point of a backup.
pub(super) async fn commit(context: &Arc<Context>, job: &Job, node: NodeEntry) -> Result<NodeEntry> {
    job.operation.begin_commit(context.settings.publish_after).await?;
    job.entry.set_phase(Phase::Committing).await?;
    let mut last = Descriptor {
        state: State::Success,
        completed_at: Timestamp::now(),
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
            Ok(()) => return Ok(()),
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
