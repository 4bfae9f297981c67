//! What clients ask for around their backups.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::filled;
use crate::program::Server;

/// A message of gRPC with a field 1 of this text: a flag, the length, and the message.
fn health_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.extend([0x0a, u8::try_from(service.len()).unwrap()]);
        message.extend(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &message].concat()
}

#[tokio::test]
async fn no_11_every_service_is_healthy_and_the_server_says_its_version_and_the_size_of_messages() {
    let base = tempfile::tempdir().unwrap();
    let server = Server::start(base.path());
    let (code, meta) = server.get("/v1/meta").await;
    assert_eq!(code, StatusCode::OK, "{meta}");
    let numbers: Vec<u32> =
        meta["version"].as_str().unwrap().split('.').map(|n| n.parse().unwrap()).collect();
    assert!(numbers.len() == 3 && (numbers[0], numbers[1]) >= (1, 37), "{meta}");
    assert!(meta["grpcMaxMessageSize"].as_u64().unwrap() >= 10 << 20, "{meta}");
    assert!(meta["modules"].is_object(), "{meta}");

    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for service in ["", "/grpc.health.v1.Health/Check", "weaviate.v1.Weaviate"] {
        let request = http.post(format!("http://{}/grpc.health.v1.Health/Check", server.grpc()));
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        let response = request.body(health_request(service)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{service}");
        let body = response.bytes().await.unwrap();
        assert_eq!(body[..], [0, 0, 0, 0, 2, 8, 1], "`{service}` is not SERVING: {body:?}");
    }
    let answer = server.get("/v1/.well-known/openid-configuration").await;
    assert_eq!(answer.0, StatusCode::NOT_FOUND, "{}", answer.1);
    for probe in ["ready", "live"] {
        let probe = server.request(Method::GET, &format!("/v1/.well-known/{probe}")).send().await.unwrap();
        assert_eq!(probe.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn no_12_aliases_are_found_with_a_slash_at_the_end_and_without() {
    let base = tempfile::tempdir().unwrap();
    let server = filled(base.path()).await;
    for (path, alias) in [("/v1/aliases/", "Shelf"), ("/v1/aliases", "Desk")] {
        let (code, body) = server.post(path, json!({ "alias": alias, "class": "Article" })).await;
        assert_eq!((code, &body["alias"]), (StatusCode::OK, &json!(alias)), "{body}");
    }
    let (code, all) = server.get("/v1/aliases").await;
    assert_eq!((code, all["aliases"].as_array().unwrap().len()), (StatusCode::OK, 2), "{all}");
    assert_eq!(server.get("/v1/aliases/").await, (StatusCode::OK, all.clone()));
    assert_eq!(server.get("/v1/aliases/?class=Article").await, (StatusCode::OK, all));
    assert_eq!(server.get("/v1/aliases?class=Author").await.1, json!({ "aliases": [] }));
}
