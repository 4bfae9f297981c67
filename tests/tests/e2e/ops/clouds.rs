//! Backups to object stores and back, by two machines.

use siltstone::ErrorKind;
use siltstone::model::{Compression, Location, State};
use siltstone::ops::{BackupRequest, CopyRequest, Order, RestoreRequest, VerifyDepth};
use siltstone::settings::{ProxyUrl, StartCheck};
use siltstone::storage::ListRequest;
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of, files, fill, shown};
use siltstone_tests::servers::{Azurite, Cloud, Kind, Rclone};
use tempfile::tempdir;

/// What a user does: back up, look, verify, lose the database, restore elsewhere, compare; then cancel and forget.
async fn story(kind: Kind) -> tempfile::TempDir {
    let base = tempdir().unwrap();
    let cloud = Cloud::start(kind, base.path()).await.unwrap();
    let plugin = cloud.plugin();
    let plan = |name| Plan::new(base.path(), name).unwrap().with_cloud(&cloud, cloud.port).unwrap();
    let a = plan("a").start().await.unwrap();
    fill(&a.db, 200_000).unwrap();
    // More than one part of 16 MiB in one chunk.
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &files(7, &[40 << 20])).unwrap();
    let here = Location::default();
    let mut request = BackupRequest::new(plugin, "full");
    request.compression = Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(64 << 20);
    a.host.backup(request).await.unwrap();
    let status = a.host.wait_backup(plugin, "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert_eq!(status.path, cloud.home("db", "full"));
    let again = a.host.backup(BackupRequest::new(plugin, "full")).await.unwrap_err();
    assert!(again.is(ErrorKind::AlreadyExists) || again.is(ErrorKind::Conflict), "{again}");
    let report = a.host.verify(plugin, "full", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let listed = a.host.list(plugin, &here, Order::Ascending).await.unwrap();
    assert_eq!(listed.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["full"]);
    let copied = a.host.copy(CopyRequest::new("full", plugin, BACKEND)).await.unwrap().wait().await.unwrap();
    assert!(copied.sent_chunks > 0 && copied.sent_bytes > 40 << 20, "{copied:?}");
    let report = a.host.verify(BACKEND, "full", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let content = a.db.content().unwrap();
    a.stop().await;

    let b = plan("b").start().await.unwrap();
    b.host.restore(RestoreRequest::new(plugin, "full")).await.unwrap();
    let status = b.host.wait_restore(plugin, "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", error_of(&status));
    assert!(b.db.content().unwrap() == content, "the other machine has other files");
    // And back again, under another prefix, from the copy.
    let mut back = CopyRequest::new("full", BACKEND, plugin);
    back.to_location.path = Some("elsewhere".to_owned());
    let elsewhere = back.to_location.clone();
    b.host.copy(back).await.unwrap().wait().await.unwrap();
    let report = b.host.verify(plugin, "full", &elsewhere, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    b.host.forget(plugin, "full", &elsewhere).await.unwrap();

    b.host.backup(BackupRequest::new(plugin, "second")).await.unwrap();
    b.host.cancel_backup(plugin, "second", &here).await.unwrap();
    let status = b.host.wait_backup(plugin, "second", &here).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    b.host.forget(plugin, "full", &here).await.unwrap();
    assert!(b.host.backup_status(plugin, "full", &here).await.unwrap_err().is(ErrorKind::NotFound));
    b.stop().await;
    base
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_s3_on_moto_is_restored_by_another_machine() {
    story(Kind::Moto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_s3_on_rclone_is_restored_by_another_machine() {
    let base = story(Kind::Rclone).await;
    let left: Vec<_> = walk(&base.path().join("buckets"));
    assert!(left.iter().all(|path| path.ends_with("second/backup.json")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_azure_is_restored_by_another_machine() {
    story(Kind::Azurite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_gcs_on_the_emulator_is_restored_by_another_machine() {
    story(Kind::GcsEmulator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_gcs_with_strict_rules_is_restored_by_another_machine() {
    story(Kind::FakeGcs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_on_webdav_is_restored_by_another_machine() {
    let base = story(Kind::WebDav).await;
    let left: Vec<_> = walk(&base.path().join("collections"));
    assert!(!left.is_empty() && left.iter().all(|path| path.ends_with("second/backup.json")), "{left:?}");
}

/// The way of an operator who moves from one provider to the next, and ends on a disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_goes_from_s3_to_azure_to_gcs_to_a_folder_and_is_restored_there() {
    let base = tempdir().unwrap();
    let mut plan = Plan::new(base.path(), "a").unwrap();
    let mut clouds = Vec::new();
    for kind in [Kind::Moto, Kind::Azurite, Kind::FakeGcs] {
        let folder = base.path().join(format!("{kind:?}"));
        std::fs::create_dir(&folder).unwrap();
        let cloud = Cloud::start(kind, &folder).await.unwrap();
        plan = plan.with_plugin(cloud.plugin(), &cloud.variables(cloud.port, "db"));
        clouds.push(cloud);
    }
    let a = plan.start().await.unwrap();
    fill(&a.db, 200_000).unwrap();
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &files(7, &[40 << 20])).unwrap();
    let mut request = BackupRequest::new("s3", "x");
    request.compression = Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(64 << 20);
    a.host.backup(request).await.unwrap();
    let status = a.host.wait_backup("s3", "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    for (from, to) in [("s3", "azure"), ("azure", "gcs"), ("gcs", BACKEND)] {
        let report = a.host.copy(CopyRequest::new("x", from, to)).await.unwrap().wait().await.unwrap();
        assert!(report.sent_bytes > 40 << 20, "{from} to {to}: {report:?}");
        a.host.forget(from, "x", &Location::default()).await.unwrap();
        let report = a.host.verify(to, "x", &Location::default(), VerifyDepth::ReadData).await.unwrap();
        assert!(report.problems.is_empty(), "{from} to {to}: {:?}", report.problems);
    }
    let content = a.db.content().unwrap();
    a.stop().await;
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    restored(&b, BACKEND, "x").await;
    assert!(b.db.content().unwrap() == content, "the other machine has other files");
    b.stop().await;
}

async fn restored(house: &House, backend: &str, id: &str) {
    house.host.restore(RestoreRequest::new(backend, id)).await.unwrap();
    let status = house.host.wait_restore(backend, id, &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", error_of(&status));
}

/// The machine that restores may have no right to write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_may_only_read_restores_lists_and_verifies_and_cannot_back_up() {
    let base = tempdir().unwrap();
    let server = Azurite::start(base.path(), &["nightly"]).await.unwrap();
    let full = [
        ("BACKUP_AZURE_CONTAINER", "nightly".to_owned()),
        ("AZURE_STORAGE_CONNECTION_STRING", server.with_key()),
    ];
    let a = Plan::new(base.path(), "a").unwrap().with_plugin("azure", &full).start().await.unwrap();
    fill(&a.db, 100_000).unwrap();
    let here = Location::default();
    a.host.backup(BackupRequest::new("azure", "x")).await.unwrap();
    let status = a.host.wait_backup("azure", "x", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let content = a.db.content().unwrap();
    a.stop().await;

    let reader = server.with_signature("rl", "2099-01-01T00:00:00Z").unwrap();
    let read =
        [("BACKUP_AZURE_CONTAINER", "nightly".to_owned()), ("AZURE_STORAGE_CONNECTION_STRING", reader)];
    let b = Plan::new(base.path(), "b").unwrap().with_plugin("azure", &read).start().await.unwrap();
    assert_eq!(b.host.list("azure", &here, Order::Ascending).await.unwrap().len(), 1);
    assert_eq!(b.host.backup_status("azure", "x", &here).await.unwrap().state, State::Success);
    let report = b.host.verify("azure", "x", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    restored(&b, "azure", "x").await;
    assert!(b.db.content().unwrap() == content, "the other machine has other files");
    let error = b.host.backup(BackupRequest::new("azure", "y")).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied), "{error}");
    let text = error.to_string();
    assert!(text.contains("container nightly") && text.contains("shared access signature"), "{text}");
    b.stop().await;
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

/// The probe writes an object, which stays where nothing may be deleted; without the check there is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_the_access_check_nothing_is_written_but_the_backup() {
    let base = tempdir().unwrap();
    let server = Azurite::start(base.path(), &["nightly"]).await.unwrap();
    let (with_key, no_delete) =
        (server.with_key(), server.with_signature("rwlac", "2099-01-01T00:00:00Z").unwrap());
    let place = ("BACKUP_AZURE_CONTAINER", "nightly");
    let settings = [place, ("AZURE_STORAGE_CONNECTION_STRING", with_key.as_str())];
    let all = crate::storage::component("azure", &settings).await.unwrap();
    let here = Location::default();
    for (check, probes) in [(StartCheck::Skip, false), (StartCheck::Probe, true)] {
        let variables = [place, ("AZURE_STORAGE_CONNECTION_STRING", &no_delete)];
        let id = format!("{check:?}").to_lowercase();
        let mut plan = Plan::new(base.path(), &id).unwrap().with_plugin("azure", &variables);
        plan.settings.start_check = check;
        let a = plan.start().await.unwrap();
        fill(&a.db, 20_000).unwrap();
        a.host.backup(BackupRequest::new("azure", id.as_str())).await.unwrap();
        let status = a.host.wait_backup("azure", &id, &here).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        a.stop().await;
        let page = all.list(&ListRequest { limit: 1_000, ..ListRequest::default() }).await.unwrap();
        let found = page.objects.iter().any(|object| !object.key.as_str().starts_with(&format!("{id}/")));
        assert_eq!(found, probes, "{check:?}: {:?}", page.objects);
        if !probes {
            let keys: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
            for keys in keys.chunks(16) {
                assert!(all.delete(keys).await.unwrap().is_empty());
            }
        }
    }
}

/// Takes `CONNECT`, tells who was asked for, and connects to this machine whatever the name.
async fn proxy() -> (std::net::SocketAddr, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let seen = std::sync::Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
                let port: u16 = line.split([':', ' ']).find_map(|part| part.parse().ok()).unwrap();
                seen.lock().unwrap().push(line);
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_behind_tls_is_reached_through_the_proxy_that_is_named() {
    let folder = tempdir().unwrap();
    let server = Rclone::start_secure(folder.path(), &["nightly"]).unwrap();
    let (address, asked) = proxy().await;
    // A name that nobody but the proxy can resolve.
    let endpoint = format!("store.test:{}", server.port);
    let variables = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", Rclone::KEYS.0),
        ("AWS_SECRET_ACCESS_KEY", Rclone::KEYS.1),
    ];
    let mut plan = Plan::new(folder.path(), "a").unwrap().with_plugin("s3", &variables);
    plan.settings.ca_bundle = Some(folder.path().join("ca.pem"));
    plan.settings.https_proxy = Some(ProxyUrl(format!("http://{address}")));
    let a = plan.start().await.unwrap();
    fill(&a.db, 20_000).unwrap();
    a.host.backup(BackupRequest::new("s3", "x")).await.unwrap();
    let status = a.host.wait_backup("s3", "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let seen = asked.lock().unwrap().clone();
    assert!(!seen.is_empty() && seen.iter().all(|line| line.starts_with("CONNECT store.test:")), "{seen:?}");
    a.stop().await;
    // Not through it, so the name is unknown.
    plan.settings.no_proxy = vec!["store.test".to_owned()];
    plan.stack.retry.attempts = 2;
    let b = plan.start().await.unwrap();
    let error = b.host.backup(BackupRequest::new("s3", "y")).await.unwrap_err().to_string();
    assert!(error.contains("store.test") && error.contains("cannot be reached"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), seen.len());
    b.stop().await;
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
