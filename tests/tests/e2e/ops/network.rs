//! Backups and restores over a network that fails: every fault before every kind of store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use siltstone::model::{Compression, Location, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, Status, VerifyDepth};
use siltstone::storage::{RetrySettings, StackSettings};
use siltstone_tests::fault_proxy::{Fault, FaultProxy};
use siltstone_tests::ops_house::{House, Plan, error_of, files, fill, shown};
use siltstone_tests::servers::{Cloud, Kind};
use tempfile::{TempDir, tempdir};

/// A store and a database of some files before it.
struct Scene {
    base: TempDir,
    cloud: Cloud,
}

impl Scene {
    async fn new(kind: Kind) -> Self {
        let base = tempdir().unwrap();
        let cloud = Cloud::start(kind, base.path()).await.unwrap();
        Self { base, cloud }
    }

    /// A node that reaches the store through the proxy. Its patience is short, so that a fault that lasts ends soon.
    async fn house(&self, base: &Path, name: &str, proxy: &FaultProxy) -> House {
        let plan = Plan::new(base, name).unwrap();
        let mut plan = plan.with_cloud(&self.cloud, proxy.address.port()).unwrap();
        plan.limits.stall = Duration::from_secs(2);
        let retry = RetrySettings {
            attempts: 6,
            base: Duration::from_millis(50),
            cap: Duration::from_millis(500),
            deadline: Duration::from_secs(30),
        };
        plan.stack = StackSettings { retry, ..StackSettings::default() };
        plan.start().await.unwrap()
    }

    async fn backup(&self, house: &House, id: &str) -> siltstone::Result<Status> {
        let mut request = BackupRequest::new(self.cloud.plugin(), id);
        request.compression = Compression::from_name("NoCompression").unwrap();
        house.host.backup(request).await?;
        house.host.wait_backup(self.cloud.plugin(), id, &Location::default()).await
    }

    async fn restore(&self, house: &House, id: &str) -> siltstone::Result<Status> {
        house.host.restore(RestoreRequest::new(self.cloud.plugin(), id)).await?;
        house.host.wait_restore(self.cloud.plugin(), id, &Location::default()).await
    }

    async fn problems(&self, house: &House, id: &str) -> usize {
        let here = Location::default();
        let report = house.host.verify(self.cloud.plugin(), id, &here, VerifyDepth::ReadData).await.unwrap();
        report.problems.len()
    }
}

fn populate(house: &House) {
    fill(&house.db, 100_000).unwrap();
    house.db.add("Big", None, TenantState::Hot, &files(7, &[6 << 20])).unwrap();
}

/// Whatever strikes every third connection, a backup and a restore come through.
async fn transient_faults(kind: Kind) {
    let scene = Scene::new(kind).await;
    for (number, fault) in [
        Fault::Latency(Duration::from_millis(5)),
        Fault::CutRequest(700_000),
        Fault::CutRequest(100),
        Fault::CutAnswer(300_000),
        Fault::CutAnswer(20),
        Fault::ResetAnswer(100_000),
        Fault::BlackHole(100),
        Fault::Throttle(4 << 20),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
    ]
    .into_iter()
    .enumerate()
    {
        let plan = move |n| if n % 3 == 0 || n == 1 { fault } else { Fault::None };
        let proxy = FaultProxy::start(scene.cloud.port, plan).await.unwrap();
        let base = tempdir().unwrap();
        let a = scene.house(base.path(), "a", &proxy).await;
        populate(&a);
        let id = format!("backup-{number}");
        let status = scene.backup(&a, &id).await.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!(status.state, State::Success, "{fault:?}: {}", shown(&status));
        let b = scene.house(base.path(), "b", &proxy).await;
        let status = scene.restore(&b, &id).await.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!(status.state, State::Success, "{fault:?}: {}", error_of(&status));
        assert!(b.db.content().unwrap() == a.db.content().unwrap(), "{fault:?}");
        assert!(proxy.faulty() > 0, "{fault:?} never struck");
        a.stop().await;
        b.stop().await;
    }
}

/// A bit that turns on the way to the store or back: nothing wrong is installed, and what is stored wrongly is found.
async fn turned_bits(kind: Kind) {
    let scene = Scene::new(kind).await;
    let clean = FaultProxy::start(scene.cloud.port, |_| Fault::None).await.unwrap();
    let a = scene.house(scene.base.path(), "a", &clean).await;
    a.db.add("Big", None, TenantState::Hot, &files(7, &[6 << 20])).unwrap();
    assert_eq!(scene.backup(&a, "x").await.unwrap().state, State::Success);
    let content = a.db.content().unwrap();

    let back = FaultProxy::start(scene.cloud.port, |_| Fault::CorruptAnswer(1_500_000)).await.unwrap();
    let b = scene.house(scene.base.path(), "b", &back).await;
    let status = scene.restore(&b, "x").await.unwrap();
    assert!(back.faulty() > 0);
    match status.state {
        State::Success => assert!(b.db.content().unwrap() == content, "damage was installed"),
        _ => assert!(b.db.content().unwrap().is_empty(), "a part was installed"),
    }
    assert_eq!(scene.problems(&a, "x").await, 0, "what is stored is whole");
    b.stop().await;
    a.stop().await;

    let there = FaultProxy::start(scene.cloud.port, |_| Fault::CorruptRequest(1_500_000)).await.unwrap();
    let c = scene.house(scene.base.path(), "a", &there).await;
    let status = scene.backup(&c, "y").await.unwrap();
    c.stop().await;
    let d = scene.house(scene.base.path(), "d", &clean).await;
    if status.state == State::Success {
        // A store that does not check what it receives: then whoever reads it finds it.
        let problems = scene.problems(&d, "y").await;
        let restored = scene.restore(&d, "y").await.unwrap();
        let is_right = restored.state == State::Success && d.db.content().unwrap() == content;
        assert!(is_right || (problems > 0 && d.db.content().unwrap().is_empty()), "{problems} problems");
        let checks = matches!(kind, Kind::Azurite | Kind::FakeGcs);
        assert!(is_right || !checks, "a store that checks has taken a turned bit");
    }
    d.stop().await;
}

/// A store that is gone, deaf, or always broken: the backup fails, in time, says why, and leaves nothing.
async fn permanent_faults(kind: Kind) {
    let scene = Scene::new(kind).await;
    for (fault, words) in [
        (None, "refused"),
        (Some(Fault::BlackHole(0)), "nothing moved"),
        (Some(Fault::Status(503)), "503"),
        (Some(Fault::CutAnswer(0)), "127.0.0.1"),
    ] {
        let base = tempdir().unwrap();
        let proxy = FaultProxy::start(scene.cloud.port, move |_| fault.unwrap_or(Fault::None)).await.unwrap();
        let a = scene.house(base.path(), "a", &proxy).await;
        populate(&a);
        if fault.is_none() {
            drop(proxy);
        }
        let begun = Instant::now();
        let text = match scene.backup(&a, "x").await {
            Err(error) => error.to_string(),
            Ok(status) => {
                assert_eq!(status.state, State::Failed, "{fault:?}: {}", shown(&status));
                error_of(&status).to_owned()
            }
        };
        assert!(text.contains(words), "{fault:?}: {text}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{fault:?}: {:?}", begun.elapsed());
        assert!(scene.cloud.secrets().iter().all(|secret| !text.contains(secret)), "{text}");
        assert!(a.local_leftovers().unwrap().is_empty(), "{fault:?}");
        a.stop().await;
    }
}

/// Uploads in parts that are open at a store.
fn open_uploads(cloud: &Cloud) -> usize {
    const ASK: &str = "import boto3, os, sys
client = boto3.client('s3', endpoint_url='http://127.0.0.1:' + sys.argv[1], region_name='us-east-1')
bucket = os.environ['BACKUP_S3_BUCKET']
print(len(client.list_multipart_uploads(Bucket=bucket).get('Uploads', [])))";
    let python = siltstone_tests::servers::Moto::programs().unwrap().join("python");
    let port = cloud.port.to_string();
    let mut command = std::process::Command::new(python);
    let asked = command.args(["-c", ASK, &port]).envs(cloud.variables(cloud.port, "db")).output().unwrap();
    let (said, wrong) = (String::from_utf8(asked.stdout).unwrap(), String::from_utf8(asked.stderr).unwrap());
    said.trim().parse().unwrap_or_else(|e| panic!("{said} {wrong} {e}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancel_ends_within_two_seconds_however_slow_the_store_is_and_leaves_no_upload() {
    let scene = Scene::new(Kind::Moto).await;
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = Arc::clone(&slow);
    let proxy = FaultProxy::start(scene.cloud.port, move |_| {
        if is_slow.load(Ordering::Relaxed) { Fault::Throttle(2 << 20) } else { Fault::None }
    });
    let proxy = proxy.await.unwrap();
    let mut plan = Plan::new(scene.base.path(), "a").unwrap();
    plan.settings.chunk_size = 128 << 20;
    plan = plan.with_plugin("s3", &scene.cloud.variables(proxy.address.port(), "db"));
    let a = plan.start().await.unwrap();
    a.db.add("Big", None, TenantState::Hot, &files(7, &[80 << 20])).unwrap();
    let (here, limit) = (Location::default(), Duration::from_secs(2));
    let start = async || {
        let mut request = BackupRequest::new("s3", "x");
        request.compression = Compression::from_name("NoCompression").unwrap();
        a.host.backup(request).await.unwrap();
    };

    start().await;
    let begun = Instant::now();
    while open_uploads(&scene.cloud) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "no upload in parts was begun");
    }
    let asked = Instant::now();
    a.host.cancel_backup("s3", "x", &here).await.unwrap();
    let status = a.host.wait_backup("s3", "x", &here).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    assert!(asked.elapsed() < limit, "{:?}", asked.elapsed());
    let begun = Instant::now();
    while open_uploads(&scene.cloud) > 0 || !a.local_leftovers().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", a.local_leftovers());
    }

    slow.store(false, Ordering::Relaxed);
    start().await;
    let status = a.host.wait_backup("s3", "x", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    slow.store(true, Ordering::Relaxed);
    let mut plan = Plan::new(scene.base.path(), "b").unwrap();
    plan = plan.with_plugin("s3", &scene.cloud.variables(proxy.address.port(), "db"));
    let b = plan.start().await.unwrap();
    b.host.restore(RestoreRequest::new("s3", "x")).await.unwrap();
    let begun = Instant::now();
    while b.host.restore_status("s3", "x", &here).await.unwrap().progress.stored == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing was fetched");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = Instant::now();
    b.host.cancel_restore("s3", "x", &here).await.unwrap();
    let status = b.host.wait_restore("s3", "x", &here).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    assert!(asked.elapsed() < limit, "{:?}", asked.elapsed());
    assert!(b.db.content().unwrap().is_empty() && b.local_leftovers().unwrap().is_empty());
}

macro_rules! matrix {
    ($($name:ident: $faults:ident before $kind:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                $faults(Kind::$kind).await;
            }
        )*
    };
}

matrix! {
    faults_that_pass_are_outlived_on_s3: transient_faults before Rclone;
    faults_that_pass_are_outlived_on_azure: transient_faults before Azurite;
    faults_that_pass_are_outlived_on_gcs: transient_faults before FakeGcs;
    faults_that_pass_are_outlived_on_gcs_in_sessions: transient_faults before GcsEmulator;
    faults_that_pass_are_outlived_on_webdav: transient_faults before WebDav;
    turned_bits_are_found_on_s3: turned_bits before Moto;
    turned_bits_are_found_on_azure: turned_bits before Azurite;
    turned_bits_are_found_on_gcs: turned_bits before FakeGcs;
    turned_bits_are_found_on_webdav: turned_bits before WebDav;
    faults_that_last_fail_a_backup_in_time_on_s3: permanent_faults before Rclone;
    faults_that_last_fail_a_backup_in_time_on_azure: permanent_faults before Azurite;
    faults_that_last_fail_a_backup_in_time_on_gcs: permanent_faults before FakeGcs;
    faults_that_last_fail_a_backup_in_time_on_webdav: permanent_faults before WebDav;
}
