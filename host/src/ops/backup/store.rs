//! The data of a backup: cut, read, compress, upload, and the manifest over it all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use base64::Engine;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

use crate::error::{Error, Result};
use crate::journal::Entry;
use crate::model::{
    BlobLine, CollectionLine, CutInfo, FORMAT, FRAME_SIZE, ManifestHeader, ManifestLine, NodeEntry,
    ObjectKey, ShardLine, SkippedItem, SkippedLine, TenantState,
};
use crate::ops::backup::assemble::{Assembler, Plan};
use crate::ops::backup::capture::{Captured, capture};
use crate::ops::backup::manifest::ManifestUpload;
use crate::ops::backup::read::{Feed, read_cuts};
use crate::ops::backup::{Job, base};
use crate::ops::context::Context;
use crate::repository::{FrameBuffers, UploadLog, Uploader, Workers, layout};
use crate::source::{CollectionInfo, Cut, NamedBlob};
use crate::storage::UploadId;

/// Most parts in flight, whatever the store would like: each is a buffer of 16 MiB.
const PARTS_IN_FLIGHT: usize = 3;
/// Skipped things that the descriptor names: far below what it can hold.
const MAX_SKIPPED: usize = 500;
/// Largest opaque state of the database.
const MAX_EXTRA: usize = 1 << 20;

/// Stores everything and answers what the descriptor will say about this node.
pub(super) async fn store(context: &Arc<Context>, job: &Job) -> Result<NodeEntry> {
    // Before the cut, so that nothing is pinned while it is fetched.
    let known = base::content(context, job).await?;
    let captured = take_cut(context, job).await?;
    let attempt = job.descriptor.attempt;
    let workers = Workers::start(job.workers, job.compression)?;
    let in_flight = PARTS_IN_FLIGHT.min(job.storage.capabilities().in_flight as usize).max(1);
    let uploader = |in_flight| {
        Uploader::new(
            Arc::clone(&job.storage),
            workers.clone(),
            Arc::new(JournalLog(job.entry.clone())),
            attempt,
            in_flight,
            job.steps.clone(),
        )
    };
    // The manifest has room of its own: it is open as long as there are chunks, and must not take theirs.
    let (manifests, uploader) = (Arc::new(uploader(1)?), Arc::new(uploader(in_flight)?));
    let node = context.settings.node.clone();
    let manifest_key = layout::manifest_key(&job.id, attempt, &node)?;
    let Captured { collections, cuts, info, skipped, extras } = captured;
    let mut manifest = begin_manifest(context, job, &manifests, &manifest_key, &info, &collections).await?;
    write_rest(&mut manifest, &collections, &skipped, extras).await?;

    let pieces = job.workers as u64 * 3 + 2;
    let buffers = Arc::new(FrameBuffers::new(job.workers * 6 + 4));
    let (items, mut ready) = unbounded_channel();
    let feed = Feed {
        items,
        room: Arc::new(Semaphore::new(
            usize::try_from(pieces * (FRAME_SIZE >> 10)).unwrap_or(usize::MAX >> 4),
        )),
        capacity: pieces * FRAME_SIZE,
        workers,
        codec: job.codec(),
        buffers: Arc::clone(&buffers),
        runtime: context.runtime.clone(),
        operation: Arc::clone(&job.operation),
        base: known,
    };
    let reader = job.blocking(context, "backup", move || read_cuts(cuts, &feed));
    let plan = Plan {
        id: job.id.clone(),
        attempt,
        node: node.clone(),
        codec: job.codec(),
        chunk_size: job.chunk_size.min(uploader.longest_chunk()),
    };
    let mut assembler =
        Assembler::new(plan, Arc::clone(&uploader), buffers, manifest, Arc::clone(&job.operation));
    let assemble = async {
        // The receiver goes with the assembler, so that a failure here also stops the reader.
        let assembled = assembler.run(&mut ready).await;
        drop(ready);
        assembled
    };
    let (read, assembled) = tokio::join!(reader, assemble);
    first_cause(read, assembled)?;
    let (totals, stored) = assembler.finish().await?;
    Ok(NodeEntry {
        manifest: manifest_key,
        manifest_blake3: stored.blake3,
        manifest_bytes: stored.len,
        raw_bytes: totals.raw,
        stored_bytes: totals.stored,
        new_bytes: totals.new,
        reused_bytes: totals.reused,
        files: totals.files,
        scope: info.scope,
        pause_us: info.pause_us,
        skipped: shortened(skipped),
    })
}

/// What of the skipped things fits a descriptor: every collection, as the restorable ones are told from them, and of the
/// rest a bounded number. The manifest names all.
fn shortened(mut skipped: Vec<SkippedItem>) -> Vec<SkippedItem> {
    let total = skipped.len();
    let mut room = MAX_SKIPPED;
    skipped.retain(|item| {
        let kept = room > 0 || item.what.starts_with("collection ");
        room = room.saturating_sub(1);
        kept
    });
    if skipped.len() < total {
        let more = total - skipped.len();
        skipped.push(SkippedItem {
            what: format!("{more} more"),
            why: "the manifest names all of them".to_owned(),
        });
    }
    skipped
}

/// Of the two halves of the pipeline one fails first and the other because of it; that one says so by `Cancelled`.
fn first_cause(read: Result<()>, assembled: Result<()>) -> Result<()> {
    use crate::error::ErrorKind::Cancelled;
    match (read, assembled) {
        (Ok(()), Ok(())) => Ok(()),
        (Ok(()), Err(e)) | (Err(e), Ok(())) => Err(e),
        (Err(read), Err(assembled)) if read.is(Cancelled) => Err(assembled),
        (Err(read), Err(_)) => Err(read),
    }
}

async fn take_cut(context: &Arc<Context>, job: &Job) -> Result<Captured> {
    let (source, settings) = (Arc::clone(&context.source), context.settings.clone());
    let (selected, selection) = (job.descriptor.selection.collections.clone(), job.selection.clone());
    let extras = job.extras.clone();
    let (staging, operation) = (context.staging(job.descriptor.attempt), Arc::clone(&job.operation));
    job.blocking(context, "cut", move || {
        let captured = capture(&source, &selected, &selection, &extras, &settings, &staging, &operation)?;
        count(&captured.cuts, &operation)?;
        Ok(captured)
    })
    .await
}

/// Sums up what there is to do, for the progress.
fn count(cuts: &[Box<dyn Cut>], operation: &crate::ops::operation::Operation) -> Result<()> {
    for cut in cuts {
        for (shard, _) in cut.shards() {
            let files = cut.files(&shard)?;
            let bytes: u64 = files.iter().map(|f| f.length).sum();
            operation.counters.files_total.fetch_add(files.len() as u64, Ordering::Relaxed);
            operation.counters.raw_total.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    Ok(())
}

async fn begin_manifest(
    context: &Arc<Context>,
    job: &Job,
    uploader: &Arc<Uploader>,
    key: &ObjectKey,
    info: &CutInfo,
    collections: &[CollectionInfo],
) -> Result<ManifestUpload> {
    let header = ManifestHeader {
        format: FORMAT,
        requires: Vec::new(),
        backup: job.id.clone(),
        attempt: job.descriptor.attempt,
        node: context.settings.node.clone(),
        engine: context.source.engine(),
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        cut: info.clone(),
    };
    let mut manifest = ManifestUpload::begin(uploader.object(key.clone(), "application/gzip")?, &header)?;
    for c in collections {
        let line =
            CollectionLine { name: c.name.clone(), schema: c.schema.clone(), aliases: c.aliases.clone() };
        manifest.write(&ManifestLine::Collection(line)).await?;
    }
    Ok(manifest)
}

/// What has no files: offloaded shards, what was skipped, opaque state.
async fn write_rest(
    manifest: &mut ManifestUpload,
    collections: &[CollectionInfo],
    skipped: &[SkippedItem],
    extras: Vec<NamedBlob>,
) -> Result<()> {
    for c in collections {
        for shard in c.shards.iter().filter(|s| s.state == TenantState::Offloaded) {
            let line =
                ShardLine { collection: c.name.clone(), tenant: shard.tenant.clone(), state: shard.state };
            manifest.write(&ManifestLine::Shard(line)).await?;
        }
    }
    for item in skipped {
        let line = SkippedLine { what: item.what.clone(), why: item.why.clone() };
        manifest.write(&ManifestLine::Skipped(line)).await?;
    }
    for extra in extras {
        if extra.content.len() > MAX_EXTRA {
            let text =
                format!("state `{}` has {} bytes; at most 1 MiB fits", extra.name, extra.content.len());
            return Err(Error::invalid("backup", text));
        }
        let content = base64::engine::general_purpose::STANDARD.encode(&extra.content);
        manifest.write(&ManifestLine::Blob(BlobLine { name: extra.name, content })).await?;
    }
    Ok(())
}

/// Records uploads in the journal.
pub(crate) struct JournalLog(pub(crate) Entry);

#[async_trait]
impl UploadLog for JournalLog {
    async fn opened(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.0.upload_opened(key.clone(), id.clone()).await
    }

    async fn closed(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.0.upload_closed(key, id).await
    }
}
