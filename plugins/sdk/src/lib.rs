//! The guest library: the bindings of the plugin contract and what every transport needs besides them.
//!
//! A transport implements [`Guest`] and [`GuestHandle`] in its `component.rs`, behind
//! `#[cfg(target_family = "wasm")]`, and hands the type to [`export!`]. Everything else of it is plain Rust
//! over [`types`] and builds and tests natively: the record and enum types work on every target, only the
//! imported functions need a host.
//!
//! ```
//! use siltstone_plugin_sdk::{error, settings::Settings, types::ErrorKind};
//!
//! let given = vec![("BACKUP_EXAMPLE_BUCKET".to_owned(), "nightly".to_owned())];
//! let settings = Settings::new(&given);
//! assert_eq!(settings.required("BACKUP_EXAMPLE_BUCKET")?, "nightly");
//!
//! let missing = settings.required("BACKUP_EXAMPLE_REGION").unwrap_err();
//! assert_eq!(missing.kind, ErrorKind::InvalidConfig);
//! assert_eq!(missing.message, "BACKUP_EXAMPLE_REGION is not set");
//! # Ok::<(), siltstone_plugin_sdk::types::Error>(())
//! ```

pub mod bindings;
#[cfg(feature = "cloud")]
pub mod cloud;
pub mod data;
pub mod error;
pub mod http;
pub mod keys;
pub mod settings;

#[doc(inline)]
pub use bindings::export;
/// What a transport implements: the functions and the resource of the interface `store`.
pub use bindings::exports::siltstone::storage::store::{self, Guest, GuestHandle};
/// The imported interfaces of the contract.
pub use bindings::siltstone::storage::{host, io, types};
/// The imported interfaces of WASI.
pub use bindings::wasi;
