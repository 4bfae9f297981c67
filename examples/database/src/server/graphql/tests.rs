//! Queries, answered from a small database.

use siltstone::model::{CollectionName, ShardId};
use uuid::Uuid;

use super::*;
use crate::fixture::{Setup, fast_folder, open};
use crate::{Change, Object, ShardChanges, Tenancy};

/// Three books; the first was written by Ann, who is no book, and is part of itself.
fn fixture() -> (tempfile::TempDir, Database) {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let book = json!({ "properties": [
        { "name": "title", "dataType": ["text"] },
        { "name": "about", "dataType": ["Author", "Book"] },
    ] });
    for (class, schema) in [("Book", book), ("Author", json!({}))] {
        db.create_collection(&CollectionName::new(class).unwrap(), schema, Tenancy::Single).unwrap();
    }
    let put = |class: &str, number: u128, properties: Value| {
        let shard = ShardId { collection: CollectionName::new(class).unwrap(), tenant: None };
        let object = Object {
            id: Uuid::from_u128(number),
            properties: properties.as_object().unwrap().clone(),
            vector: (number == 1).then(|| vec![0.5]),
            named_vectors: [("n".to_owned(), vec![1.0])].into(),
            created_ms: 5,
            updated_ms: 6,
        };
        db.write(&[ShardChanges { shard, changes: vec![Change::Put(object)] }]).unwrap();
    };
    let beacon =
        |class: &str, n| json!({ "beacon": format!("weaviate://localhost/{class}/{}", Uuid::from_u128(n)) });
    let at = json!({ "city": "Rome", "zip": 1 });
    put("Book", 1, json!({ "title": "one", "about": [beacon("Author", 7), beacon("Book", 2)], "at": at }));
    put("Book", 2, json!({ "title": "two" }));
    put("Book", 3, json!({ "title": "three" }));
    put("Author", 7, json!({ "name": "Ann" }));
    (folder, db)
}

fn ask(db: &Database, query: &str) -> Result<Value, Value> {
    let question = Question { query: query.to_owned(), variables: None, operation: None };
    answer(db, &question).map_err(|failure| failure.on_wire())
}

#[test]
fn objects_come_with_what_is_asked_of_them() {
    let (_folder, db) = fixture();
    let query = r#"{ Get { Book(limit: 1) { title missing at { city }
        about { ... on Author { name } ... on Book { again: title __typename } }
        _additional { id creationTimeUnix lastUpdateTimeUnix vector vectors { n } } } } }"#;
    let expected = json!({ "Get": { "Book": [{
        "title": "one", "missing": null, "at": { "city": "Rome" },
        "about": [{ "name": "Ann" }, { "again": "two", "__typename": "Book" }],
        "_additional": { "id": Uuid::from_u128(1), "creationTimeUnix": "5", "lastUpdateTimeUnix": "6", "vector": [0.5],
            "vectors": { "n": [1.0] } },
    }] } });
    assert_eq!(ask(&db, query).unwrap(), expected);
    let only = "{ Get { Book(limit: 2) { about { ... on Book { title } } } } }";
    let expected = json!({ "Get": { "Book": [{ "about": [{ "title": "two" }] }, { "about": null }] } });
    assert_eq!(ask(&db, only).unwrap(), expected);
}

#[test]
fn several_classes_pages_and_counts_fit_in_one_query() {
    let (_folder, db) = fixture();
    let query = r#"{ Get { a: Book(offset: 1, limit: 1) { title } b: Book(after: "00000000-0000-0000-0000-000000000002") { title }
        c: Book(where: { path: ["title"], operator: Equal, valueText: "THREE" }) { title } }
        Aggregate { Book { meta { count } } Author(where: { path: ["id"], operator: Equal, valueText:
        "00000000-0000-0000-0000-000000000001" }) { m: meta { n: count } } } }"#;
    let expected = json!({
        "Get": { "a": [{ "title": "two" }], "b": [{ "title": "three" }], "c": [{ "title": "three" }] },
        "Aggregate": { "Book": [{ "meta": { "count": 3 } }], "Author": [{ "m": { "n": 0 } }] },
    });
    assert_eq!(ask(&db, query).unwrap(), expected);
}

#[test]
fn what_is_not_answered_is_named_with_its_path() {
    let (_folder, db) = fixture();
    let failed = |query: &str| {
        let error = ask(&db, query).unwrap_err();
        let path: Vec<&str> = error["path"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        (path.join("."), error["message"].as_str().unwrap().to_owned())
    };
    for (query, path, named) in [
        ("{ Get { Book(nearText: {}) { title } } }", "Get.Book", "nearText"),
        ("{ Get { x: Nope { title } } }", "Get.x", "Nope"),
        ("{ Get { Book { _additional { distance } } } }", "Get.Book._additional.distance", "distance"),
        ("{ Get { Book { about } } }", "Get.Book.about", "on Class"),
        ("{ Get { Book } }", "Get.Book", "ask for a property"),
        ("{ Get { Book(limit: -1) { title } } }", "Get.Book", "limit"),
        ("{ Get { Book(limit: 10001) { title } } }", "Get.Book", "10000"),
        ("{ Get { Book { title { x } } } }", "Get.Book.title", "without braces"),
        ("{ Aggregate { Book { title { count } } } }", "Aggregate.Book.title", "title { count }"),
        ("{ Aggregate { Book { meta } } }", "Aggregate.Book.meta", "meta { count }"),
        ("{ Explore { Book { x } } }", "Explore.Book", "Explore"),
    ] {
        let (at, message) = failed(query);
        assert_eq!(at, path, "{message}");
        assert!(message.contains(named), "{message}");
    }
    let many = format!("{{ Get {{ {} }} }}", "Book { title } ".repeat(33));
    assert!(failed(&many).1.contains("33 classes"));
}
