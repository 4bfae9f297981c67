//! BLAKE3 of one long input whose blocks are hashed by different threads.
//!
//! BLAKE3 is a binary tree whose left subtrees are complete, so every block of a power-of-two size at a multiple of
//! that size is a subtree of its own. The merge keeps one value per level and joins two of them only once another
//! block follows, because the join at the very top is computed differently.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, max_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::error::{Error, Result};
use crate::model::Hash;

/// The hash of one block, to be merged by a [`TreeHasher`].
#[derive(Clone, Copy, Debug)]
pub struct BlockHash {
    offset: u64,
    len: u64,
    /// Its value as a subtree; an empty input has none.
    inner: Option<ChainingValue>,
    /// Its hash should it be the whole input; only for the block at offset 0.
    root: Option<Hash>,
}

/// Hashes the block that begins at `offset` of the whole input.
///
/// `offset` is a multiple of the block size; fails with [`crate::ErrorKind::Internal`] where no block of that length
/// can begin. Only the block at 0 may be empty.
pub fn hash_block(offset: u64, bytes: &[u8]) -> Result<BlockHash> {
    hash_pieces(offset, [bytes])
}

/// [`hash_block`] for a block that lies in several pieces.
pub fn hash_pieces<'a>(offset: u64, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<BlockHash> {
    if !offset.is_multiple_of(blake3::CHUNK_LEN as u64) {
        return Err(Error::internal("hash", format!("no block begins at {offset}")));
    }
    let room = max_subtree_len(offset);
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    let mut len = 0_u64;
    for piece in pieces {
        len += piece.len() as u64;
        if room.is_some_and(|room| len > room) {
            return Err(Error::internal("hash", format!("a block of {len} bytes cannot begin at {offset}")));
        }
        hasher.update(piece);
    }
    let inner = (len > 0).then(|| hasher.finalize_non_root());
    let root = (offset == 0).then(|| Hash::from_bytes(*hasher.finalize().as_bytes()));
    Ok(BlockHash { offset, len, inner, root })
}

/// Merges the hashes of blocks into the BLAKE3 hash of the whole input, in memory of the logarithm of its length.
#[derive(Clone, Debug)]
pub struct TreeHasher {
    block: u64,
    len: u64,
    blocks: u64,
    root: Option<Hash>,
    /// Values of complete subtrees, the largest first, and last the newest block.
    stack: Vec<ChainingValue>,
}

impl TreeHasher {
    /// For blocks of `block` bytes: a power of two, at least 1024.
    pub fn new(block: u64) -> Result<Self> {
        if !block.is_power_of_two() || block < blake3::CHUNK_LEN as u64 {
            let text = format!("a block size of {block}; it must be a power of two from 1024");
            return Err(Error::internal("hash", text));
        }
        Ok(Self { block, len: 0, blocks: 0, root: None, stack: Vec::new() })
    }

    /// Takes the next block. All but the last have exactly the block size; the only one may be empty.
    pub fn push(&mut self, hash: BlockHash) -> Result<()> {
        let full = self.len == self.blocks * self.block;
        let fits = hash.len <= self.block && (hash.len > 0 || self.blocks == 0);
        if hash.offset != self.len || !full || !fits {
            let text = format!("block of {} at {} cannot follow {} bytes", hash.len, hash.offset, self.len);
            return Err(Error::internal("hash", text));
        }
        // As many subtrees are complete as the number of blocks has ones; what is more can now be joined.
        while self.stack.len() as u64 > u64::from(self.blocks.count_ones()) {
            let [.., left, right] = self.stack[..] else { break };
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
        self.stack.extend(hash.inner);
        self.root = if self.blocks == 0 { hash.root } else { None };
        self.len += hash.len;
        self.blocks += 1;
        Ok(())
    }

    /// Bytes hashed so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no byte was hashed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The hash of the whole input; of no bytes when no block was pushed.
    #[must_use]
    pub fn finish(self) -> Hash {
        let [left, middle @ .., right] = &self.stack[..] else {
            return self.root.unwrap_or_else(|| Hash::of(&[]));
        };
        let right = middle.iter().rev().fold(*right, |r, l| merge_subtrees_non_root(l, &r, Mode::Hash));
        Hash::from_bytes(*merge_subtrees_root(left, &right, Mode::Hash).as_bytes())
    }
}
