//! Bytes to frames to chunks and back; pure, synchronous.
//!
//! A frame is up to 1 MiB of raw bytes of one file. [`FrameEncoder`] stores it on its own and [`FrameDecoder`] brings it
//! back, so frames can be worked on by any thread in any order. [`TreeHasher`] does the same for hashes: the blocks of
//! one file or chunk are hashed anywhere and merged in order.

mod decode;
mod encode;
mod tree;

#[cfg(test)]
mod tests;

pub use decode::FrameDecoder;
pub use encode::FrameEncoder;
pub use tree::{BlockHash, TreeHasher, hash_block, hash_pieces};

use crate::model::FRAME_SIZE;

/// Longest stored frame in bytes. Every codec here stays within 5 KiB of the raw length on data that does not shrink;
/// the rest is room for the encoders of others and for sealing.
pub const MAX_STORED_FRAME: u64 = FRAME_SIZE + (64 << 10);
