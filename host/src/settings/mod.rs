//! The host's own settings as plain values, and how they are read from the environment.

mod env;
mod values;

pub(crate) use env::warn_of_unknown_settings;
pub use env::{Effect, VARIABLES, Variable, environment, is_host_variable};
pub use values::{Cleanup, HostSettings, ProxyUrl, StartCheck, VerifyMode};
