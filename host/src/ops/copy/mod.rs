//! The verb `copy`: carries a backup to another location, under the same keys.
//!
//! Chunks first, then manifests, then the descriptor, which is the commit. Every object is hashed on its way and appears
//! at the target only if it is what the manifest or the descriptor says, so a copy that ended early leaves whole objects
//! and no backup; the next one goes on from them. Nothing at the target is ever deleted but the copy's own uploads.

mod handle;
mod objects;
mod target;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use self::objects::Objects;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Phase, Record, Verb, Wish};
use crate::model::{BackendName, BackupId, ChunkLine, Location, ManifestLine, NodeEntry, State, Timestamp};
use crate::ops::context::{Context, status_text, unknown_backup};
use crate::ops::operation::Operation;
use crate::ops::registry::Address;
use crate::ops::verify::{check_owner, stored_lengths};
use crate::ops::{CopyReport, CopyRequest, Progress, Status};
use crate::repository::{ManifestSpool, descriptor_store};
use crate::storage::{Preconditions, Storage};

pub use handle::Copying;
pub(crate) use target::end as end_copy;

/// How long steps that must not be torn apart are waited for when a copy has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A copy that was accepted.
struct Job {
    source: Arc<dyn Storage>,
    target: Arc<dyn Storage>,
    /// The descriptor at the source, with its bytes.
    found: descriptor_store::Loaded,
    /// Whether the target's descriptor is there already.
    committed: Committed,
    proven: Preconditions,
    entry: Entry,
    operation: Arc<Operation>,
    steps: TaskTracker,
}

/// Whether the backup is at the target already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Committed {
    No,
    Yes,
}

/// What is needed of one node.
struct Node {
    entry: NodeEntry,
    chunks: Vec<ChunkLine>,
}

/// Accepts a copy, or says why not; then it runs by itself.
pub(crate) async fn accept(context: Arc<Context>, request: CopyRequest) -> Result<Copying> {
    let id = BackupId::new(request.id.clone())?;
    let (from, source) = context.storage(&request.from, &request.from_location).await?;
    let (to, target) = context.storage(&request.to, &request.to_location).await?;
    if from == to && (request.from_location == request.to_location || source.home() == target.home()) {
        let text = format!("source and target are the same location, {}", target.home());
        return Err(Error::invalid("copy", text));
    }
    let status = first_status(&request, &to, &id, &*target, context.now());
    let operation = Arc::new(Operation::new(status, Arc::clone(&context.clock)));
    let address = Address {
        verb: Verb::Copy,
        backend: to.to_string(),
        location: request.to_location.clone(),
        id: id.to_string(),
    };
    context.registry.begin(address.clone(), Arc::clone(&operation))?;
    match begin(&context, &id, (to, &request.to_location), source, target, &operation).await {
        Ok(job) => Ok(handle::start(&context, &operation, run(Arc::clone(&context), job))),
        Err(error) => {
            operation.end(State::Failed, Some(status_text(&error)));
            context.registry.forget(&address);
            Err(error)
        }
    }
}

fn first_status(
    request: &CopyRequest,
    to: &BackendName,
    id: &BackupId,
    target: &dyn Storage,
    now: Timestamp,
) -> Status {
    Status {
        backend: to.to_string(),
        id: id.to_string(),
        path: format!("{}/{id}", target.home()),
        location: request.to_location.clone(),
        state: State::Started,
        error: None,
        started_at: now,
        completed_at: Timestamp::ZERO,
        collections: Vec::new(),
        raw_bytes: 0,
        base: None,
        from_node: None,
        progress: Progress::default(),
        outcome: None,
    }
}

async fn begin(
    context: &Arc<Context>,
    id: &BackupId,
    (to, place): (BackendName, &Location),
    source: Arc<dyn Storage>,
    target: Arc<dyn Storage>,
    operation: &Arc<Operation>,
) -> Result<Job> {
    let found = descriptor_store::load(&*source, id)
        .await?
        .ok_or_else(|| unknown_backup(id.as_str(), source.home()))?;
    let state = found.descriptor.state;
    if state != State::Success {
        let text = format!("backup `{id}` is {}; only a SUCCESS can be copied", state.as_str());
        return Err(Error::invalid("copy", text));
    }
    let committed = target::look(&*target, &found).await?;
    // An attempt of its own names its record and its temporary objects: that of the backup may be somebody else's work.
    let attempt = context.new_attempt();
    let record = Record {
        verb: Verb::Copy,
        id: id.clone(),
        backend: to.clone(),
        bucket: place.bucket.clone(),
        path: place.path.clone(),
        node: context.settings.node.clone(),
        attempt,
        phase: Phase::Begun,
        uploads: Vec::new(),
        started_at: operation.status().started_at,
        collections: Vec::new(),
        wish: Wish::GoOn,
    };
    let entry = context.journal.begin(record).await?;
    let proven = match context.prove(&to, place, &*target, attempt).await {
        Ok(proven) => proven,
        Err(error) => {
            // At worst a probe of a few bytes stays, as with a backup that is refused.
            entry.finish().await?;
            return Err(error);
        }
    };
    let (operation, steps) = (Arc::clone(operation), TaskTracker::new());
    Ok(Job { source, target, found, committed, proven, entry, operation, steps })
}

/// Runs an accepted copy to its end, and cleans up after one that failed.
async fn run(context: Arc<Context>, job: Job) -> Result<CopyReport> {
    let made = tokio::select! {
        biased;
        () = job.operation.cancel.cancelled() => Err(Error::cancelled("copy")),
        made = make(&context, &job) => made,
    };
    let ended = match made {
        Ok(made) => job.operation.begin_commit(Duration::ZERO).await.map(|()| made),
        Err(error) => Err(error),
    };
    let ended = match ended {
        Ok((report, nodes)) => match commit(&job).await {
            Ok(()) => confirm(&context, &job, &nodes).await.map(|()| report).map_err(|e| {
                let is_certain = [ErrorKind::Conflict, ErrorKind::AlreadyExists, ErrorKind::Corrupt];
                if is_certain.iter().any(|kind| e.is(*kind)) { e } else { e.outcome_unknown() }
            }),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    job.steps.close();
    let waited = tokio::time::timeout(PATIENCE, job.steps.wait()).await;
    let cleaned = match waited {
        Ok(()) => target::clean(&*job.target, &job.entry).await,
        Err(_) => Err(Error::new(ErrorKind::Timeout, "copy", "beginning an upload has not ended")),
    };
    if let Err(error) = cleaned {
        let id = &job.found.descriptor.id;
        tracing::warn!(%id, %error, "what a copy left at its target stays recorded for the next start");
    }
    ended
}

async fn make(context: &Arc<Context>, job: &Job) -> Result<(CopyReport, Vec<Node>)> {
    job.entry.set_phase(Phase::Moving).await?;
    job.operation.enter(State::Transferring);
    let nodes = read_manifests(context, job).await?;
    let mut report = CopyReport {
        from: job.source.home().to_owned(),
        to: job.target.home().to_owned(),
        ..CopyReport::default()
    };
    let mut objects = Objects::new(context, job)?;
    for node in &nodes {
        let mut missing = Vec::new();
        stored_lengths(&*job.target, &node.chunks, |chunk, size| {
            report.chunks += 1;
            if size == Some(chunk.stored) {
                report.kept_bytes += chunk.stored;
                job.operation.counters.raw_done.fetch_add(chunk.stored, Ordering::Relaxed);
            } else {
                missing.push(chunk.clone());
            }
        })
        .await?;
        for chunk in missing {
            report.sent_chunks += 1;
            report.sent_bytes += chunk.stored;
            objects.chunk(chunk).await?;
        }
    }
    objects.finish().await?;
    // All chunks of all nodes are there: now what names them.
    for node in &nodes {
        if !holds_manifest(context, job, node).await? {
            let mut objects = Objects::new(context, job)?;
            objects.manifest(&node.entry).await?;
            objects.finish().await?;
        }
    }
    check(context, job, &nodes).await?;
    Ok((report, nodes))
}

/// Reads all manifests of the source to their end before anything is written, so that nothing is begun with a damaged one.
async fn read_manifests(context: &Arc<Context>, job: &Job) -> Result<Vec<Node>> {
    let descriptor = &job.found.descriptor;
    let mut nodes = Vec::new();
    for (name, entry) in &descriptor.nodes {
        let spool = ManifestSpool::fetch(&*job.source, entry, &context.scratch()).await?;
        let (id, attempt, name) = (descriptor.id.clone(), descriptor.attempt, name.clone());
        let read = spool.read(move |mut lines| {
            check_owner(lines.header(), &id, attempt, &name)?;
            let mut chunks = Vec::new();
            for line in &mut lines {
                if let ManifestLine::Chunk(chunk) = line? {
                    chunks.push(chunk);
                }
            }
            Ok(chunks)
        });
        let chunks = read.await?;
        let bytes: u64 = chunks.iter().fold(0, |sum, chunk| sum.saturating_add(chunk.stored));
        job.operation.counters.raw_total.fetch_add(bytes, Ordering::Relaxed);
        nodes.push(Node { entry: entry.clone(), chunks });
    }
    Ok(nodes)
}

/// Whether the target has exactly this manifest, read back.
async fn holds_manifest(context: &Arc<Context>, job: &Job, node: &Node) -> Result<bool> {
    match ManifestSpool::fetch(&*job.target, &node.entry, &context.scratch()).await {
        Ok(_) => Ok(true),
        Err(e) if e.is(ErrorKind::Corrupt) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Everything is at the target: lengths of chunks as the store lists them, manifests as they are read back.
async fn check(context: &Arc<Context>, job: &Job, nodes: &[Node]) -> Result<()> {
    for node in nodes {
        let mut wrong = None;
        stored_lengths(&*job.target, &node.chunks, |chunk, size| {
            if size != Some(chunk.stored) {
                wrong.get_or_insert_with(|| chunk.key.clone());
            }
        })
        .await?;
        if let Some(key) = wrong {
            let text =
                format!("chunk `{key}` is not at {} with its length after it was sent", job.target.home());
            return Err(Error::corrupt("copy", text));
        }
        if !holds_manifest(context, job, node).await? {
            let text =
                format!("manifest `{}` cannot be read back from {}", node.entry.manifest, job.target.home());
            return Err(Error::corrupt("copy", text));
        }
    }
    Ok(())
}

/// Looks once more at what the copy is made of: another process, or another way to write the location, may have forgotten the
/// backup while it was sent.
async fn confirm(context: &Arc<Context>, job: &Job, nodes: &[Node]) -> Result<()> {
    if target::look(&*job.target, &job.found).await? == Committed::No {
        let text = format!(
            "backup `{}` was removed from {} while it was copied",
            job.found.descriptor.id,
            job.target.home()
        );
        return Err(Error::new(ErrorKind::Conflict, "copy", text));
    }
    check(context, job, nodes).await
}

/// Writes the descriptor as the source has it, byte for byte: the one commit point.
async fn commit(job: &Job) -> Result<()> {
    if job.committed == Committed::Yes {
        return Ok(());
    }
    job.entry.set_phase(Phase::Committing).await?;
    target::publish(&*job.target, &job.found, job.entry.attempt(), job.proven).await
}
