//! Operations that end otherwise than hoped for.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{BACKUPS, backed_up, emptied, filled, refused};

#[tokio::test]
async fn no_06_a_quick_cancel_wins_and_one_after_success_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    for round in 0..5 {
        let id = format!("given-up-{round}");
        let path = format!("{BACKUPS}/{id}");
        assert_eq!(server.post(BACKUPS, json!({ "id": id })).await.0, StatusCode::OK);
        assert_eq!(server.delete(&path).await, (StatusCode::NO_CONTENT, Value::Null));
        let begun = Instant::now();
        let status = server.ended(&path).await;
        assert_eq!(status["status"], "CANCELED", "{status}");
        assert!(status["error"].as_str().is_some() && begun.elapsed() < Duration::from_secs(5), "{status}");
        assert_eq!(server.delete(&path).await, (StatusCode::NO_CONTENT, Value::Null));
    }
    assert_eq!(server.delete(&format!("{BACKUPS}/nobody")).await, (StatusCode::NO_CONTENT, Value::Null));
    backed_up(&server, "kept").await;
    refused(&server.delete(&format!("{BACKUPS}/kept")).await, 422, &["kept"]);

    let restore = format!("{BACKUPS}/kept/restore");
    emptied(&server).await;
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.delete(&restore).await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(server.ended(&restore).await["status"], "CANCELED");
    assert_eq!(server.get("/v1/schema").await.1, json!({ "classes": [] }));
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.ended(&restore).await["status"], "SUCCESS");
    refused(&server.delete(&restore).await, 422, &["kept"]);
}

#[tokio::test]
async fn no_07_a_restore_over_a_collection_is_accepted_and_then_fails() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    backed_up(&server, "whole").await;
    let (_, before) = server.get("/v1/schema").await;
    assert_eq!(server.delete("/v1/schema/Author").await.0, StatusCode::OK);
    let restore = format!("{BACKUPS}/whole/restore");
    let (code, body) = server.post(&restore, json!({})).await;
    assert_eq!((code, &body["status"]), (StatusCode::OK, &json!("STARTED")), "{body}");
    let status = server.ended(&restore).await;
    assert_eq!(status["status"], "FAILED", "{status}");
    let error = status["error"].as_str().unwrap();
    assert!(error.contains("already exists") && error.contains("Article"), "{error}");
    assert_eq!(server.get("/v1/schema/Author").await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.delete("/v1/schema/Article").await.0, StatusCode::OK);
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.ended(&restore).await["status"], "SUCCESS");
    assert_eq!(server.get("/v1/schema").await.1, before);
}

#[tokio::test]
async fn no_14_a_second_operation_is_refused_while_one_runs() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    backed_up(&server, "kept").await;
    assert_eq!(server.post(BACKUPS, json!({ "id": "one" })).await.0, StatusCode::OK);
    refused(&server.post(BACKUPS, json!({ "id": "two" })).await, 422, &["already in progress"]);
    emptied(&server).await;
    let restore = format!("{BACKUPS}/kept/restore");
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK, "beside a backup");
    refused(&server.post(&restore, json!({})).await, 422, &["already in progress"]);
    assert_eq!(server.ended(&format!("{BACKUPS}/one")).await["status"], "SUCCESS");
    assert_eq!(server.ended(&restore).await["status"], "SUCCESS");
    backed_up(&server, "two").await;
}
