//! The way of an operator: two files in a folder, some variables, and the same API as with any backend.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use siltstone_tests::fault_proxy::{Fault, FaultProxy};
use siltstone_tests::servers::WebDav;

use super::Scene;
use crate::program::{Server, program};

const BACKUPS: &str = "/v1/backups/webdav";

fn variables(plugins: &Path, url: &str) -> Vec<(&'static str, String)> {
    let (user, password) = WebDav::USER;
    vec![
        ("ENABLE_MODULES", "backup-webdav".to_owned()),
        ("BACKUP_PLUGIN_PATH", plugins.display().to_string()),
        ("BACKUP_WEBDAV_URL", url.to_owned()),
        ("BACKUP_WEBDAV_PATH", "nightly".to_owned()),
        ("BACKUP_WEBDAV_USER", user.to_owned()),
        ("BACKUP_WEBDAV_PASSWORD", password.to_owned()),
    ]
}

/// A server of the database with its data in a folder of this name, and the plugin at this URL.
fn start(scene: &Scene, name: &str, url: &str) -> Server {
    let base = scene.base.path().join(name);
    std::fs::create_dir(&base).unwrap();
    let plugins = WebDav::install(&base.join("plugins"), &[url.to_owned()]).unwrap();
    Server::with(&base, &variables(&plugins, url))
}

async fn fill(server: &Server) {
    for class in ["Article", "Author"] {
        let definition = json!({ "class": class, "properties": [{ "name": "name", "dataType": ["text"] }] });
        assert_eq!(server.post("/v1/schema", definition).await.0, StatusCode::OK);
        let objects: Vec<Value> = (0..50)
            .map(|n| json!({ "class": class, "properties": { "name": format!("{class} {n}") }, "vector": [n, 1] }))
            .collect();
        let (code, results) = server.post("/v1/batch/objects", json!({ "objects": objects })).await;
        assert!(code == StatusCode::OK && !results.to_string().contains("FAILED"), "{results}");
    }
}

async fn content(server: &Server) -> Vec<Value> {
    let mut all = vec![server.get("/v1/schema").await.1];
    for class in ["Article", "Author"] {
        let (code, page) = server.get(&format!("/v1/objects?limit=100&include=vector&class={class}")).await;
        assert_eq!((code, &page["totalResults"]), (StatusCode::OK, &json!(50)), "{page}");
        all.push(page);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_by_a_plugin_from_a_folder_is_restored_over_rest() {
    let scene = Scene::new();
    let a = start(&scene, "a", &scene.url());
    fill(&a).await;
    let home = format!("{}/nightly/first", scene.url());
    let (code, body) = a.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(
        (code, &body["status"], &body["path"]),
        (StatusCode::OK, &json!("STARTED"), &json!(home)),
        "{body}"
    );
    let status = a.ended(&format!("{BACKUPS}/first")).await;
    assert_eq!((&status["status"], &status["path"]), (&json!("SUCCESS"), &json!(home)), "{status}");
    let (code, body) = a.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let (code, list) = a.get(BACKUPS).await;
    assert_eq!(
        (code, &list[0]["id"], &list[0]["status"]),
        (StatusCode::OK, &json!("first"), &json!("SUCCESS")),
        "{list}"
    );
    let before = content(&a).await;
    a.terminate();

    let b = start(&scene, "b", &scene.url());
    assert_eq!(b.get(BACKUPS).await.1, list);
    let restore = format!("{BACKUPS}/first/restore");
    let (code, body) = b.post(&restore, json!({})).await;
    assert_eq!(code, StatusCode::OK, "{body}");
    let status = b.ended(&restore).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    assert_eq!(content(&b).await, before);
    assert!(!b.logged().contains(WebDav::USER.1), "{}", b.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_by_a_plugin_from_a_folder_is_cancelled_over_rest() {
    let scene = Scene::new();
    let slow = |_| Fault::Latency(Duration::from_millis(100));
    let proxy = FaultProxy::start(scene.server.port, slow).await.unwrap();
    let server = start(&scene, "slow", &format!("http://{}", proxy.address));
    fill(&server).await;
    let path = format!("{BACKUPS}/first");
    let (code, body) = server.post(BACKUPS, json!({ "id": "first" })).await;
    assert_eq!(code, StatusCode::OK, "{body}");
    assert_eq!(server.delete(&path).await, (StatusCode::NO_CONTENT, Value::Null));
    let status = server.ended(&path).await;
    assert_eq!(status["status"], "CANCELED", "{status}");
    let (_, list) = server.get(BACKUPS).await;
    assert_eq!((&list[0]["id"], &list[0]["status"]), (&json!("first"), &json!("CANCELED")), "{list}");
}

#[test]
fn a_server_whose_plugin_lacks_a_grant_says_which_and_where() {
    let base = tempfile::tempdir().unwrap();
    let plugins = WebDav::install(&base.path().join("plugins"), &[]).unwrap();
    let mut command = program();
    command.args(["serve", "--port", "0", "--grpc-port", "0"]).current_dir(base.path());
    command.env("RUST_LOG", "off").envs(variables(&plugins, "https://dav.example.com/backups"));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let manifest = plugins.join("webdav.toml").display().to_string();
    for words in ["https://dav.example.com", "BACKUP_WEBDAV_URL", "not granted", &manifest] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
