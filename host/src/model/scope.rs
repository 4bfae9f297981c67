//! What a cut covers and the state a tenant is in.

use serde::{Deserialize, Serialize};

/// How much of the node one cut covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Each shard at an instant of its own.
    Shard,
    /// One instant for all shards of a collection.
    Collection,
    /// One instant for all shards of the backup on this node.
    Node,
}

/// The state of a tenant. A shard without a tenant is [`TenantState::Hot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TenantState {
    /// Serves requests.
    Hot,
    /// On disk, not serving; backed up.
    Cold,
    /// Its data is elsewhere; named in the backup, without data.
    Offloaded,
}
