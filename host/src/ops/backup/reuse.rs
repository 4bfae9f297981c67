//! Looks whether the base of a backup has the content of a file, before the file is read to be stored.
//!
//! Identity is the hash of the content and nothing else: a length that no file of the base has only saves the hashing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;

use crate::codec::{BlockHash, TreeHasher, hash_block};
use crate::error::{Error, Result};
use crate::model::{FRAME_SIZE, Hash, ShardId};
use crate::ops::backup::read::{Feed, read_frame, unreadable};
use crate::repository::{ContentIndex, KnownContent};
use crate::source::SegmentFile;

/// Where the content of a file lies already, if it does. Blocks.
pub(super) fn known(
    feed: &Feed,
    index: &ContentIndex,
    shard: &ShardId,
    file: &SegmentFile,
) -> Result<Option<KnownContent>> {
    if file.length == 0 || !index.has_length(file.length) {
        return Ok(None);
    }
    index.find(file.length, hash(feed, shard, file)?)
}

/// Hashes a file on the worker threads.
fn hash(feed: &Feed, shard: &ShardId, file: &SegmentFile) -> Result<Hash> {
    let mut content = file.open().map_err(|e| unreadable(shard, file, e))?;
    let (answers, hashed) = channel();
    let mut whole = InOrder::new()?;
    let (mut at, mut number) = (0, 0);
    while at < file.length {
        let raw = (file.length - at).min(FRAME_SIZE);
        let room = feed.wait(raw)?;
        let frame = read_frame(&mut content, feed.buffers.take(), at, shard, file)?;
        let (answers, buffers) = (answers.clone(), Arc::clone(&feed.buffers));
        feed.workers.submit(move |_| {
            let hash = hash_block(at, &frame);
            buffers.give(frame);
            drop(room);
            // Whoever waits for it may have given up.
            let _ = answers.send((number, hash));
        })?;
        number += 1;
        at += raw;
        for (number, hash) in hashed.try_iter() {
            whole.push(number, hash?)?;
        }
    }
    drop(answers);
    for (number, hash) in hashed {
        whole.push(number, hash?)?;
    }
    whole.finish(number)
}

/// Hashes of frames as they come.
struct InOrder {
    tree: TreeHasher,
    next: u64,
    early: BTreeMap<u64, BlockHash>,
}

impl InOrder {
    fn new() -> Result<Self> {
        Ok(Self { tree: TreeHasher::new(FRAME_SIZE)?, next: 0, early: BTreeMap::new() })
    }

    fn push(&mut self, number: u64, hash: BlockHash) -> Result<()> {
        self.early.insert(number, hash);
        while let Some(hash) = self.early.remove(&self.next) {
            self.tree.push(hash)?;
            self.next += 1;
        }
        Ok(())
    }

    fn finish(self, frames: u64) -> Result<Hash> {
        if self.next == frames {
            Ok(self.tree.finish())
        } else {
            Err(Error::internal("hash", "a codec thread ended unexpectedly"))
        }
    }
}
