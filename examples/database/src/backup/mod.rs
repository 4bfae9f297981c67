//! The database as a source of backups.

mod capture;
mod cut;
mod open;
mod session;
mod taking;
mod tree;

use std::time::Duration;

use siltstone::model::{EngineInfo, Pattern, ShardId};
use siltstone::source::{
    Budget, CollectionInfo, CutOutcome, ExtrasChoice, NamedBlob, ShardInfo, SnapshotSource,
};
use siltstone::{Error, Result};

use crate::backup::session::Session;
use crate::catalogue::Users;
use crate::database::Database;
use crate::engine::sync::lock;

/// How long a flush ahead may take; what is left then is in the journal, which the cut takes too.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// Name of the state that holds the users.
pub(crate) const USERS: &str = "users";

/// Name and file format of the engine: fjall's format, then this database's own.
pub(crate) fn engine_info() -> EngineInfo {
    EngineInfo { name: "fjall".to_owned(), version: "3-1".to_owned() }
}

impl SnapshotSource for Database {
    fn engine(&self) -> EngineInfo {
        engine_info()
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        let catalogue = self.engine.catalogue.current();
        let info = |(name, collection): (&_, &crate::catalogue::Collection)| CollectionInfo {
            name: Clone::clone(name),
            schema: collection.schema.clone(),
            aliases: catalogue.aliases_of(name),
            shards: collection
                .shards()
                .into_iter()
                .map(|(tenant, state)| ShardInfo { tenant, state })
                .collect(),
        };
        Ok(catalogue.collections.iter().map(info).collect())
    }

    fn prepare(&self, shard: &ShardId) -> Result<()> {
        let Some(lease) = self.engine.pool.lease_open(shard) else { return Ok(()) };
        if let Err(error) = lease.flush(FLUSH_LIMIT) {
            // All that was acknowledged is in the journal, which the cut takes too.
            tracing::warn!(%shard, %error, "a shard cannot flush; it is opened again when it is next used");
        }
        Ok(())
    }

    fn cut(&self, shards: &[ShardId], budget: &Budget) -> Result<CutOutcome> {
        let _alone = lock(&self.engine.cut);
        Session::run(&self.engine, shards, budget)
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        blob(&self.engine.catalogue.current().users)
    }

    fn chosen_extras(&self, choice: &ExtrasChoice) -> Result<Vec<NamedBlob>> {
        if let Some(role) = choice.roles.first() {
            let role = role.escape_debug();
            let text = format!("includeRoles names `{role}`, and this database has no roles; leave it out");
            return Err(Error::invalid("choose roles", text));
        }
        if choice.users.is_empty() {
            return self.extras();
        }
        let mut users = self.engine.catalogue.current().users.clone();
        let wanted = choice.users.iter().map(Pattern::new).collect::<Result<Vec<_>>>()?;
        if let Some(none) = wanted.iter().find(|w| !users.keys().any(|name| w.matches(name))) {
            let text = format!("includeUsers: there is no database user `{}`", none.as_str().escape_debug());
            return Err(Error::invalid("choose users", text));
        }
        users.retain(|name, _| wanted.iter().any(|w| w.matches(name)));
        blob(&users)
    }
}

/// The users as a backup carries them; also none, so that a restore of them leaves none.
fn blob(users: &Users) -> Result<Vec<NamedBlob>> {
    let content = serde_json::to_vec(users)
        .map_err(|e| Error::internal("capture users", "cannot encode").with_source(e))?;
    Ok(vec![NamedBlob { name: USERS.to_owned(), content: content.into() }])
}

#[cfg(test)]
pub(crate) mod tests;
