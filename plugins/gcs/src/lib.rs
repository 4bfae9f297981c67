//! The Google Cloud Storage transport.
//!
//! Objects go through the JSON API, uploads in parts through the XML API, or through resumable sessions where a server knows
//! only the JSON API. Requests are built in [`request`] and answers read in [`reply`], both without a connection; [`config`]
//! holds the settings, [`credentials`] where tokens come from, and [`store`] puts it all together.

#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod credentials;
pub mod failure;
pub mod reply;
pub mod request;
pub mod store;
pub mod upload;
