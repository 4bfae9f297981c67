//! Meaning over a storage: layout, descriptor, manifest, chunk writer and reader.
//!
//! `host/docs/repository-format.md` is normative for every byte that is written here.

pub mod descriptor;
mod format;
pub mod layout;
pub mod manifest;

#[cfg(test)]
mod sample;
