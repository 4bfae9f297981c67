//! Reads the files of the cuts, frame by frame, and hands the frames to the worker threads.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::codec::{BlockHash, hash_block};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Codec, FRAME_SIZE, ShardId, ShardLine};
use crate::ops::backup::reuse;
use crate::ops::operation::Operation;
use crate::repository::{ContentIndex, FrameBuffers, KnownContent, Workers};
use crate::source::{Cut, SegmentFile};

/// What an item weighs at least, so that a million empty files are bounded too.
const LEAST_WEIGHT: u64 = 4 << 10;

/// Something for the assembler, in the order of its number.
pub(crate) struct Numbered {
    /// Counts from 0 without a gap.
    pub(crate) number: u64,
    /// What.
    pub(crate) item: Item,
    /// Room in the pipeline, given back when the item is consumed.
    pub(crate) room: OwnedSemaphorePermit,
}

/// What the reader and the workers make.
pub(crate) enum Item {
    /// A shard begins.
    Shard(ShardLine),
    /// A file begins; its frames follow.
    File(FileStart),
    /// A file whose content is stored already; no frames follow.
    Known(FileStart, KnownContent),
    /// A frame of the file that began last.
    Frame(Result<ReadyFrame>),
}

/// A file that begins.
pub(crate) struct FileStart {
    /// Its shard.
    pub(crate) shard: ShardId,
    /// What the source says about it.
    pub(crate) file: SegmentFile,
}

/// A frame as it will be stored.
pub(crate) struct ReadyFrame {
    /// Its stored bytes.
    pub(crate) stored: Vec<u8>,
    /// Its raw length.
    pub(crate) raw: u64,
    /// Its raw hash.
    pub(crate) hash: BlockHash,
}

/// The reader's side of the pipeline.
pub(crate) struct Feed {
    /// To the assembler. Bounded by `room`.
    pub(crate) items: UnboundedSender<Numbered>,
    /// KiB of raw bytes that may be between reader and assembler.
    pub(crate) room: Arc<Semaphore>,
    /// Raw bytes that `room` stands for.
    pub(crate) capacity: u64,
    /// Compress and hash.
    pub(crate) workers: Workers,
    /// The codec; raw frames are handed on without a copy.
    pub(crate) codec: Codec,
    /// Buffers to use again.
    pub(crate) buffers: Arc<FrameBuffers>,
    /// The runtime to wait on.
    pub(crate) runtime: Handle,
    /// Counts and cancels.
    pub(crate) operation: Arc<Operation>,
    /// The content of the base.
    pub(crate) base: Option<Arc<ContentIndex>>,
}

/// Reads all cuts, dropping each when it is read. Blocks.
pub(crate) fn read_cuts(cuts: Vec<Box<dyn Cut>>, feed: &Feed) -> Result<()> {
    let mut number = 0;
    for cut in cuts {
        for (shard, state) in cut.shards() {
            let line =
                ShardLine { collection: shard.collection.clone(), tenant: shard.tenant.clone(), state };
            feed.send(&mut number, 0, Item::Shard(line))?;
            for file in cut.files(&shard)? {
                feed.read_file(&mut number, &shard, file)?;
            }
        }
    }
    Ok(())
}

impl Feed {
    /// Waits for room for so many raw bytes.
    pub(super) fn wait(&self, weight: u64) -> Result<OwnedSemaphorePermit> {
        if self.items.is_closed() {
            // The assembler ends early only when something failed; its error is the one that counts.
            return Err(Error::cancelled("backup"));
        }
        let weight = weight.clamp(LEAST_WEIGHT, self.capacity);
        let units = u32::try_from(weight >> 10).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.operation.cancel.cancelled() => Err(Error::cancelled("backup")),
                room = room => room.map_err(|_| Error::cancelled("backup")),
            }
        })
    }

    fn send(&self, number: &mut u64, weight: u64, item: Item) -> Result<()> {
        let room = self.wait(weight)?;
        let sent = self.items.send(Numbered { number: *number, item, room });
        *number += 1;
        // The assembler ends early only when something failed; its error is the one that counts.
        sent.map_err(|_| Error::cancelled("backup"))
    }

    fn read_file(&self, number: &mut u64, shard: &ShardId, file: SegmentFile) -> Result<()> {
        let length = file.length;
        let start = FileStart { shard: shard.clone(), file: file.clone() };
        let known = self.base.as_ref().map(|base| reuse::known(self, base, shard, &file)).transpose()?;
        if let Some(known) = known.flatten() {
            self.operation.counters.raw_done.fetch_add(length, Ordering::Relaxed);
            self.operation.counters.files_done.fetch_add(1, Ordering::Relaxed);
            let weight = known.weight();
            return self.send(number, weight, Item::Known(start, known));
        }
        let mut content = file.open().map_err(|e| unreadable(shard, &file, e))?;
        self.send(number, 0, Item::File(start))?;
        let mut at = 0;
        while at < length {
            let raw = (length - at).min(FRAME_SIZE);
            let room = self.wait(raw)?;
            let buffer = read_frame(&mut content, self.buffers.take(), at, shard, &file)?;
            self.hand_over(*number, at, buffer, room)?;
            *number += 1;
            at += raw;
            self.operation.counters.raw_done.fetch_add(raw, Ordering::Relaxed);
        }
        self.operation.counters.files_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn hand_over(&self, number: u64, at: u64, raw: Vec<u8>, room: OwnedSemaphorePermit) -> Result<()> {
        let (items, buffers, codec) = (self.items.clone(), Arc::clone(&self.buffers), self.codec);
        let answer = Answer { items, number, room: Some(room) };
        self.workers.submit(move |worker| {
            let length = raw.len() as u64;
            let frame = hash_block(at, &raw).and_then(|hash| {
                if codec == Codec::None {
                    return Ok(ReadyFrame { stored: raw, raw: length, hash });
                }
                let mut stored = buffers.take();
                worker.encoder.encode(&raw, &mut stored)?;
                buffers.give(raw);
                Ok(ReadyFrame { stored, raw: length, hash })
            });
            answer.send(frame);
        })
    }
}

/// Gives the assembler what it waits for, even when the job that was to make it panics.
struct Answer {
    items: UnboundedSender<Numbered>,
    number: u64,
    room: Option<OwnedSemaphorePermit>,
}

impl Answer {
    fn send(mut self, frame: Result<ReadyFrame>) {
        self.deliver(frame);
    }

    fn deliver(&mut self, frame: Result<ReadyFrame>) {
        if let Some(room) = self.room.take() {
            // When the assembler is gone, the backup has failed already.
            let _ = self.items.send(Numbered { number: self.number, item: Item::Frame(frame), room });
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.deliver(Err(Error::internal("compress", "a codec thread ended unexpectedly")));
    }
}

/// Reads the frame at `at` into an empty buffer.
pub(super) fn read_frame(
    content: &mut (impl Read + ?Sized),
    mut buffer: Vec<u8>,
    at: u64,
    shard: &ShardId,
    file: &SegmentFile,
) -> Result<Vec<u8>> {
    let raw = (file.length - at).min(FRAME_SIZE);
    // At most a frame, which fits a usize.
    buffer.reserve_exact(raw as usize);
    let got = content.take(raw).read_to_end(&mut buffer).map_err(|e| unreadable(shard, file, e))?;
    if got as u64 == raw { Ok(buffer) } else { Err(changed(shard, file, at + got as u64)) }
}

pub(super) fn unreadable(shard: &ShardId, file: &SegmentFile, error: std::io::Error) -> Error {
    Error::io("read", file.path.as_str(), error).with("shard", shard)
}

fn changed(shard: &ShardId, file: &SegmentFile, got: u64) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "read",
        format!("`{}` ended after {got} of {} bytes: it changed while it was read", file.path, file.length),
    )
    .with("shard", shard)
}
