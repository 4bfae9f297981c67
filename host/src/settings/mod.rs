//! The host's own settings as plain values, and how they are read from the environment.

mod values;

pub use values::{Cleanup, HostSettings, StartCheck, VerifyMode};
