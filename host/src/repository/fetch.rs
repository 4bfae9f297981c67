//! Brings files back: ranged gets in parallel, frames decompressed and hashed on the worker threads, each file checked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::codec::{BlockHash, TreeHasher, hash_block};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Codec, FRAME_SIZE, FileLine, ObjectKey};
use crate::repository::workers::{Worker, Workers};
use crate::storage::{ByteRange, Sink, Storage};

/// Stored bytes of one ranged get, unless a single frame is longer.
const WINDOW: u64 = 4 << 20;
/// Frames of one ranged get.
const WINDOW_FRAMES: usize = 256;

/// Where the bytes of fetched files go. Called from the worker threads.
pub(crate) trait FileSink: Send + Sync + 'static {
    /// Takes raw bytes of a file, frame by frame in any order.
    fn write(&self, file: &FileLine, offset: u64, data: &[u8]) -> Result<()>;
    /// The file is complete and its hash is right.
    fn complete(&self, file: &FileLine) -> Result<()>;
    /// Something is wrong with a file. An error ends the fetch; `Ok` goes on with the other files.
    fn failed(&self, file: &FileLine, error: Error) -> Result<()>;
    /// Stored bytes arrived.
    fn fetched(&self, bytes: u64);
}

/// A file in the making.
struct Target {
    file: FileLine,
    left: AtomicU64,
    hashes: Mutex<Hashes>,
}

/// Block hashes come in any order and are merged in order; what waits is bounded by the frames in flight.
struct Hashes {
    next: u64,
    waiting: HashMap<u64, BlockHash>,
    /// Gone when the file is done or has failed.
    tree: Option<TreeHasher>,
}

/// One frame of a window.
struct Frame {
    target: Arc<Target>,
    codec: Codec,
    at: u64,
    stored: u32,
}

/// Adjacent frames of one chunk.
struct Window {
    chunk: ObjectKey,
    offset: u64,
    len: u64,
    frames: Vec<Frame>,
}

/// A fetch in progress. Lines are handed in as the manifest gives them; [`Fetch::finish`] waits for the rest.
pub(crate) struct Fetch {
    storage: Arc<dyn Storage>,
    workers: Workers,
    sink: Arc<dyn FileSink>,
    cancel: CancellationToken,
    codecs: HashMap<ObjectKey, Codec>,
    open: Option<Arc<Target>>,
    window: Option<Window>,
    room: Arc<Semaphore>,
    tasks: JoinSet<Result<()>>,
}

impl Fetch {
    /// At most `in_flight` windows at once.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        workers: Workers,
        sink: Arc<dyn FileSink>,
        in_flight: usize,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            storage,
            workers,
            sink,
            cancel,
            codecs: HashMap::new(),
            open: None,
            window: None,
            room: Arc::new(Semaphore::new(in_flight.max(1))),
            tasks: JoinSet::new(),
        }
    }

    /// Makes a chunk known, before any file that lies in it.
    pub(crate) fn chunk(&mut self, key: ObjectKey, codec: Codec) {
        self.codecs.insert(key, codec);
    }

    /// Takes the next line of a file. Lines of one file follow each other.
    pub(crate) async fn file(&mut self, line: FileLine) -> Result<()> {
        let target = match &self.open {
            Some(open) if line.offset > 0 && open.file.path == line.path => Arc::clone(open),
            _ => Arc::new(Target::new(&line)?),
        };
        self.open = Some(Arc::clone(&target));
        if line.length == 0 {
            return target.end(&*self.sink);
        }
        let mut at = line.offset;
        for extent in line.extents {
            let codec = *self.codecs.get(&extent.chunk).ok_or_else(|| {
                Error::corrupt("read", format!("chunk `{}` was not declared", extent.chunk))
            })?;
            let mut offset = extent.offset;
            for stored in extent.frames {
                let frame = Frame { target: Arc::clone(&target), codec, at, stored };
                self.frame(&extent.chunk, offset, frame).await?;
                offset += u64::from(stored);
                at += FRAME_SIZE;
            }
        }
        Ok(())
    }

    async fn frame(&mut self, chunk: &ObjectKey, offset: u64, frame: Frame) -> Result<()> {
        let stored = u64::from(frame.stored);
        let fits = self.window.as_ref().is_some_and(|w| {
            w.chunk == *chunk
                && w.offset + w.len == offset
                && w.len + stored <= WINDOW
                && w.frames.len() < WINDOW_FRAMES
        });
        if !fits {
            self.send().await?;
        }
        let window = self.window.get_or_insert_with(|| Window {
            chunk: chunk.clone(),
            offset,
            len: 0,
            frames: Vec::new(),
        });
        window.len += stored;
        window.frames.push(frame);
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        let Some(window) = self.window.take() else { return Ok(()) };
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_owned() => room.map_err(|_| Error::cancelled("read"))?,
            () = self.cancel.cancelled() => return Err(Error::cancelled("read")),
        };
        while let Some(done) = self.tasks.try_join_next() {
            joined(done)?;
        }
        let (storage, workers, sink) =
            (Arc::clone(&self.storage), self.workers.clone(), Arc::clone(&self.sink));
        self.tasks.spawn(async move { fetch(&*storage, &workers, &sink, window, room).await });
        Ok(())
    }

    /// Waits until everything that was handed in is done.
    pub(crate) async fn finish(mut self) -> Result<()> {
        self.send().await?;
        loop {
            tokio::select! {
                done = self.tasks.join_next() => match done {
                    Some(done) => joined(done)?,
                    None => return Ok(()),
                },
                () = self.cancel.cancelled() => return Err(Error::cancelled("read")),
            }
        }
    }
}

fn joined(done: std::result::Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    done.map_err(|e| {
        Error::internal("read", "a task that fetched a range ended unexpectedly").with_source(e)
    })?
}

async fn fetch(
    storage: &dyn Storage,
    workers: &Workers,
    sink: &Arc<dyn FileSink>,
    window: Window,
    _room: OwnedSemaphorePermit,
) -> Result<()> {
    let into = Sink::new(window.len);
    let range = ByteRange { offset: window.offset, len: Some(window.len) };
    let bytes = match storage.get(&window.chunk, range, &into).await {
        Ok(got) if got == window.len => into.take(),
        Ok(got) => {
            let text =
                format!("chunk `{}` gave {got} of {} bytes at {}", window.chunk, window.len, window.offset);
            return fail_all(&**sink, &window.frames, &Error::corrupt("read", text));
        }
        Err(error) => {
            return fail_all(&**sink, &window.frames, &missing_chunk(error, &window.chunk));
        }
    };
    sink.fetched(window.len);
    let mut waits = Vec::with_capacity(window.frames.len());
    let mut start = 0_usize;
    for frame in window.frames {
        let end = start + frame.stored as usize;
        let stored = bytes.slice(start..end);
        start = end;
        let sink = Arc::clone(sink);
        let (answer, done) = oneshot::channel();
        workers.submit(move |worker| {
            // Nobody waits any more when the fetch was given up.
            let _ = answer.send(frame.take(worker, &stored, &*sink));
        })?;
        waits.push(done);
    }
    for done in waits {
        done.await.map_err(|_| Error::internal("read", "a codec thread ended unexpectedly"))??;
    }
    Ok(())
}

/// A chunk that is not there makes the backup damaged; to "not found" a caller would look for another id.
pub(crate) fn missing_chunk(error: Error, key: &ObjectKey) -> Error {
    if error.is(ErrorKind::NotFound) {
        Error::corrupt("read", format!("chunk `{key}` is missing")).with_source(error)
    } else {
        error
    }
}

/// Tells every file of a window, once each; frames of a file lie side by side.
fn fail_all(sink: &dyn FileSink, frames: &[Frame], error: &Error) -> Result<()> {
    for frame in frames {
        let copy = Error::new(error.kind(), error.operation(), error.message()).with_retry(error.retry());
        frame.target.fail(sink, copy)?;
    }
    Ok(())
}

impl Frame {
    fn take(&self, worker: &mut Worker, stored: &[u8], sink: &dyn FileSink) -> Result<()> {
        let file = &self.target.file;
        let raw = (file.length - self.at).min(FRAME_SIZE);
        let Worker { decoder, scratch, .. } = worker;
        // Not cleared before: the decoder would have to fill it with zeros again.
        let hash = decoder.decode(self.codec, stored, raw, scratch).and_then(|()| {
            sink.write(file, self.at, scratch)?;
            hash_block(self.at, scratch)
        });
        match hash {
            Ok(hash) => self.target.frame_done(self.at, hash, sink),
            Err(error) => self.target.fail(sink, error),
        }
    }
}

impl Target {
    fn new(line: &FileLine) -> Result<Self> {
        let frames = line.length.div_ceil(FRAME_SIZE);
        let tree = TreeHasher::new(FRAME_SIZE)?;
        Ok(Self {
            file: FileLine { extents: Vec::new(), ..line.clone() },
            left: AtomicU64::new(frames),
            hashes: Mutex::new(Hashes { next: 0, waiting: HashMap::new(), tree: Some(tree) }),
        })
    }

    fn frame_done(&self, at: u64, hash: BlockHash, sink: &dyn FileSink) -> Result<()> {
        {
            let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.waiting.insert(at, hash);
            while let Some(hash) = {
                let next = hashes.next;
                hashes.waiting.remove(&next)
            } {
                if let Some(tree) = &mut hashes.tree {
                    tree.push(hash)?;
                }
                hashes.next += FRAME_SIZE;
            }
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 { self.end(sink) } else { Ok(()) }
    }

    /// All frames are there: the file is right, or not.
    fn end(&self, sink: &dyn FileSink) -> Result<()> {
        let tree = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).tree.take();
        // Without a tree the file has failed before, and that was told.
        let Some(tree) = tree else { return Ok(()) };
        let (len, hash) = (tree.len(), tree.finish());
        if len != self.file.length || hash != self.file.blake3 {
            let text = format!(
                "the content is not what was backed up: BLAKE3 {hash}, expected {}",
                self.file.blake3
            );
            return sink.failed(&self.file, Error::corrupt("read", text));
        }
        sink.complete(&self.file)
    }

    /// Fails the file, once.
    fn fail(&self, sink: &dyn FileSink, error: Error) -> Result<()> {
        let first = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).tree.take().is_some();
        self.left.fetch_sub(1, Ordering::AcqRel);
        if first { sink.failed(&self.file, error) } else { Ok(()) }
    }
}
