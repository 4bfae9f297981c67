//! A small honest store in a folder, as a plugin of the experimental version of the interface.
//!
//! It does not use the guest library, which is of version 0.1.

pub mod bindings;
#[cfg(target_family = "wasm")]
mod component;
pub mod names;
pub mod parts;
pub mod store;

/// The setting of the folder that objects are kept in.
pub const FOLDER: &str = "NEXT_FOLDER";
/// The name of the plugin.
pub const NAME: &str = "next";
