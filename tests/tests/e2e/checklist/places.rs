//! Other places than the configured one, and backups that are not ours.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{BACKUPS, emptied, fill, refused};
use crate::program::Server;

#[tokio::test]
async fn no_13_every_call_about_one_backup_takes_another_place() {
    let base = tempfile::tempdir().unwrap();
    let elsewhere = base.path().canonicalize().unwrap().join("elsewhere").display().to_string();
    let server = Server::with(base.path(), &[("BACKUP_FILESYSTEM_EXTRA_PATHS", elsewhere.clone())]);
    fill(&server).await;
    let (path, there) = (format!("{BACKUPS}/away"), format!("?path={elsewhere}&bucket="));
    let restore = format!("{path}/restore");
    // As version 4 of the client for Python writes it.
    let config = json!({ "path": elsewhere });
    let (code, body) = server.post(BACKUPS, json!({ "id": "away", "config": config })).await;
    assert_eq!((code, &body["path"]), (StatusCode::OK, &json!(format!("{elsewhere}/away"))), "{body}");
    assert_eq!(server.delete(&format!("{path}{there}")).await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(server.ended(&format!("{path}{there}")).await["status"], "CANCELED");
    let config = json!({ "Path": elsewhere, "Bucket": "" });
    assert_eq!(server.post(BACKUPS, json!({ "id": "away", "config": config })).await.0, StatusCode::OK);
    assert_eq!(server.ended(&format!("{path}{there}")).await["status"], "SUCCESS");
    refused(&server.get(&path).await, 404, &["away"]);
    refused(&server.delete(&format!("{path}{there}")).await, 422, &["away"]);
    assert_eq!(server.get(BACKUPS).await.1, json!([]));

    refused(&server.post(&restore, json!({})).await, 404, &["away"]);
    emptied(&server).await;
    let body = json!({ "config": { "path": elsewhere } });
    assert_eq!(server.post(&restore, body.clone()).await.0, StatusCode::OK);
    assert_eq!(server.delete(&format!("{restore}{there}")).await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(server.ended(&format!("{restore}{there}")).await["status"], "CANCELED");
    assert_eq!(server.post(&restore, body).await.0, StatusCode::OK);
    let status = server.ended(&format!("{restore}{there}")).await;
    assert_eq!(
        (&status["status"], &status["path"]),
        (&json!("SUCCESS"), &json!(format!("{elsewhere}/away"))),
        "{status}"
    );
    refused(&server.get(&restore).await, 404, &["away"]);
}

#[tokio::test]
async fn no_15_a_backup_that_weaviate_made_is_refused_as_such() {
    let base = tempfile::tempdir().unwrap();
    let server = Server::start(base.path());
    let folder = base.path().join("backups/theirs");
    std::fs::create_dir_all(folder.join("node1/Article")).unwrap();
    let descriptor = json!({
        "id": "theirs", "status": "SUCCESS", "version": "2.1", "serverVersion": "1.39.0", "leader": "node1", "error": "",
        "startedAt": "2026-08-21T03:00:02.010Z", "completedAt": "2026-08-21T03:00:14.201Z",
        "nodes": { "node1": { "classes": ["Article"], "status": "SUCCESS", "error": "" } },
    });
    std::fs::write(folder.join("backup_config.json"), descriptor.to_string()).unwrap();
    let (path, restore) = (format!("{BACKUPS}/theirs"), format!("{BACKUPS}/theirs/restore"));
    for answer in [server.post(&restore, json!({})).await, server.get(&path).await] {
        assert!(answer.0.is_client_error(), "{answer:?}");
        refused(&answer, answer.0.as_u16(), &["theirs", "Weaviate"]);
    }
    // It is nobody's business here, and it harms nothing.
    assert_eq!(server.get(BACKUPS).await, (StatusCode::OK, json!([])));
}
