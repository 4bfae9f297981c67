//! The plugin keeps the contract: on a whole server, and on one that knows no ranges.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use siltstone::ErrorKind;
use siltstone::conformance::{StorageCheck, StorageSuite, check_storage};
use siltstone::model::BackendName;
use siltstone::storage::{PartOrder, Precondition, RetrySettings, StackSettings, stack};
use tokio_util::task::AbortOnDropHandle;

use super::{Scene, get, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_webdav_component_keeps_the_contract_on_rclone() {
    let scene = Scene::new();
    let storage = scene.open(&[("BACKUP_WEBDAV_PATH", "some/prefix")]).await.unwrap();
    let can = storage.capabilities().clone();
    assert!(can.preconditions.if_absent && !can.preconditions.if_match && can.parts.order == PartOrder::None);
    // It stats a file and opens it later: a body breaks off when another has taken its place between. A host tries again.
    let retry = RetrySettings { attempts: 6, cap: Duration::from_millis(200), ..RetrySettings::default() };
    let settings = StackSettings { retry, ..StackSettings::default() };
    let (storage, _) = stack(storage, BackendName::new("webdav").unwrap(), &settings);
    // Every round is some requests.
    let report =
        check_storage(Arc::clone(&storage), &StorageCheck { rounds: 5, ..StorageCheck::default() }).await;
    assert!(report.passed(), "{report}");
    // The server breaks a listing off when an object goes meanwhile, in one of some dozens.
    let often = StorageCheck { rounds: 40, ..StorageCheck::default() };
    let suite = StorageSuite::new(storage, often).only(&["a_listing_during_changes_holds_what_stays"]);
    let report = suite.run().await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_whose_moves_take_two_steps_has_no_condition() {
    let scene = Scene::new();
    let storage = scene.open(&[("BACKUP_WEBDAV_IF_ABSENT", "false")]).await.unwrap();
    assert!(!storage.capabilities().preconditions.if_absent);
    let error = put(&*storage, "k", b"x", Precondition::IfAbsent).await.unwrap_err();
    assert!(
        error.is(ErrorKind::Unsupported) && error.to_string().contains("BACKUP_WEBDAV_IF_ABSENT"),
        "{error}"
    );
    put(&*storage, "k", b"x", Precondition::None).await.unwrap();
}

/// A server that hands every request on to another one, but for what it asks about ranges.
async fn without_ranges(port: u16) -> (u16, AbortOnDropHandle<()>) {
    // One provider for the process; another test may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let app = Router::new().fallback(move |request: Request| {
        let client = client.clone();
        async move {
            let (mut head, body) = request.into_parts();
            head.headers.remove("range");
            let url = format!("http://127.0.0.1:{port}{}", head.uri);
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let there =
                client.request(head.method, url).headers(head.headers).body(body).send().await.unwrap();
            let mut answer = http::Response::builder().status(there.status());
            *answer.headers_mut().unwrap() = there.headers().clone();
            answer.headers_mut().unwrap().remove("transfer-encoding");
            answer.body(Body::from(there.bytes().await.unwrap())).unwrap()
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ranges_are_cut_out_of_what_a_server_without_ranges_sends() {
    let scene = Scene::new();
    let there = scene.open(&[]).await.unwrap();
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    put(&*there, "a/k", &content, Precondition::None).await.unwrap();
    put(&*there, "empty", b"", Precondition::None).await.unwrap();

    let (port, _server) = without_ranges(scene.server.port).await;
    let storage = scene.open(&[("BACKUP_WEBDAV_URL", &format!("http://127.0.0.1:{port}"))]).await.unwrap();
    let size = content.len() as u64;
    for (offset, len) in [
        (0, None),
        (0, Some(1)),
        (1, Some(70_000)),
        (size - 1, None),
        (size - 5, Some(10)),
        (size, None),
        (size + 9, Some(1)),
        (5, Some(u64::MAX)),
    ] {
        let end = len.map_or(size, |len| size.min(offset.saturating_add(len)));
        let expected = content.get(offset as usize..end as usize).unwrap_or_default();
        let found = get(&*storage, "a/k", offset, len).await.unwrap();
        assert!(found == expected, "{offset}+{len:?} gives {} bytes", found.len());
    }
    assert!(get(&*storage, "empty", 0, None).await.unwrap().is_empty());
    for missing in ["a", "a/missing", "missing/k"] {
        let error = get(&*storage, missing, 0, None).await.unwrap_err();
        assert!(error.is(ErrorKind::NotFound), "{missing}: {error}");
    }
}
