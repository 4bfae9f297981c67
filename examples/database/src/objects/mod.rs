//! Objects: JSON properties and an optional vector under a UUID.

mod access;
mod beacon;
pub(crate) mod filter;
mod locate;
pub(crate) mod reading;
pub(crate) mod references;
pub(crate) mod shape;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use siltstone::model::ShardId;
use siltstone::{Error, Result};
use uuid::Uuid;

pub(crate) use beacon::Beacon;
pub use locate::Intent;
pub(crate) use locate::capitalized;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its id.
    pub id: Uuid,
    /// Its properties.
    pub properties: Map<String, Value>,
    /// Its vector.
    pub vector: Option<Vec<f32>>,
    /// Its other vectors, by name.
    pub named_vectors: BTreeMap<String, Vec<f32>>,
    /// When it was created, milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last written, milliseconds since 1970.
    pub updated_ms: u64,
}

/// When a write may take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Only when no object has the id; else [`siltstone::ErrorKind::AlreadyExists`].
    IfAbsent,
    /// Only when an object has the id; else [`siltstone::ErrorKind::NotFound`]. Its time of creation stays.
    IfPresent,
}

/// One change of a batch.
#[derive(Clone, Debug)]
pub enum Change {
    /// Writes an object, whatever was there.
    Put(Object),
    /// Removes an object; it may be missing.
    Delete(Uuid),
}

/// The changes of a batch to one shard.
#[derive(Clone, Debug)]
pub struct ShardChanges {
    /// The shard.
    pub shard: ShardId,
    /// Applied in order, atomically.
    pub changes: Vec<Change>,
}

/// About how many bytes a value takes as JSON.
pub(crate) fn size(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() as u64 + 3,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<u64>() + 2,
        Value::Object(map) => {
            map.iter().map(|(key, value)| key.len() as u64 + 4 + size(value)).sum::<u64>() + 2
        }
    }
}

/// The time now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is stored in keyspace `objects` under the id; the vector lies in keyspace `vectors` as little-endian floats.
#[derive(Serialize, Deserialize)]
struct Stored {
    properties: Map<String, Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    named_vectors: BTreeMap<String, Vec<f32>>,
    created_ms: u64,
    updated_ms: u64,
}

/// The same, borrowed, for writing it.
#[derive(Serialize)]
struct Storing<'a> {
    properties: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    named_vectors: &'a BTreeMap<String, Vec<f32>>,
    created_ms: u64,
    updated_ms: u64,
}

impl Object {
    /// About how many bytes it takes as JSON.
    pub(crate) fn size(&self) -> u64 {
        let properties = self.properties.iter().map(|(name, value)| name.len() as u64 + 4 + size(value));
        let vectors = self.vector.iter().chain(self.named_vectors.values()).map(|v| v.len() as u64 * 12);
        properties.sum::<u64>() + vectors.sum::<u64>() + 200
    }

    /// The stored form, without the vector.
    fn encode(&self) -> Result<Vec<u8>> {
        let stored = Storing {
            properties: &self.properties,
            named_vectors: &self.named_vectors,
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
        };
        serde_json::to_vec(&stored)
            .map_err(|e| Error::internal("write object", "cannot encode").with_source(e))
    }

    fn encode_vector(vector: &[f32]) -> Vec<u8> {
        vector.iter().flat_map(|f| f.to_le_bytes()).collect()
    }

    /// From the two stored forms.
    pub(crate) fn decode(id: Uuid, object: &[u8], vector: Option<&[u8]>) -> Result<Self> {
        let corrupt = || Error::corrupt("read object", format!("object `{id}` cannot be decoded"));
        let stored: Stored = serde_json::from_slice(object).map_err(|e| corrupt().with_source(e))?;
        let vector = match vector {
            None => None,
            Some(bytes) => {
                let (floats, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(corrupt());
                }
                Some(floats.iter().map(|f| f32::from_le_bytes(*f)).collect())
            }
        };
        let Stored { properties, named_vectors, created_ms, updated_ms } = stored;
        Ok(Self { id, properties, vector, named_vectors, created_ms, updated_ms })
    }
}
