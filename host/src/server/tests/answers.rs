//! What is answered when all is well, and what the host is asked for it.

use serde_json::json;

use super::*;

const CREATE: &str = "/v1/backups/filesystem";
const ONE: &str = "/v1/backups/filesystem/nightly";
const RESTORE: &str = "/v1/backups/filesystem/nightly/restore";

#[tokio::test]
async fn create_answers_backend_as_asked_and_bucket_only_when_overridden() {
    let server = Server::answering(Ok(status(State::Started))).await;
    let reply = server.send("POST", "/v1/backups/backup-filesystem", r#"{"id":"nightly"}"#).await;
    assert_eq!(reply.code, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.body,
        json!({"id": "nightly", "backend": "backup-filesystem", "classes": ["Article"],
               "path": "/backups/nightly", "status": "STARTED"})
    );
    let mut elsewhere = status(State::Started);
    elsewhere.location.bucket = Some("b".to_owned());
    let server = Server::answering(Ok(elsewhere)).await;
    assert_eq!(server.send("POST", CREATE, r#"{"id":"nightly"}"#).await.body["bucket"], "b");
    assert_eq!(server.send("POST", RESTORE, "{}").await.body["bucket"], Value::Null);
}

#[tokio::test]
async fn a_running_backup_has_the_zero_time_and_no_size() {
    let server = Server::answering(Ok(status(State::Started))).await;
    let reply = server.send("GET", ONE, "").await;
    assert_eq!(
        reply.body,
        json!({"id": "nightly", "backend": "filesystem", "path": "/backups/nightly", "status": "STARTED",
               "startedAt": "2026-08-21T03:00:02.010Z", "completedAt": "0001-01-01T00:00:00.000Z"})
    );
    assert_eq!(reply.header(crate::server::PROGRESS_HEADER), Some("5/10"));
}

#[tokio::test]
async fn an_ended_backup_tells_size_in_gib_and_why_it_failed() {
    let server = Server::answering(Ok(status(State::Failed))).await;
    assert_eq!(
        server.send("GET", ONE, "").await.body,
        json!({"id": "nightly", "backend": "filesystem", "path": "/backups/nightly", "status": "FAILED",
               "startedAt": "2026-08-21T03:00:02.010Z", "completedAt": "2026-08-21T03:00:14.201Z",
               "size": 1.75, "error": "disk full"})
    );
    let mut empty = status(State::Success);
    empty.raw_bytes = 0;
    let server = Server::answering(Ok(empty)).await;
    assert!(server.send("GET", ONE, "").await.body.get("size").is_none());
}

#[tokio::test]
async fn a_restore_status_has_no_times() {
    let server = Server::answering(Ok(status(State::Canceled))).await;
    assert_eq!(
        server.send("GET", RESTORE, "").await.body,
        json!({"id": "nightly", "backend": "filesystem", "path": "/backups/nightly", "status": "CANCELED"})
    );
}

#[tokio::test]
async fn a_list_item_has_classes_and_times_and_neither_backend_nor_path() {
    let mut backup = status(State::Success);
    backup.base = Some("sunday".to_owned());
    backup.collections.clear();
    let server = Server::answering(Ok(backup)).await;
    let reply = server.send("GET", CREATE, "").await;
    assert_eq!(
        reply.body,
        json!([{"id": "nightly", "classes": [], "status": "SUCCESS", "size": 1.75,
                "startedAt": "2026-08-21T03:00:02.010Z", "completedAt": "2026-08-21T03:00:14.201Z",
                "incremental_base_backup_id": "sunday"}])
    );
    server.send("GET", "/v1/backups/filesystem/?order=asc", "").await;
    server.send("GET", "/v1/backups/filesystem?order=", "").await;
    let orders: Vec<bool> = server.asked().iter().map(|a| a.ends_with("Ascending")).collect();
    assert_eq!(orders, [false, true, false]);
}

#[tokio::test]
async fn details_tell_what_was_skipped_and_reused_and_where_a_restore_came_from() {
    let mut backup = status(State::Success);
    backup.outcome = Some(crate::ops::BackupOutcome {
        stored_bytes: 30,
        new_bytes: 10,
        reused_bytes: 40,
        files: 3,
        scope: crate::model::Scope::Node,
        pause_us: 1500,
        skipped: vec![crate::model::SkippedItem {
            what: "tenant Book/away".to_owned(),
            why: "offloaded".to_owned(),
        }],
    });
    backup.from_node = Some("node7".to_owned());
    let server = Server::answering(Ok(backup)).await;
    assert_eq!(
        server.send("GET", ONE, "").await.body["details"],
        json!({"storedBytes": 30, "newBytes": 10, "reusedBytes": 40, "files": 3, "scope": "node", "pauseMs": 1.5,
               "skipped": [{"what": "tenant Book/away", "why": "offloaded"}]})
    );
    assert_eq!(server.send("GET", RESTORE, "").await.body["details"], json!({"fromNode": "node7"}));
    assert!(server.send("GET", CREATE, "").await.body[0].get("details").is_none());
}

#[tokio::test]
async fn on_what_a_backup_builds_is_shown_to_root_alone() {
    let mut backup = status(State::Success);
    backup.base = Some("sunday".to_owned());
    for (rank, shown) in
        [(None, true), (Some(crate::server::Rank::Root), true), (Some(crate::server::Rank::User), false)]
    {
        let server = Server::ranked(Ok(backup.clone()), rank).await;
        let one = server.send("GET", ONE, "").await.body;
        let all = server.send("GET", CREATE, "").await.body;
        for answer in [&one, &all[0]] {
            assert_eq!(answer.get("incremental_base_backup_id").is_some(), shown, "{rank:?}");
        }
    }
}

#[tokio::test]
async fn users_and_roles_may_be_chosen_by_name_and_none_is_all() {
    let server = Server::answering(Ok(status(State::Started))).await;
    let body = r#"{"id":"a","includeUsers":["ada","b*"],"includeRoles":[]}"#;
    assert_eq!(server.send("POST", CREATE, body).await.code, 200);
    let extras =
        crate::source::ExtrasChoice { users: vec!["ada".to_owned(), "b*".to_owned()], roles: vec![] };
    let expected = BackupRequest { extras, ..BackupRequest::new("filesystem", "a") };
    assert_eq!(server.asked(), [format!("{expected:?}")]);
}

#[tokio::test]
async fn a_cancel_answers_204_without_a_body_and_carries_the_overrides() {
    let server = Server::answering(Ok(status(State::Started))).await;
    for path in [ONE, RESTORE] {
        let reply = server.send("DELETE", &format!("{path}?bucket=b%20c&path=&Path=/x"), "").await;
        assert_eq!((reply.code, reply.body), (204, Value::Null));
    }
    let place = Location { bucket: Some("b c".to_owned()), path: None };
    assert_eq!(
        server.asked(),
        [
            format!("cancel backup filesystem nightly {place:?}"),
            format!("cancel restore filesystem nightly {place:?}")
        ]
    );
}

#[tokio::test]
async fn body_keys_match_in_any_case_at_every_level_and_nulls_are_absent() {
    let server = Server::answering(Ok(status(State::Started))).await;
    let body = r#"{"ID":"nightly","Include":["Article"],"exclude":null,"unknown":[1],
        "incremental_base_backup_id":null,"CONFIG":{"cpupercentage":7,"chunksize":64,"PATH":"/p","bucket":"b",
        "compressionLEVEL":"ZstdBestSpeed","endpoint":"e","Extra":{}}}"#;
    assert_eq!(server.send("POST", CREATE, body).await.code, 200);
    let expected = BackupRequest {
        selection: crate::model::Selection::Include(vec!["Article".to_owned()]),
        compression: crate::model::Compression::from_name("ZstdBestSpeed").unwrap(),
        cpu_percentage: 7,
        chunk_size: Some(64 << 20),
        location: Location { bucket: Some("b".to_owned()), path: Some("/p".to_owned()) },
        ..BackupRequest::new("filesystem", "nightly")
    };
    assert_eq!(server.asked(), [format!("{expected:?}")]);

    let body = r#"{"id":"ignored","EXCLUDE":["A"],"Node_Mapping":{"Node1":"node2"},"overwritealias":true,
        "config":{"RolesOptions":"noRestore","usersoptions":"all","CPUPercentage":80}}"#;
    assert_eq!(server.send("POST", RESTORE, body).await.code, 200);
    let expected = RestoreRequest {
        selection: crate::model::Selection::Exclude(vec!["A".to_owned()]),
        cpu_percentage: 80,
        node_mapping: [("Node1".to_owned(), "node2".to_owned())].into(),
        aliases: crate::source::AliasPolicy::Overwrite,
        extras: vec!["users".to_owned()],
        ..RestoreRequest::new("filesystem", "nightly")
    };
    assert_eq!(server.asked(), [format!("{expected:?}")]);
}

#[tokio::test]
async fn zero_empty_and_absent_are_the_defaults() {
    let server = Server::answering(Ok(status(State::Started))).await;
    for config in [r#"{}"#, "null", r#"{"CPUPercentage":0,"ChunkSize":0,"CompressionLevel":"","Path":""}"#] {
        let body = format!(r#"{{"id":"nightly","include":[],"exclude":[],"config":{config}}}"#);
        assert_eq!(server.send("POST", CREATE, &body).await.code, 200);
        assert_eq!(server.asked(), [format!("{:?}", BackupRequest::new("filesystem", "nightly"))]);
    }
}
