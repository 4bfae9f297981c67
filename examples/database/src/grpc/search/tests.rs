//! Requests for objects, answered from a small database.

use serde_json::json;
use siltstone::ErrorKind;
use siltstone::model::CollectionName;
use uuid::Uuid;

use super::super::wire::Unread;
use super::super::wire::properties::Kind as Sent;
use super::super::wire::search::RefPropertiesRequest;
use super::*;
use crate::fixture::{Setup, fast_folder, open};
use crate::{Change, ShardChanges, Tenancy};

/// Twelve books; the last refers to an author and has a cover.
fn fixture() -> (tempfile::TempDir, Database) {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let property = |name: &str, of: &str| json!({ "name": name, "dataType": [of] });
    let book = [
        property("title", "text"),
        property("pages", "int"),
        property("cover", "blob"),
        property("by", "Author"),
    ];
    for (class, schema) in [("Book", json!({ "properties": book })), ("Author", json!({}))] {
        db.create_collection(&CollectionName::new(class).unwrap(), schema, Tenancy::Single).unwrap();
    }
    let put = |class: &str, number: u128, properties: serde_json::Value| {
        let shard = ShardId { collection: CollectionName::new(class).unwrap(), tenant: None };
        let object = Object {
            id: Uuid::from_u128(number),
            properties: properties.as_object().unwrap().clone(),
            vector: Some(vec![0.5]),
            named_vectors: Default::default(),
            created_ms: 1,
            updated_ms: 2,
        };
        db.write(&[ShardChanges { shard, changes: vec![Change::Put(object)] }]).unwrap();
    };
    for number in 0..11 {
        put("Book", number, json!({ "title": format!("t{number}") }));
    }
    let beacon = format!("weaviate://localhost/Author/{}", Uuid::from_u128(7));
    put("Book", 11, json!({ "title": "last", "cover": "AAAA", "by": [{ "beacon": beacon }], "extra": true }));
    put("Author", 7, json!({ "name": "Ann" }));
    (folder, db)
}

fn request() -> SearchRequest {
    let metadata = MetadataRequest { uuid: true, ..MetadataRequest::default() };
    let collection = "Book".to_owned();
    SearchRequest { collection, metadata: Some(metadata), uses_127_api: true, ..SearchRequest::default() }
}

fn sent(properties: Option<&PropertiesResult>) -> Vec<(&str, &Sent)> {
    let fields = &properties.unwrap().non_ref_props.as_ref().unwrap().fields;
    fields.iter().map(|(name, value)| (name.as_str(), value.kind.as_ref().unwrap())).collect()
}

fn text(text: &str) -> Sent {
    Sent::Text(text.to_owned())
}

#[test]
fn all_properties_but_references_and_blobs_are_sent_unless_named() {
    let (_folder, db) = fixture();
    let last = || SearchRequest { offset: 11, ..request() };
    let reply = search(&db, last()).unwrap();
    let expected = [("extra", &Sent::Boolean(true)), ("pages", &Sent::Null(0)), ("title", &text("last"))];
    assert_eq!(sent(reply.results[0].properties.as_ref()), expected);
    assert_eq!(reply.results[0].metadata.as_ref().unwrap().id, Uuid::from_u128(11).to_string());
    let named = PropertiesRequest {
        non_ref_properties: ["cover", "by", "missing"].map(str::to_owned).to_vec(),
        ..PropertiesRequest::default()
    };
    let reply = search(&db, SearchRequest { properties: Some(named), ..last() }).unwrap();
    let cover = Sent::Blob("AAAA".to_owned());
    assert_eq!(sent(reply.results[0].properties.as_ref()), [("cover", &cover), ("missing", &Sent::Null(0))]);
    let nothing = SearchRequest { properties: Some(PropertiesRequest::default()), ..last() };
    assert_eq!(sent(search(&db, nothing).unwrap().results[0].properties.as_ref()), []);
}

#[test]
fn referenced_objects_are_sent_with_what_was_asked_of_them() {
    let (_folder, db) = fixture();
    let by = |target: &str| RefPropertiesRequest {
        reference_property: "by".to_owned(),
        metadata: Some(MetadataRequest { uuid: true, ..MetadataRequest::default() }),
        target_collection: target.to_owned(),
        ..RefPropertiesRequest::default()
    };
    let ask = |reference| {
        let properties =
            PropertiesRequest { ref_properties: vec![reference], ..PropertiesRequest::default() };
        let request = SearchRequest { properties: Some(properties), offset: 10, ..request() };
        let results = search(&db, request).unwrap().results;
        results.into_iter().map(|result| result.properties.unwrap()).collect::<Vec<_>>()
    };
    let found = ask(by(""));
    assert!(found[0].ref_props_requested && found[0].ref_props.is_empty());
    let author = &found[1].ref_props[0].properties[0];
    assert_eq!(
        (author.target_collection.as_str(), sent(Some(author))),
        ("Author", vec![("name", &text("Ann"))])
    );
    assert_eq!(author.metadata.as_ref().unwrap().id_as_bytes[15], 7);
    assert_eq!(ask(by("Other"))[1].ref_props[0].properties, []);
}

#[test]
fn a_request_without_a_limit_gets_ten() {
    let (_folder, db) = fixture();
    assert_eq!(search(&db, request()).unwrap().results.len(), 10);
    let after = SearchRequest { after: Uuid::from_u128(8).to_string(), limit: 100, ..request() };
    assert_eq!(search(&db, after).unwrap().results.len(), 3);
    assert_eq!(
        search(&db, SearchRequest { limit: 10_001, ..request() }).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn what_would_change_the_answer_and_is_not_done_is_refused() {
    let (_folder, db) = fixture();
    let set = Some(Unread {});
    for request in [
        SearchRequest { near_vector: set, ..request() },
        SearchRequest { hybrid_search: set, ..request() },
        SearchRequest { bm25_search: set, ..request() },
        SearchRequest { near_text: set, ..request() },
        SearchRequest { generative: set, ..request() },
        SearchRequest { rerank: set, ..request() },
        SearchRequest { group_by: set, ..request() },
        SearchRequest { sort_by: vec![Unread {}], ..request() },
        SearchRequest { autocut: 1, ..request() },
        SearchRequest { uses_127_api: false, ..request() },
        SearchRequest {
            metadata: Some(MetadataRequest { query_profile: true, ..MetadataRequest::default() }),
            ..request()
        },
    ] {
        assert_eq!(search(&db, request.clone()).unwrap_err().kind(), ErrorKind::Unsupported, "{request:?}");
    }
    let other = SearchRequest { collection: "Other".to_owned(), ..request() };
    assert_eq!(search(&db, other).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_numbers_of_the_wire_are_those_of_the_api() {
    // One field each, by hand: its number times eight plus the kind of its encoding, then the value.
    let bytes = [
        &[0x0a, 4][..],
        b"Book",
        &[0xf0, 0x01, 3],
        &[0x8a, 0x02, 1, b'x'],
        &[0xda, 0x02, 0],
        &[0xb0, 0x06, 1],
    ];
    let request = SearchRequest::decode(bytes.concat().as_slice()).unwrap();
    assert_eq!((request.collection.as_str(), request.limit, request.after.as_str()), ("Book", 3, "x"));
    assert!(request.near_vector.is_some() && request.uses_127_api);
}
