//! Buffers that are used again, because fresh memory is slow to touch.

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

/// A bounded stock of byte vectors, one frame each.
#[derive(Debug)]
pub(crate) struct FrameBuffers {
    free: Mutex<Vec<Vec<u8>>>,
    keep: usize,
}

impl FrameBuffers {
    /// Keeps at most `keep` unused ones.
    pub(crate) fn new(keep: usize) -> Self {
        Self { free: Mutex::default(), keep }
    }

    /// An empty one.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives one back.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.keep {
            free.push(buffer);
        }
    }
}

/// A stock of part buffers.
#[derive(Debug)]
pub(crate) struct PartBuffers {
    free: Mutex<Vec<BytesMut>>,
    keep: usize,
}

impl PartBuffers {
    /// Keeps at most `keep` unused ones.
    pub(crate) fn new(keep: usize) -> Self {
        Self { free: Mutex::default(), keep }
    }

    /// An empty one.
    pub(crate) fn take(&self) -> BytesMut {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives one back, if nobody else still looks at it.
    pub(crate) fn give(&self, part: Bytes) {
        let Ok(mut buffer) = part.try_into_mut() else { return };
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.keep {
            free.push(buffer);
        }
    }
}
