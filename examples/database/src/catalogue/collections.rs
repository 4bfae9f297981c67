//! Creating, changing and dropping collections, tenants and aliases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use siltstone::model::{AttemptId, CollectionName, ShardId, TenantName, TenantState};
use siltstone::{Error, ErrorKind, Result};

use crate::catalogue::{Collection, expect_fits};
use crate::database::Database;
use crate::engine::folder;
use crate::engine::shard::reserve;
use crate::engine::sync::lock;

/// Whether the objects of a collection are kept per tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// One shard for all.
    Single,
    /// One shard per tenant.
    Multi,
}

impl Database {
    /// Creates a collection; `schema` is kept as it is, and has at most 64 levels and 1 MiB as JSON.
    pub fn create_collection(&self, name: &CollectionName, schema: Value, tenancy: Tenancy) -> Result<()> {
        expect_fits(name.as_str(), &schema)?;
        let _alone = lock(&self.engine.shaping);
        self.engine.catalogue.current().vacant(name.as_str())?;
        if tenancy == Tenancy::Single {
            self.reserve(&[ShardId { collection: name.clone(), tenant: None }])?;
        }
        let tenants = (tenancy == Tenancy::Multi).then(BTreeMap::new);
        self.engine.catalogue.change(|c| {
            c.vacant(name.as_str())?;
            c.collections.insert(name.clone(), Collection { schema, tenants });
            Ok(())
        })
    }

    /// Drops a collection with all its shards. A cut that holds them keeps their files.
    pub fn drop_collection(&self, name: &CollectionName) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        let dropped = self.engine.catalogue.change(|c| {
            c.collection(name)?;
            c.aliases.retain(|_, of| of != name);
            Ok(c.collections.remove(name))
        })?;
        let shards = dropped.iter().flat_map(Collection::shards);
        self.discard_all(shards.map(|(tenant, _)| ShardId { collection: name.clone(), tenant }))
    }

    /// The names and schemas of all collections.
    #[must_use]
    pub fn schemas(&self) -> Vec<(CollectionName, Value)> {
        let catalogue = self.engine.catalogue.current();
        catalogue.collections.iter().map(|(name, c)| (name.clone(), c.schema.clone())).collect()
    }

    /// The schema of a collection.
    pub fn schema(&self, name: &CollectionName) -> Result<Value> {
        Ok(self.engine.catalogue.current().collection(name)?.schema.clone())
    }

    /// Changes the schema of a collection and returns the new one; an error of `change` leaves it as it is. Two changes
    /// never see the same old one.
    pub fn change_schema(
        &self,
        name: &CollectionName,
        change: impl FnOnce(Value) -> Result<Value>,
    ) -> Result<Value> {
        self.engine.catalogue.change(|c| {
            let schema = change(c.collection(name)?.schema.clone())?;
            expect_fits(name.as_str(), &schema)?;
            if let Some(collection) = c.collections.get_mut(name) {
                collection.schema.clone_from(&schema);
            }
            Ok(schema)
        })
    }

    /// The name of the collection that a name or an alias stands for.
    pub fn resolve(&self, name: &str) -> Result<CollectionName> {
        let catalogue = self.engine.catalogue.current();
        if let Some(of) = catalogue.aliases.get(name) {
            return Ok(of.clone());
        }
        let name = CollectionName::new(name)?;
        catalogue.collection(&name).map(|_| name)
    }

    /// The tenants of a collection with their states; `None` for a collection without tenants.
    pub fn tenants(&self, name: &CollectionName) -> Result<Option<BTreeMap<TenantName, TenantState>>> {
        Ok(self.engine.catalogue.current().collection(name)?.tenants.clone())
    }

    /// Adds tenants; those that exist are an error and nothing is added.
    pub fn add_tenants(&self, name: &CollectionName, tenants: &[(TenantName, TenantState)]) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        let catalogue = self.engine.catalogue.current();
        catalogue.collection(name)?;
        let named: BTreeSet<&TenantName> = tenants.iter().map(|(tenant, _)| tenant).collect();
        let shards = named.into_iter().map(|t| ShardId { collection: name.clone(), tenant: Some(t.clone()) });
        self.reserve(&shards.filter(|shard| catalogue.state(shard).is_none()).collect::<Vec<_>>())?;
        self.change_tenants(name, |existing| {
            for (tenant, state) in tenants {
                if existing.insert(tenant.clone(), *state).is_some() {
                    return Err(Error::new(
                        ErrorKind::AlreadyExists,
                        "add tenant",
                        format!("tenant `{tenant}` already exists"),
                    ));
                }
            }
            Ok(())
        })
    }

    /// Sets the state of tenants; one that is no longer hot is closed.
    pub fn set_tenants(&self, name: &CollectionName, tenants: &[(TenantName, TenantState)]) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        self.change_tenants(name, |existing| {
            for (tenant, state) in tenants {
                match existing.get_mut(tenant) {
                    // Restored as offloaded: a backup holds none of its data.
                    Some(TenantState::Offloaded)
                        if *state != TenantState::Offloaded && !self.has_folder(name, tenant) =>
                    {
                        return Err(Error::new(
                            ErrorKind::Conflict,
                            "change tenants",
                            format!("tenant `{tenant}` is OFFLOADED and its data is not on this server"),
                        ));
                    }
                    Some(old) => *old = *state,
                    None => return Err(no_tenant(tenant)),
                }
            }
            Ok(())
        })?;
        for (tenant, state) in tenants {
            if *state != TenantState::Hot {
                let shard = ShardId { collection: name.clone(), tenant: Some(tenant.clone()) };
                self.engine.pool.close_and(&shard, || Ok(()))?;
            }
        }
        Ok(())
    }

    /// Drops tenants; one that does not exist is an error and nothing is dropped.
    pub fn drop_tenants(&self, name: &CollectionName, tenants: &[TenantName]) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        self.change_tenants(name, |existing| {
            for tenant in tenants {
                existing.remove(tenant).ok_or_else(|| no_tenant(tenant))?;
            }
            Ok(())
        })?;
        self.discard_all(
            tenants.iter().map(|t| ShardId { collection: name.clone(), tenant: Some(t.clone()) }),
        )
    }

    /// Discards every shard, also when one cannot be; the first failure is the error.
    fn discard_all(&self, shards: impl Iterator<Item = ShardId>) -> Result<()> {
        let mut discarded = Ok(());
        for shard in shards {
            let tried = self.discard(&shard);
            discarded = discarded.and(tried);
        }
        discarded
    }

    fn change_tenants<T>(
        &self,
        name: &CollectionName,
        change: impl FnOnce(&mut BTreeMap<TenantName, TenantState>) -> Result<T>,
    ) -> Result<T> {
        self.engine.catalogue.change(|c| {
            c.collection(name)?;
            let tenants = c.collections.get_mut(name).and_then(|c| c.tenants.as_mut());
            change(tenants.ok_or_else(|| {
                Error::invalid("change tenants", format!("collection `{name}` has no tenants"))
            })?)
        })
    }

    /// Makes the folders of new shards, durably and before the catalogue names them, so that a folder that is missing
    /// later is known to be lost. Removes what a drop that was cut short has left in their places.
    fn reserve(&self, shards: &[ShardId]) -> Result<()> {
        let mut parents = BTreeSet::new();
        for shard in shards {
            let folder = self.engine.data.shard(shard);
            if folder.exists() {
                self.discard(shard)?;
            }
            reserve(&folder)?;
            parents.extend(folder.parent().map(Path::to_owned));
        }
        parents.iter().try_for_each(|parent| folder::sync(parent))
    }

    fn has_folder(&self, name: &CollectionName, tenant: &TenantName) -> bool {
        let shard = ShardId { collection: name.clone(), tenant: Some(tenant.clone()) };
        self.engine.data.shard(&shard).exists()
    }

    /// Removes the folder of a shard that is no longer in the catalogue.
    fn discard(&self, shard: &ShardId) -> Result<()> {
        let folder = self.engine.data.shard(shard);
        let trash = self.engine.data.trash().join(AttemptId::generate().to_string());
        self.engine.pool.close_and(shard, || match fs::rename(&folder, &trash) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("drop shard", &folder, e)),
            _ => Ok(()),
        })?;
        folder::remove(&trash)
    }
}

fn no_tenant(tenant: &TenantName) -> Error {
    Error::new(ErrorKind::NotFound, "change tenants", format!("no tenant `{tenant}`"))
}
