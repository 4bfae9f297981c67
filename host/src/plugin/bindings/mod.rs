//! Generated bindings, one module for each version of the interface, and which of their values the host itself knows.

#[cfg(feature = "experimental-interface")]
pub(crate) mod experimental;
pub(crate) mod v0_1;

/// The values that everything inside works with; those of other versions are converted in `version`.
pub(crate) use self::v0_1::{host, io, types};
