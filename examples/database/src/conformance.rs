//! Runs Siltstone's suite for engines on this database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, json};
use siltstone::conformance::engine::{Change as Entry, Effort, EmptyDatabase, EngineFixture, Entries, run};
use siltstone::model::{CollectionName, ShardId, TenantState};
use siltstone::source::{RestoreTarget, SnapshotSource};
use siltstone::{Error, Result};
use uuid::Uuid;

use crate::fixture::{Setup, fast_folder, open, shard};
use crate::{Change, Database, LinkFn, Object, ShardChanges, Tenancy};

struct Fixture {
    folder: tempfile::TempDir,
    db: Database,
    stagings: AtomicU64,
}

struct Copy {
    _folder: tempfile::TempDir,
    db: Database,
}

/// A key is an id; a value lies in the properties and, byte by byte, in the vector.
fn object(entry: &Entry) -> Result<Change> {
    let id = Uuid::from_slice(&entry.key).map_err(|e| Error::invalid("test", e.to_string()))?;
    let Some(value) = &entry.value else { return Ok(Change::Delete(id)) };
    let hex: String = value.iter().map(|b| format!("{b:02x}")).collect();
    let vector = Some(value.iter().map(|b| f32::from(*b)).collect());
    let properties = Map::from_iter([("value".to_owned(), json!(hex))]);
    Ok(Change::Put(Object {
        id,
        properties,
        vector,
        named_vectors: Default::default(),
        created_ms: 0,
        updated_ms: 0,
    }))
}

fn write(db: &Database, entries: &[Entry]) -> Result<()> {
    let mut batch: Vec<ShardChanges> = Vec::new();
    for entry in entries {
        match batch.last_mut().filter(|b| b.shard == entry.shard) {
            Some(part) => part.changes.push(object(entry)?),
            None => batch.push(ShardChanges { shard: entry.shard.clone(), changes: vec![object(entry)?] }),
        }
    }
    db.write(&batch)
}

fn read(db: &Database, shard: &ShardId) -> Result<Entries> {
    let mut entries = Entries::new();
    for object in db.list(shard, None, u64::MAX)? {
        let value: Vec<u8> = object.vector.unwrap_or_default().iter().map(|f| *f as u8).collect();
        let hex: String = value.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(object.properties["value"], json!(hex), "both keyspaces hold the same batch");
        entries.insert(object.id.as_bytes().to_vec(), value);
    }
    Ok(entries)
}

impl EngineFixture for Fixture {
    fn source(&self) -> &dyn SnapshotSource {
        &self.db
    }

    fn shards(&self) -> Vec<ShardId> {
        let single = ShardId { collection: CollectionName::new("Single").unwrap(), tenant: None };
        vec![single, shard("Multi", "a"), shard("Multi", "b"), shard("Multi", "c")]
    }

    fn write(&self, changes: &[Entry]) -> Result<()> {
        write(&self.db, changes)
    }

    fn drop_shard(&self, shard: &ShardId) -> Result<()> {
        self.db.drop_tenants(&shard.collection, shard.tenant.as_slice())
    }

    fn staging(&self) -> Result<PathBuf> {
        let n = self.stagings.fetch_add(1, Ordering::SeqCst);
        let staging = self.folder.path().join(".siltstone/staging").join(n.to_string());
        std::fs::create_dir_all(&staging).map_err(|e| Error::io("test", &staging, e))?;
        Ok(staging)
    }

    fn empty(&self) -> Result<Box<dyn EmptyDatabase>> {
        let folder = fast_folder();
        let db = open(folder.path(), &Setup::default());
        Ok(Box::new(Copy { _folder: folder, db }))
    }
}

impl EmptyDatabase for Copy {
    fn target(&self) -> &dyn RestoreTarget {
        &self.db
    }

    fn read(&self, shard: &ShardId) -> Result<Entries> {
        read(&self.db, shard)
    }

    fn write(&self, changes: &[Entry]) -> Result<()> {
        write(&self.db, changes)
    }
}

fn conforms(link: LinkFn, cuts: u64) {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup { memtable: 48 << 10, link, ..Setup::default() });
    let (single, multi) = (CollectionName::new("Single").unwrap(), CollectionName::new("Multi").unwrap());
    db.create_collection(&single, json!({}), Tenancy::Single).unwrap();
    db.create_collection(&multi, json!({}), Tenancy::Multi).unwrap();
    let fixture = Fixture { folder, db, stagings: AtomicU64::new(0) };
    let tenants: Vec<_> =
        fixture.shards().into_iter().filter_map(|s| Some((s.tenant?, TenantState::Hot))).collect();
    fixture.db.add_tenants(&multi, &tenants).unwrap();
    let report = run(&fixture, Effort { cuts, value: 32, ..Effort::default() }).unwrap();
    assert!(report.batches > 0 && report.scopes[0] > 0, "{report:?}");
}

#[test]
fn the_database_conforms() {
    conforms(Setup::default().link, 20);
}

#[test]
fn the_database_conforms_where_links_are_impossible() {
    conforms(|_: &Path, _: &Path| Err(std::io::ErrorKind::CrossesDevices.into()), 8);
}
