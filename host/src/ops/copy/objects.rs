//! Moves objects: ranged reads of the source feed the parts of the target, several objects at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::Job;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChunkLine, Compression, Hash, NodeEntry, ObjectKey};
use crate::ops::backup::JournalLog;
use crate::ops::context::Context;
use crate::ops::operation::Operation;
use crate::repository::{Uploader, Workers};
use crate::storage::{ByteRange, PartOrder, Sink, Storage};

/// Bytes of one ranged get.
const STEP: u64 = 4 << 20;
/// Ranges of one object that are read ahead.
const AHEAD: usize = 4;
/// Objects on their way at once.
const OBJECTS: usize = 3;
/// Parts in flight for each of them, so that one that is being filled never waits for another one that is.
const PARTS_PER_OBJECT: usize = 2;
/// Parts that one object may have in memory at a store without multipart uploads: the largest chunk that a writer makes.
const PARTS_OF_WHOLE: usize = 34;

/// Objects on their way. Dropping it stops them.
pub(super) struct Objects {
    source: Arc<dyn Storage>,
    uploader: Arc<Uploader>,
    operation: Arc<Operation>,
    tasks: JoinSet<Result<()>>,
    steps: TaskTracker,
    at_once: usize,
}

/// What an object must be.
struct Wanted {
    key: ObjectKey,
    len: u64,
    blake3: Hash,
    content_type: &'static str,
}

impl Objects {
    pub(super) fn new(context: &Context, job: &Job) -> Result<Self> {
        // Without parts a whole object waits in memory for its put, so there is one at a time.
        let (at_once, in_flight) = match job.target.capabilities().parts.order {
            PartOrder::None => (1, PARTS_OF_WHOLE),
            _ => (OBJECTS, OBJECTS * PARTS_PER_OBJECT),
        };
        let uploader = Uploader::new(
            Arc::clone(&job.target),
            Workers::start(context.settings.cores, Compression::default())?,
            Arc::new(JournalLog(job.entry.clone())),
            job.entry.attempt(),
            in_flight,
            job.steps.clone(),
        )?;
        Ok(Self {
            source: Arc::clone(&job.source),
            uploader: Arc::new(uploader),
            operation: Arc::clone(&job.operation),
            tasks: JoinSet::new(),
            steps: job.steps.clone(),
            at_once,
        })
    }

    /// Sends a chunk; waits while enough are on their way.
    pub(super) async fn chunk(&mut self, chunk: ChunkLine) -> Result<()> {
        let (key, len, blake3) = (chunk.key, chunk.stored, chunk.blake3);
        self.send(Wanted { key, len, blake3, content_type: "application/octet-stream" }).await
    }

    /// Sends the manifest of a node.
    pub(super) async fn manifest(&mut self, node: &NodeEntry) -> Result<()> {
        let (key, len, blake3) = (node.manifest.clone(), node.manifest_bytes, node.manifest_blake3);
        self.send(Wanted { key, len, blake3, content_type: "application/gzip" }).await
    }

    async fn send(&mut self, wanted: Wanted) -> Result<()> {
        while self.tasks.len() >= self.at_once {
            self.join_one().await?;
        }
        let (source, uploader) = (Arc::clone(&self.source), Arc::clone(&self.uploader));
        let operation = Arc::clone(&self.operation);
        // Counted as a step: one that is aborted may run a little longer and begin an upload, which must not come after the
        // clean-up.
        self.tasks.spawn(self.steps.track_future(move_object(source, uploader, operation, wanted)));
        Ok(())
    }

    async fn join_one(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            None => Ok(()),
            Some(done) => done.map_err(unexpected)?,
        }
    }

    /// Waits until all are there.
    pub(super) async fn finish(mut self) -> Result<()> {
        while !self.tasks.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }
}

async fn move_object(
    source: Arc<dyn Storage>,
    uploader: Arc<Uploader>,
    operation: Arc<Operation>,
    wanted: Wanted,
) -> Result<()> {
    let mut object = uploader.object(wanted.key.clone(), wanted.content_type)?;
    let mut ahead: VecDeque<AbortOnDropHandle<Result<Bytes>>> = VecDeque::new();
    let mut asked = 0;
    loop {
        while ahead.len() < AHEAD && asked < wanted.len {
            let (source, key, total) = (Arc::clone(&source), wanted.key.clone(), wanted.len);
            let (offset, len) = (asked, STEP.min(wanted.len - asked));
            asked += len;
            let read = tokio::spawn(async move { read(&*source, &key, (offset, len), total).await });
            ahead.push_back(AbortOnDropHandle::new(read));
        }
        let Some(next) = ahead.pop_front() else { break };
        let bytes = next.await.map_err(unexpected)??;
        object.write(&bytes).await?;
        let moved = bytes.len() as u64;
        operation.counters.raw_done.fetch_add(moved, Ordering::Relaxed);
        operation.counters.stored.fetch_add(moved, Ordering::Relaxed);
    }
    let stored = object.finish_as(Some(wanted.blake3)).await.map_err(|e| e.with("source", source.home()))?;
    tracing::debug!(key = %stored.key, bytes = stored.len, "copied");
    Ok(())
}

async fn read(source: &dyn Storage, key: &ObjectKey, (offset, len): (u64, u64), total: u64) -> Result<Bytes> {
    let sink = Sink::new(len);
    let got = match source.get(key, ByteRange { offset, len: Some(len) }, &sink).await {
        Ok(got) => got,
        Err(e) if e.is(ErrorKind::NotFound) => {
            let text = format!("`{key}` is missing at {}", source.home());
            return Err(Error::corrupt("copy", text).with_source(e));
        }
        Err(e) => return Err(e),
    };
    if got != len {
        let text = format!("`{key}` ends after {} of {total} bytes at {}", offset + got, source.home());
        return Err(Error::corrupt("copy", text));
    }
    Ok(sink.take())
}

fn unexpected(error: JoinError) -> Error {
    Error::internal("copy", "a task that moved an object ended unexpectedly").with_source(error)
}
