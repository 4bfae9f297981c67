//! A small database server on fjall that embeds Siltstone: the reference user of its API.
//!
//! Collections hold objects (JSON properties and an optional vector) under a UUID; a collection has one shard, or one per
//! tenant, and every shard is a fjall database in a folder of its own. [`Database`] implements Siltstone's
//! [`SnapshotSource`](siltstone::source::SnapshotSource) and [`RestoreTarget`](siltstone::source::RestoreTarget).
//!
//! ```
//! use siltstone::model::{CollectionName, ShardId};
//! use siltstone_db::{Change, Database, Object, Options, ShardChanges, Tenancy};
//!
//! # fn main() -> siltstone::Result<()> {
//! # let folder = tempfile::tempdir().map_err(|e| siltstone::Error::io("example", "", e))?;
//! let database = Database::open(Options::new(folder.path()))?;
//! let book = CollectionName::new("Book")?;
//! database.create_collection(&book, serde_json::json!({ "class": "Book" }), Tenancy::Single)?;
//! let shard = ShardId { collection: book, tenant: None };
//! let object = Object {
//!     id: uuid::Uuid::now_v7(),
//!     properties: serde_json::Map::new(),
//!     vector: Some(vec![0.5, -1.0]),
//!     named_vectors: Default::default(),
//!     created_ms: 0,
//!     updated_ms: 0,
//! };
//! database.write(&[ShardChanges { shard: shard.clone(), changes: vec![Change::Put(object)] }])?;
//! assert_eq!(database.count(&shard)?, 1);
//! # database.close()
//! # }
//! ```

#![forbid(unsafe_code)]

mod access;
mod backup;
mod catalogue;
#[cfg(test)]
mod conformance;
mod database;
mod engine;
#[cfg(test)]
mod fixture;
pub mod grpc;
mod objects;
mod restore;
mod server;

pub use access::{Access, Caller, Refused, Right, guard};
pub use catalogue::Tenancy;
pub use database::{Database, LinkFn, MAX_OPEN_SHARDS, Options};
pub use objects::{Change, Condition, Intent, Object, ShardChanges};
pub use server::{Identity, router};
