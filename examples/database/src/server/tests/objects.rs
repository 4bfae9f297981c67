//! Objects: merging, lists, the old forms without a class, batches.

use serde_json::{Value, json};

use super::{Api, ID, message};

fn book(api: &Api) -> String {
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let object = json!({
        "class": "Book", "id": ID, "properties": { "title": "One", "year": 1900 },
        "vector": [1.0, 2.0], "vectors": { "other": [3.0] },
    });
    assert_eq!(api.call("POST", "/v1/objects", object).0, 200);
    format!("/v1/objects/Book/{ID}")
}

#[test]
fn vectors_are_shown_to_those_who_ask() {
    let api = Api::start();
    let path = book(&api);
    let (_, plain) = api.get(&path);
    assert_eq!((plain.get("vector"), plain.get("vectors")), (None, None));
    let (_, whole) = api.get(&format!("{path}?include=classification,vector&consistency_level=ALL"));
    assert_eq!((&whole["vector"], &whole["vectors"]), (&json!([1.0, 2.0]), &json!({ "other": [3.0] })));
    assert_eq!(api.get("/v1/objects?class=Book&include=vector").1["objects"][0]["vector"], json!([1.0, 2.0]));
    assert_eq!(api.get("/v1/objects?class=Book").1["objects"][0].get("vector"), None);
}

#[test]
fn a_merge_changes_what_it_names_and_null_removes() {
    let api = Api::start();
    let path = book(&api);
    let change = json!({ "class": "Book", "properties": { "year": null, "pages": 7 }, "vector": [9.0] });
    assert_eq!(api.call("PATCH", &path, change), (204, Value::Null));
    let (_, read) = api.get(&format!("{path}?include=vector"));
    assert_eq!(read["properties"], json!({ "title": "One", "pages": 7 }));
    assert_eq!((&read["vector"], &read["vectors"]), (&json!([9.0]), &json!({ "other": [3.0] })));
    let other = path.replace("1111", "2222");
    assert_eq!(api.call("PATCH", &other, json!({ "properties": {} })).0, 404);
    assert_eq!(api.call("PUT", &other, json!({ "properties": {} })).0, 404);
}

#[test]
fn paths_without_a_class_find_the_object_in_any_class_without_tenants() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Another" }));
    book(&api);
    let path = format!("/v1/objects/{ID}");
    assert_eq!(api.get(&path).1["class"], "Book");
    assert_eq!(api.call("HEAD", &path, Value::Null).0, 204);
    assert_eq!(api.call("PATCH", &path, json!({ "class": "Book", "properties": { "title": "Two" } })).0, 204);
    assert_eq!(api.get(&path).1["properties"]["title"], "Two");
    assert_eq!(api.call("PUT", &path, json!({ "class": "Book", "properties": { "title": "Three" } })).0, 200);
    assert_eq!(api.get(&path).1["properties"], json!({ "title": "Three" }));
    assert_eq!(api.get(&format!("{path}?tenant=a")).0, 422);
    assert_eq!(api.call("DELETE", &path, Value::Null).0, 204);
    assert_eq!((api.get(&path).0, api.call("HEAD", &path, Value::Null).0), (404, 404));
    assert_eq!(api.call("DELETE", &path, Value::Null).0, 404);
}

#[test]
fn a_list_goes_through_one_class_or_all_of_them_by_offset() {
    let api = Api::start();
    for class in ["A", "B"] {
        api.call("POST", "/v1/schema", json!({ "class": class }));
        let batch: Vec<Value> = (0..3).map(|n| json!({ "class": class, "properties": { "n": n } })).collect();
        api.call("POST", "/v1/batch/objects", json!({ "objects": batch }));
    }
    let ids = |path: &str| -> Vec<String> {
        let (status, list) = api.get(path);
        assert_eq!(status, 200, "{list}");
        let objects = list["objects"].as_array().unwrap();
        objects.iter().map(|o| o["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids("/v1/objects");
    assert_eq!((all.len(), ids("/v1/objects?class=B")), (6, all[3..].to_vec()));
    assert_eq!(ids("/v1/objects?offset=2&limit=3"), all[2..5]);
    assert_eq!(ids("/v1/objects?class=b&offset=1"), all[4..]);
    assert!(ids("/v1/objects?limit=0").is_empty());
    for wrong in ["after=", "limit=10000&offset=1", "tenant=a", "class=A&offset=1&after=", "class=A&after=x"]
    {
        let wrong = if wrong.ends_with('=') { format!("{wrong}{ID}") } else { wrong.to_owned() };
        assert_eq!(api.get(&format!("/v1/objects?{wrong}")).0, 422, "{wrong}");
    }
    assert_eq!(api.get("/v1/objects?limit=many").1["code"], 400);
    assert_eq!(api.get("/v1/objects?class=A&sort=n").0, 501);
    assert_eq!(api.get("/v1/objects?class=C").0, 404);
}

#[test]
fn an_object_that_cannot_be_created_is_not_valid_either() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let of = |object: &Value| {
        let valid = api.call("POST", "/v1/objects/validate", object.clone());
        if valid.0 != 200 {
            assert_eq!(valid, api.call("POST", "/v1/objects", object.clone()));
        }
        valid
    };
    assert_eq!(of(&json!({ "class": "Book", "properties": { "a": 1 } })), (200, Value::Null));
    for (wrong, part) in [
        (json!({ "class": "Other" }), "no collection `Other`"),
        (json!({ "properties": {} }), "`class` is missing"),
        (json!({ "class": "Book", "id": "seven" }), "`seven` is not a UUID"),
        (json!({ "class": "Book", "tenant": "a" }), "multi-tenancy disabled"),
        (json!({ "class": "Book", "properties": { "by": [{ "beacon": "nowhere" }] } }), "no beacon"),
    ] {
        let (status, answer) = of(&wrong);
        assert!(status == 422 && message(&answer).contains(part), "{wrong}: {answer}");
    }
    // What no 32-bit float can be is not even read.
    let (status, answer) = of(&json!({ "class": "Book", "vector": [1e39] }));
    assert!(status == 400 && answer["message"].to_string().contains("out of range"), "{answer}");
}

#[test]
fn what_a_body_says_must_not_contradict_the_address() {
    let api = Api::start();
    let path = book(&api);
    let other = "99999999-2222-4333-8444-555555555555";
    for method in ["PUT", "PATCH"] {
        let (status, answer) = api.call(method, &path, json!({ "class": "Book", "id": other }));
        assert!(status == 422 && message(&answer).contains(other), "{method}: {answer}");
        assert!(api.call(method, &path, json!({ "class": "Book", "id": ID })).0 < 300);
    }
}

#[test]
fn each_object_of_a_batch_has_a_result_of_its_own() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let objects =
        json!([{ "class": "Book", "id": ID }, { "class": "Book", "id": "x" }, { "class": "Other" }]);
    let (status, results) = api.call("POST", "/v1/batch/objects", json!({ "objects": objects }));
    let of = |n: usize| results[n]["result"]["status"].as_str().unwrap();
    assert_eq!((status, of(0), of(1), of(2)), (200, "SUCCESS", "FAILED", "FAILED"));
    let why = results.pointer("/1/result/errors/error/0/message").unwrap().as_str().unwrap();
    assert!(why.contains("`x` is not a UUID"), "{why}");
    assert_eq!(api.call("DELETE", "/v1/batch/objects", json!({ "match": { "class": "Book" } })).0, 501);
    assert_eq!(api.get("/v1/objects?class=Book").1["totalResults"], 1);
}

#[test]
fn a_body_beyond_the_limit_is_413() {
    let api = Api::start();
    let head = "content-length: 100000000\r\nx-";
    let (status, refused) = api.send_with(head, "POST", "/v1/objects", "");
    assert_eq!((status, &refused["code"]), (413, &json!(413)));
    assert!(refused["message"].as_str().unwrap().contains("64 MiB"), "{refused}");
}
