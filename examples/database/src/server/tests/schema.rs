//! Classes, properties, shards and aliases.

use serde_json::{Value, json};

use super::{Api, message};

#[test]
fn a_definition_is_read_back_complete_and_can_be_put_back_as_it_is() {
    let api = Api::start();
    let (status, created) = api.call("POST", "/v1/schema", json!({ "class": "book" }));
    assert_eq!((status, created["vectorIndexType"].as_str()), (200, Some("hnsw")));
    let (_, read) = api.get("/v1/schema/book");
    assert_eq!(read, created);
    assert_eq!(api.call("PUT", "/v1/schema/Book", read.clone()), (200, read.clone()));
    let mut changed = read;
    changed["description"] = json!("all of them");
    assert_eq!(api.call("PUT", "/v1/schema/Book", changed).0, 200);
    assert_eq!(api.get("/v1/schema/Book").1["description"], "all of them");
}

#[test]
fn what_cannot_change_is_422_and_what_is_not_there_404() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let multi = json!({ "class": "Book", "multiTenancyConfig": { "enabled": true } });
    for wrong in [json!({ "class": "Other" }), multi, json!({ "class": "Book", "vectorizer": "x" })] {
        assert_eq!(api.call("PUT", "/v1/schema/Book", wrong).0, 422);
    }
    assert_eq!(api.call("PUT", "/v1/schema/Other", json!({ "class": "Other" })).0, 404);
    assert_eq!(api.call("POST", "/v1/schema", json!({ "properties": [] })).0, 422);
    assert_eq!(
        api.call("POST", "/v1/schema", json!({ "class": "B", "properties": [{ "name": "a" }] })).0,
        422
    );
}

#[test]
fn a_property_is_added_to_a_class_once() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let title = json!({ "name": "title", "dataType": ["text"] });
    let (status, added) = api.call("POST", "/v1/schema/Book/properties", title.clone());
    assert_eq!((status, added["tokenization"].as_str()), (200, Some("word")));
    assert_eq!(api.get("/v1/schema/Book").1["properties"], json!([added]));
    let (status, again) = api.call("POST", "/v1/schema/Book/properties", title.clone());
    assert!(status == 422 && message(&again).contains("already exists"), "{again}");
    assert_eq!(api.call("POST", "/v1/schema/Other/properties", title).0, 404);
    assert_eq!(api.call("POST", "/v1/schema/Book/properties", json!({ "name": "x" })).0, 422);
}

#[test]
fn shards_are_ready_one_for_a_class_or_one_for_each_tenant() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let ready = json!([{ "name": "main", "status": "READY", "vectorQueueSize": 0 }]);
    assert_eq!(api.get("/v1/schema/Book/shards"), (200, ready));
    api.call("POST", "/v1/schema", json!({ "class": "Multi", "multiTenancyConfig": { "enabled": true } }));
    let tenants = json!([{ "name": "a" }, { "name": "b", "activityStatus": "COLD" }]);
    api.call("POST", "/v1/schema/Multi/tenants", tenants);
    let (_, shards) = api.get("/v1/schema/Multi/shards");
    let of = |n: usize| (shards[n]["name"].as_str().unwrap(), shards[n]["status"].as_str().unwrap());
    assert_eq!((of(0), of(1)), (("a", "READY"), ("b", "COLD")));
    assert_eq!(api.get("/v1/schema/Multi/shards?tenant=b").1.as_array().unwrap().len(), 1);
    assert_eq!(api.get("/v1/schema/Other/shards").0, 404);
    let set = |path: &str, status: &str| api.call("PUT", path, json!({ "status": status })).0;
    assert_eq!(set("/v1/schema/Book/shards/main", "READY"), 200);
    assert_eq!(set("/v1/schema/Book/shards/main", "READONLY"), 501);
    assert_eq!(set("/v1/schema/Multi/shards/main", "READY"), 404);
}

#[test]
fn an_alias_is_made_listed_moved_and_removed() {
    let api = Api::start();
    for class in ["Book", "Film"] {
        api.call("POST", "/v1/schema", json!({ "class": class }));
    }
    let book = json!({ "alias": "Work", "class": "Book" });
    assert_eq!(api.call("POST", "/v1/aliases", book.clone()), (200, book.clone()));
    assert_eq!(api.call("POST", "/v1/aliases/", json!({ "alias": "Movie", "class": "Film" })).0, 200);
    assert_eq!(api.get("/v1/aliases/Work"), (200, book.clone()));
    assert_eq!(api.get("/v1/aliases?class=Book").1, json!({ "aliases": [book] }));
    assert_eq!(api.get("/v1/aliases/?class=Film").1["aliases"][0]["alias"], "Movie");
    assert_eq!(api.get("/v1/aliases").1["aliases"].as_array().unwrap().len(), 2);
    let film = json!({ "alias": "Work", "class": "Film" });
    assert_eq!(api.call("PUT", "/v1/aliases/Work", json!({ "class": "Film" })), (200, film));
    assert_eq!(api.call("PUT", "/v1/aliases/Work", json!({ "class": "Song" })).0, 422);
    assert_eq!(api.call("PUT", "/v1/aliases/Play", json!({ "class": "Film" })).0, 404);
    assert_eq!(api.call("POST", "/v1/aliases", json!({ "alias": "work", "class": "Film" })).0, 422);
    assert_eq!(api.call("POST", "/v1/aliases", json!({ "alias": "Film", "class": "Book" })).0, 422);
    assert_eq!(api.call("POST", "/v1/aliases", json!({ "alias": "New", "class": "Song" })).0, 422);
    assert_eq!(api.call("DELETE", "/v1/aliases/Work", Value::Null).0, 204);
    assert_eq!(api.call("DELETE", "/v1/aliases/Work", Value::Null).0, 404);
    assert_eq!(api.get("/v1/aliases/Work").0, 404);
}

#[test]
fn an_alias_stands_for_its_class_wherever_objects_are() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    api.call("POST", "/v1/aliases", json!({ "alias": "Work", "class": "Book" }));
    let (status, created) = api.call("POST", "/v1/objects", json!({ "class": "Work", "properties": {} }));
    assert_eq!((status, &created["class"]), (200, &json!("Book")));
    let path = format!("/v1/objects/Work/{}", created["id"].as_str().unwrap());
    assert_eq!(api.get(&path).0, 200);
    assert_eq!(api.get("/v1/objects?class=Work").1["totalResults"], 1);
    assert_eq!(api.get("/v1/schema/Work").1["class"], "Book");
    assert_eq!(api.call("DELETE", &path, Value::Null).0, 204);
}
