//! How the enabled backends are, and what they have done since the host was started.

use crate::ops::BackendInfo;
use crate::plugin::{InstanceCounts, PluginSource, Sha256};
use crate::storage::{Counts, Health, LastFault};

/// How one backend is. Reading it costs a short lock and no call of the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendHealth {
    /// Its name, version and configured location.
    pub info: BackendInfo,
    /// The plugin behind it; `None` for a storage of the embedder's own.
    pub plugin: Option<PluginFacts>,
    /// Whether its calls come back as they should. What a store refuses or cannot do is told by the errors in `counts`.
    pub health: Health,
    /// What its calls came to, at all its locations together.
    pub counts: Counts,
    /// Its most recent fault, if there ever was one.
    pub last_fault: Option<LastFault>,
}

/// What an enabled plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginFacts {
    /// The version of the interface that it speaks, such as `0.1.0`.
    pub interface: String,
    /// Where it came from.
    pub source: PluginSource,
    /// The SHA-256 of its component; [`crate::plugin::hex`] writes it out.
    pub sha256: Sha256,
    /// What it may reach, a line for each grant.
    pub grants: Vec<String>,
    /// Its instances.
    pub instances: InstanceCounts,
}
