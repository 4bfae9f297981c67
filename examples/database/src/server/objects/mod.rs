//! Objects on the wire: one at a time, lists, and the references between them.

pub(super) mod list;
pub(super) mod one;
pub(super) mod references;
mod target;
mod wire;

pub(super) use wire::{Wire, result};
