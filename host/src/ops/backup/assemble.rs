//! Puts frames into chunks in their order, and files, shards and chunks into the manifest.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::codec::TreeHasher;
use crate::error::{Error, Result};
use crate::model::{
    AttemptId, BackupId, ChunkLine, Codec, Extent, FRAME_SIZE, FileLine, Hash, ManifestLine, NodeName,
    ObjectKey, ShardLine,
};
use crate::ops::backup::manifest::ManifestUpload;
use crate::ops::backup::read::{FileStart, Item, Numbered, ReadyFrame};
use crate::ops::operation::Operation;
use crate::repository::{FrameBuffers, KnownContent, ObjectWriter, StoredObject, Uploader, layout};

/// A chunk also ends after this many frames, so that what waits for it stays small.
const CHUNK_FRAMES: u64 = 65_536;
/// Frames of one file line.
const LINE_FRAMES: usize = 4096;
/// Chunks that are being finished while the next is filled.
const FINISHING: usize = 2;

/// Where chunks go and how they are made.
pub(crate) struct Plan {
    /// The backup.
    pub(crate) id: BackupId,
    /// This attempt.
    pub(crate) attempt: AttemptId,
    /// This node.
    pub(crate) node: NodeName,
    /// The codec of all chunks.
    pub(crate) codec: Codec,
    /// Raw bytes after which a chunk ends.
    pub(crate) chunk_size: u64,
}

/// What was stored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Number of files.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) raw: u64,
    /// Bytes of all chunks.
    pub(crate) stored: u64,
    /// Bytes of the chunks that were written.
    pub(crate) new: u64,
    /// Bytes of the files whose content was stored already.
    pub(crate) reused: u64,
}

type Finishing = Pin<Box<dyn Future<Output = Result<StoredObject>> + Send>>;

/// The chunk that is being filled.
struct OpenChunk {
    number: u32,
    writer: ObjectWriter,
    raw: u64,
    frames: u64,
}

/// The file whose frames arrive.
struct OpenFile {
    start: FileStart,
    hash: TreeHasher,
    at: u64,
    extents: Vec<Extent>,
    /// Raw offset of the first frame of `extents`.
    line_at: u64,
    frames: usize,
    /// Lines that are full; they wait for the hash.
    lines: Vec<(u64, Vec<Extent>)>,
}

/// A file line that waits until the chunks it names are stored.
struct WaitingLine {
    chunk: u32,
    line: FileLine,
}

/// The assembler of one attempt.
pub(crate) struct Assembler {
    plan: Plan,
    uploader: Arc<Uploader>,
    buffers: Arc<FrameBuffers>,
    manifest: ManifestUpload,
    operation: Arc<Operation>,
    chunk: Option<OpenChunk>,
    /// Number of the chunk that was begun last; they count from 1.
    chunks: u32,
    finishing: VecDeque<(u32, u64, Finishing)>,
    /// Number of the chunk that was stored last.
    finished: u32,
    file: Option<OpenFile>,
    waiting: VecDeque<WaitingLine>,
    /// Chunks of earlier attempts that the manifest names.
    named: HashSet<ObjectKey>,
    totals: Totals,
}

impl Assembler {
    /// For one attempt; the manifest has its header and collections already.
    pub(crate) fn new(
        plan: Plan,
        uploader: Arc<Uploader>,
        buffers: Arc<FrameBuffers>,
        manifest: ManifestUpload,
        operation: Arc<Operation>,
    ) -> Self {
        Self {
            plan,
            uploader,
            buffers,
            manifest,
            operation,
            chunk: None,
            chunks: 0,
            finishing: VecDeque::new(),
            finished: 0,
            file: None,
            waiting: VecDeque::new(),
            named: HashSet::new(),
            totals: Totals::default(),
        }
    }

    /// Takes everything that the reader and the workers make, in order, until they are done.
    pub(crate) async fn run(&mut self, items: &mut UnboundedReceiver<Numbered>) -> Result<()> {
        let mut early: BTreeMap<u64, Numbered> = BTreeMap::new();
        let mut next = 0;
        while let Some(item) = items.recv().await {
            early.insert(item.number, item);
            while let Some(Numbered { item, room, .. }) = early.remove(&next) {
                next += 1;
                match item {
                    Item::Shard(line) => self.shard(line).await?,
                    Item::File(start) => self.begin_file(start).await?,
                    Item::Known(start, content) => self.known_file(start, content).await?,
                    Item::Frame(frame) => self.frame(frame?).await?,
                }
                drop(room);
            }
        }
        if early.is_empty() && self.file.is_none() {
            Ok(())
        } else {
            // The reader stopped in the middle; its own error tells why.
            Err(Error::internal("backup", "the reader ended before its last file"))
        }
    }

    /// Finishes the last chunk and the manifest.
    pub(crate) async fn finish(mut self) -> Result<(Totals, StoredObject)> {
        self.end_chunk().await?;
        while !self.finishing.is_empty() {
            self.settle_chunk().await?;
        }
        if !self.waiting.is_empty() {
            return Err(Error::internal("backup", "a file waits for a chunk that does not exist"));
        }
        let manifest = self.manifest.finish().await?;
        Ok((self.totals, manifest))
    }

    async fn shard(&mut self, line: ShardLine) -> Result<()> {
        self.manifest.write(&ManifestLine::Shard(line)).await
    }

    /// A file that lies in chunks of earlier attempts.
    async fn known_file(&mut self, start: FileStart, content: KnownContent) -> Result<()> {
        for chunk in content.chunks {
            if self.named.insert(chunk.key.clone()) {
                self.totals.stored += chunk.stored;
                self.manifest.write(&ManifestLine::Chunk(chunk)).await?;
            }
        }
        for piece in content.pieces {
            let line = line(&start, content.blake3, piece.offset, piece.extents);
            self.manifest.write(&ManifestLine::File(line)).await?;
        }
        self.totals.files += 1;
        self.totals.raw += start.file.length;
        self.totals.reused += start.file.length;
        Ok(())
    }

    async fn begin_file(&mut self, start: FileStart) -> Result<()> {
        self.totals.files += 1;
        self.totals.raw += start.file.length;
        let file = OpenFile {
            start,
            hash: TreeHasher::new(FRAME_SIZE)?,
            at: 0,
            extents: Vec::new(),
            line_at: 0,
            frames: 0,
            lines: Vec::new(),
        };
        if file.start.file.length == 0 {
            return self.end_file(file).await;
        }
        self.file = Some(file);
        Ok(())
    }

    async fn frame(&mut self, frame: ReadyFrame) -> Result<()> {
        let Some(mut file) = self.file.take() else {
            return Err(Error::internal("backup", "a frame without its file"));
        };
        file.hash.push(frame.hash)?;
        let offset = self.append(&frame).await?;
        let Some(chunk) = &mut self.chunk else {
            return Err(Error::internal("backup", "a frame without its chunk"));
        };
        chunk.raw += frame.raw;
        chunk.frames += 1;
        let stored = u32::try_from(frame.stored.len())
            .map_err(|e| Error::internal("backup", "a frame is too long").with_source(e))?;
        match file.extents.last_mut() {
            Some(extent) if extent.chunk == *chunk.writer.key() => extent.frames.push(stored),
            _ => {
                file.extents.push(Extent { chunk: chunk.writer.key().clone(), offset, frames: vec![stored] })
            }
        }
        self.buffers.give(frame.stored);
        file.at += frame.raw;
        file.frames += 1;
        if file.frames == LINE_FRAMES {
            let extents = std::mem::take(&mut file.extents);
            file.lines.push((file.line_at, extents));
            file.line_at = file.at;
            file.frames = 0;
        }
        let full = chunk.raw >= self.plan.chunk_size || chunk.frames >= CHUNK_FRAMES;
        if file.at == file.start.file.length {
            self.end_file(file).await?;
        } else {
            self.file = Some(file);
        }
        if full { self.end_chunk().await } else { Ok(()) }
    }

    /// Appends a frame to the open chunk and answers where it begins.
    async fn append(&mut self, frame: &ReadyFrame) -> Result<u64> {
        if self.chunk.is_none() {
            let number = self.chunks + 1;
            let key = layout::chunk_key(&self.plan.id, self.plan.attempt, &self.plan.node, number)?;
            let writer = self.uploader.object(key, "application/octet-stream")?;
            self.chunk = Some(OpenChunk { number, writer, raw: 0, frames: 0 });
            self.chunks = number;
        }
        let Some(chunk) = &mut self.chunk else { return Err(Error::internal("backup", "no chunk is open")) };
        let offset = chunk.writer.len();
        chunk.writer.write(&frame.stored).await?;
        self.operation
            .counters
            .stored
            .fetch_add(frame.stored.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(offset)
    }

    async fn end_file(&mut self, file: OpenFile) -> Result<()> {
        let OpenFile { start, hash, extents, line_at, mut lines, .. } = file;
        if !extents.is_empty() || start.file.length == 0 {
            lines.push((line_at, extents));
        }
        let blake3 = hash.finish();
        for (offset, extents) in lines {
            let line = line(&start, blake3, offset, extents);
            if line.length == 0 {
                self.manifest.write(&ManifestLine::File(line)).await?;
            } else {
                // Its last frame lies in the chunk that was begun last.
                self.waiting.push_back(WaitingLine { chunk: self.chunks, line });
            }
        }
        Ok(())
    }

    async fn end_chunk(&mut self) -> Result<()> {
        let Some(chunk) = self.chunk.take() else { return Ok(()) };
        let OpenChunk { number, writer, raw, .. } = chunk;
        let task = tokio::spawn(writer.finish());
        let abort = tokio_util::task::AbortOnDropHandle::new(task);
        let done: Finishing = Box::pin(async move {
            abort
                .await
                .map_err(|e| Error::internal("put", "finishing a chunk ended unexpectedly").with_source(e))?
        });
        self.finishing.push_back((number, raw, done));
        while self.finishing.len() > FINISHING {
            self.settle_chunk().await?;
        }
        Ok(())
    }

    /// Waits for the oldest chunk, then writes it and the files that waited for it.
    async fn settle_chunk(&mut self) -> Result<()> {
        let Some((number, raw, done)) = self.finishing.pop_front() else { return Ok(()) };
        let stored = done.await?;
        self.totals.stored += stored.len;
        self.totals.new += stored.len;
        let line = ChunkLine {
            key: stored.key,
            codec: self.plan.codec,
            raw,
            stored: stored.len,
            blake3: stored.blake3,
        };
        self.manifest.write(&ManifestLine::Chunk(line)).await?;
        self.finished = number;
        while self.waiting.front().is_some_and(|w| w.chunk <= self.finished) {
            if let Some(w) = self.waiting.pop_front() {
                self.manifest.write(&ManifestLine::File(w.line)).await?;
            }
        }
        Ok(())
    }
}

fn line(start: &FileStart, blake3: Hash, offset: u64, extents: Vec<Extent>) -> FileLine {
    FileLine {
        collection: start.shard.collection.clone(),
        tenant: start.shard.tenant.clone(),
        path: start.file.path.clone(),
        length: start.file.length,
        mode: start.file.mode & 0o777,
        blake3,
        offset,
        extents,
    }
}
