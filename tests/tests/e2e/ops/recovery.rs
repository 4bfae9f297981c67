//! A start ends what its own journal holds; what it cannot end now it keeps, and starts all the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use siltstone::model::{Location, State};
use siltstone::ops::BackupRequest;
use siltstone::settings::Cleanup;
use siltstone_tests::driver::{Driver, Verb, arguments};
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of, fill, shown};
use tempfile::tempdir;

/// A node `a` whose backup `x` was killed in the middle.
fn killed(base: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driver"));
    command.args(arguments(Verb::Backup, base, "a", "x", 20_000));
    let mut driver = Driver::spawn(command).unwrap();
    // By then the first chunk of 2 MiB has been stored.
    let stored = |line: &str| {
        let done = line.strip_prefix("TRANSFERRING ").and_then(|done| done.parse().ok());
        done.is_some_and(|done: u64| done >= 7 << 20)
    };
    assert!(driver.wait_for(stored).is_some(), "{:?}", driver.seen);
    driver.kill().unwrap();
}

async fn filled(base: &Path) -> Plan {
    let a = Plan::new(base, "a").unwrap().start().await.unwrap();
    fill(&a.db, 8 << 20).unwrap();
    a.stop().await
}

fn records(house: &House) -> usize {
    house.local_leftovers().unwrap().iter().filter(|name| name.starts_with(".siltstone/operations")).count()
}

#[tokio::test]
async fn a_start_ends_an_interrupted_backup_and_frees_its_id() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    killed(base.path());
    let a = plan.start().await.unwrap();
    let status = a.status("x").await.unwrap();
    assert_eq!(status.state, State::Failed);
    assert!(error_of(&status).contains("interrupted by a restart"), "{}", shown(&status));
    assert!(!status.completed_at.is_zero());
    assert_eq!(a.objects().unwrap(), ["x/backup.json"]);
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_store_that_does_not_answer_at_the_start_keeps_the_record_and_not_the_server_down() {
    let base = tempdir().unwrap();
    let extra = base.path().join("extra");
    let mut plan = Plan::new(base.path(), "a").unwrap();
    plan.settings.extra_paths = vec![extra.clone()];
    let a = plan.start().await.unwrap();
    fill(&a.db, 1 << 20).unwrap();
    // The record of a backup elsewhere, as a crash leaves it: the journal is copied while the backup is held.
    a.db.hooks.cut.hold();
    let mut request = BackupRequest::new(BACKEND, "x");
    request.location.path = Some(extra.display().to_string());
    let place = request.location.clone();
    let before = a.db.hooks.cut.arrived();
    a.host.backup(request).await.unwrap();
    assert!(siltstone_tests::ops_house::until(|| a.db.hooks.cut.arrived() > before).await);
    let journal = plan.root.join(".siltstone/operations");
    let record = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    let (kept, descriptor) = (fs::read(&record).unwrap(), fs::read(extra.join("x/backup.json")).unwrap());
    a.db.hooks.cut.release();
    assert_eq!(a.host.wait_backup(BACKEND, "x", &place).await.unwrap().state, State::Success);
    drop(a.stop().await);
    fs::write(&record, &kept).unwrap();
    fs::remove_dir_all(&extra).unwrap();
    fs::write(&extra, "a file where the folder was").unwrap();

    for _ in 0..2 {
        let a = plan.start().await.unwrap();
        assert_eq!(records(&a), 1, "the record stays");
        assert!(a.host.backup_status(BACKEND, "x", &place).await.is_err());
        // Everything else works.
        let id = format!("other{}", a.objects().unwrap().len());
        assert_eq!(a.backup(&id).await.unwrap().state, State::Success);
        drop(a.stop().await);
    }
    // The store is back, and the backup as the crash had left it.
    fs::remove_file(&extra).unwrap();
    fs::create_dir_all(extra.join("x")).unwrap();
    fs::write(extra.join("x/backup.json"), descriptor).unwrap();
    let a = plan.start().await.unwrap();
    assert_eq!(records(&a), 0);
    let status = a.host.backup_status(BACKEND, "x", &place).await.unwrap();
    assert_eq!(status.state, State::Failed, "{}", shown(&status));
}

#[tokio::test]
async fn a_start_leaves_everything_alone_when_it_is_told_so() {
    let base = tempdir().unwrap();
    let mut plan = filled(base.path()).await;
    killed(base.path());
    plan.settings.cleanup = Cleanup::Off;
    let a = plan.start().await.unwrap();
    let before = a.objects().unwrap();
    assert_eq!((records(&a), a.status("x").await.unwrap().state), (1, State::Started));
    assert!(before.len() > 1, "{before:?}");
    plan = a.stop().await;
    plan.settings.cleanup = Cleanup::OwnJournal;
    let a = plan.start().await.unwrap();
    assert_eq!((records(&a), a.status("x").await.unwrap().state), (0, State::Failed));
    assert_eq!(a.objects().unwrap(), ["x/backup.json"]);
}

#[tokio::test]
async fn a_start_does_not_touch_an_id_that_somebody_else_has_taken_over() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    killed(base.path());
    // Another server took the id over after an operator had removed the dead descriptor.
    fs::remove_file(plan.backups.join("x/backup.json")).unwrap();
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    fill(&b.db, 1 << 20).unwrap();
    let made = b.backup("x").await.unwrap();
    assert_eq!(made.state, State::Success);
    let a = plan.start().await.unwrap();
    assert_eq!(records(&a), 0);
    assert_eq!(a.status("x").await.unwrap().completed_at, made.completed_at);
    let c = Plan::new(base.path(), "c").unwrap().start().await.unwrap();
    assert_eq!(c.restore("x").await.unwrap().state, State::Success);
    assert_eq!(c.db.content().unwrap(), b.db.content().unwrap());
    assert_eq!(
        fs::read_dir(c.plan.backups.join("x")).unwrap().count(),
        2,
        "only the dead attempt was removed"
    );
}

#[tokio::test]
async fn links_of_cuts_that_nobody_remembers_are_removed_at_the_start() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    let stray = plan.root.join(".siltstone/staging/0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d/0/f");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "holds disk space").unwrap();
    let a = plan.start().await.unwrap();
    assert!(!stray.exists());
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
    assert_eq!(
        a.host.list(BACKEND, &Location::default(), siltstone::ops::Order::Ascending).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn temporary_objects_that_nobody_writes_for_a_day_are_removed_and_younger_ones_stay() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    let folder = plan.backups.join(".siltstone-tmp/0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d");
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, hours: u64| {
        let path = folder.join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600))
            .unwrap();
        path
    };
    let (old, young) = (file("old", 25), file("young", 23));
    let a = plan.start().await.unwrap();
    assert!(old.exists(), "a start looks at nothing but its own journal");
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
    assert!(!old.exists() && young.exists());
}

/// The journal, and what else is in these files, as a server leaves them that dies at this moment.
fn frozen(files: &[&Path]) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let of = |path: &&Path| (path.to_path_buf(), fs::read(path).unwrap());
    files.iter().map(of).collect()
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn a_backup_whose_cancel_was_promised_is_canceled_after_a_restart() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    let a = plan.start().await.unwrap();
    a.db.hooks.cut.hold();
    let before = a.db.hooks.cut.arrived();
    a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
    assert!(siltstone_tests::ops_house::until(|| a.db.hooks.cut.arrived() > before).await);
    let (record, stored) =
        (only_file(&plan.root.join(".siltstone/operations")), plan.backups.join("x/backup.json"));
    let begun = frozen(&[&stored]);
    a.cancel("x").await.unwrap();
    // The blocked cut keeps the record until it is through.
    let promised = frozen(&[&record]);
    a.db.hooks.cut.release();
    assert_eq!(a.ended("x").await.unwrap().state, State::Canceled);
    drop(a.stop().await);
    for (path, bytes) in begun.into_iter().chain(promised) {
        fs::write(path, bytes).unwrap();
    }
    let a = plan.start().await.unwrap();
    let status = a.status("x").await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    assert!(error_of(&status).contains("cancelled on request"), "{}", shown(&status));
    assert_eq!((records(&a), a.objects().unwrap()), (0, vec!["x/backup.json".to_owned()]));
    assert_eq!(a.backup("x").await.unwrap().state, State::Success, "the id is free");
}

#[tokio::test]
async fn a_restore_whose_cancel_was_promised_is_canceled_after_a_restart() {
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    let a = plan.start().await.unwrap();
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
    let r_plan = Plan::new(base.path(), "r").unwrap();
    let r = r_plan.start().await.unwrap();
    r.db.hooks.check.hold();
    r.host.restore(siltstone::ops::RestoreRequest::new(BACKEND, "x")).await.unwrap();
    assert!(siltstone_tests::ops_house::until(|| r.db.hooks.check.arrived() > 0).await);
    let record = only_file(&r_plan.root.join(".siltstone/operations"));
    let state = only_file(&r_plan.root.join(".siltstone/restores"));
    r.host.cancel_restore(BACKEND, "x", &Location::default()).await.unwrap();
    let promised = frozen(&[&record, &state]);
    r.db.hooks.check.release();
    assert_eq!(r.restored("x").await.unwrap().state, State::Canceled);
    drop(r.stop().await);
    for (path, bytes) in promised {
        fs::write(path, bytes).unwrap();
    }
    let r = r_plan.start().await.unwrap();
    let status = r.host.restore_status(BACKEND, "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    assert_eq!(status.from_node.as_deref(), Some("a"));
    assert!(r.db.content().unwrap().is_empty() && r.db.staged().unwrap() == 0);
    assert_eq!(r.restore("x").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_success_that_came_too_late_is_undone_unless_something_was_built_on_it() {
    use siltstone::journal::{Journal, Phase, Record, Verb, Wish};
    let base = tempdir().unwrap();
    let plan = filled(base.path()).await;
    let a = plan.start().await.unwrap();
    for id in ["alone", "late"] {
        assert_eq!(a.backup(id).await.unwrap().state, State::Success);
    }
    let mut request = BackupRequest::new(BACKEND, "child");
    request.base = Some("late".to_owned());
    assert_eq!(a.backup_with(request).await.unwrap().state, State::Success);
    drop(a.stop().await);
    // As after a terminal write whose answer was lost, whose effect came late, and an undo that could not reach the store.
    let (journal, _) = Journal::open(&plan.root).unwrap();
    for id in ["alone", "late"] {
        let stored = fs::read(plan.backups.join(id).join("backup.json")).unwrap();
        let found = siltstone::repository::descriptor::decode(&stored).unwrap();
        let record = Record {
            verb: Verb::Backup,
            id: found.id,
            backend: siltstone::model::BackendName::new(BACKEND).unwrap(),
            bucket: None,
            path: None,
            node: plan.settings.node.clone(),
            attempt: found.attempt,
            phase: Phase::Undoing,
            uploads: Vec::new(),
            started_at: found.started_at,
            collections: found.selection.collections,
            wish: Wish::GoOn,
        };
        drop(journal.begin(record).await.unwrap());
    }
    drop(journal);
    let a = plan.start().await.unwrap();
    for id in ["alone", "late"] {
        let status = a.status(id).await.unwrap();
        assert_eq!(status.state, State::Failed, "{}", shown(&status));
    }
    assert_eq!(records(&a), 0);
    let left = a.objects().unwrap();
    assert_eq!(left.iter().filter(|name| name.starts_with("alone/")).count(), 1, "{left:?}");
    let here = Location::default();
    let depth = siltstone::ops::VerifyDepth::ReadData;
    let report = a.host.verify(BACKEND, "child", &here, depth).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(a.host.forget(BACKEND, "late", &here).await.is_err(), "the child needs it");
    a.host.forget(BACKEND, "child", &here).await.unwrap();
    a.host.forget(BACKEND, "late", &here).await.unwrap();
}
