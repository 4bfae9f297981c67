//! What is wrong is told with where to put it right.

use std::collections::BTreeMap;

use axum::Router;
use siltstone::ErrorKind;
use siltstone::plugin::{Location, PluginPackage};
use siltstone::storage::{ListRequest, Precondition};
use siltstone_tests::servers::WebDav;

use super::{Scene, configured, key, open, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_password_is_told_with_the_user_and_the_variables() {
    let scene = Scene::new();
    for (settings, who) in [
        (&[("BACKUP_WEBDAV_PASSWORD", "hushhushhush")][..], "user keeper"),
        (&[("BACKUP_WEBDAV_USER", "nobody"), ("BACKUP_WEBDAV_PASSWORD", "hushhushhush")], "user nobody"),
    ] {
        let storage = scene.open(settings).await.unwrap();
        let list = ListRequest { limit: 10, ..ListRequest::default() };
        for error in [
            storage.head(&key("a")).await.unwrap_err(),
            storage.list(&list).await.unwrap_err(),
            put(&*storage, "a", b"x", Precondition::None).await.unwrap_err(),
            storage.delete(&[key("a")]).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(error.is(ErrorKind::Unauthenticated), "{text}");
            assert!(text.contains(who) && text.contains("BACKUP_WEBDAV_PASSWORD"), "{text}");
            assert!(text.contains(&scene.url()) && !text.contains("hushhush"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_url_of_nothing_is_told_with_its_variable() {
    let scene = Scene::new();
    let nowhere = format!("{}/no/where", scene.url());
    let storage = scene.open(&[("BACKUP_WEBDAV_URL", &nowhere)]).await.unwrap();
    let error = put(&*storage, "a/b", b"x", Precondition::None).await.unwrap_err();
    assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("BACKUP_WEBDAV_URL"), "{error}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let page = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async |_: axum::body::Bytes| "<html><body>Welcome</body></html>");
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let storage = open(&[("BACKUP_WEBDAV_URL", &page)]).await.unwrap();
    for error in [
        storage.head(&key("a")).await.unwrap_err(),
        storage.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap_err(),
    ] {
        assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("BACKUP_WEBDAV_URL"), "{error}");
    }
    server.abort();

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let storage = open(&[("BACKUP_WEBDAV_URL", &format!("http://{nobody}"))]).await.unwrap();
    let error = storage.head(&key("a")).await.unwrap_err();
    assert!(error.is(ErrorKind::Unavailable) && error.to_string().contains("refused"), "{error}");
    let error = open(&[("BACKUP_WEBDAV_URL", "http://127.0.0.1:1/?q")]).await.unwrap_err();
    assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("without a query"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_missing_grant_is_told_with_the_origin_and_the_file() {
    let base = tempfile::tempdir().unwrap();
    let folder = WebDav::install(base.path(), &["http://127.0.0.1:81".to_owned()]).unwrap();
    let package = PluginPackage::from_files(&folder.join("webdav.wasm")).unwrap();
    let manifest = folder.join("webdav.toml").display().to_string();
    let settings = BTreeMap::from([("BACKUP_WEBDAV_URL", "http://127.0.0.1:80/backups")]);
    let plugin = configured(&package, &settings).await.unwrap();
    let error = plugin.open(&Location::default()).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is(ErrorKind::Denied), "{text}");
    for words in ["webdav", "http://127.0.0.1:80", "BACKUP_WEBDAV_URL", "not granted", &manifest] {
        assert!(text.contains(words), "{words}: {text}");
    }

    // Nor does it see a setting that is not granted.
    let grants = siltstone::plugin::PluginGrants { settings: vec![], ..package.granted().clone() };
    let error = configured(&package.grants(grants), &settings).await.unwrap_err();
    assert!(error.to_string().contains("BACKUP_WEBDAV_URL"), "{error}");
}
