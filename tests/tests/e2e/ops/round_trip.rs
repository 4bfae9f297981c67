//! What was backed up comes back: every length, every mode, every name, with every compression.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use siltstone::model::{Compression, Location, Selection, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone::settings::VerifyMode;
use siltstone_tests::folder_db::{Content, Files, FolderDb, read_tree};
use siltstone_tests::ops_house::{BACKEND, Plan, bytes, error_of, files, fill, shown};
use siltstone_tests::python::environment;
use tempfile::tempdir;

const MIB: usize = 1 << 20;

/// All that is odd about files, in two collections and several tenants; `big` bytes in the largest.
fn odd(db: &FolderDb, big: usize) {
    let mut first = files(1, &[0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, big]);
    let deep = (0..40).map(|n| format!("folder{n}")).collect::<Vec<_>>().join("/");
    for (n, (path, mode)) in [
        ("ü/…/日本語".to_owned(), 0o600),
        ("with space and 'quotes' \"double\" $dollar;".to_owned(), 0o755),
        ("-starts-with-dash".to_owned(), 0o444),
        (".hidden/..not-parent/...".to_owned(), 0o777),
        ("x".repeat(255), 0o400),
        (format!("{deep}/leaf"), 0o640),
        ("CURRENT".to_owned(), 0o664),
        ("others-only".to_owned(), 0o607),
    ]
    .into_iter()
    .enumerate()
    {
        first.insert(path, (bytes(100 + n as u64, 10 * n), mode));
    }
    db.add("Article", None, TenantState::Hot, &first).unwrap();
    let many: Files =
        (0..1500).map(|n| (format!("t/{n:04}"), (bytes(n, (n % 61) as usize), 0o644))).collect();
    db.add("Many tenants", Some("acme"), TenantState::Hot, &many).unwrap();
    db.add("Many tenants", Some("Zürich & co"), TenantState::Cold, &files(7, &[3 * MIB, 5])).unwrap();
    db.add("Many tenants", Some("nothing"), TenantState::Hot, &Files::new()).unwrap();
    db.add("Many tenants", Some("away"), TenantState::Offloaded, &Files::new()).unwrap();
}

#[tokio::test]
async fn every_kind_of_file_comes_back_with_its_bytes_and_mode() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().verifying(VerifyMode::Full).start().await.unwrap();
    odd(&a.db, 40 * MIB + 17);
    let status = a.backup("all").await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let outcome = status.outcome.clone().unwrap();
    assert_eq!(outcome.files, a.db.content().unwrap().values().map(|f| f.len() as u64).sum::<u64>());
    let raw: usize = a.db.content().unwrap().values().flatten().map(|(_, (bytes, _))| bytes.len()).sum();
    assert_eq!(status.raw_bytes, raw as u64);
    assert!(outcome.stored_bytes < status.raw_bytes && outcome.new_bytes == outcome.stored_bytes);
    assert_eq!(outcome.skipped.len(), 1, "the offloaded tenant: {:?}", outcome.skipped);
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());

    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    let status = b.restore("all").await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert_same(&a.db.content().unwrap(), &b.db.content().unwrap());
    assert_eq!(a.db.definitions(), b.db.definitions());
    assert!(b.local_leftovers().unwrap().is_empty(), "{:?}", b.local_leftovers());

    let report = a.host.verify(BACKEND, "all", &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert_eq!((report.files, &report.problems), (outcome.files, &vec![]));
    assert!(report.chunks >= 20 && report.bytes_read >= outcome.stored_bytes, "{report:?}");
}

#[tokio::test]
async fn every_compression_brings_the_same_bytes_back() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 5 * MIB).unwrap();
    let mut sizes = BTreeMap::new();
    for name in Compression::names() {
        let id = name.to_lowercase();
        let mut request = BackupRequest::new(BACKEND, &id);
        request.compression = Compression::from_name(name).unwrap();
        request.cpu_percentage = 80;
        let status = a.backup_with(request).await.unwrap();
        assert_eq!(status.state, State::Success, "{name}: {}", shown(&status));
        sizes.insert(name, status.outcome.unwrap().stored_bytes);

        let b = Plan::new(base.path(), &format!("to-{id}")).unwrap().start().await.unwrap();
        let status = b.restore(&id).await.unwrap();
        assert_eq!(status.state, State::Success, "{name}: {}", shown(&status));
        assert_same(&a.db.content().unwrap(), &b.db.content().unwrap());
    }
    let raw = sizes.remove("NoCompression").unwrap();
    assert!(sizes.values().all(|size| *size < raw * 3 / 4), "{sizes:?} of {raw}");
}

#[tokio::test]
async fn a_selection_takes_what_it_names_on_both_ways() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    for name in ["Article", "Author", "Book"] {
        a.db.add(name, None, TenantState::Hot, &files(name.len() as u64, &[100, 2000])).unwrap();
    }
    let pick = |include: &[&str], exclude: &[&str]| {
        let owned = |l: &[&str]| l.iter().map(ToString::to_string).collect();
        Selection::from_lists(owned(include), owned(exclude)).unwrap()
    };
    let mut request = BackupRequest::new(BACKEND, "some");
    request.selection = pick(&["A*"], &[]);
    let status = a.backup_with(request).await.unwrap();
    assert_eq!(status.collections.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["Article", "Author"]);
    let mut request = BackupRequest::new(BACKEND, "rest");
    request.selection = pick(&[], &["Book", "Unknown"]);
    assert_eq!(a.backup_with(request).await.unwrap().collections, status.collections);

    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    let mut request = RestoreRequest::new(BACKEND, "some");
    request.selection = pick(&[], &["Article"]);
    assert_eq!(b.restore_with(request.clone()).await.unwrap().state, State::Success);
    assert_eq!(b.db.content().unwrap().keys().collect::<Vec<_>>(), ["Author"]);
    // The rest of the same backup, later.
    request.selection = pick(&["Article"], &[]);
    assert_eq!(b.restore_with(request.clone()).await.unwrap().state, State::Success);
    assert_eq!(b.db.content().unwrap().keys().collect::<Vec<_>>(), ["Article", "Author"]);
    request.selection = pick(&["Book"], &[]);
    let text = b.host.restore(request).await.unwrap_err().to_string();
    assert!(text.contains("`Book`") && text.contains("Article, Author"), "{text}");
}

#[tokio::test]
async fn a_collection_that_is_dropped_before_the_cut_is_skipped_unless_it_was_named() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 1000).unwrap();
    for (id, selection) in
        [("all", Selection::All), ("named", Selection::Include(vec!["Article".into(), "Book".into()]))]
    {
        a.db.hooks.cut.hold();
        let mut request = BackupRequest::new(BACKEND, id);
        request.selection = selection;
        let before = a.db.hooks.cut.arrived();
        a.host.backup(request).await.unwrap();
        assert!(siltstone_tests::ops_house::until(|| a.db.hooks.cut.arrived() > before).await);
        a.db.drop_collection("Book").unwrap();
        a.db.hooks.cut.release();
        let status = a.ended(id).await.unwrap();
        if id == "all" {
            assert_eq!(status.state, State::Success, "{}", shown(&status));
            assert_eq!(status.collections.len(), 1, "{status:?}");
            assert_eq!(status.outcome.unwrap().skipped[0].what, "collection Book");
            a.db.add("Book", None, TenantState::Hot, &files(3, &[10])).unwrap();
        } else {
            assert_eq!(status.state, State::Failed);
            assert!(error_of(&status).contains("`Book`"), "{}", shown(&status));
        }
    }
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(b.restore("all").await.unwrap().state, State::Success);
    assert_eq!(b.db.content().unwrap().keys().collect::<Vec<_>>(), ["Article"]);
}

#[tokio::test]
async fn what_was_defined_before_the_cut_is_in_the_backup_however_late() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 1000).unwrap();
    let before = a.db.hooks.cut.arrived();
    a.db.hooks.cut.hold();
    a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
    assert!(siltstone_tests::ops_house::until(|| a.db.hooks.cut.arrived() > before).await);
    let schema = serde_json::json!({ "class": "Article", "properties": ["later"] });
    a.db.define("Article", schema, vec!["Later".to_owned()]).unwrap();
    a.db.set_states("Book", TenantState::Offloaded).unwrap();
    a.db.hooks.cut.release();
    let status = a.ended("x").await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    // What was offloaded meanwhile is named, not silently empty.
    let skipped = status.outcome.unwrap().skipped;
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped.iter().all(|s| s.what.starts_with("tenant Book/") && s.why.starts_with("offloaded")));
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(b.restore("x").await.unwrap().state, State::Success);
    assert_eq!(a.db.definitions(), b.db.definitions());
}

#[tokio::test]
async fn a_stranger_with_python_restores_gzip_uncompressed_and_incremental_backups() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    odd(&a.db, 5 * MIB + 17);
    let python = python_with_blake3();
    for (id, level, on) in [
        ("gzip", "DefaultCompression", None),
        ("raw", "NoCompression", None),
        ("incremental", "DefaultCompression", Some("raw")),
    ] {
        if on.is_some() {
            a.db.add("Later", None, TenantState::Hot, &files(9, &[MIB + 5, 3])).unwrap();
        }
        let mut request = BackupRequest::new(BACKEND, id);
        request.compression = Compression::from_name(level).unwrap();
        request.base = on.map(str::to_owned);
        let status = a.backup_with(request).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        let system = Path::new("python3");
        for (python, verify) in [(system, None), (python.as_path(), Some("--verify"))] {
            let to = base.path().join(format!("out-{id}-{}", verify.is_some()));
            let mut command = Command::new(python);
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/reader/restore.py"));
            command.arg(&a.plan.backups).arg(id).arg(&to).args(verify);
            let done = command.output().expect("python3 is needed");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let mut want = Files::new();
            for (shard, files) in a.db.content().unwrap() {
                let home = if shard.contains('/') { shard } else { format!("{shard}/_") };
                want.extend(files.into_iter().map(|(path, file)| (format!("{home}/{path}"), file)));
            }
            assert_same(
                &[("all".to_owned(), want)].into(),
                &[("all".to_owned(), read_tree(&to).unwrap())].into(),
            );
        }
    }
}

/// A Python with the package `blake3`.
fn python_with_blake3() -> PathBuf {
    environment("blake3-1.0.5", &["blake3==1.0.5"]).unwrap().join("python")
}

/// Compares without printing megabytes.
fn assert_same(want: &Content, got: &Content) {
    assert_eq!(want.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
    for (shard, files) in want {
        let found = &got[shard];
        assert_eq!(files.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{shard}");
        for (path, (bytes, mode)) in files {
            let (got, got_mode) = &found[path];
            assert!(bytes == got, "{shard}: {path} has {} other bytes", got.len());
            assert_eq!(mode, got_mode, "{shard}: {path}");
        }
    }
}
