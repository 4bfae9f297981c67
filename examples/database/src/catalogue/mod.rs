//! The catalogue: which collections, tenants and aliases there are, in one file that is replaced as a whole.

mod aliases;
mod bounds;
mod collections;
mod store;
mod users;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use siltstone::model::{AttemptId, CollectionName, ShardId, TenantName, TenantState};
use siltstone::{Error, ErrorKind, Result};

pub(crate) use bounds::expect_fits;
pub use collections::Tenancy;
pub(crate) use store::CatalogueStore;
pub(crate) use users::{Activity, Key, User, Users};

/// Version of the file.
const FORMAT: u32 = 1;
/// So many restores are remembered.
const RESTORES: usize = 256;

/// All there is, at one instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Catalogue {
    format: u32,
    pub(crate) collections: BTreeMap<CollectionName, Collection>,
    pub(crate) aliases: BTreeMap<String, CollectionName>,
    #[serde(default)]
    pub(crate) users: Users,
    restores: Vec<AttemptId>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            format: FORMAT,
            collections: BTreeMap::new(),
            aliases: BTreeMap::new(),
            users: Users::new(),
            restores: Vec::new(),
        }
    }
}

/// One collection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Collection {
    /// Its definition as the user gave it.
    pub(crate) schema: Value,
    /// Its tenants; `None` for a collection without.
    pub(crate) tenants: Option<BTreeMap<TenantName, TenantState>>,
}

impl Collection {
    /// The shards, each with its tenant and state.
    pub(crate) fn shards(&self) -> Vec<(Option<TenantName>, TenantState)> {
        match &self.tenants {
            None => vec![(None, TenantState::Hot)],
            Some(tenants) => tenants.iter().map(|(name, state)| (Some(name.clone()), *state)).collect(),
        }
    }
}

impl Catalogue {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let catalogue: Self = serde_json::from_slice(bytes)
            .map_err(|e| Error::corrupt("open catalogue", "not a catalogue").with_source(e))?;
        if catalogue.format != FORMAT {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "open catalogue",
                format!("catalogue format {} is not {FORMAT}", catalogue.format),
            ));
        }
        Ok(catalogue)
    }

    /// The collection of this name.
    pub(crate) fn collection(&self, name: &CollectionName) -> Result<&Collection> {
        self.collections.get(name).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "find collection", format!("no collection `{name}`"))
        })
    }

    /// The state of a shard, `None` if it does not exist.
    pub(crate) fn state(&self, shard: &ShardId) -> Option<TenantState> {
        match (&self.collections.get(&shard.collection)?.tenants, &shard.tenant) {
            (None, None) => Some(TenantState::Hot),
            (Some(tenants), Some(tenant)) => tenants.get(tenant).copied(),
            _ => None,
        }
    }

    /// Refuses a shard that does not serve.
    pub(crate) fn expect_hot(&self, shard: &ShardId) -> Result<()> {
        match self.state(shard) {
            Some(TenantState::Hot) => Ok(()),
            Some(state) => Err(Error::new(
                ErrorKind::Conflict,
                "access shard",
                format!("tenant of `{shard}` is {state:?}; set it to HOT first"),
            )),
            None => Err(Error::new(ErrorKind::NotFound, "access shard", format!("no shard `{shard}`"))),
        }
    }

    /// The aliases of a collection.
    pub(crate) fn aliases_of(&self, name: &CollectionName) -> Vec<String> {
        self.aliases.iter().filter(|(_, of)| *of == name).map(|(alias, _)| alias.clone()).collect()
    }

    /// Refuses a name for a collection that a collection or an alias has, be it in another case.
    pub(crate) fn vacant(&self, name: &str) -> Result<()> {
        let folded = name.to_lowercase();
        let same = |other: &str| other.to_lowercase() == folded;
        let taken = if let Some(other) = self.collections.keys().find(|c| same(c.as_str())) {
            format!("collection `{other}`")
        } else if let Some((alias, of)) = self.aliases.iter().find(|(alias, _)| same(alias)) {
            format!("alias `{alias}` of `{of}`")
        } else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::AlreadyExists,
            "add collection",
            format!("name `{name}` already exists: {taken}"),
        ))
    }

    /// Whether a restore was installed.
    pub(crate) fn has_restore(&self, restore: AttemptId) -> bool {
        self.restores.contains(&restore)
    }

    /// Remembers that a restore was installed.
    pub(crate) fn add_restore(&mut self, restore: AttemptId) {
        self.restores.push(restore);
        let surplus = self.restores.len().saturating_sub(RESTORES);
        self.restores.drain(..surplus);
    }
}
