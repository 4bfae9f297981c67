//! Definitions: what is filled in, what stays, what is refused.

use serde_json::{Value, json};

use super::{Definition, add_property};
use crate::Tenancy;

fn complete(given: Value) -> Value {
    Definition::new(given).unwrap().schema
}

fn refused(given: Value) -> String {
    Definition::new(given).unwrap_err().to_string()
}

#[test]
fn a_name_alone_becomes_a_whole_definition() {
    let schema = complete(json!({ "class": "book", "unknown": 1, "description": null }));
    assert_eq!((&schema["class"], schema.get("unknown")), (&json!("Book"), None));
    assert_eq!(schema["vectorizer"], "none");
    assert_eq!(schema.pointer("/vectorIndexConfig/ef"), Some(&json!(-1)));
    assert_eq!(schema.pointer("/invertedIndexConfig/stopwords/preset"), Some(&json!("en")));
    assert_eq!(schema.pointer("/shardingConfig/actualCount"), Some(&json!(1)));
    assert_eq!((&schema["properties"], schema.get("vectorConfig")), (&json!([]), None));
}

#[test]
fn what_was_given_stays_and_the_rest_of_its_object_is_filled_in() {
    let schema = complete(json!({
        "class": "Book",
        "invertedIndexConfig": { "bm25": { "b": 0.1 }, "indexTimestamps": true },
        "multiTenancyConfig": { "enabled": true },
        "vectorIndexType": "flat",
        "vectorIndexConfig": { "distance": "dot" },
    }));
    assert_eq!(schema.pointer("/invertedIndexConfig/bm25"), Some(&json!({ "b": 0.1, "k1": 1.2 })));
    assert_eq!(schema.pointer("/invertedIndexConfig/indexTimestamps"), Some(&json!(true)));
    assert_eq!(schema.pointer("/multiTenancyConfig/autoTenantCreation"), Some(&json!(false)));
    assert_eq!(schema.pointer("/vectorIndexConfig/distance"), Some(&json!("dot")));
    assert_eq!(schema.pointer("/vectorIndexConfig/ef"), None);
    assert_eq!(schema.pointer("/shardingConfig/actualCount"), Some(&json!(0)));
}

#[test]
fn named_vectors_take_the_place_of_the_one() {
    let schema = complete(
        json!({ "class": "Book", "vectorConfig": { "a": { "vectorizer": { "none": {} } }, "b": {} } }),
    );
    assert_eq!((schema.get("vectorizer"), schema.get("vectorIndexType")), (None, None));
    for name in ["a", "b"] {
        assert_eq!(schema["vectorConfig"][name]["vectorizer"], json!({ "none": {} }));
        assert_eq!(schema["vectorConfig"][name]["vectorIndexConfig"]["distance"], "cosine");
    }
    let both = json!({ "class": "Book", "vectorIndexType": "flat", "vectorConfig": { "a": {} } });
    assert!(refused(both).contains("exclude each other"));
}

#[test]
fn properties_get_the_indexes_of_their_type() {
    let schema = complete(json!({ "class": "Book", "properties": [
        { "name": "title", "dataType": ["text"] },
        { "name": "year", "dataType": ["int"], "indexRangeFilters": true },
        { "name": "old", "dataType": ["string"] },
        { "name": "off", "dataType": ["text"], "indexInverted": false },
        { "name": "by", "dataType": ["Author", "Group"] },
        { "name": "in", "dataType": ["object"], "nestedProperties": [{ "name": "city", "dataType": ["text"] }] },
    ] }));
    let of = |n: usize| &schema["properties"][n];
    assert_eq!((&of(0)["indexSearchable"], &of(0)["tokenization"]), (&json!(true), &json!("word")));
    assert_eq!((&of(1)["indexSearchable"], of(1).get("tokenization")), (&json!(false), None));
    assert_eq!(of(1)["indexRangeFilters"], true);
    assert_eq!((&of(2)["dataType"], &of(2)["tokenization"]), (&json!(["text"]), &json!("whitespace")));
    assert_eq!((&of(3)["indexFilterable"], &of(3)["indexSearchable"]), (&json!(false), &json!(false)));
    assert_eq!(of(4)["dataType"], json!(["Author", "Group"]));
    assert_eq!(of(5)["nestedProperties"][0]["indexFilterable"], true);
}

#[test]
fn a_wrong_definition_is_refused_by_the_name_of_what_is_wrong() {
    let with = |properties: Value| json!({ "class": "Book", "properties": properties });
    for (given, part) in [
        (json!({}), "`class` is missing"),
        (json!([]), "must be an object"),
        (json!({ "class": "9" }), "`9` is not a valid class name"),
        (json!({ "class": "B", "multiTenancyConfig": { "enabled": "yes" } }), "multiTenancyConfig.enabled"),
        (json!({ "class": "B", "multiTenancyConfig": true }), "multiTenancyConfig"),
        (json!({ "class": "B", "replicationConfig": { "factor": 3 } }), "must be 1"),
        (json!({ "class": "B", "vectorizer": "text2vec-openai" }), "text2vec-openai"),
        (json!({ "class": "B", "vectorIndexType": "tree" }), "`tree`"),
        (json!({ "class": "B", "vectorIndexConfig": { "distance": "far" } }), "far"),
        (json!({ "class": "B", "vectorIndexConfig": { "multivector": { "enabled": true } } }), "multivector"),
        (with(json!({})), "must be a list"),
        (with(json!([{ "dataType": ["text"] }])), "no `name`"),
        (with(json!([{ "name": "id", "dataType": ["text"] }])), "`id` is not a valid property name"),
        (with(json!([{ "name": "a" }])), "property `a` has the dataType"),
        (with(json!([{ "name": "a", "dataType": "text" }])), "expected a list"),
        (with(json!([{ "name": "a", "dataType": ["text", "int"] }])), "expected a list"),
        (with(json!([{ "name": "a", "dataType": ["letters"] }])), "letters"),
        (with(json!([{ "name": "a", "dataType": ["object"] }])), "nestedProperties"),
        (
            with(json!([{ "name": "a", "dataType": ["text"] }, { "name": "A", "dataType": ["int"] }])),
            "stands twice",
        ),
    ] {
        let error = refused(given.clone());
        assert!(error.contains(part), "{given}: {error}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let mut property = json!({ "name": "a", "dataType": ["text"] });
    for _ in 0..20 {
        property = json!({ "name": "a", "dataType": ["object"], "nestedProperties": [property] });
    }
    assert!(refused(json!({ "class": "Book", "properties": [property] })).contains("nested deeper"));
}

#[test]
fn an_update_keeps_name_tenancy_and_properties() {
    let old = complete(json!({ "class": "Book", "properties": [{ "name": "a", "dataType": ["text"] }] }));
    let new = Definition::replacing(&old, json!({ "description": "new", "vectorIndexConfig": { "ef": 7 } }))
        .unwrap();
    assert_eq!((&new.schema["description"], new.tenancy), (&json!("new"), Tenancy::Single));
    assert_eq!(new.schema["properties"], old["properties"]);
    assert_eq!(Definition::replacing(&old, old.clone()).unwrap().schema, old);
    for (given, part) in [
        (json!({ "class": "Other" }), "renamed"),
        (json!({ "class": "Book", "multiTenancyConfig": { "enabled": true } }), "multi-tenancy"),
        (json!({ "class": "Book", "properties": [] }), "properties"),
        (json!({ "class": "Book", "properties": [{ "name": "a", "dataType": ["int"] }] }), "retyped"),
    ] {
        let error = Definition::replacing(&old, given).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_property_is_added_once_in_whatever_case() {
    let mut schema = complete(json!({ "class": "Book" }));
    let added = add_property(&mut schema, json!({ "name": "title", "dataType": ["text"] })).unwrap();
    assert_eq!(added["indexSearchable"], true);
    let again = add_property(&mut schema, json!({ "name": "Title", "dataType": ["text"] })).unwrap_err();
    assert!(again.to_string().contains("`title` already exists"), "{again}");
    assert_eq!(schema["properties"].as_array().unwrap().len(), 1);
}
