//! The Azure Blob transport: block blobs in a container.
//!
//! Requests are built in [`request`] and answers read in [`reply`], both without a connection; [`config`] holds the
//! settings, [`account`] where the service is, [`credentials`] who asks, and [`store`] puts it all together.

pub mod account;
#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod credentials;
pub mod failure;
pub mod reply;
pub mod request;
pub mod store;
