//! The REST API over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::{Identity, router};
use crate::access::{Access, guard};
use crate::fixture::{Setup, fast_folder, open};

mod access;
mod objects;
mod references;
mod schema;
mod tenants;
mod users;

struct Api {
    _folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    address: SocketAddr,
}

impl Api {
    fn start() -> Self {
        Self::guarded(&[])
    }

    /// With the rules of access that these variables set.
    fn guarded(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let access = Access::from_env(&variables.collect()).unwrap();
        let folder = fast_folder();
        let db = open(folder.path(), &Setup::default());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let identity = Identity {
            node: "node1".to_owned(),
            hostname: format!("http://{address}"),
            ..Identity::default()
        };
        let app = guard(router(db.clone(), identity), db, access);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { _folder: folder, runtime, address }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.send_with("", method, path, body)
    }

    /// With further lines of the head, each ended by `\r\n`.
    fn send_with(&self, head: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{head}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() })
    }

    fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(method, path, &if body.is_null() { String::new() } else { body.to_string() })
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, Value::Null)
    }

    /// With a key.
    fn by(&self, key: &str, method: &str, path: &str) -> (u16, Value) {
        self.send_with(&format!("authorization: Bearer {key}\r\n"), method, path, "")
    }
}

const ID: &str = "11111111-2222-4333-8444-555555555555";

fn message(answer: &Value) -> &str {
    answer.pointer("/error/0/message").unwrap().as_str().unwrap()
}

#[test]
fn status_routes_are_what_clients_look_for() {
    let api = Api::start();
    let (status, meta) = api.get("/v1/meta");
    assert_eq!((status, meta["version"].as_str()), (200, Some("1.37.0")));
    assert!(meta["hostname"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    for state in ["ready", "live"] {
        assert_eq!(api.get(&format!("/v1/.well-known/{state}")), (200, Value::Null));
    }
    assert_eq!(api.get("/v1/.well-known/openid-configuration").0, 404);
    api.runtime.shutdown_background();
}

#[test]
fn the_node_shows_its_shards_to_those_who_ask() {
    let api = Api::start();
    for class in ["Book", "Film"] {
        api.call("POST", "/v1/schema", json!({ "class": class }));
    }
    api.call("POST", "/v1/objects", json!({ "class": "Book" }));
    let node = |path: &str| api.get(path).1["nodes"][0].clone();
    let plain = node("/v1/nodes");
    assert_eq!((&plain["name"], &plain["shards"]), (&json!("node1"), &Value::Null));
    assert_eq!(node("/v1/nodes?output=verbose")["stats"], json!({ "shardCount": 2, "objectCount": 1 }));
    let shards = node("/v1/nodes/book?output=verbose")["shards"].clone();
    assert_eq!(shards.as_array().unwrap().len(), 1);
    assert_eq!((&shards[0]["class"], &shards[0]["objectCount"]), (&json!("Book"), &json!(1)));
    assert_eq!(node("/v1/nodes?output=verbose&shardName=none")["shards"], json!([]));
    assert_eq!((api.get("/v1/nodes/Song").0, api.get("/v1/nodes?output=all").0), (404, 400));
}

#[test]
fn what_this_database_has_not_is_501_with_a_reason() {
    let api = Api::start();
    for (method, path, part) in [
        ("GET", "/v1/authz/roles", "roles"),
        ("POST", "/v1/authz/users/a/assign", "roles"),
        ("GET", "/v1/cluster/statistics", "one node"),
        ("POST", "/v1/replication/replicate", "one node"),
        ("POST", "/v1/classifications", "classifications"),
    ] {
        let (status, answer) = api.call(method, path, json!({}));
        assert!(status == 501 && message(&answer).contains(part), "{path}: {answer}");
    }
}

#[test]
fn classes_are_created_listed_and_dropped() {
    let api = Api::start();
    let class = json!({ "class": "book", "properties": [{ "name": "title", "dataType": ["text"] }] });
    let (status, created) = api.call("POST", "/v1/schema", class);
    assert_eq!((status, created["class"].as_str()), (200, Some("Book")));
    assert_eq!(api.get("/v1/schema").1.pointer("/classes/0/properties/0/name").unwrap(), "title");
    assert_eq!(api.get("/v1/schema/Book").1["class"], "Book");
    assert_eq!(api.get("/v1/schema/Other").0, 404);
    let (status, again) = api.call("POST", "/v1/schema", json!({ "class": "BOOK" }));
    assert_eq!(status, 422);
    assert!(message(&again).contains("already exists"), "{again}");
    assert_eq!(api.call("POST", "/v1/schema", json!({ "class": "no/name" })).0, 422);
    let (status, malformed) = api.send("POST", "/v1/schema", "{");
    assert_eq!((status, malformed["code"].as_u64()), (400, Some(400)));
    assert_eq!(api.call("POST", "/v1/aliases/", json!({ "alias": "Volume", "class": "Book" })).0, 200);
    assert_eq!(api.get("/v1/aliases").1, json!({ "aliases": [{ "alias": "Volume", "class": "Book" }] }));
    assert_eq!(api.call("DELETE", "/v1/schema/Book", Value::Null).0, 200);
    assert_eq!(api.get("/v1/schema").1, json!({ "classes": [] }));
}

#[test]
fn objects_are_created_read_replaced_listed_and_deleted() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Book" }));
    let path = format!("/v1/objects/Book/{ID}");
    let book = json!({ "class": "Book", "id": ID, "properties": { "title": "One" }, "vector": [0.1, -2.5] });
    let (status, created) = api.call("POST", "/v1/objects", book.clone());
    assert_eq!((status, &created["vector"]), (200, &json!([0.1, -2.5])));
    let (status, twice) = api.call("POST", "/v1/objects", book);
    assert_eq!(status, 422);
    assert!(message(&twice).contains("already exists"), "{twice}");
    assert_eq!(api.call("HEAD", &path, Value::Null).0, 204);
    let (status, replaced) =
        api.call("PUT", &path, json!({ "class": "Book", "properties": { "title": "Two" } }));
    assert_eq!((status, replaced["creationTimeUnix"] == created["creationTimeUnix"]), (200, true));
    let (_, read) = api.get(&path);
    assert_eq!((&read["properties"]["title"], read.get("vector")), (&json!("Two"), None));
    let batch: Vec<Value> = (0..5).map(|n| json!({ "class": "Book", "properties": { "n": n } })).collect();
    let (_, results) = api.call("POST", "/v1/batch/objects", json!({ "objects": batch }));
    assert!(results.as_array().unwrap().iter().all(|r| r["result"]["status"] == "SUCCESS"), "{results}");
    let mut seen = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let (_, page) = api.get(&format!("/v1/objects?class=Book&limit=4&after={after}"));
        let ids = page["objects"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap().to_owned());
        let before = seen.len();
        seen.extend(ids);
        if seen.len() == before {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted());
    assert_eq!(api.call("DELETE", &path, Value::Null).0, 204);
    assert_eq!((api.get(&path).0, api.call("HEAD", &path, Value::Null).0), (404, 404));
    assert_eq!(api.get("/v1/objects/Book/nonsense").0, 422);
}

#[test]
fn tenants_keep_their_objects_apart_and_serve_only_while_hot() {
    let api = Api::start();
    api.call("POST", "/v1/schema", json!({ "class": "Multi", "multiTenancyConfig": { "enabled": true } }));
    let tenants = "/v1/schema/Multi/tenants";
    assert_eq!(api.call("POST", tenants, json!([{ "name": "a" }, { "name": "b" }])).0, 200);
    assert_eq!(api.call("POST", tenants, json!([{ "name": "b" }])).0, 422);
    for tenant in ["a", "b"] {
        let object = json!({ "class": "Multi", "id": ID, "tenant": tenant, "properties": { "of": tenant } });
        assert_eq!(api.call("POST", "/v1/objects", object).0, 200);
    }
    let path = |tenant: &str| format!("/v1/objects/Multi/{ID}?tenant={tenant}");
    assert_eq!(api.get(&path("b")).1["properties"]["of"], "b");
    assert_eq!(api.get(&format!("/v1/objects/Multi/{ID}")).0, 422);
    assert_eq!(api.call("PUT", tenants, json!([{ "name": "a", "activityStatus": "COLD" }])).0, 200);
    assert_eq!((api.get(&path("a")).0, api.get(&path("b")).0), (422, 200));
    let listed = json!([{ "name": "a", "activityStatus": "COLD" }, { "name": "b", "activityStatus": "HOT" }]);
    assert_eq!(api.get(tenants).1, listed);
    api.call("PUT", tenants, json!([{ "name": "a", "activityStatus": "HOT" }]));
    assert_eq!(api.get(&path("a")).1["properties"]["of"], "a");
    assert_eq!(api.call("PUT", tenants, json!([{ "name": "a", "activityStatus": "ASLEEP" }])).0, 422);
    assert_eq!(api.call("DELETE", tenants, json!(["a"])).0, 200);
    assert_eq!(api.get(&path("a")).0, 404);
}
