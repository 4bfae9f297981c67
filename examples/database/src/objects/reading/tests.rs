//! Pages, counts and references of a small database.

use serde_json::{Map, json};
use siltstone::model::{TenantName, TenantState};

use super::*;
use crate::fixture::{Setup, fast_folder, open};
use crate::{Change, ShardChanges, Tenancy};

struct Fixture {
    _folder: tempfile::TempDir,
    db: Database,
    books: ShardId,
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn object(number: u128, properties: Value) -> Object {
    Object {
        id: id(number),
        properties: properties.as_object().cloned().unwrap_or_else(Map::new),
        vector: None,
        named_vectors: Default::default(),
        created_ms: 0,
        updated_ms: 0,
    }
}

fn put(db: &Database, shard: &ShardId, objects: Vec<Object>) {
    let changes = objects.into_iter().map(Change::Put).collect();
    db.write(&[ShardChanges { shard: shard.clone(), changes }]).unwrap();
}

/// 200 books: every tenth is `done`, and the first refers to the second, to one that is missing and to itself.
fn fixture() -> Fixture {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let collection = CollectionName::new("Book").unwrap();
    let schema = json!({ "properties": [
        { "name": "done", "dataType": ["boolean"] },
        { "name": "next", "dataType": ["Book"] },
    ] });
    db.create_collection(&collection, schema, Tenancy::Single).unwrap();
    let books = ShardId { collection, tenant: None };
    let mut objects: Vec<_> = (0..200).map(|n| object(n, json!({ "done": n % 10 == 0 }))).collect();
    let beacons = [id(1), id(999), id(0)].map(|id| json!({ "beacon": format!("weaviate://localhost/{id}") }));
    objects[0].properties.insert("next".to_owned(), json!(beacons));
    put(&db, &books, objects);
    Fixture { _folder: folder, db, books }
}

fn ids(fixture: &Fixture, page: &Page) -> Vec<u128> {
    let mut ids = Vec::new();
    let mut reader = Reader::new(&fixture.db, 0);
    reader
        .page(&fixture.books, page, |_, object| -> Result<()> {
            ids.push(object.id.as_u128());
            Ok(())
        })
        .unwrap();
    ids
}

fn page(filter: Option<Filter>, after: Option<u128>, offset: u64, limit: u64) -> Page {
    let after = after.map(|number| id(number).to_string());
    Page::new(filter, after.as_deref(), offset, Some(limit), 10).unwrap()
}

#[test]
fn pages_show_objects_in_order_of_their_ids() {
    let fixture = fixture();
    assert_eq!(ids(&fixture, &page(None, None, 0, 3)), [0, 1, 2]);
    assert_eq!(ids(&fixture, &page(None, None, 70, 2)), [70, 71]);
    assert_eq!(ids(&fixture, &page(None, Some(129), 0, 100)), (130..200).collect::<Vec<_>>());
    assert_eq!(ids(&fixture, &page(None, None, 0, 1000)).len(), 200);
    assert_eq!(ids(&fixture, &page(None, None, 0, 0)), []);
    assert_eq!(ids(&fixture, &page(None, None, 200, 5)), []);
}

#[test]
fn filters_are_applied_before_offset_and_limit() {
    let fixture = fixture();
    let shape = shape_of(&fixture.db, &fixture.books.collection).unwrap();
    let done = || Some(Filter::equal(&shape, "done", &json!(true)).unwrap());
    assert_eq!(ids(&fixture, &page(done(), None, 2, 3)), [20, 30, 40]);
    assert_eq!(ids(&fixture, &page(done(), None, 0, 1000)).len(), 20);
    let some = || Some(Filter::Ids([5, 3, 900, 4].map(id).into()));
    assert_eq!(ids(&fixture, &page(some(), None, 0, 10)), [3, 4, 5]);
    assert_eq!(ids(&fixture, &page(some(), None, 1, 1)), [4]);
    let mut reader = Reader::new(&fixture.db, 0);
    assert_eq!(reader.count(&fixture.books, None).unwrap(), 200);
    assert_eq!(reader.count(&fixture.books, done()).unwrap(), 20);
    assert_eq!(reader.count(&fixture.books, some()).unwrap(), 3);
}

#[test]
fn pages_that_reach_too_far_are_refused() {
    let tried =
        |after: Option<&str>, offset, limit| Page::new(None, after, offset, limit, 10).map(|p| p.limit);
    assert_eq!(tried(None, 0, None).unwrap(), 10);
    assert_eq!(tried(Some(""), 0, Some(MAX_PAGE)).unwrap(), MAX_PAGE);
    for (after, offset, limit) in [
        (None, 1, Some(MAX_PAGE)),
        (None, u64::MAX, Some(u64::MAX)),
        (Some("nonsense"), 0, None),
        (Some(""), 1, None),
    ] {
        assert_eq!(tried(after, offset, limit).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn references_are_followed_to_what_exists() {
    let fixture = fixture();
    let mut reader = Reader::new(&fixture.db, 0);
    let first = fixture.db.get(&fixture.books, id(0)).unwrap().unwrap();
    let mut found = Vec::new();
    reader
        .follow(&fixture.books, "next", &first.properties["next"], |_, shard, object| -> Result<()> {
            found.push((shard.collection.to_string(), object.id.as_u128()));
            Ok(())
        })
        .unwrap();
    assert_eq!(found, [("Book".to_owned(), 1), ("Book".to_owned(), 0)]);
}

#[test]
fn references_between_tenants_stay_with_the_tenant() {
    let fixture = fixture();
    let notes = CollectionName::new("Note").unwrap();
    fixture.db.create_collection(&notes, json!({}), Tenancy::Multi).unwrap();
    let tenants = ["a", "b"].map(|name| TenantName::new(name).unwrap());
    let states = tenants.clone().map(|tenant| (tenant, TenantState::Hot));
    fixture.db.add_tenants(&notes, &states).unwrap();
    let [a, b] = tenants.map(|tenant| ShardId { collection: notes.clone(), tenant: Some(tenant) });
    put(&fixture.db, &b, vec![object(7, json!({}))]);
    let value = json!([
        { "beacon": format!("weaviate://localhost/Note/{}", id(7)) },
        { "beacon": format!("weaviate://localhost/Book/{}", id(1)) },
    ]);
    let follow = |from: &ShardId| {
        let mut found = Vec::new();
        Reader::new(&fixture.db, 0)
            .follow(from, "any", &value, |_, shard, _| -> Result<()> {
                found.push(shard.to_string());
                Ok(())
            })
            .unwrap();
        found
    };
    assert_eq!(
        (follow(&a), follow(&b)),
        (vec!["Book".to_owned()], vec!["Note/b".to_owned(), "Book".to_owned()])
    );
    assert_eq!(follow(&fixture.books), ["Book"], "a collection without tenants reaches none");
}

#[test]
fn a_request_reads_and_answers_within_bounds() {
    let fixture = fixture();
    let mut reader = Reader::new(&fixture.db, 10);
    reader.take(10).unwrap();
    assert_eq!(reader.take(1).unwrap_err().kind(), ErrorKind::Exhausted);
    let many = vec![json!({ "beacon": format!("weaviate://localhost/Book/{}", id(999)) }); 10_001];
    let followed = reader.follow(&fixture.books, "next", &json!(many), |_, _, _| -> Result<()> { Ok(()) });
    assert_eq!(followed.unwrap_err().kind(), ErrorKind::Exhausted);
}

#[test]
fn a_shard_is_found_by_class_and_tenant_only() {
    let fixture = fixture();
    let find = |class: &str, tenant: Option<&str>| fixture.db.locate(class, tenant, Intent::Access);
    assert_eq!(find("Book", Some("")).unwrap(), fixture.books);
    assert_eq!(find("Other", None).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(find("Book", Some("a")).unwrap_err().to_string().contains("multi-tenancy disabled"));
}
