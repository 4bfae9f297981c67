//! The server of the reference database over HTTP, as the documentation's `curl` calls use it.

use std::path::Path;
use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use siltstone::model::{CollectionName, ShardId};
use siltstone_db::{Change, Database, Object, Options, ShardChanges, Tenancy};
use uuid::Uuid;

use crate::program::{Server, program};

const BACKUPS: &str = "/v1/backups/filesystem";

/// Two classes, one with a hot and a cold tenant, with objects in all of them.
async fn fill(server: &Server) {
    let article = json!({ "class": "Article", "properties": [{ "name": "title", "dataType": ["text"] }] });
    let ticket = json!({ "class": "Ticket", "multiTenancyConfig": { "enabled": true } });
    for class in [article, ticket] {
        assert_eq!(server.post("/v1/schema", class).await.0, StatusCode::OK);
    }
    let tenants = json!([{ "name": "acme" }, { "name": "umbra" }]);
    assert_eq!(server.post("/v1/schema/Ticket/tenants", tenants).await.0, StatusCode::OK);
    let mut objects = Vec::new();
    for number in 0..40 {
        objects.push(json!({ "class": "Article", "id": Uuid::from_u128(number), "properties": { "title": format!("no. {number}") }, "vector": [number, 0.5] }));
        for tenant in ["acme", "umbra"] {
            objects.push(json!({ "class": "Ticket", "tenant": tenant, "id": Uuid::from_u128(number), "properties": { "of": tenant } }));
        }
    }
    let (code, results) = server.post("/v1/batch/objects", json!({ "objects": objects })).await;
    assert_eq!((code, results.as_array().unwrap().len()), (StatusCode::OK, 120), "{results}");
    assert!(!results.to_string().contains("FAILED"), "{results}");
    let cold = json!([{ "name": "umbra", "activityStatus": "COLD" }]);
    assert_eq!(server.put("/v1/schema/Ticket/tenants", cold).await.0, StatusCode::OK);
}

/// Everything that can be read; the cold tenant is activated for it and put back.
async fn content(server: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    all.push(server.get("/v1/schema").await.1);
    all.push(server.get("/v1/schema/Ticket/tenants").await.1);
    for state in ["HOT", "COLD"] {
        if state == "COLD" {
            for query in ["class=Article", "class=Ticket&tenant=acme", "class=Ticket&tenant=umbra"] {
                let (code, objects) =
                    server.get(&format!("/v1/objects?limit=100&include=vector&{query}")).await;
                assert_eq!(
                    (code, &objects["totalResults"]),
                    (StatusCode::OK, &json!(40)),
                    "{query}: {objects}"
                );
                all.push(objects);
            }
        }
        let tenant = json!([{ "name": "umbra", "activityStatus": state }]);
        assert_eq!(server.put("/v1/schema/Ticket/tenants", tenant).await.0, StatusCode::OK);
    }
    all
}

fn message(body: &Value) -> &str {
    body["error"][0]["message"].as_str().unwrap_or_else(|| panic!("not an error of the API: {body}"))
}

fn names(classes: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = classes.as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_documented_calls_work_over_http() {
    let base = tempfile::tempdir().unwrap();
    let home = base.path().canonicalize().unwrap().join("backups/first").display().to_string();
    let server = Server::start(base.path());
    assert!(server.get("/v1/.well-known/ready").await.0.is_success());
    fill(&server).await;
    let before = content(&server).await;

    let (code, body) = server.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(
        (code, &body["status"], &body["path"]),
        (StatusCode::OK, &json!("STARTED"), &json!(home)),
        "{body}"
    );
    assert_eq!(names(&body["classes"]), ["Article", "Ticket"]);
    let (code, body) = server.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let status = server.ended(&format!("{BACKUPS}/first")).await;
    assert_eq!((&status["status"], &status["path"]), (&json!("SUCCESS"), &json!(home)), "{status}");
    assert!(status["size"].as_f64().unwrap() > 0.0, "{status}");

    let (code, body) = server.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(message(&body).contains("first"), "{body}");
    let (code, list) = server.get(BACKUPS).await;
    assert_eq!((code, list.as_array().unwrap().len()), (StatusCode::OK, 1), "{list}");
    assert_eq!((&list[0]["id"], &list[0]["status"]), (&json!("first"), &json!("SUCCESS")), "{list}");
    let (code, body) = server.delete(&format!("{BACKUPS}/first")).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(message(&body).contains("first"), "{body}");

    let restore = format!("{BACKUPS}/first/restore");
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    let failed = server.ended(&restore).await;
    assert_eq!(failed["status"], "FAILED", "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("already exists"), "{failed}");

    for class in ["Article", "Ticket"] {
        assert_eq!(server.delete(&format!("/v1/schema/{class}")).await.0, StatusCode::OK);
    }
    assert_eq!(server.get("/v1/schema").await.1, json!({ "classes": [] }));
    let (code, body) = server.post(&restore, json!({ "id": "first" })).await;
    assert_eq!(
        (code, &body["status"], &body["id"]),
        (StatusCode::OK, &json!("STARTED"), &json!("first")),
        "{body}"
    );
    let status = server.ended(&restore).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    assert_eq!(content(&server).await, before);

    assert_eq!(server.terminate().code(), Some(0));
    let server = Server::start(base.path());
    assert_eq!(server.get(BACKUPS).await.1, list);
    assert_eq!(content(&server).await, before);
    assert_eq!(server.terminate().code(), Some(0));
}

#[tokio::test]
async fn what_is_unknown_or_wrong_is_answered_in_the_shapes_of_the_api() {
    let base = tempfile::tempdir().unwrap();
    let server = Server::start(base.path());
    let (code, body) = server.post(BACKUPS, json!({ "id": "empty" })).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "nothing to back up: {body}");
    fill(&server).await;

    for path in ["nobody", "nobody/restore"] {
        let (code, body) = server.get(&format!("{BACKUPS}/{path}")).await;
        assert_eq!(code, StatusCode::NOT_FOUND, "{body}");
        assert!(message(&body).contains("nobody"), "{body}");
    }
    let (code, body) = server.post(&format!("{BACKUPS}/nobody/restore"), json!({})).await;
    assert_eq!(code, StatusCode::NOT_FOUND, "{body}");
    assert_eq!(server.delete(&format!("{BACKUPS}/nobody")).await, (StatusCode::NO_CONTENT, Value::Null));

    for (body, named) in [
        (json!({ "id": "Upper" }), "Upper"),
        (json!({ "id": "both", "include": ["Article"], "exclude": ["Ticket"] }), "exclude"),
        (json!({ "id": "lost", "include": ["Missing"] }), "Missing"),
    ] {
        let (code, body) = server.post(BACKUPS, body).await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(message(&body).contains(named), "{body}");
    }
    let (code, body) = server.post("/v1/backups/s3", json!({ "id": "cloud" })).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(message(&body).contains("backup-s3"), "{body}");

    for path in ["/v1/nothing", "/nothing", "/v1/backups/filesystem/a/b/c"] {
        let (code, body) = server.get(path).await;
        assert_eq!((code, &body["code"]), (StatusCode::NOT_FOUND, &json!(404)), "{path}: {body}");
    }
    for path in ["/v1/schema", BACKUPS] {
        let (code, body) = server.delete(path).await;
        assert_eq!((code, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!(405)), "{path}: {body}");
    }
}

/// Some 60 MB that hardly shrink, written without a server.
fn bulk(data: &Path) {
    let database = Database::open(Options::new(data)).unwrap();
    let name = CollectionName::new("Bulk").unwrap();
    database.create_collection(&name, json!({ "class": "Bulk" }), Tenancy::Single).unwrap();
    let shard = ShardId { collection: name, tenant: None };
    for batch in 0..60_u128 {
        let objects = (0..64).map(|number| Object {
            id: Uuid::from_u128(batch * 64 + number),
            properties: Map::new(),
            vector: Some((0..4096).map(|_| rand::random()).collect()),
            named_vectors: Default::default(),
            created_ms: 1,
            updated_ms: 1,
        });
        let changes = objects.map(Change::Put).collect();
        database.write(&[ShardChanges { shard: shard.clone(), changes }]).unwrap();
    }
    database.close().unwrap();
}

#[tokio::test]
async fn a_backup_that_is_cut_short_by_a_crash_or_a_stop_is_ended_and_its_id_is_free_again() {
    let base = tempfile::tempdir().unwrap();
    bulk(&base.path().join("data"));
    let slow = json!({ "id": "cut", "config": { "CompressionLevel": "BestCompression", "CPUPercentage": 1, "ChunkSize": 2 } });
    let path = format!("{BACKUPS}/cut");

    let server = Server::start(base.path());
    assert_eq!(server.post(BACKUPS, slow.clone()).await.0, StatusCode::OK);
    server.in_the_middle(&path).await;
    server.kill();

    let server = Server::start(base.path());
    let (code, status) = server.get(&path).await;
    assert_eq!((code, &status["status"]), (StatusCode::OK, &json!("FAILED")), "{status}");
    assert!(status["error"].as_str().unwrap().contains("interrupted by a restart"), "{status}");
    assert_eq!(server.post(BACKUPS, slow).await.0, StatusCode::OK);
    server.in_the_middle(&path).await;
    assert_eq!(server.terminate().code(), Some(0));

    let server = Server::start(base.path());
    let (code, status) = server.get(&path).await;
    assert_eq!((code, &status["status"]), (StatusCode::OK, &json!("CANCELED")), "{status}");
    let quick = json!({ "id": "cut", "config": { "CompressionLevel": "NoCompression" } });
    assert_eq!(server.post(BACKUPS, quick).await.0, StatusCode::OK);
    let status = server.ended(&path).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
}

#[test]
fn a_server_that_cannot_start_says_why_in_one_line() {
    let base = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let cases: [(&[&str], (&str, &str), &str); 5] = [
        (&["--port", &port, "--grpc-port", "0"], ("RUST_LOG", "off"), &port),
        (&["--port", "0", "--grpc-port", "0"], ("ENABLE_MODULES", "backup-tape"), "backup-tape"),
        (
            &["--port", "0", "--grpc-port", "0"],
            ("ENABLE_MODULES", "backup-filesystem"),
            "BACKUP_FILESYSTEM_PATH",
        ),
        (&["--port", "0", "--grpc-port", "0"], ("BACKUP_MAX_PAUSE", "soon"), "BACKUP_MAX_PAUSE"),
        (
            &["--port", "0", "--grpc-port", "0", "--data", "/proc/nothing"],
            ("RUST_LOG", "off"),
            "/proc/nothing",
        ),
    ];
    for (arguments, (variable, value), named) in cases {
        let mut command = program();
        for variable in ["ENABLE_MODULES", "BACKUP_FILESYSTEM_PATH", "PERSISTENCE_DATA_PATH"] {
            command.env_remove(variable);
        }
        command.arg("serve").args(arguments).current_dir(base.path()).stdin(Stdio::null());
        let output =
            command.env("RUST_LOG", "off").env("GRPC_PORT", "0").env(variable, value).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{said}");
        assert!(said.contains(named), "{named}: {said}");
    }
}
