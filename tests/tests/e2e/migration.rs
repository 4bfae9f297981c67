//! A backup moves to a server of another name, with another place and another backend.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::{Value, json};
use siltstone_tests::servers::{Cloud, Kind};
use uuid::Uuid;

use crate::program::Server;

async fn fill(server: &Server) {
    let article = json!({ "class": "Article", "properties": [{ "name": "title", "dataType": ["text"] }] });
    let order = json!({ "class": "Order", "multiTenancyConfig": { "enabled": true } });
    for class in [article, order] {
        assert_eq!(server.post("/v1/schema", class).await.0, StatusCode::OK);
    }
    let tenants = json!([{ "name": "hot" }, { "name": "cold" }, { "name": "away" }]);
    assert_eq!(server.post("/v1/schema/Order/tenants", tenants).await.0, StatusCode::OK);
    let mut objects = Vec::new();
    for n in 0..200_u128 {
        objects.push(json!({ "class": "Article", "id": Uuid::from_u128(n + 1), "properties": { "title": format!("no. {n}") } }));
        for tenant in ["hot", "cold", "away"] {
            objects.push(json!({ "class": "Order", "tenant": tenant, "id": Uuid::from_u128(n + 1), "properties": { "of": tenant } }));
        }
    }
    let (code, results) = server.post("/v1/batch/objects", json!({ "objects": objects })).await;
    assert!(code == StatusCode::OK && !results.to_string().contains("FAILED"), "{results}");
    let states = json!([{ "name": "cold", "activityStatus": "COLD" }, { "name": "away", "activityStatus": "OFFLOADED" }]);
    assert_eq!(server.put("/v1/schema/Order/tenants", states).await.0, StatusCode::OK);
    let alias = json!({ "alias": "News", "class": "Article" });
    assert_eq!(server.post("/v1/aliases", alias).await.0, StatusCode::OK);
}

/// What is there, as clients see it.
async fn content(server: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "/v1/schema",
        "/v1/aliases",
        "/v1/schema/Order/tenants",
        "/v1/objects?limit=1000&class=News",
        "/v1/objects?limit=1000&class=Order&tenant=hot",
    ] {
        let (code, found) = server.get(path).await;
        assert_eq!(code, StatusCode::OK, "{path}: {found}");
        all.push(found);
    }
    all
}

async fn backed_up(server: &Server, backend: &str, body: Value) -> Value {
    let id = body["id"].as_str().unwrap().to_owned();
    assert_eq!(server.post(&format!("/v1/backups/{backend}"), body).await.0, StatusCode::OK);
    let status = server.ended(&format!("/v1/backups/{backend}/{id}")).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    status
}

async fn restored(server: &Server, backend: &str, id: &str, body: Value) -> Value {
    let path = format!("/v1/backups/{backend}/{id}/restore");
    let (code, answer) = server.post(&path, body).await;
    assert_eq!(code, StatusCode::OK, "{answer}");
    let status = server.ended(&path).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_on_s3_is_restored_under_another_name_and_after_a_copy_from_another_backend() {
    let base = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = base.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let cloud = Cloud::start(Kind::Rclone, &folder("store")).await.unwrap();
    let s3 = |path: &str, node: &str| -> Vec<(&'static str, String)> {
        let mut all = cloud.variables(cloud.port, path);
        all.push(("ENABLE_MODULES", "text2vec-cohere,backup-s3".to_owned()));
        all.push(("CLUSTER_HOSTNAME", node.to_owned()));
        all
    };
    let old = Server::with(&folder("old"), &s3("production", "old-node"));
    fill(&old).await;
    let before = content(&old).await;
    backed_up(&old, "s3", json!({ "id": "full" })).await;
    let title = json!({ "class": "Article", "properties": { "title": "later" } });
    assert_eq!(old.post("/v1/objects", title).await.0, StatusCode::OK);
    let after = content(&old).await;
    let next = json!({ "id": "next", "incremental_base_backup_id": "full" });
    let status = backed_up(&old, "s3", next).await;
    let details = &status["details"];
    assert!(details["reusedBytes"].as_u64().unwrap() > 0, "{status}");
    assert!(details["newBytes"].as_u64() < details["storedBytes"].as_u64(), "{status}");
    let skipped = details["skipped"].to_string();
    assert!(skipped.contains("Order/away") && skipped.contains("offloaded"), "{status}");

    // Another name: it maps by itself and says so, or as the request says; a wrong mapping is refused.
    let renamed = Server::with(&folder("renamed"), &s3("production", "new-node"));
    let wrong = json!({ "node_mapping": { "other-node": "new-node" } });
    let (code, refused) = renamed.post("/v1/backups/s3/full/restore", wrong).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    assert!(
        refused.to_string().contains("other-node") && refused.to_string().contains("old-node"),
        "{refused}"
    );
    let status = restored(&renamed, "s3", "full", json!({})).await;
    assert_eq!(status["details"]["fromNode"], "old-node");
    assert_eq!(content(&renamed).await, before);
    let hot = json!([{ "name": "away", "activityStatus": "HOT" }]);
    let (code, answer) = renamed.put("/v1/schema/Order/tenants", hot).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "its data was never in the backup: {answer}");
    let cold = json!([{ "name": "cold", "activityStatus": "HOT" }]);
    assert_eq!(renamed.put("/v1/schema/Order/tenants", cold).await.0, StatusCode::OK);
    let (_, page) = renamed.get("/v1/objects?limit=1000&class=Order&tenant=cold").await;
    assert_eq!(page["objects"].as_array().unwrap().len(), 200);

    // Another path of the bucket is given with the call.
    let elsewhere = Server::with(&folder("elsewhere"), &s3("staging", "third-node"));
    assert_eq!(elsewhere.get("/v1/backups/s3/full").await.0, StatusCode::NOT_FOUND);
    let mapped = json!({ "node_mapping": { "old-node": "third-node" }, "config": { "Path": "production" } });
    assert_eq!(elsewhere.post("/v1/backups/s3/next/restore", mapped).await.0, StatusCode::OK);
    let status = elsewhere.ended("/v1/backups/s3/next/restore?path=production").await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    assert_eq!(content(&elsewhere).await, after);

    // Another backend, after a copy; the incremental backup takes along what it needs of its base.
    let backups = folder("backups");
    let test = std::env::current_exe().unwrap();
    let siltstone = test.parent().unwrap().parent().unwrap().join("siltstone");
    let mut copy = Command::new(siltstone);
    copy.args(["copy", "next", "--from", "s3", "--to", "filesystem"]).arg("--state-dir").arg(folder("state"));
    copy.envs(cloud.variables(cloud.port, "production")).env("BACKUP_FILESYSTEM_PATH", &backups);
    let copied = copy.output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let moved = [
        ("ENABLE_MODULES", "backup-filesystem".to_owned()),
        ("BACKUP_FILESYSTEM_PATH", backups.display().to_string()),
        ("CLUSTER_HOSTNAME", "fourth-node".to_owned()),
    ];
    let moved = Server::with(&folder("moved"), &moved);
    restored(&moved, "filesystem", "next", json!({})).await;
    assert_eq!(content(&moved).await, after);
}
