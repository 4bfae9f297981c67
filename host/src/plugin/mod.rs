//! Everything wasmtime: how transport plugins are loaded, fenced in and called.
//!
//! A plugin goes through three steps. [`Plugin::load`], or [`Plugin::from_package`] for one with grants, checks and compiles a component and lets it describe itself;
//! [`Plugin::configure`] collects the settings that it declares; [`ConfiguredPlugin::open`] asks it what it needs at a
//! location, grants that or refuses it, and gives a [`PluginStorage`], which is a [`crate::storage::Storage`] like
//! any other.
//!
//! ```no_run
//! # async fn example(component: &[u8]) -> siltstone::Result<()> {
//! use siltstone::plugin::{EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginSource};
//! use siltstone::storage::Storage;
//!
//! let engine = PluginEngine::new(EngineSettings::default())?;
//! let plugin = Plugin::load(&engine, component, PluginSource::Bundled).await?;
//! let configured = plugin.configure(&|name| std::env::var(name).ok(), ExtraRoots::default())?;
//! let storage = configured.open(&Location::default()).await?;
//! assert!(storage.capabilities().in_flight >= 1);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing that a plugin does reaches further than the one call that it does it in: see `fault` for what can go
//! wrong and `limits` for how much it may use.

mod adapter;
mod answer;
mod bindings;
mod brake;
mod describe;
mod egress;
mod engine;
mod fault;
mod grants;
mod handles;
mod host_services;
mod instance;
mod io;
mod limits;
mod listing;
mod loader;
mod log;
mod meter;
mod needs;
mod package;
#[expect(clippy::module_inception, reason = "the file holds the type of that name")]
mod plugin;
mod pool;
mod redact;
mod settings;
mod state;
mod tally;
mod text;
mod tokens;
mod validate;
mod version;

pub use adapter::PluginStorage;
pub use describe::{PluginInfo, Required, SettingInfo, SettingKind};
pub use egress::{Found, Lookup, Proxy, Reach, SystemLookup};
pub use engine::{EngineSettings, PluginEngine};
pub use grants::FolderAccess;
pub use limits::Limits;
#[cfg(feature = "cli")]
pub(crate) use loader::MAX_COMPONENT;
pub use needs::{FolderNeed, Needs};
pub use package::{
    Addresses, FolderGrant, Listed, OriginGrant, PluginGrants, PluginLimits, PluginManifest, PluginPackage,
    Sha256, Use, hex, plugins_in,
};
pub use plugin::{ConfiguredPlugin, ExtraRoots, Location, Plugin, PluginSource};
pub use tally::InstanceCounts;
#[cfg(feature = "cli")]
pub(crate) use text::one_line;
