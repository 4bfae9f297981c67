//! `BatchObjects`: importing many objects, atomic for each shard, with an error for each object that was not written.

use std::collections::BTreeMap;
use std::time::Instant;

use siltstone::Result;
use siltstone::model::{CollectionName, ShardId};

use super::wire::batch::{BatchError, BatchObject, BatchObjectsReply, BatchObjectsRequest};
use super::{incoming, vectors};
use crate::objects::reading::shape_of;
use crate::objects::shape::Shape;
use crate::objects::{Intent, now_ms};
use crate::{Change, Database, Object, ShardChanges};

/// What was not written, by its place in the request, and why.
pub(super) type Errors = BTreeMap<usize, String>;

/// Answers well whatever became of each of the objects.
pub(super) fn objects(db: &Database, request: BatchObjectsRequest) -> Result<BatchObjectsReply> {
    let began = Instant::now();
    let errors = on_wire(write(db, request.objects));
    Ok(BatchObjectsReply { took: began.elapsed().as_secs_f32(), errors })
}

/// Writes objects; those that exist are overwritten.
pub(super) fn write(db: &Database, objects: Vec<BatchObject>) -> Errors {
    let mut incoming = Incoming { db, shapes: BTreeMap::new() };
    let mut shards: BTreeMap<ShardId, Vec<(usize, Change)>> = BTreeMap::new();
    let mut errors = Errors::new();
    for (index, object) in objects.into_iter().enumerate() {
        match incoming.read(object) {
            Ok((shard, object)) => shards.entry(shard).or_default().push((index, Change::Put(object))),
            Err(e) => {
                errors.insert(index, e.to_string());
            }
        }
    }
    for (shard, changes) in shards {
        let (indices, changes): (Vec<usize>, Vec<Change>) = changes.into_iter().unzip();
        if let Err(e) = db.write(&[ShardChanges { shard, changes }]) {
            errors.extend(indices.into_iter().map(|index| (index, e.to_string())));
        }
    }
    errors
}

/// The errors of a reply.
pub(super) fn on_wire(errors: Errors) -> Vec<BatchError> {
    let error = |(index, error)| BatchError { index: i32::try_from(index).unwrap_or(i32::MAX), error };
    errors.into_iter().map(error).collect()
}

/// Reads the objects of one request.
struct Incoming<'a> {
    db: &'a Database,
    shapes: BTreeMap<CollectionName, Shape>,
}

impl Incoming<'_> {
    /// The shard that an object belongs to, and the object.
    fn read(&mut self, object: BatchObject) -> Result<(ShardId, Object)> {
        let shard = self.db.locate(&object.collection, Some(&object.tenant), Intent::Insert)?;
        if !self.shapes.contains_key(&shard.collection) {
            self.shapes.insert(shard.collection.clone(), shape_of(self.db, &shard.collection)?);
        }
        let nothing = Shape::default();
        let shape = self.shapes.get(&shard.collection).unwrap_or(&nothing);
        let now = now_ms();
        let vector = match vectors::decode(&object.vector_bytes)? {
            Some(vector) => Some(vector),
            None => vectors::checked(object.vector)?,
        };
        let object = Object {
            id: incoming::id(&object.uuid)?,
            properties: incoming::properties(shape, object.properties.unwrap_or_default())?,
            vector,
            named_vectors: vectors::decode_named(&object.vectors)?,
            created_ms: now,
            updated_ms: now,
        };
        Ok((shard, object))
    }
}

#[cfg(test)]
mod tests;
