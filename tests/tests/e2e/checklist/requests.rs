//! Requests: what is tolerated in them, and the two shapes of errors.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{BACKUPS, backed_up, filled, forbidden, refused};

#[tokio::test]
async fn no_01_keys_match_in_any_case_in_bodies_only_and_unknown_ones_and_nulls_are_ignored() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let loose = json!({
        "ID": "loose", "Include": ["Article"], "EXCLUDE": null, "incremental_base_backup_id": null, "no such key": {},
        "CONFIG": { "compressionlevel": "NoCompression", "cpupercentage": null, "Nothing": 1 },
    });
    let (code, body) = server.post(BACKUPS, loose).await;
    assert_eq!((code, &body["classes"]), (StatusCode::OK, &json!(["Article"])), "{body}");
    server.ended(&format!("{BACKUPS}/loose")).await;
    let strict = json!({ "id": "x", "Config": { "cpupercentage": 99 } });
    forbidden(&server.post(BACKUPS, strict).await, 422, 608, "CPUPercentage");

    let second = backed_up(&server, "second").await;
    let (code, listed) = server.get(&format!("{BACKUPS}?ORDER=asc&Order=sideways")).await;
    assert_eq!((code, &listed[0]["id"]), (StatusCode::OK, &second["id"]), "{listed}");
    let restore = json!({ "ID": "second", "INCLUDE": null, "overwritealias": null, "config": null });
    assert_eq!(server.post(&format!("{BACKUPS}/second/restore"), restore).await.0, StatusCode::OK);
    server.ended(&format!("{BACKUPS}/second/restore")).await;
}

#[tokio::test]
async fn no_02_errors_have_two_shapes_and_name_what_they_are_about() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let with = |config: serde_json::Value| json!({ "id": "x", "config": config });
    forbidden(&server.post(BACKUPS, with(json!({ "CPUPercentage": 81 }))).await, 422, 608, "CPUPercentage");
    forbidden(&server.post(BACKUPS, with(json!({ "CPUPercentage": -1 }))).await, 422, 609, "CPUPercentage");
    let tiny = with(json!({ "CompressionLevel": "Tiny" }));
    forbidden(&server.post(BACKUPS, tiny).await, 422, 606, "CompressionLevel");
    forbidden(&server.get(&format!("{BACKUPS}?order=up")).await, 422, 606, "order");
    forbidden(&server.get("/v1/nothing").await, 404, 404, "/v1/nothing");
    forbidden(&server.put(BACKUPS, json!({})).await, 405, 405, "PUT");
    for (body, status, code) in [("{", 400, 400), ("[]", 400, 400), ("", 422, 602)] {
        let request =
            server.request(Method::POST, BACKUPS).header("content-type", "application/json").body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        forbidden(&(response.status(), response.json().await.unwrap()), status, code, "body");
    }
    let wrong = server.request(Method::PUT, BACKUPS).send().await.unwrap();
    let allowed = wrong.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");

    for path in ["/v1/backups/gcs/x", "/v1/backups/gcs/x/restore", "/v1/backups/gcs"] {
        refused(&server.get(path).await, 422, &["gcs"]);
    }
    refused(&server.post("/v1/backups/gcs", json!({ "id": "x" })).await, 422, &["gcs"]);
    refused(&server.post("/v1/backups/gcs/x/restore", json!({})).await, 422, &["gcs"]);
    refused(&server.post(BACKUPS, json!({ "id": "x", "include": ["Lost"] })).await, 422, &["Lost"]);
    let both = json!({ "id": "x", "include": ["Article"], "exclude": ["Author"] });
    refused(&server.post(BACKUPS, both).await, 422, &["include", "exclude"]);
    for path in ["nobody", "nobody/restore"] {
        refused(&server.get(&format!("{BACKUPS}/{path}")).await, 404, &["nobody"]);
    }
    refused(&server.post(&format!("{BACKUPS}/nobody/restore"), json!({})).await, 404, &["nobody"]);
    backed_up(&server, "taken").await;
    refused(&server.post(BACKUPS, json!({ "id": "taken" })).await, 422, &["taken"]);
    refused(&server.get(&format!("{BACKUPS}/taken/restore")).await, 404, &["taken"]);
}

#[tokio::test]
async fn no_08_values_without_effect_and_empty_ones_are_accepted() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    let bodies = [
        json!({ "id": "a", "include": [], "exclude": [], "config": {} }),
        json!({ "id": "b", "config": { "Endpoint": "store.example", "ChunkSize": 8, "Bucket": "", "Path": "" } }),
    ];
    for body in bodies {
        let (code, answer) = server.post(BACKUPS, body.clone()).await;
        assert_eq!(code, StatusCode::OK, "{body}: {answer}");
        let path = format!("{BACKUPS}/{}", body["id"].as_str().unwrap());
        let status = server.ended(&path).await;
        assert_eq!(status["status"], "SUCCESS", "{status}");
        let restore =
            json!({ "include": [], "exclude": [], "node_mapping": {}, "config": { "Endpoint": "" } });
        assert_eq!(server.post(&format!("{path}/restore"), restore).await.0, StatusCode::OK);
        server.ended(&format!("{path}/restore")).await;
    }
}

#[tokio::test]
async fn no_09_ids_are_of_small_letters_digits_dashes_and_underscores() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    for id in ["Upper", "mIxed", "a b", "a.b", "..", "a/b", "\u{e4}", ""] {
        refused(&server.post(BACKUPS, json!({ "id": id })).await, 422, &[]);
        let on = json!({ "id": "fine", "incremental_base_backup_id": id });
        if !id.is_empty() {
            refused(&server.post(BACKUPS, on).await, 422, &[]);
        }
    }
    refused(&server.delete(&format!("{BACKUPS}/Upper")).await, 422, &["Upper"]);
    refused(&server.delete(&format!("{BACKUPS}/Upper/restore")).await, 422, &["Upper"]);
    refused(&server.get(&format!("{BACKUPS}/Upper")).await, 404, &["Upper"]);
    assert_eq!(server.get(BACKUPS).await.1, json!([]));
    backed_up(&server, "0_fine-id_9").await;
}
