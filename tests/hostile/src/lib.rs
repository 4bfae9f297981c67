//! A component that misbehaves on purpose: one behaviour for each value of its setting.
//!
//! It is an honest store of nothing (a put is accepted and forgotten, a get answers sevens) until a call is about a
//! key or prefix that begins with [`TRIGGER`]. Then it does what the setting [`BEHAVIOUR`] says.

mod behaviour;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod escape;
#[cfg(target_family = "wasm")]
mod lies;
#[cfg(target_family = "wasm")]
mod misdeeds;

pub use behaviour::Behaviour;

/// The setting that names the behaviour.
pub const BEHAVIOUR: &str = "HOSTILE_BEHAVIOUR";
/// The setting of the folder that is granted.
pub const FOLDER: &str = "HOSTILE_FOLDER";
/// The setting of an address, `ip:port`, that is not granted.
pub const ADDRESS: &str = "HOSTILE_ADDRESS";
/// The setting of a secret that must not be seen again.
pub const SECRET: &str = "HOSTILE_SECRET";
/// How keys and prefixes begin that make it misbehave.
pub const TRIGGER: &str = "bad";
