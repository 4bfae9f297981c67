//! The S3 transport: objects in a bucket of AWS or of anything that speaks its protocol.
//!
//! Requests are built in [`request`] and answers read in [`reply`], both without a connection; [`config`] holds the
//! settings, [`credentials`] where keys come from, and [`store`] puts it all together.

#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod credentials;
pub mod failure;
pub mod reply;
pub mod request;
pub mod store;
