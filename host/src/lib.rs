//! Online backups of LSM databases through sandboxed storage plugins.

#![deny(unsafe_code)]

pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod host;
pub mod journal;
pub mod model;
pub mod ops;
pub mod plugin;
pub mod repository;
#[cfg(feature = "server")]
pub mod server;
pub mod settings;
pub mod source;
pub mod storage;

#[cfg(feature = "cli")]
pub mod cli;

pub use error::{Error, ErrorKind, FaultKind, Result, Retry};
pub use host::{BackendHealth, Host, HostBuilder, PluginFacts};

#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../../README.md")]
struct Readme;
