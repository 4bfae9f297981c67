//! States: which there are, when they can be read, and what stands beside them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BACKUPS, STATUSES, backed_up, emptied, filled};
use crate::program::Server;

/// Asks for a status as fast as possible until it is terminal, and answers every value that was seen.
async fn watched(server: &Server, path: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let (code, body) = server.get(path).await;
        assert_eq!(code, StatusCode::OK, "{body}");
        let status = body["status"].as_str().unwrap().to_owned();
        let ended = ["SUCCESS", "FAILED", "CANCELED"].contains(&status.as_str());
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        if ended {
            return seen;
        }
    }
}

#[tokio::test]
async fn no_03_a_status_is_one_of_eight_and_canceled_has_one_l() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let mut seen = Vec::new();
    let (path, restore) = (format!("{BACKUPS}/a"), format!("{BACKUPS}/a/restore"));
    assert_eq!(server.post(BACKUPS, json!({ "id": "a" })).await.0, StatusCode::OK);
    seen.extend(watched(&server, &path).await);
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    seen.extend(watched(&server, &restore).await);
    assert_eq!(seen.last().unwrap(), "FAILED");
    emptied(&server).await;
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    seen.extend(watched(&server, &restore).await);
    assert_eq!(seen.last().unwrap(), "SUCCESS");
    for (start, operation) in [(BACKUPS, &format!("{BACKUPS}/b")), (&restore, &restore)] {
        if start != BACKUPS {
            emptied(&server).await;
        }
        assert_eq!(server.post(start, json!({ "id": "b" })).await.0, StatusCode::OK);
        assert_eq!(server.delete(operation).await.0, StatusCode::NO_CONTENT);
        seen.extend(watched(&server, operation).await);
        assert_eq!(seen.last().unwrap(), "CANCELED");
    }
    let unknown: Vec<_> = seen.iter().filter(|status| !STATUSES.contains(&status.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {seen:?}");
}

#[tokio::test]
async fn no_04_every_answer_has_id_backend_path_and_status_and_the_path_ends_with_the_id() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let home = base.path().canonicalize().unwrap().join("backups/whole").display().to_string();
    let whole = |backend: &str, (code, body): (StatusCode, Value)| {
        assert_eq!(code, StatusCode::OK, "{body}");
        let found = [&body["id"], &body["backend"], &body["path"]];
        assert_eq!(found, [&json!("whole"), &json!(backend), &json!(home)], "{body}");
        assert!(STATUSES.iter().any(|status| body["status"] == *status), "{body}");
    };
    // As the URL names it.
    let other = "/v1/backups/backup-filesystem";
    whole("backup-filesystem", server.post(other, json!({ "id": "whole" })).await);
    server.ended(&format!("{BACKUPS}/whole")).await;
    whole("filesystem", server.get(&format!("{BACKUPS}/whole")).await);
    whole("backup-filesystem", server.get(&format!("{other}/whole")).await);
    emptied(&server).await;
    let restore = format!("{BACKUPS}/whole/restore");
    whole("filesystem", server.post(&restore, json!({})).await);
    server.ended(&restore).await;
    whole("filesystem", server.get(&restore).await);
}

#[tokio::test]
async fn no_05_a_status_can_be_read_at_once_and_that_of_a_restore_only_after_one_was_started() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let path = format!("{BACKUPS}/quick");
    let restore = format!("{path}/restore");
    assert_eq!(server.get(&restore).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.post(BACKUPS, json!({ "id": "quick" })).await.0, StatusCode::OK);
    let (code, body) = server.get(&path).await;
    assert_eq!((code, &body["completedAt"]), (StatusCode::OK, &json!("0001-01-01T00:00:00.000Z")), "{body}");
    assert!(body.get("size").is_none(), "{body}");
    let status = server.ended(&path).await;
    let (begun, completed) = (status["startedAt"].as_str().unwrap(), status["completedAt"].as_str().unwrap());
    assert!(begun < completed && completed.len() == 24 && completed.ends_with('Z'), "{status}");
    assert_eq!(server.get(&restore).await.0, StatusCode::NOT_FOUND);
    emptied(&server).await;
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.get(&restore).await.0, StatusCode::OK);
    assert_eq!(server.ended(&restore).await["status"], "SUCCESS");
}

#[tokio::test]
async fn no_10_a_list_has_the_newest_first_unless_told_and_shows_what_runs_and_what_it_builds_on() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    backed_up(&server, "first").await;
    let on = json!({ "id": "second", "incremental_base_backup_id": "first" });
    let (code, body) = server.post(BACKUPS, on).await;
    assert_eq!(code, StatusCode::OK, "{body}");
    server.ended(&format!("{BACKUPS}/second")).await;
    // Times have milliseconds.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(server.post(BACKUPS, json!({ "id": "third" })).await.0, StatusCode::OK);
    let (_, listed) = server.get(BACKUPS).await;
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&listed), ["third", "second", "first"]);
    let running = ["STARTED", "TRANSFERRING", "TRANSFERRED", "FINALIZING"];
    assert!(running.iter().any(|status| listed[0]["status"] == *status), "{listed}");
    assert_eq!(listed[0]["completedAt"], "0001-01-01T00:00:00.000Z", "{listed}");
    // Whoever may do everything is told.
    assert_eq!(listed[1]["incremental_base_backup_id"], "first", "{listed}");
    assert!(listed[2].get("incremental_base_backup_id").is_none(), "{listed}");
    for backup in listed.as_array().unwrap() {
        assert!(backup.get("backend").is_none() && backup.get("path").is_none(), "{backup}");
    }
    server.ended(&format!("{BACKUPS}/third")).await;
    assert_eq!(ids(&server.get(&format!("{BACKUPS}?order=asc")).await.1), ["first", "second", "third"]);
    assert_eq!(ids(&server.get(&format!("{BACKUPS}?order=desc")).await.1), ["third", "second", "first"]);
    // And whoever may only read is not.
    assert_eq!(server.terminate().code(), Some(0));
    let rules = [
        ("AUTHENTICATION_APIKEY_ENABLED", "true"),
        ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "key-of-ada,key-of-bob"),
        ("AUTHENTICATION_APIKEY_USERS", "ada,bob"),
        ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
        ("AUTHORIZATION_ADMINLIST_USERS", "ada"),
        ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "bob"),
    ];
    let server = Server::with(base.path(), &rules.map(|(name, value)| (name, value.to_owned())));
    for (key, is_shown) in [("key-of-ada", true), ("key-of-bob", false)] {
        for path in [BACKUPS.to_owned(), format!("{BACKUPS}/second")] {
            let answer = server.request(Method::GET, &path).bearer_auth(key).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let text = answer.text().await.unwrap();
            assert_eq!(text.contains("incremental_base_backup_id"), is_shown, "{key}: {text}");
        }
    }
}
