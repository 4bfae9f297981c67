//! Backups to an S3 server and back, by two machines.

use siltstone::ErrorKind;
use siltstone::model::{Compression, Location, State};
use siltstone::ops::{BackupRequest, CopyRequest, Order, RestoreRequest, VerifyDepth};
use siltstone_tests::ops_house::{BACKEND, Plan, error_of, files, fill, shown};
use siltstone_tests::servers::{Moto, Rclone};
use tempfile::tempdir;

/// What a user does: back up, look, verify, lose the database, restore elsewhere, compare; then cancel and forget.
async fn story(endpoint: &str, keys: (&str, &str)) {
    let base = tempdir().unwrap();
    let variables = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_PATH", "db"),
        ("BACKUP_S3_ENDPOINT", endpoint),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_ACCESS_KEY", keys.0),
        ("AWS_SECRET_KEY", keys.1),
    ];
    let a = Plan::new(base.path(), "a").unwrap().with_plugin("s3", &variables).start().await.unwrap();
    fill(&a.db, 200_000).unwrap();
    // More than one part of 16 MiB in one chunk.
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &files(7, &[40 << 20])).unwrap();
    let here = Location::default();
    let mut request = BackupRequest::new("s3", "full");
    request.compression = Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(64 << 20);
    a.host.backup(request).await.unwrap();
    let status = a.host.wait_backup("s3", "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert_eq!(status.path, "s3://nightly/db/full");
    let again = a.host.backup(BackupRequest::new("s3", "full")).await.unwrap_err();
    assert!(again.is(ErrorKind::AlreadyExists) || again.is(ErrorKind::Conflict), "{again}");
    let report = a.host.verify("s3", "full", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let listed = a.host.list("s3", &here, Order::Ascending).await.unwrap();
    assert_eq!(listed.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["full"]);
    let copied = a.host.copy(CopyRequest::new("full", "s3", BACKEND)).await.unwrap().wait().await.unwrap();
    assert!(copied.sent_chunks > 0 && copied.sent_bytes > 40 << 20, "{copied:?}");
    let report = a.host.verify(BACKEND, "full", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let content = a.db.content().unwrap();
    a.stop().await;

    let b = Plan::new(base.path(), "b").unwrap().with_plugin("s3", &variables).start().await.unwrap();
    b.host.restore(RestoreRequest::new("s3", "full")).await.unwrap();
    let status = b.host.wait_restore("s3", "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", error_of(&status));
    assert!(b.db.content().unwrap() == content, "the other machine has other files");
    // And back again, under another prefix, from the copy.
    let mut back = CopyRequest::new("full", BACKEND, "s3");
    back.to_location.path = Some("elsewhere".to_owned());
    let elsewhere = back.to_location.clone();
    b.host.copy(back).await.unwrap().wait().await.unwrap();
    let report = b.host.verify("s3", "full", &elsewhere, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    b.host.forget("s3", "full", &elsewhere).await.unwrap();

    b.host.backup(BackupRequest::new("s3", "second")).await.unwrap();
    b.host.cancel_backup("s3", "second", &here).await.unwrap();
    let status = b.host.wait_backup("s3", "second", &here).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    b.host.forget("s3", "full", &here).await.unwrap();
    assert!(b.host.backup_status("s3", "full", &here).await.unwrap_err().is(ErrorKind::NotFound));
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_moto_is_restored_by_another_machine() {
    let folder = tempdir().unwrap();
    let server = Moto::start(folder.path(), &["nightly"]).await.unwrap();
    story(&format!("127.0.0.1:{}", server.port), (&server.key, &server.secret)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_rclone_is_restored_by_another_machine() {
    let folder = tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    story(&format!("127.0.0.1:{}", server.port), Rclone::KEYS).await;
    let left: Vec<_> = walk(&folder.path().join("buckets"));
    assert!(left.iter().all(|path| path.ends_with("second/backup.json")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_behind_tls_is_trusted_by_its_authority_only() {
    let folder = tempdir().unwrap();
    let server = Rclone::start_secure(folder.path(), &["nightly"]).unwrap();
    let endpoint = format!("localhost:{}", server.port);
    let variables = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", Rclone::KEYS.0),
        ("AWS_SECRET_ACCESS_KEY", Rclone::KEYS.1),
    ];
    let plan = Plan::new(&folder.path().join("a"), "a").unwrap().with_plugin("s3", &variables);
    let a = plan.start().await.unwrap();
    fill(&a.db, 20_000).unwrap();
    let error = a.host.backup(BackupRequest::new("s3", "x")).await.unwrap_err().to_string();
    assert!(error.contains("localhost") && error.contains("certificate is not trusted"), "{error}");
    a.stop().await;
    let mut plan = Plan::new(&folder.path().join("b"), "b").unwrap().with_plugin("s3", &variables);
    plan.settings.ca_bundle = Some(folder.path().join("ca.pem"));
    let b = plan.start().await.unwrap();
    fill(&b.db, 20_000).unwrap();
    b.host.backup(BackupRequest::new("s3", "x")).await.unwrap();
    let status = b.host.wait_backup("s3", "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let report = b.host.verify("s3", "x", &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    b.stop().await;
    plan.settings.ca_bundle = Some(folder.path().join("missing.pem"));
    let error = plan.start().await.map(drop).unwrap_err().to_string();
    assert!(error.contains("BACKUP_CA_BUNDLE") && error.contains("missing.pem"), "{error}");
}

/// All files below a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}
