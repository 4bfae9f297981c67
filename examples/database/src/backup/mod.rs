//! The database as a source of backups.

mod capture;
mod cut;
mod extras;
mod open;
mod session;
mod taking;
mod tree;

use std::time::Duration;

use siltstone::Result;
use siltstone::model::{EngineInfo, ShardId};
use siltstone::source::{
    Budget, CollectionInfo, CutOutcome, ExtrasChoice, NamedBlob, ShardInfo, SnapshotSource,
};

use crate::backup::session::Session;
use crate::database::Database;
use crate::engine::sync::lock;

pub(crate) use extras::USERS;

/// How long a flush ahead may take; what is left then is in the journal, which the cut takes too.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

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
        extras::all(&self.engine.catalogue.current().users)
    }

    fn chosen_extras(&self, choice: &ExtrasChoice) -> Result<Vec<NamedBlob>> {
        extras::chosen(&self.engine.catalogue.current().users, choice)
    }
}

#[cfg(test)]
mod tests;
