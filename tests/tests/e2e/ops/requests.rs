//! Requests that cannot be met are refused with a kind and a text that say what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use siltstone::model::{Location, Selection, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone::{Error, ErrorKind};
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of, files, fill, shown, until};
use tempfile::{TempDir, tempdir};

async fn house() -> (TempDir, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 10_000).unwrap();
    (base, a)
}

fn assert_refused(error: Result<siltstone::ops::Status, Error>, kind: ErrorKind, words: &[&str]) {
    let error = error.expect_err("the request was accepted");
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn ids_that_are_no_ids_are_refused_and_name_the_rule() {
    let (_base, a) = house().await;
    let long = "x".repeat(129);
    for id in ["", "Nightly", "..", "a/b", "/etc", "a b", "ä", "a.b", long.as_str()] {
        let refused = a.host.backup(BackupRequest::new(BACKEND, id)).await;
        assert_refused(refused, ErrorKind::Invalid, &["invalid backup id", "a-z"]);
        let cancelled = a.host.cancel_backup(BACKEND, id, &Location::default()).await;
        assert_eq!(cancelled.unwrap_err().kind(), ErrorKind::Invalid, "{id}");
        // What cannot exist is simply not there.
        let restored = a.host.restore(RestoreRequest::new(BACKEND, id)).await;
        assert_refused(restored, ErrorKind::NotFound, &["does not exist"]);
        assert_eq!(a.status(id).await.unwrap_err().kind(), ErrorKind::NotFound, "{id}");
        let verified = a.host.verify(BACKEND, id, &Location::default(), VerifyDepth::Structure).await;
        assert_eq!(verified.unwrap_err().kind(), ErrorKind::NotFound, "{id}");
    }
    assert!(a.objects().unwrap().is_empty());
    assert_eq!(a.backup(&"x".repeat(128)).await.unwrap().state, State::Success);
}

#[tokio::test]
async fn values_out_of_range_are_refused_and_the_bounds_are_taken() {
    let (_base, a) = house().await;
    for percent in [0, 81, 255] {
        let mut request = BackupRequest::new(BACKEND, "x");
        request.cpu_percentage = percent;
        assert_refused(a.host.backup(request).await, ErrorKind::Invalid, &["CPUPercentage", "1 to 80"]);
    }
    for size in [0, 1, (2 << 20) - 1, (512 << 20) + 1, u64::MAX] {
        let mut request = BackupRequest::new(BACKEND, "x");
        request.chunk_size = Some(size);
        assert_refused(a.host.backup(request).await, ErrorKind::Invalid, &["ChunkSize", "512 MiB"]);
    }
    for (id, percent, size) in [("least", 1, 2 << 20), ("most", 80, 512 << 20)] {
        let mut request = BackupRequest::new(BACKEND, id);
        (request.cpu_percentage, request.chunk_size) = (percent, Some(size));
        assert_eq!(a.backup_with(request).await.unwrap().state, State::Success);
    }
    let mut request = RestoreRequest::new(BACKEND, "least");
    request.cpu_percentage = 81;
    assert_refused(a.host.restore(request).await, ErrorKind::Invalid, &["CPUPercentage"]);
    let mut request = BackupRequest::new(BACKEND, "x");
    request.base = Some("UPPER".into());
    assert_refused(a.host.backup(request).await, ErrorKind::Invalid, &["`UPPER`"]);
}

#[tokio::test]
async fn unknown_collections_and_empty_choices_are_refused_by_name() {
    let (_base, a) = house().await;
    for (selection, words) in [
        (Selection::Include(vec!["Nope".into()]), ["`Nope`", "Article, Book"]),
        (Selection::Include(vec!["article".into()]), ["`article`", "does not exist"]),
        (Selection::Exclude(vec!["*".into()]), ["no collection", "exclude"]),
        (Selection::Include(vec![]), ["no collection", "include"]),
    ] {
        let mut request = BackupRequest::new(BACKEND, "x");
        request.selection = selection;
        assert_refused(a.host.backup(request).await, ErrorKind::Invalid, &words);
    }
    assert!(Selection::from_lists(vec!["A".into()], vec!["B".into()]).is_err());
    a.db.drop_collection("Article").unwrap();
    a.db.drop_collection("Book").unwrap();
    let refused = a.host.backup(BackupRequest::new(BACKEND, "x")).await;
    assert_refused(refused, ErrorKind::Invalid, &["no collections"]);
    assert!(a.objects().unwrap().is_empty());
}

#[tokio::test]
async fn a_backend_that_is_not_enabled_is_named_with_the_variable() {
    let (_base, a) = house().await;
    for name in ["s3", "backup-s3", "nonsense\n"] {
        let refused = a.host.backup(BackupRequest::new(name, "x")).await;
        assert_refused(refused, ErrorKind::Invalid, &["not enabled", "ENABLE_MODULES", "backup-"]);
        let refused = a.host.restore(RestoreRequest::new(name, "x")).await;
        assert_refused(refused, ErrorKind::Invalid, &["not enabled"]);
        let refused = a.host.backup_status(name, "x", &Location::default()).await;
        assert_refused(refused, ErrorKind::Invalid, &["ENABLE_MODULES"]);
    }
    // The name of the module is as good as the short one.
    let request = BackupRequest::new("backup-filesystem", "x");
    assert_eq!(a.backup_with(request).await.unwrap().backend, BACKEND);
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_whoever_has_it() {
    let (_base, a) = house().await;
    let first = a.backup("taken").await.unwrap();
    let refused = a.host.backup(BackupRequest::new(BACKEND, "taken")).await;
    assert_refused(refused, ErrorKind::AlreadyExists, &["`taken`", "SUCCESS", "choose another id"]);
    assert_eq!(a.status("taken").await.unwrap(), first, "nothing of the first one changed");
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
}

#[tokio::test]
async fn one_backup_and_one_restore_run_at_a_time() {
    let (base, a) = house().await;
    a.backup("first").await.unwrap();
    a.db.hooks.cut.hold();
    let before = a.db.hooks.cut.arrived();
    a.host.backup(BackupRequest::new(BACKEND, "second")).await.unwrap();
    assert!(until(|| a.db.hooks.cut.arrived() > before).await);
    for (id, kind) in [("second", ErrorKind::AlreadyExists), ("third", ErrorKind::Conflict)] {
        let refused = a.host.backup(BackupRequest::new(BACKEND, id)).await;
        assert_refused(refused, kind, &["already in progress", "`second`"]);
    }
    // Backups and restores do not stand in each other's way.
    a.db.drop_collection("Article").unwrap();
    a.db.hooks.check.hold();
    let mut request = RestoreRequest::new(BACKEND, "first");
    request.selection = Selection::Include(vec!["Article".into()]);
    a.host.restore(request.clone()).await.unwrap();
    assert!(until(|| a.db.hooks.check.arrived() > 0).await);
    let refused = a.host.restore(request).await;
    assert_refused(refused, ErrorKind::Conflict, &["already in progress", "restore `first`"]);
    assert_eq!(a.status("second").await.unwrap().state, State::Transferring);
    a.db.hooks.check.release();
    assert_eq!(a.restored("first").await.unwrap().state, State::Success);
    a.db.hooks.cut.release();
    let second = a.ended("second").await.unwrap();
    assert_eq!(second.state, State::Success, "{}", shown(&second));
    // Nothing of the refused ones is left, and both slots are free again.
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
    assert_eq!(a.backup("third").await.unwrap().state, State::Success);
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(b.restore("third").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn only_a_success_can_be_restored_and_verified() {
    let base = tempdir().unwrap();
    let plan = Plan::new(base.path(), "a").unwrap().publishing_after(Duration::from_secs(3));
    let a = plan.start().await.unwrap();
    fill(&a.db, 10_000).unwrap();
    let place = Location::default();
    let refused = a.host.restore(RestoreRequest::new(BACKEND, "unknown")).await;
    assert_refused(refused, ErrorKind::NotFound, &["`unknown`", &a.plan.backups.display().to_string()]);
    a.host.backup(BackupRequest::new(BACKEND, "canceled")).await.unwrap();
    let running = a.host.restore(RestoreRequest::new(BACKEND, "canceled")).await;
    assert_refused(running, ErrorKind::Invalid, &["STARTED", "only a SUCCESS"]);
    a.cancel("canceled").await.unwrap();
    assert_eq!(a.ended("canceled").await.unwrap().state, State::Canceled);
    let refused = a.host.restore(RestoreRequest::new(BACKEND, "canceled")).await;
    assert_refused(refused, ErrorKind::Invalid, &["CANCELED", "only a SUCCESS"]);
    let verified = a.host.verify(BACKEND, "canceled", &place, VerifyDepth::Structure).await.unwrap_err();
    assert!(verified.to_string().contains("only a SUCCESS"), "{verified}");
    let status = a.host.restore_status(BACKEND, "canceled", &place).await;
    assert_refused(status, ErrorKind::NotFound, &["`canceled`", "never restored"]);
}

#[tokio::test]
async fn a_restore_over_a_collection_that_exists_fails_and_changes_nothing() {
    let (_base, a) = house().await;
    a.backup("x").await.unwrap();
    a.db.drop_collection("Article").unwrap();
    let before = a.db.content().unwrap();
    let status = a.restore("x").await.unwrap();
    assert_eq!(status.state, State::Failed);
    assert!(error_of(&status).contains("`Book` already exists"), "{}", shown(&status));
    assert_eq!(a.db.content().unwrap(), before, "also the collection that does not exist was not restored");
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
    let told = a.host.restore_status(BACKEND, "x", &Location::default()).await.unwrap();
    assert_eq!(told, status);
    // One that appears while the restore runs is seen by the install.
    a.db.drop_collection("Book").unwrap();
    a.db.hooks.install.hold();
    a.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap();
    assert!(until(|| a.db.hooks.install.arrived() > 0).await);
    a.db.add("Book", None, TenantState::Hot, &files(9, &[9])).unwrap();
    let before = a.db.content().unwrap();
    a.db.hooks.install.release();
    let status = a.restored("x").await.unwrap();
    assert!(error_of(&status).contains("`Book` already exists"), "{}", shown(&status));
    assert_eq!(a.db.content().unwrap(), before);
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
    // After the reason is gone, the same restore works.
    a.db.drop_collection("Book").unwrap();
    assert_eq!(a.restore("x").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_backup_of_another_node_needs_a_mapping_only_when_it_is_not_clear() {
    let (base, a) = house().await;
    a.backup("x").await.unwrap();
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    let map = |pairs: &[(&str, &str)]| {
        let mut request = RestoreRequest::new(BACKEND, "x");
        request.node_mapping =
            pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect::<BTreeMap<_, _>>();
        request
    };
    let refused = b.host.restore(map(&[("other", "b")])).await;
    assert_refused(refused, ErrorKind::Invalid, &["node `other`", "[a]", "node_mapping"]);
    assert_eq!(b.restore_with(map(&[("a", "b")])).await.unwrap().state, State::Success);
    b.db.drop_collection("Article").unwrap();
    b.db.drop_collection("Book").unwrap();
    assert_eq!(b.restore("x").await.unwrap().state, State::Success, "there is only one node");
}

#[tokio::test]
async fn whoever_waits_for_a_request_that_is_refused_gets_an_answer() {
    let (_base, a) = house().await;
    a.backup("taken").await.unwrap();
    for _ in 0..20 {
        let (again, told) = tokio::join!(
            a.host.backup(BackupRequest::new(BACKEND, "taken")),
            tokio::time::timeout(Duration::from_secs(10), a.ended("taken")),
        );
        assert!(again.is_err());
        assert_eq!(told.expect("waits for ever").unwrap().state, State::Success);
    }
    let shut = tokio::time::timeout(Duration::from_secs(10), a.host.shutdown()).await;
    assert!(shut.is_ok(), "the shutdown waits for an operation that was refused");
}
