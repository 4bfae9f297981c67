//! The component of Google Cloud Storage against an emulator, and against a stand-in that keeps the rules that it does not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use siltstone::ErrorKind;
use siltstone::conformance::{Report, StorageCheck, check_storage};
use siltstone::model::{BackendName, ObjectKey};
use siltstone::plugin::Location;
use siltstone::storage::{
    Blob, ByteRange, ListRequest, Preconditions, PutOptions, RetrySettings, Sink, StackSettings, Storage,
    stack,
};
use siltstone_tests::servers::{FakeGcs, GcsEmulator, KeyKind, Trouble};

use super::lowered::Lowered;
use super::{component, configured};

/// What emulators and sessions do differently, each for the reason given there.
const SESSIONS: [&str; 1] = [
    // Bytes that a session has it does not take back; what would come of other bytes is refused at the finish.
    "a_part_that_is_sent_again_replaces_the_first",
];

/// The emulator cannot end a session, so what was given up can still be finished.
const EMULATOR: [&str; 2] = [SESSIONS[0], "an_aborted_upload_leaves_nothing"];

const BUCKET: (&str, &str) = ("BACKUP_GCS_BUCKET", "nightly");

fn key_file(folder: &Path, content: &str) -> String {
    let path = folder.join("key.json");
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn blob(storage: &dyn Storage, content: Vec<u8>) -> Blob {
    let bytes = Bytes::from(content);
    Blob::new([bytes.clone()], storage.capabilities().digests.of([&bytes]))
}

fn failures(report: &Report) -> Vec<&'static str> {
    report.failures().map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_gcs_component_keeps_the_contract_on_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let server = GcsEmulator::start(folder.path(), "nightly").await.unwrap();
    let host = format!("127.0.0.1:{}", server.port);
    let settings = [BUCKET, ("BACKUP_GCS_PATH", "some/prefix"), ("STORAGE_EMULATOR_HOST", &host)];
    let inner = component("gcs", &settings).await.unwrap();
    // It overwrites whatever the condition says.
    let mut capabilities = inner.capabilities().clone();
    capabilities.preconditions = Preconditions::default();
    let bare = Arc::new(Lowered { inner, capabilities });
    // It takes no more connections when many come at once; a host tries again.
    let retry = RetrySettings { attempts: 5, cap: Duration::from_millis(500), ..RetrySettings::default() };
    let retrying = StackSettings { retry, ..StackSettings::default() };
    let (storage, _) = stack(bare, BackendName::new("gcs").unwrap(), &retrying);
    // Slow: one thread of Python, and a file for each object. It knows no pages.
    let check = StorageCheck { many: 101, most: 101, racers: 4, rounds: 1, ..StorageCheck::default() };
    let report = check_storage(storage, &check).await;
    assert_eq!(failures(&report), EMULATOR, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_gcs_component_keeps_the_contract_with_parts_and_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("nightly").await.unwrap();
    let key = key_file(folder.path(), &server.key_file(KeyKind::ServiceAccount));
    let origin = server.origin();
    let settings = [
        BUCKET,
        ("BACKUP_GCS_PATH", "some/prefix"),
        ("BACKUP_GCS_ENDPOINT", &origin),
        ("GOOGLE_APPLICATION_CREDENTIALS", &key),
    ];
    let storage = component("gcs", &settings).await.unwrap();
    let check = StorageCheck { many: 1_001, rounds: 3, ..StorageCheck::default() };
    let report = check_storage(storage, &check).await;
    assert!(report.passed(), "{report}");
    assert_eq!((server.uploads(), server.tokens()), ((0, 0), 1), "one token serves all instances");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_gcs_component_keeps_the_contract_with_sessions_and_strict_rules() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("nightly").await.unwrap();
    let key = key_file(folder.path(), &server.key_file(KeyKind::User));
    let host = server.address.to_string();
    let settings = [
        BUCKET,
        ("STORAGE_EMULATOR_HOST", host.as_str()),
        ("BACKUP_GCS_USE_AUTH", "true"),
        ("GOOGLE_APPLICATION_CREDENTIALS", &key),
    ];
    let storage = component("gcs", &settings).await.unwrap();
    // All through the suite sessions keep less than was sent, now and then.
    server.make(Trouble::KeepHalf(5));
    let check = StorageCheck { many: 101, most: 101, rounds: 3, ..StorageCheck::default() };
    let report = check_storage(storage, &check).await;
    assert_eq!(failures(&report), SESSIONS, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_kind_of_credentials_leads_to_a_token_and_no_wrong_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListRequest { limit: 10, ..ListRequest::default() };
    for kind in [KeyKind::ServiceAccount, KeyKind::User, KeyKind::Workload, KeyKind::Impersonated] {
        let server = FakeGcs::start("nightly").await.unwrap();
        let key = key_file(folder.path(), &server.key_file(kind));
        let origin = server.origin();
        let settings = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("GOOGLE_APPLICATION_CREDENTIALS", &key)];
        let storage = component("gcs", &settings).await.unwrap();
        storage.list(&list).await.unwrap_or_else(|e| panic!("{kind:?}: {e}"));
    }
    let server = FakeGcs::start("nightly").await.unwrap();
    let (origin, host) = (server.origin(), server.address.to_string());
    let machine = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("GCE_METADATA_HOST", &host)];
    component("gcs", &machine).await.unwrap().list(&list).await.unwrap();

    let content = server.key_file(KeyKind::WrongKey);
    let key = key_file(folder.path(), &content);
    let settings = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("GOOGLE_APPLICATION_CREDENTIALS", &key)];
    let error = component("gcs", &settings).await.unwrap().list(&list).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is(ErrorKind::Unauthenticated), "{text}");
    assert!(text.contains("backup@project.iam.gserviceaccount.com"), "the principal is no secret: {text}");
    assert!(
        text.contains("GOOGLE_APPLICATION_CREDENTIALS") && text.contains("Invalid JWT Signature"),
        "{text}"
    );
    for line in content.split("\\n").filter(|line| line.len() > 20 && !line.contains('{')) {
        assert!(!text.contains(line), "{text}");
    }
    // Without a token.
    let nobody = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("BACKUP_GCS_USE_AUTH", "false")];
    let error = component("gcs", &nobody).await.unwrap().list(&list).await.unwrap_err();
    assert!(error.is(ErrorKind::Unauthenticated) && error.to_string().contains("nobody"), "{error}");
    // Another bucket.
    let key = key_file(folder.path(), &server.key_file(KeyKind::ServiceAccount));
    let settings = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("GOOGLE_APPLICATION_CREDENTIALS", &key)];
    let elsewhere = Location { bucket: Some("missing".to_owned()), path: None };
    let opened = configured("gcs", &settings).await.unwrap().open(&elsewhere).await.unwrap();
    let error = opened.list(&list).await.unwrap_err().to_string();
    assert!(error.contains("bucket missing") && error.contains("BACKUP_GCS_BUCKET"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_and_servers_that_fail_for_a_while_fail_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("nightly").await.unwrap();
    let file = key_file(folder.path(), &server.key_file(KeyKind::ServiceAccount));
    let origin = server.origin();
    let settings = [BUCKET, ("BACKUP_GCS_ENDPOINT", &origin), ("GOOGLE_APPLICATION_CREDENTIALS", &file)];
    let retry = RetrySettings { attempts: 5, cap: Duration::from_millis(100), ..RetrySettings::default() };
    let retrying = StackSettings { retry, ..StackSettings::default() };
    let inner = component("gcs", &settings).await.unwrap();
    let (storage, _) = stack(inner, BackendName::new("gcs").unwrap(), &retrying);
    let key = ObjectKey::new("a/b").unwrap();
    let content = vec![7; 300_000];
    for trouble in [
        Trouble::TokenStatus(503, 2),
        Trouble::TokenStatus(500, 1),
        Trouble::Status(429, 2),
        Trouble::Status(503, 3),
        Trouble::Status(500, 1),
    ] {
        server.make(trouble);
        let body = blob(&*storage, content.clone());
        storage.put(&key, &body, &PutOptions::default()).await.unwrap_or_else(|e| panic!("{trouble:?}: {e}"));
        let sink = Sink::new(1 << 20);
        storage
            .get(&key, ByteRange { offset: 0, len: None }, &sink)
            .await
            .unwrap_or_else(|e| panic!("{trouble:?}: {e}"));
    }
    // A token that ends before its time: the next one is asked for, once this one is no longer fresh.
    let before = server.tokens();
    server.make(Trouble::TokensRevoked);
    let error = storage.head(&key).await.unwrap_err();
    assert!(error.is(ErrorKind::Unauthenticated), "just handed out, so it is wrong: {error}");
    tokio::time::sleep(Duration::from_secs(11)).await;
    storage.head(&key).await.unwrap();
    assert_eq!(server.tokens(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_is_gone_and_a_part_that_was_changed_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("nightly").await.unwrap();
    let file = key_file(folder.path(), &server.key_file(KeyKind::ServiceAccount));
    let host = server.address.to_string();
    let settings = [
        BUCKET,
        ("STORAGE_EMULATOR_HOST", host.as_str()),
        ("BACKUP_GCS_USE_AUTH", "true"),
        ("GOOGLE_APPLICATION_CREDENTIALS", &file),
    ];
    let storage = component("gcs", &settings).await.unwrap();
    let key = ObjectKey::new("k").unwrap();
    let (part, options) = (1_u64 << 20, PutOptions::default());
    let id = storage.multipart_start(&key, part, None, &options).await.unwrap();
    storage.multipart_put(&key, &id, 1, &blob(&*storage, vec![1; part as usize])).await.unwrap();
    server.make(Trouble::SessionsGone);
    let second = blob(&*storage, vec![2; 10]);
    let error = storage.multipart_put(&key, &id, 2, &second).await.unwrap_err();
    assert!(error.is(ErrorKind::NotFound), "{error}");
    storage.multipart_abort(&key, &id).await.unwrap();

    let id = storage.multipart_start(&key, part, None, &options).await.unwrap();
    storage.multipart_put(&key, &id, 1, &blob(&*storage, vec![1; part as usize])).await.unwrap();
    // The session has the first bytes, and the tag is of others.
    let other = blob(&*storage, vec![9; part as usize]);
    let first = storage.multipart_put(&key, &id, 1, &other).await.unwrap();
    let last = storage.multipart_put(&key, &id, 2, &second).await.unwrap();
    let tags = [(1, first), (2, last)];
    let error = storage.multipart_finish(&key, &id, &tags).await.unwrap_err();
    assert!(error.is(ErrorKind::Corrupt) && error.to_string().contains("CRC-32C"), "{error}");
    storage.multipart_abort(&key, &id).await.unwrap();
    assert!(server.names().is_empty(), "{:?}", server.names());
}
