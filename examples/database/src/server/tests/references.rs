//! Cross-references between objects.

use serde_json::{Value, json};

use super::{Api, ID, message};

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

fn start() -> Api {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Author" }));
    let by = json!([{ "name": "by", "dataType": ["Author"] }, { "name": "title", "dataType": ["text"] }]);
    api.call("POST", "/v1/schema", json!({ "class": "Book", "properties": by }));
    api.call("POST", "/v1/objects", json!({ "class": "Book", "id": ID, "properties": { "title": "One" } }));
    api
}

fn stored(api: &Api) -> Value {
    api.get(&format!("/v1/objects/Book/{ID}")).1["properties"]["by"].clone()
}

fn reference(id: &str) -> Value {
    json!({
        "beacon": format!("weaviate://localhost/Author/{id}"),
        "href": format!("/v1/objects/Author/{id}"),
    })
}

#[test]
fn references_are_added_replaced_and_removed() {
    let api = start();
    let path = format!("/v1/objects/Book/{ID}/references/by");
    let beacon = |id: &str| json!({ "beacon": format!("weaviate://localhost/Author/{id}") });
    assert_eq!(api.call("POST", &path, beacon(ID)), (200, Value::Null));
    assert_eq!(api.call("POST", &path, beacon(ID)).0, 200);
    assert_eq!(stored(&api), json!([reference(ID)]));
    assert_eq!(api.call("POST", &path, json!({ "beacon": format!("weaviate://localhost/{OTHER}") })).0, 200);
    assert_eq!(stored(&api), json!([reference(ID), reference(OTHER)]));
    assert_eq!(api.call("DELETE", &path, beacon(ID)), (204, Value::Null));
    assert_eq!(stored(&api), json!([reference(OTHER)]));
    assert_eq!(api.call("PUT", &path, json!([beacon(ID)])), (200, Value::Null));
    assert_eq!(stored(&api), json!([reference(ID)]));
    let old = format!("/v1/objects/{ID}/references/by");
    assert_eq!(api.call("DELETE", &old, json!({ "beacon": format!("weaviate://localhost/{ID}") })).0, 204);
    assert_eq!(stored(&api), json!([]));
}

#[test]
fn a_reference_that_cannot_be_is_refused_by_name() {
    let api = start();
    let good = json!({ "beacon": format!("weaviate://localhost/Author/{ID}") });
    for property in ["title", "unknown"] {
        let path = format!("/v1/objects/Book/{ID}/references/{property}");
        let (status, answer) = api.call("POST", &path, good.clone());
        assert!(status == 422 && message(&answer).contains(property), "{answer}");
    }
    let path = format!("/v1/objects/Book/{ID}/references/by");
    assert_eq!(api.call("POST", &path, json!({ "beacon": "nowhere" })).0, 422);
    assert_eq!(api.call("POST", &path, json!({})).0, 400);
    assert_eq!(api.call("POST", &format!("/v1/objects/Book/{OTHER}/references/by"), good).0, 404);
}

#[test]
fn references_come_with_an_object_and_a_merge_adds_to_them() {
    let api = start();
    let path = format!("/v1/objects/Book/{ID}");
    let by =
        |id: &str| json!({ "properties": { "by": [{ "beacon": format!("weaviate://localhost/{id}") }] } });
    assert_eq!(api.call("PUT", &path, by(ID)).0, 200);
    assert_eq!(stored(&api), json!([reference(ID)]));
    assert_eq!(api.call("PATCH", &path, by(OTHER)).0, 204);
    assert_eq!(stored(&api), json!([reference(ID), reference(OTHER)]));
}

#[test]
fn each_reference_of_a_batch_has_a_result_of_its_own() {
    let api = start();
    let line = |property: &str| {
        json!({
            "from": format!("weaviate://localhost/Book/{ID}/{property}"),
            "to": format!("weaviate://localhost/Author/{OTHER}"),
        })
    };
    let lines = json!([line("by"), line("title"), { "from": "nowhere", "to": "there" }]);
    let (status, results) = api.call("POST", "/v1/batch/references", lines);
    let of = |n: usize| results[n]["result"]["status"].as_str().unwrap();
    assert_eq!((status, of(0), of(1), of(2)), (200, "SUCCESS", "FAILED", "FAILED"));
    assert_eq!(stored(&api), json!([reference(OTHER)]));
}
