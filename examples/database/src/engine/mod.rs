//! The storage engine: one fjall database per shard, a pool of open ones, and the write gate.

pub(crate) mod folder;
pub(crate) mod gate;
pub(crate) mod journal;
pub(crate) mod pool;
pub(crate) mod shard;
pub(crate) mod sync;
