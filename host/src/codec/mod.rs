//! Bytes to frames to chunks and back; pure, synchronous.
