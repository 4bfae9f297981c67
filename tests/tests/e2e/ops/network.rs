//! Backups and restores over a network that fails.

use std::time::Duration;

use siltstone::model::{Compression, Location, State};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone_tests::fault_proxy::{Fault, FaultProxy};
use siltstone_tests::ops_house::{House, Plan, error_of, files, fill, shown};
use siltstone_tests::servers::Rclone;
use tempfile::tempdir;

async fn house(base: &std::path::Path, name: &str, proxy: &FaultProxy) -> House {
    let endpoint = proxy.address.to_string();
    let variables = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", endpoint.as_str()),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_ACCESS_KEY_ID", Rclone::KEYS.0),
        ("AWS_SECRET_ACCESS_KEY", Rclone::KEYS.1),
    ];
    Plan::new(base, name).unwrap().with_plugin("s3", &variables).start().await.unwrap()
}

async fn backup(a: &House, id: &str) -> siltstone::ops::Status {
    let mut request = BackupRequest::new("s3", id);
    request.compression = Compression::from_name("NoCompression").unwrap();
    a.host.backup(request).await.unwrap();
    a.host.wait_backup("s3", id, &Location::default()).await.unwrap()
}

/// Whatever strikes every third connection, a backup and a restore come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn faults_that_pass_are_outlived() {
    let folder = tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    for (number, fault) in [
        Fault::Latency(Duration::from_millis(5)),
        Fault::CutRequest(700_000),
        Fault::CutRequest(100),
        Fault::CutAnswer(300_000),
        Fault::CutAnswer(20),
        Fault::ResetAnswer(100_000),
        Fault::Throttle(4 << 20),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
    ]
    .into_iter()
    .enumerate()
    {
        let plan = move |n| if n % 3 == 0 || n == 1 { fault } else { Fault::None };
        let proxy = FaultProxy::start(server.port, plan).await.unwrap();
        let base = tempdir().unwrap();
        let a = house(base.path(), "a", &proxy).await;
        fill(&a.db, 100_000).unwrap();
        a.db.add("Big", None, siltstone::model::TenantState::Hot, &files(7, &[6 << 20])).unwrap();
        let id = format!("backup-{number}");
        let status = backup(&a, &id).await;
        assert_eq!(status.state, State::Success, "{fault:?}: {}", shown(&status));
        let b = house(base.path(), "b", &proxy).await;
        b.host.restore(RestoreRequest::new("s3", id.as_str())).await.unwrap();
        let status = b.host.wait_restore("s3", &id, &Location::default()).await.unwrap();
        assert_eq!(status.state, State::Success, "{fault:?}: {}", error_of(&status));
        assert!(b.db.content().unwrap() == a.db.content().unwrap(), "{fault:?}");
        assert!(proxy.faulty() > 0, "{fault:?} never struck");
        a.stop().await;
        b.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bit_that_turns_on_the_way_back_is_found_and_nothing_wrong_is_installed() {
    let folder = tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    let clean = FaultProxy::start(server.port, |_| Fault::None).await.unwrap();
    let base = tempdir().unwrap();
    let a = house(base.path(), "a", &clean).await;
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &files(7, &[6 << 20])).unwrap();
    assert_eq!(backup(&a, "x").await.state, State::Success);
    let dirty = FaultProxy::start(server.port, |_| Fault::CorruptAnswer(1_500_000)).await.unwrap();
    let b = house(base.path(), "b", &dirty).await;
    b.host.restore(RestoreRequest::new("s3", "x")).await.unwrap();
    let status = b.host.wait_restore("s3", "x", &Location::default()).await.unwrap();
    assert!(dirty.faulty() > 0);
    if status.state == State::Success {
        assert!(b.db.content().unwrap() == a.db.content().unwrap(), "damage was installed");
    } else {
        assert!(b.db.content().unwrap().is_empty(), "a part was installed");
    }
    let report = a.host.verify("s3", "x", &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "what is stored is whole: {:?}", report.problems);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_gone_fails_a_backup_cleanly_and_in_time() {
    let folder = tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    let proxy = FaultProxy::start(server.port, |_| Fault::None).await.unwrap();
    let base = tempdir().unwrap();
    let a = house(base.path(), "a", &proxy).await;
    fill(&a.db, 20_000).unwrap();
    drop(proxy);
    let begun = std::time::Instant::now();
    let error = a.host.backup(BackupRequest::new("s3", "x")).await.unwrap_err().to_string();
    assert!(
        error.contains("127.0.0.1") && error.contains("refused") && error.contains("bucket nightly"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(300), "{:?}", begun.elapsed());
    assert!(a.local_leftovers().unwrap().is_empty());
    a.stop().await;
}
