//! Online backups of LSM databases through sandboxed storage plugins.
//!
//! A [`Host`] lives in the process of a database server. It asks the database for a consistent cut of immutable files,
//! chunks, compresses and hashes them, and hands them to a *transport plugin*: a WebAssembly component that stores bytes
//! and reaches nothing but what it was granted. A restore goes the other way, all or nothing.
//!
//! # What an embedder gives
//!
//! 1. **The database**: a [`source::SnapshotSource`], which says what there is and captures it, and a
//!    [`source::RestoreTarget`], which takes it back. `conformance::engine` is a suite that proves both.
//! 2. **Settings**: a [`settings::HostSettings`] by value or from the environment, and the variables from which plugins
//!    take theirs. Its `modules` say which plugins are enabled.
//! 3. **Plugins**, if those that come with the host are not enough: a [`plugin::PluginPackage`] from bytes or from files,
//!    with what it may reach ([`plugin::PluginGrants`]) and use ([`plugin::PluginLimits`]) as values. What is not granted
//!    is refused. A [`storage::Storage`] of the embedder's own, which runs unfenced, can be a backend too.
//!
//! Whatever else the host takes from outside can be given as well: its [`model::Clock`], how calls to stores are timed and tried
//! again, and what any plugin may use. See [`HostBuilder`].
//!
//! # What it gets
//!
//! The verbs as methods of [`Host`]: backup, restore, cancel, list, verify, copy, forget. [`Host::health`] tells of each
//! backend whether it is well, what its calls came to, how often it was at fault and in which way: the values
//! for a health check and for metrics, in whichever form the embedder exports them. `server::router` is the REST API.
//!
//! # An example
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use siltstone::model::{Clock, CollectionName, Location};
//! use siltstone::ops::BackupRequest;
//! use siltstone::plugin::{Addresses, OriginGrant, PluginGrants, PluginPackage};
//! use siltstone::settings::HostSettings;
//! use siltstone::source::directory::{DirectorySource, DirectoryTarget};
//! use siltstone::storage::Health;
//! use siltstone::{HostBuilder, Result};
//!
//! # async fn example(component: Vec<u8>, clock: Arc<dyn Clock>) -> Result<()> {
//! // Here folders play the database.
//! let source = DirectorySource::new("/var/lib/mydb/segments", CollectionName::new("segments")?);
//! let target = DirectoryTarget::new("/var/lib/mydb/restored");
//!
//! // A vendor's component, one origin that it may send requests to, and one setting that it may see.
//! let plugin = PluginPackage::new("dav", component)?.grants(PluginGrants {
//!     origins: vec![OriginGrant::new("https://dav.example.com", Addresses::Public)?],
//!     settings: vec!["DAV_PASSWORD".to_owned()],
//!     ..PluginGrants::default()
//! });
//!
//! let mut settings = HostSettings::new("node1")?;
//! settings.modules = vec!["backup-dav".to_owned()];
//! let host = HostBuilder::new(Arc::new(source), Arc::new(target), "/var/lib/mydb", settings)
//!     .environment([("DAV_PASSWORD".to_owned(), "…".to_owned())])
//!     .plugin(plugin)
//!     .clock(clock)
//!     .build()
//!     .await?;
//!
//! host.backup(BackupRequest::new("dav", "nightly")).await?;
//! let status = host.wait_backup("dav", "nightly", &Location::default()).await?;
//! println!("{}: {} bytes", status.state.as_str(), status.raw_bytes);
//!
//! for backend in host.health() {
//!     if let Health::Faulty { since } = backend.health {
//!         println!("{} misbehaves since {since}: {:?}", backend.info.name, backend.last_fault);
//!     }
//!     for (fault, count) in &backend.counts.total().faults {
//!         println!("siltstone_faults{{backend={:?},kind={:?}}} {count}", backend.info.name, fault.as_str());
//!     }
//! }
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed-minimal` is a whole program of this kind with a source of its own, `examples/database` a whole server.

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
