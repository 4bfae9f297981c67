//! The filesystem transport: every object is a regular file below one granted folder.
//!
//! An object appears by a rename, or by a hard link where it must not exist yet, of a file that was written
//! and synced under `.siltstone-tmp/`; the folders on the way to it are synced before the call answers.
//! Symbolic links are never followed and are no objects. `component` is the only part that needs a host;
//! everything else works on the [`folder::Folder`] trait and is tested natively on real folders.

#[cfg(all(target_family = "wasm", feature = "component"))]
mod component;

pub mod attributes;
pub mod config;
pub mod delete;
pub mod descriptor;
pub mod error;
pub mod folder;
pub mod list;
pub mod multipart;
pub mod publish;
pub mod read;
pub mod store;
pub mod temp;
pub mod tree;
pub mod upload;

#[cfg(test)]
mod tests;
