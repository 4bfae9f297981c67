//! Reading and writing objects.

mod modify;

use std::ops::Bound;
use std::sync::Arc;

use fjall::{OwnedWriteBatch, Readable};
use siltstone::model::ShardId;
use siltstone::{Error, ErrorKind, Result};
use uuid::Uuid;

use crate::database::Database;
use crate::engine::pool::Lease;
use crate::engine::shard::{Shard, engine};
use crate::engine::sync::lock;
use crate::objects::{Change, Condition, Object, ShardChanges};

impl Database {
    /// Writes one object under a condition.
    pub fn put(&self, shard: &ShardId, mut object: Object, condition: Condition) -> Result<()> {
        let lease = self.serving(shard)?;
        lease.wait_for_room()?;
        let _alone = lock(&lease.write);
        let existing = read(&lease, object.id)?;
        match (condition, existing) {
            (Condition::IfAbsent, Some(_)) => {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "put object",
                    format!("id `{}` already exists", object.id),
                ));
            }
            (Condition::IfPresent, None) => return Err(missing("put object", object.id)),
            (Condition::IfPresent, Some(old)) => object.created_ms = old.created_ms,
            (Condition::IfAbsent, None) => {}
        }
        self.commit(&[(&lease, &[Change::Put(object)])])
    }

    /// Removes an object.
    pub fn delete(&self, shard: &ShardId, id: Uuid) -> Result<()> {
        let lease = self.serving(shard)?;
        lease.wait_for_room()?;
        let _alone = lock(&lease.write);
        if read(&lease, id)?.is_none() {
            return Err(missing("delete object", id));
        }
        self.commit(&[(&lease, &[Change::Delete(id)])])
    }

    /// Applies changes to several shards, each named once: atomically in each shard, and any backup holds all of them
    /// or none. Survives the end of the process when it returns; see [`Database::open`].
    pub fn write(&self, batch: &[ShardChanges]) -> Result<()> {
        let ids: Vec<ShardId> = batch.iter().map(|b| b.shard.clone()).collect();
        for id in &ids {
            self.expect_hot(id)?;
        }
        let leases = self.engine.pool.lease_all(&ids)?;
        for lease in &leases {
            self.expect_hot(&lease.id)?;
            lease.wait_for_room()?;
        }
        // In one order for everybody. A conditional write of one object must not be passed between look and write.
        let mut in_order: Vec<&Lease> = leases.iter().collect();
        in_order.sort_by(|a, b| a.id.cmp(&b.id));
        let _alone: Vec<_> = in_order.into_iter().map(|lease| lock(&lease.write)).collect();
        let parts: Vec<(&Lease, &[Change])> =
            leases.iter().zip(batch).map(|(lease, b)| (lease, b.changes.as_slice())).collect();
        self.commit(&parts)
    }

    /// Reads an object.
    pub fn get(&self, shard: &ShardId, id: Uuid) -> Result<Option<Object>> {
        read(&*self.serving(shard)?, id)
    }

    /// The objects after an id in the order of their ids, at most `limit`.
    pub fn list(&self, shard: &ShardId, after: Option<Uuid>, limit: u64) -> Result<Vec<Object>> {
        let lease = self.serving(shard)?;
        let fail = |e| engine("list objects", &lease.folder, e);
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.into_bytes()));
        let mut objects = Vec::new();
        let now = lease.snapshot();
        for entry in now.range::<[u8; 16], _>(&lease.objects, (from, Bound::Unbounded)) {
            if objects.len() as u64 >= limit {
                break;
            }
            let (key, value) = entry.into_inner().map_err(fail)?;
            let id = Uuid::from_slice(&key)
                .map_err(|e| Error::corrupt("list objects", "a key is not an id").with_source(e))?;
            let vector = now.get(&lease.vectors, &*key).map_err(fail)?;
            objects.push(Object::decode(id, &value, vector.as_deref())?);
        }
        Ok(objects)
    }

    /// How many objects a shard holds; reads all keys.
    pub fn count(&self, shard: &ShardId) -> Result<u64> {
        let lease = self.serving(shard)?;
        let count = lease.objects.len().map_err(|e| engine("count objects", &lease.folder, e))?;
        Ok(count as u64)
    }

    /// A lease of a shard that serves requests.
    fn serving(&self, shard: &ShardId) -> Result<Lease> {
        self.expect_hot(shard)?;
        let lease = self.engine.pool.lease(shard)?;
        // It may have been open and about to be dropped or deactivated.
        self.expect_hot(shard)?;
        Ok(lease)
    }

    fn expect_hot(&self, shard: &ShardId) -> Result<()> {
        self.engine.catalogue.current().expect_hot(shard)
    }

    /// Writes batches to leased shards inside one pass of the write gate.
    fn commit(&self, parts: &[(&Lease, &[Change])]) -> Result<()> {
        let mut batches = Vec::with_capacity(parts.len());
        for (lease, changes) in parts {
            let mut batch = lease.batch();
            for change in *changes {
                add(&mut batch, lease, change)?;
            }
            batches.push((lease, batch));
        }
        let _pass = self.engine.gate.enter(parts.iter().map(|(l, _)| Arc::clone(&l.id)).collect());
        for (lease, batch) in batches {
            batch.commit().map_err(|e| lease.stop("write", e))?;
        }
        Ok(())
    }
}

fn add(batch: &mut OwnedWriteBatch, shard: &Shard, change: &Change) -> Result<()> {
    match change {
        Change::Put(object) => {
            let key = object.id.into_bytes();
            batch.insert(&shard.objects, key, object.encode()?);
            match &object.vector {
                Some(vector) => batch.insert(&shard.vectors, key, Object::encode_vector(vector)),
                None => batch.remove(&shard.vectors, key),
            }
        }
        Change::Delete(id) => {
            batch.remove(&shard.objects, id.into_bytes());
            batch.remove(&shard.vectors, id.into_bytes());
        }
    }
    Ok(())
}

fn read(shard: &Shard, id: Uuid) -> Result<Option<Object>> {
    let fail = |e| engine("read object", &shard.folder, e);
    let now = shard.snapshot();
    let Some(object) = now.get(&shard.objects, id.as_bytes()).map_err(fail)? else { return Ok(None) };
    let vector = now.get(&shard.vectors, id.as_bytes()).map_err(fail)?;
    Object::decode(id, &object, vector.as_deref()).map(Some)
}

fn missing(operation: &'static str, id: Uuid) -> Error {
    Error::new(ErrorKind::NotFound, operation, format!("no object `{id}`"))
}
