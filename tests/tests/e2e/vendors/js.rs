//! The JavaScript template: objects are blobs behind a shared access signature.

use siltstone::ErrorKind;
use siltstone::model::ObjectKey;
use siltstone::storage::{Blob, ListRequest, Precondition, PutOptions};
use siltstone_tests::servers::Azurite;
use siltstone_tests::vendors::Template;

use super::{brings_a_database_back, open, says_of_a_wrong_pin, says_without_a_language};

const FOREVER: &str = "2099-01-01T00:00:00Z";

/// Where the server listens, and a signature.
fn access(server: &Azurite, permissions: &str, until: &str) -> (String, String) {
    let connection = server.with_signature(permissions, until).unwrap();
    let (_, signature) = connection.split_once("SharedAccessSignature=").unwrap();
    (format!("http://127.0.0.1:{}", server.port), signature.to_owned())
}

fn settings<'a>((origin, signature): &'a (String, String), container: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("SAS_ORIGIN", origin),
        ("SAS_ACCOUNT", Azurite::ACCOUNT.0),
        ("SAS_CONTAINER", container),
        ("SAS_PATH", "some/prefix"),
        ("SAS_TOKEN", signature),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_through_the_js_template_is_restored_by_another_machine() {
    let base = tempfile::tempdir().unwrap();
    let server = Azurite::start(base.path(), &["nightly"]).await.unwrap();
    let access = access(&server, "rwdlac", FOREVER);
    brings_a_database_back(Template::Js, base.path(), &settings(&access, "nightly")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_js_template_classifies_what_it_is_told_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let key = ObjectKey::new("a").unwrap();
    let list = ListRequest { limit: 10, ..ListRequest::default() };
    let bytes = bytes::Bytes::from_static(b"x");

    let late = access(&server, "rwdlac", "2020-01-01T00:00:00Z");
    let storage = open(Template::Js, &settings(&late, "nightly")).await.unwrap();
    let body = Blob::new([bytes.clone()], storage.capabilities().digests.of([&bytes]));
    let signature = late.1.rsplit_once("sig=").unwrap().1;
    for error in [
        storage.head(&key).await.unwrap_err(),
        storage.list(&list).await.unwrap_err(),
        storage.put(&key, &body, &PutOptions::default()).await.unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(error.is(ErrorKind::Unauthenticated) || error.is(ErrorKind::Denied), "{text}");
        assert!(!text.contains(signature) && text.contains("request_id"), "{text}");
    }

    let reader = access(&server, "rl", FOREVER);
    let storage = open(Template::Js, &settings(&reader, "nightly")).await.unwrap();
    assert!(storage.list(&list).await.unwrap().objects.is_empty());
    let error = storage.put(&key, &body, &PutOptions::default()).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied), "{error}");

    let anywhere = access(&server, "rwdlac", FOREVER);
    let storage = open(Template::Js, &settings(&anywhere, "missing")).await.unwrap();
    let stale = PutOptions { condition: Precondition::IfMatch("x".into()), ..PutOptions::default() };
    for error in [
        storage.put(&key, &body, &PutOptions::default()).await.unwrap_err(),
        // It is not the condition that fails.
        storage.put(&key, &body, &stale).await.unwrap_err(),
        storage.head(&key).await.unwrap_err(),
        storage.list(&list).await.unwrap_err(),
    ] {
        assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("SAS_CONTAINER"), "{error}");
    }
    // Nothing was deleted, whatever the status is.
    let left = storage.delete(std::slice::from_ref(&key)).await.unwrap();
    assert!(left.len() == 1 && left[0].1.is(ErrorKind::Invalid), "{left:?}");

    drop(server);
    let storage = open(Template::Js, &settings(&anywhere, "nightly")).await.unwrap();
    let error = storage.head(&key).await.unwrap_err();
    assert!(error.is(ErrorKind::Unavailable), "{error}");

    for (name, value) in [("SAS_TOKEN", "no signature"), ("SAS_CONTAINER", "Not One"), ("SAS_PATH", "../up")]
    {
        let mut wrong = settings(&anywhere, "nightly");
        wrong.iter_mut().filter(|setting| setting.0 == name).for_each(|setting| setting.1 = value);
        let error = open(Template::Js, &wrong).await.unwrap_err();
        assert!(error.is(ErrorKind::Invalid) && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_row_of_the_error_tables_of_the_js_template_holds() {
    let mut tests = std::process::Command::new("node");
    tests.args(["--test", "--test-reporter=tap", "test/failures.test.js"]).current_dir(Template::Js.folder());
    let done = tests.output().unwrap_or_else(|e| panic!("Node.js 20 or newer is needed: {e}"));
    let said = String::from_utf8_lossy(&done.stdout);
    // A file without a test would be a success as well.
    let last = " - a request without an answer has the kind of the word of wasi:http";
    assert!(done.status.success() && said.contains(last), "{said}");
}

#[test]
fn the_build_of_the_js_template_says_what_it_lacks() {
    let text = says_without_a_language(Template::Js);
    assert!(text.contains("node is not there; install Node.js 20"), "{text}");
    let text = says_of_a_wrong_pin(Template::Js, "package.json", "\"0.23.0\"", "\"0.22.9\"");
    assert!(text.contains("cannot install what package-lock.json pins"), "{text}");
}
