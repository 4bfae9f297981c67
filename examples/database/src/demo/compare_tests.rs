//! The comparison finds whatever differs.

use siltstone::model::{CollectionName, ShardId, TenantName};
use siltstone_db::{Change, Condition, Options, ShardChanges};

use super::*;

/// A small data set in a database, and what may be in a backup of it.
struct Loaded {
    data: DataSet,
    database: Database,
    _folder: tempfile::TempDir,
}

impl Loaded {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(Options::new(folder.path().join("data"))).unwrap();
        let data = DataSet::of(1_000_000).unwrap();
        data.load(&database, &Progress::new("load", 0), &Stop::default()).unwrap();
        Self { data, database, _folder: folder }
    }

    fn compare(&self, least: u64, most: u64) -> Comparison {
        let all = |n| vec![n; self.data.shards.len()];
        let bounds = Bounds { least: all(least), most: all(most) };
        let (written, scope) = (Written::default(), Scope::Node);
        Expected { data: &self.data, bounds: &bounds, written: &written, scope }
            .compare(&self.database, &Progress::new("compare", 0), &Stop::default())
            .unwrap()
    }

    fn write(&self, shard: usize, changes: Vec<Change>) {
        let shard = self.data.shards[shard].id.clone();
        self.database.write(&[ShardChanges { shard, changes }]).unwrap();
    }

    /// The one problem that there is, with all objects but so many.
    fn problem(&self, unequal: u64) -> String {
        let found = self.compare(0, 0);
        assert_eq!((found.problems.len() as u64, found.objects - found.equal), (1, unequal), "{found:?}");
        found.problems[0].clone()
    }
}

#[test]
fn what_was_loaded_is_equal_and_so_is_every_state_within_the_bounds() {
    let loaded = Loaded::new();
    let found = loaded.compare(0, 0);
    assert!(found.problems.is_empty() && found.objects == found.equal && found.objects > 500, "{found:?}");
    for n in 1..=9 {
        loaded.write(1, loaded.data.shards[1].history.changes(n));
        let found = loaded.compare(0, n);
        assert!(found.problems.is_empty() && found.equal == found.objects, "{n}: {found:?}");
        assert_eq!(found.operations, n);
    }
    let found = loaded.compare(0, 8);
    assert!(found.problems[0].contains("holds 9 operations and must hold 0 to 8"), "{found:?}");
    assert_eq!(loaded.compare(1, 9).problems.len(), loaded.data.shards.len() - 1);
}

#[test]
fn a_missing_a_changed_and_a_surplus_object_are_found() {
    let loaded = Loaded::new();
    let shard = loaded.data.shards[0].id.clone();
    let mut object = content::object(loaded.data.shards[0].history.kind, 0, 7, 0);

    loaded.database.delete(&shard, object.id).unwrap();
    assert!(loaded.problem(1).contains(&format!("object `{}` is missing", object.id)));

    if let Some(first) = object.vector.as_mut().and_then(|v| v.first_mut()) {
        *first += 1e-6;
    }
    loaded.database.put(&shard, object.clone(), Condition::IfAbsent).unwrap();
    assert!(loaded.problem(1).contains("differs"));

    let object = content::object(loaded.data.shards[0].history.kind, 0, 7, 0);
    let surplus = content::object(loaded.data.shards[0].history.kind, 0, 1_000_000, 0);
    loaded.write(0, vec![Change::Put(object), Change::Put(surplus)]);
    assert!(loaded.problem(0).contains("must not be there"));
}

#[test]
fn a_write_without_its_counter_is_found() {
    let loaded = Loaded::new();
    let mut changes = loaded.data.shards[2].history.changes(1);
    changes.pop();
    loaded.write(2, changes);
    assert!(loaded.problem(1).contains("differs"));
}

#[test]
fn another_tenant_state_and_a_lost_collection_are_found() {
    let loaded = Loaded::new();
    let cold = TenantName::new("customer-03").unwrap();
    loaded.database.set_tenants(&tickets().unwrap(), &[(cold, TenantState::Hot)]).unwrap();
    assert!(loaded.compare(0, 0).problems[0].contains("tenants"));
    let article = CollectionName::new("Article").unwrap();
    loaded.database.drop_collection(&article).unwrap();
    assert!(!loaded.database.schemas().is_empty());
    let found = loaded.compare(0, 0);
    assert!(found.problems[0].contains("were [Article, Ticket]") && found.objects == 0, "{found:?}");
    assert!(loaded.database.count(&ShardId { collection: article, tenant: None }).is_err());
}
