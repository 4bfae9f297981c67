//! The record of an install that is under way: enough to finish or undo it after a crash.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use siltstone::model::{AttemptId, CollectionName, ShardId, TenantState};
use siltstone::source::{AliasPolicy, RestorePlan, Staging};
use siltstone::{Error, Result};

use crate::catalogue::{Catalogue, Collection, Users};
use crate::engine::folder;
use crate::restore::users;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) restore: AttemptId,
    /// Shards whose folders move.
    pub(crate) moves: BTreeSet<ShardId>,
    collections: Vec<Entry>,
    overwrites_aliases: bool,
    /// The users that take the place of all others, if the restore brings them.
    #[serde(default)]
    users: Option<Users>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: CollectionName,
    schema: Value,
    aliases: Vec<String>,
    shards: Vec<(ShardId, TenantState)>,
}

impl Record {
    pub(crate) fn new(plan: &RestorePlan, staged: &[Staging]) -> Result<Self> {
        let entry = |c: &siltstone::source::CollectionPlan| Entry {
            name: c.name.clone(),
            schema: c.schema.clone(),
            aliases: c.aliases.clone(),
            shards: c.shards.clone(),
        };
        Ok(Self {
            restore: plan.restore,
            moves: staged.iter().map(|s| s.shard.clone()).collect(),
            collections: plan.collections.iter().map(entry).collect(),
            overwrites_aliases: plan.aliases == AliasPolicy::Overwrite,
            users: users(plan)?,
        })
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| Error::io("read install record", path, e))?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::corrupt("read install record", format!("`{}` cannot be read", path.display()))
                .with_source(e)
        })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self)
            .map_err(|e| Error::internal("write install record", "cannot encode").with_source(e))?;
        folder::replace(path, &bytes)
    }

    /// Where a shard is staged, below the folder of the restore.
    pub(crate) fn staged(&self, data: &folder::DataFolder, shard: &ShardId) -> PathBuf {
        data.restore(self.restore).join(folder::relative(shard))
    }

    /// Adds everything to a catalogue; refuses what is taken by now.
    pub(crate) fn apply(&self, catalogue: &mut Catalogue) -> Result<()> {
        for entry in &self.collections {
            catalogue.vacant(entry.name.as_str())?;
            let is_single = matches!(entry.shards.as_slice(), [(shard, _)] if shard.tenant.is_none());
            let tenants = entry.shards.iter().filter_map(|(s, state)| Some((s.tenant.clone()?, *state)));
            let tenants = (!is_single).then(|| tenants.collect());
            let collection = Collection { schema: entry.schema.clone(), tenants };
            catalogue.collections.insert(entry.name.clone(), collection);
        }
        for entry in &self.collections {
            for alias in &entry.aliases {
                let folded = alias.to_lowercase();
                let existing = catalogue.aliases.keys().find(|a| a.to_lowercase() == folded).cloned();
                match existing {
                    Some(_) if !self.overwrites_aliases => continue,
                    Some(old) => catalogue.aliases.remove(&old),
                    None => None,
                };
                catalogue.aliases.insert(alias.clone(), entry.name.clone());
            }
        }
        if let Some(users) = &self.users {
            catalogue.users.clone_from(users);
        }
        catalogue.add_restore(self.restore);
        Ok(())
    }
}
