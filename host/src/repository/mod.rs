//! Meaning over a storage: layout, descriptor, manifest, chunk writer and reader.
//!
//! `host/docs/repository-format.md` is normative for every byte that is written here.

mod buffers;
mod content_index;
pub mod descriptor;
pub(crate) mod descriptor_store;
mod fetch;
mod format;
pub mod layout;
pub mod manifest;
mod manifest_spool;
mod object_writer;
mod workers;

pub(crate) use buffers::FrameBuffers;
pub(crate) use content_index::{ContentIndex, KnownContent};
pub(crate) use fetch::{Fetch, FileSink, missing_chunk};
pub(crate) use manifest_spool::{Lines, ManifestSpool};
pub(crate) use object_writer::{ObjectWriter, StoredObject, UploadLog, Uploader};
pub(crate) use workers::Workers;

#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod sample;
