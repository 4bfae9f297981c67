//! A component that misbehaves on purpose: one behaviour for each value of its setting.
//!
//! It is an honest store of nothing (a put is accepted and forgotten, a get answers sevens) until a call is about a
//! key or prefix that begins with one of [`TRIGGERS`]. Then it does what the setting [`BEHAVIOUR`] says, an [`Order`]. `describe`
//! is given no settings: it does what is written into the component itself, at [`BAKED`]. Where it behaves, it keeps what a
//! certificate writes in the folder, so that a check gets as far as to the misdeed.

mod behaviour;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod files;
#[cfg(target_family = "wasm")]
mod lies;
#[cfg(target_family = "wasm")]
mod messages;
#[cfg(target_family = "wasm")]
mod misdeeds;
#[cfg(target_family = "wasm")]
mod network;
mod order;
#[cfg(target_family = "wasm")]
mod resources;

pub use behaviour::Behaviour;
pub use order::{Function, Order};

/// The setting of the order.
pub const BEHAVIOUR: &str = "HOSTILE_BEHAVIOUR";
/// The setting of the folder that is granted.
pub const FOLDER: &str = "HOSTILE_FOLDER";
/// The setting of an address, `ip:port`, or of a list of requests.
pub const ADDRESS: &str = "HOSTILE_ADDRESS";
/// The setting of a secret that must not be seen again.
pub const SECRET: &str = "HOSTILE_SECRET";
/// Requests that may be under way at once, as the tests limit it.
pub const REQUESTS: usize = 40;
/// The file that a call leaves in the folder before it sleeps.
pub const ASLEEP: &str = "asleep";
/// How keys and prefixes begin that make it misbehave.
pub const TRIGGERS: [&str; 2] = ["bad", CHECKED];
/// How the keys of a certificate begin.
pub const CHECKED: &str = "siltstone-check-";
/// How the place begins where the order for `describe` stands.
pub const MARK: &str = "hostile-describe=";
/// That place while there is no order. An order is written over the dots, so that the component keeps its length.
pub const BAKED: &[u8; 64] = b"hostile-describe=...............................................";
