//! What is refused, with which code, and in which order the reasons count.

use axum::response::IntoResponse;

use super::*;
use crate::server::error::{Failure, Missing};

const CREATE: &str = "/v1/backups/filesystem";
const RESTORE: &str = "/v1/backups/filesystem/nightly/restore";

async fn fine() -> Server {
    Server::answering(Ok(status(State::Started))).await
}

#[tokio::test]
async fn schema_failures_have_their_codes_and_name_the_field() {
    let server = fine().await;
    for (path, body, http, code, names) in [
        (CREATE, "{", 400, 400, "parsing the body"),
        (CREATE, "[]", 400, 400, "parsing the body"),
        (CREATE, r#"{"id":"a"} x"#, 400, 400, "parsing the body"),
        (CREATE, r#"{"id":7}"#, 400, 400, "id must be a string"),
        (CREATE, r#"{"include":"A"}"#, 400, 400, "include"),
        (CREATE, r#"{"config":{"CPUPercentage":1.5}}"#, 400, 400, "config.CPUPercentage"),
        (RESTORE, r#"{"node_mapping":{"a":1}}"#, 400, 400, "node_mapping"),
        (CREATE, "", 422, 602, "body"),
        (RESTORE, " \n", 422, 602, "body"),
        (CREATE, r#"{"config":{"CompressionLevel":"bestspeed"}}"#, 422, 606, "CompressionLevel"),
        (RESTORE, r#"{"config":{"rolesOptions":"some"}}"#, 422, 606, "rolesOptions"),
        (RESTORE, r#"{"config":{"usersOptions":"some"}}"#, 422, 606, "usersOptions"),
        (CREATE, r#"{"config":{"CPUPercentage":81}}"#, 422, 608, "CPUPercentage"),
        (CREATE, r#"{"config":{"CPUPercentage":99999999999}}"#, 422, 608, "CPUPercentage"),
        (CREATE, r#"{"config":{"CPUPercentage":-1}}"#, 422, 609, "CPUPercentage"),
        // They win over the rules of the handlers.
        (RESTORE, r#"{"include":["A"],"exclude":["B"],"config":{"CPUPercentage":300}}"#, 422, 608, "CPUPer"),
        ("/v1/backups/nope", r#"{"id":"A","config":{"CompressionLevel":"x"}}"#, 422, 606, "CompressionLevel"),
    ] {
        let reply = server.send("POST", path, body).await;
        assert_eq!((reply.code, reply.body["code"].as_u64()), (http, Some(code)), "{body}: {}", reply.body);
        assert!(reply.message().contains(names), "{body}: {}", reply.message());
    }
    let reply = server.send("GET", "/v1/backups/filesystem?order=up", "").await;
    assert_eq!((reply.code, reply.body["code"].as_u64()), (422, Some(606)));
    assert!(reply.message().contains("order"));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn rules_of_the_handlers_are_checked_in_order() {
    let server = fine().await;
    for (path, body, http, names) in [
        ("/v1/backups/nope", r#"{"id":"A","include":["A"],"exclude":["B"]}"#, 422, "nope"),
        (CREATE, r#"{"id":"A","include":["A"],"exclude":["B"]}"#, 422, "backup id `A`"),
        (CREATE, "{}", 422, "backup id ``"),
        (CREATE, r#"{"id":"../x"}"#, 422, "../x"),
        (CREATE, r#"{"id":"a","incremental_base_backup_id":"B"}"#, 422, "`B`"),
        (CREATE, r#"{"id":"a","incremental_base_backup_id":"a"}"#, 422, "own incremental base"),
        (
            CREATE,
            r#"{"id":"a","include":["A"],"exclude":["B"],"config":{"ChunkSize":1}}"#,
            422,
            "include and exclude",
        ),
        (CREATE, r#"{"id":"a","include":["A","A"]}"#, 422, "`A` stands twice"),
        (CREATE, r#"{"id":"a","config":{"ChunkSize":1}}"#, 422, "ChunkSize"),
        (CREATE, r#"{"id":"a","config":{"ChunkSize":513}}"#, 422, "ChunkSize"),
        (CREATE, r#"{"id":"a","config":{"ChunkSize":-9}}"#, 422, "ChunkSize -9"),
        (CREATE, r#"{"id":"a","config":{"ChunkSize":9223372036854775807}}"#, 422, "ChunkSize"),
        ("/v1/backups/nope/nightly/restore", r#"{"include":["A"],"exclude":["B"]}"#, 422, "nope"),
        ("/v1/backups/filesystem/A/restore", r#"{"include":["A"],"exclude":["B"]}"#, 422, "include"),
        ("/v1/backups/filesystem/Upper/restore", "{}", 404, "Upper"),
    ] {
        let reply = server.send("POST", path, body).await;
        assert_eq!(reply.code, http, "{path} {body}: {}", reply.body);
        assert!(
            reply.body["error"][0]["message"].as_str().unwrap().contains(names),
            "{body}: {}",
            reply.body
        );
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn odd_ids_are_404_where_something_is_read_and_422_where_it_is_cancelled() {
    let server = fine().await;
    for path in ["/v1/backups/filesystem/..%2Fetc", "/v1/backups/filesystem/..%2Fetc/restore"] {
        let reply = server.send("GET", path, "").await;
        assert_eq!(reply.code, 404);
        assert!(reply.message().contains("../etc"), "{}", reply.message());
        assert_eq!(server.send("DELETE", path, "").await.code, 422);
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_backend_that_is_not_enabled_is_422_everywhere() {
    let server = fine().await;
    for (method, path, body) in [
        ("POST", "/v1/backups/s3", r#"{"id":"a"}"#),
        ("GET", "/v1/backups/s3", ""),
        ("GET", "/v1/backups/s3/a", ""),
        ("DELETE", "/v1/backups/s3/a", ""),
        ("POST", "/v1/backups/s3/a/restore", "{}"),
        ("GET", "/v1/backups/s3/a/restore", ""),
        ("DELETE", "/v1/backups/s3/a/restore", ""),
    ] {
        let reply = server.send(method, path, body).await;
        assert_eq!(reply.code, 422, "{method} {path}");
        assert!(reply.message().contains("`backup-s3` to ENABLE_MODULES"), "{}", reply.message());
    }
}

#[tokio::test]
async fn errors_of_the_host_get_the_status_of_their_endpoint() {
    use ErrorKind::{AlreadyExists, Conflict, Corrupt, Denied, Invalid, NotFound, Unavailable, Unsupported};
    let calls = [
        ("POST", "/v1/backups/filesystem", r#"{"id":"a"}"#),
        ("GET", "/v1/backups/filesystem", ""),
        ("DELETE", "/v1/backups/filesystem/a", ""),
        ("DELETE", "/v1/backups/filesystem/a/restore", ""),
        ("GET", "/v1/backups/filesystem/a", ""),
        ("POST", "/v1/backups/filesystem/a/restore", "{}"),
        ("GET", "/v1/backups/filesystem/a/restore", ""),
    ];
    for (kind, codes) in [
        (NotFound, [422, 422, 422, 422, 404, 404, 404]),
        (Invalid, [422; 7]),
        (AlreadyExists, [422; 7]),
        (Conflict, [422; 7]),
        (Unsupported, [422; 7]),
        (Denied, [500; 7]),
        (Unavailable, [500; 7]),
        (Corrupt, [500; 7]),
    ] {
        let server = Server::answering(Err(kind)).await;
        for ((method, path, body), code) in calls.iter().zip(codes) {
            let reply = server.send(method, path, body).await;
            assert_eq!(reply.code, code, "{kind:?} {method} {path}");
            assert_eq!(reply.message(), "test: the host says no");
        }
    }
}

#[test]
fn a_place_that_the_host_does_not_allow_is_the_callers_mistake() {
    let status = |operation| {
        let error = Error::new(ErrorKind::Denied, operation, "may not");
        Failure::of(&error, Missing::NotFound).into_response().status().as_u16()
    };
    assert_eq!((status("grant"), status("put")), (422, 500));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_the_shape_of_the_schema() {
    let server = fine().await;
    for path in ["/v1/backups", "/v1/backups/a/b/c", "/v1/backups/a/b/restore/d"] {
        let reply = server.send("GET", path, "").await;
        assert_eq!((reply.code, reply.body["code"].as_u64()), (404, Some(404)), "{path}");
        assert!(reply.message().contains(path), "{}", reply.message());
    }
    let reply = server.send("PUT", "/v1/backups/filesystem/nightly", "").await;
    assert_eq!((reply.code, reply.body["code"].as_u64()), (405, Some(405)));
    let allow: Vec<&str> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
    assert!(allow.contains(&"GET") && allow.contains(&"DELETE") && !allow.contains(&"POST"), "{allow:?}");
}

#[tokio::test]
async fn paths_of_the_merging_server_stay_its_own() {
    let server = fine().await;
    assert_eq!(server.send("GET", "/v1/meta", "").await.code, 200);
    assert_eq!(server.send("GET", "/v1/other", "").await.body, "the server's own");
    assert_eq!(server.send("GET", "/v1/backupsx", "").await.body, "the server's own");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let server = fine().await;
    let body = format!(r#"{{"id":"{}"}}"#, "a".repeat(5 << 20));
    let reply = server.send("POST", CREATE, &body).await;
    assert_eq!((reply.code, reply.body["code"].as_u64()), (413, Some(413)));
}

#[tokio::test]
async fn a_hostile_nesting_is_refused_and_the_server_lives() {
    let server = fine().await;
    let body = format!(r#"{{"config":{}"#, "[".repeat(100_000));
    assert_eq!(server.send("POST", CREATE, &body).await.code, 400);
    assert_eq!(server.send("GET", "/v1/backups/filesystem/nightly", "").await.code, 200);
}
