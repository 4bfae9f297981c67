//! The WebDAV transport: objects as resources of a collection, on anything that speaks RFC 4918.
//!
//! Written as a vendor would write it, on the public guest library alone. [`config`] holds the settings and [`address`] what
//! they make of keys; [`multistatus`] and [`failure`] read what a server answers, both without a connection; [`requests`]
//! sends what [`objects`], [`publish`] and [`list`] make of the contract.

pub mod address;
#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod failure;
pub mod list;
pub mod multistatus;
pub mod objects;
pub mod publish;
pub mod range;
pub mod requests;
