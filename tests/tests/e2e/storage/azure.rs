//! The Azure component against the emulator, which checks keys and signatures.

use siltstone::ErrorKind;
use siltstone::conformance::{StorageCheck, check_storage};
use siltstone::model::ObjectKey;
use siltstone::plugin::Location;
use siltstone::storage::{Blob, ListRequest, PutOptions, Storage};
use siltstone_tests::servers::Azurite;

use super::{component, configured};

const FOREVER: &str = "2099-01-01T00:00:00Z";

fn settings(connection: &str) -> [(&'static str, &str); 3] {
    [
        ("BACKUP_AZURE_CONTAINER", "nightly"),
        ("BACKUP_AZURE_PATH", "some/prefix"),
        ("AZURE_STORAGE_CONNECTION_STRING", connection),
    ]
}

/// More than one page of the service.
fn check(many: u32) -> StorageCheck {
    StorageCheck { many, most: many, rounds: 2, ..StorageCheck::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_azure_component_keeps_the_contract_with_the_key_of_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let storage = component("azure", &settings(&server.with_key())).await.unwrap();
    let report = check_storage(storage, &check(5_001)).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_azure_component_keeps_the_contract_with_a_shared_access_signature() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let connection = server.with_signature("rwdlac", FOREVER).unwrap();
    let storage = component("azure", &settings(&connection)).await.unwrap();
    let report = check_storage(storage, &check(500)).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wrong_credentials_and_containers_are_told_with_the_variable_and_never_with_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let key = ObjectKey::new("a").unwrap();
    let wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc=";
    let endpoint = server.endpoint();
    let connection = format!("AccountName=acme;AccountKey={wrong};BlobEndpoint={endpoint}");
    let late = server.with_signature("rwdlac", "2020-01-01T00:00:00Z").unwrap();
    let signature = late.rsplit_once("sig=").unwrap().1.to_owned();
    for (connection, who, secret) in [
        (connection, "the key of the account acme", wrong),
        (late, "a shared access signature", signature.as_str()),
    ] {
        let storage = component("azure", &settings(&connection)).await.unwrap();
        let list = ListRequest { limit: 10, ..ListRequest::default() };
        for error in [storage.head(&key).await.unwrap_err(), storage.list(&list).await.unwrap_err()] {
            let text = error.to_string();
            assert!(error.is(ErrorKind::Unauthenticated) || error.is(ErrorKind::Denied), "{text}");
            assert!(text.contains("container nightly") && text.contains(who), "{text}");
            assert!(!text.contains(secret) && text.contains("request_id"), "{text}");
        }
    }
    let reader = server.with_signature("rl", FOREVER).unwrap();
    let storage = component("azure", &settings(&reader)).await.unwrap();
    assert!(
        storage.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap().objects.is_empty()
    );
    let bytes = bytes::Bytes::from_static(b"x");
    let body = Blob::new([bytes.clone()], storage.capabilities().digests.of([&bytes]));
    let error = storage.put(&key, &body, &PutOptions::default()).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied) && error.to_string().contains("permissions"), "{error}");
    // At the root of the container.
    let root =
        [("BACKUP_AZURE_CONTAINER", "nightly"), ("AZURE_STORAGE_CONNECTION_STRING", &server.with_key())];
    let storage = component("azure", &root).await.unwrap();
    storage.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap();
    let plugin = configured("azure", &settings(&server.with_key())).await.unwrap();
    let elsewhere = Location { bucket: Some("missing".to_owned()), path: None };
    let list = ListRequest { limit: 10, ..ListRequest::default() };
    let error = plugin.open(&elsewhere).await.unwrap().list(&list).await.unwrap_err().to_string();
    assert!(error.contains("container missing") && error.contains("BACKUP_AZURE_CONTAINER"), "{error}");
}
