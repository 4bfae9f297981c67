//! What a writer leaves that dies while it replaces an object: `k~` beside `k`, or in its place.

use reqwest::Method;
use siltstone::ErrorKind;
use siltstone::storage::{Depth, ListRequest, Precondition, Storage};
use siltstone_tests::servers::WebDav;

use super::{Scene, get, key, put};

/// Asks the server itself, past the plugin.
async fn ask(scene: &Scene, method: Method, path: &str, body: &'static str) -> u16 {
    // One provider for the process; another test may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (user, password) = WebDav::USER;
    let url = format!("{}/{path}", scene.url());
    let request = reqwest::Client::new().request(method, url).basic_auth(user, Some(password));
    request.body(body).send().await.unwrap().status().as_u16()
}

async fn names(storage: &dyn Storage) -> Vec<(String, u64)> {
    let all = ListRequest { prefix: String::new(), depth: Depth::All, token: None, limit: 100 };
    let page = storage.list(&all).await.unwrap();
    page.objects.into_iter().map(|object| (object.key.to_string(), object.size)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_stands_in_the_place_of_an_object_is_that_object() {
    let scene = Scene::new();
    let storage = scene.open(&[]).await.unwrap();
    put(&*storage, "a/k", b"old", Precondition::None).await.unwrap();
    // The old object is deleted, and the new one not moved yet.
    assert_eq!(ask(&scene, Method::PUT, "a/k~", "newer").await, 201);
    assert_eq!(ask(&scene, Method::DELETE, "a/k", "").await, 204);

    assert_eq!(get(&*storage, "a/k", 0, None).await.unwrap(), b"newer");
    assert_eq!(storage.head(&key("a/k")).await.unwrap().size, 5);
    assert_eq!(names(&*storage).await, [("a/k".to_owned(), 5)]);
    let error = put(&*storage, "a/k", b"mine", Precondition::IfAbsent).await.unwrap_err();
    assert!(error.is(ErrorKind::AlreadyExists), "{error}");

    put(&*storage, "a/k", b"newest!", Precondition::None).await.unwrap();
    assert_eq!(get(&*storage, "a/k", 0, None).await.unwrap(), b"newest!");
    assert_eq!(names(&*storage).await, [("a/k".to_owned(), 7)]);
    assert!(storage.delete(&[key("a/k")]).await.unwrap().is_empty());
    assert!(storage.head(&key("a/k")).await.unwrap_err().is(ErrorKind::NotFound));
    assert!(names(&*storage).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_stands_beside_an_object_is_never_seen() {
    let scene = Scene::new();
    let storage = scene.open(&[]).await.unwrap();
    put(&*storage, "k", b"current", Precondition::None).await.unwrap();
    assert_eq!(ask(&scene, Method::PUT, "k~", "stale").await, 201);
    assert_eq!(get(&*storage, "k", 0, None).await.unwrap(), b"current");
    assert_eq!(names(&*storage).await, [("k".to_owned(), 7)]);
    for content in [b"a", b"b"] {
        put(&*storage, "k", content, Precondition::None).await.unwrap();
        assert_eq!(get(&*storage, "k", 0, None).await.unwrap(), content);
    }
    assert_eq!(ask(&scene, Method::GET, "k~", "").await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_of_what_is_no_object_deletes_nothing() {
    let scene = Scene::new();
    let storage = scene.open(&[]).await.unwrap();
    put(&*storage, "a/b/k", b"x", Precondition::None).await.unwrap();
    assert!(storage.delete(&[key("a"), key("a/b"), key("a/b/c")]).await.unwrap().is_empty());
    assert_eq!(get(&*storage, "a/b/k", 0, None).await.unwrap(), b"x");
}
