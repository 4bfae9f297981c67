//! Stores that fail, hang, lie or refuse at the worst moment: the operation ends, and says the truth about how.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, RestoreRequest, Status, VerifyDepth};
use siltstone::storage::{Action, Capabilities, Faulty, Memory, PartOrder, Rule, Storage, Verb, When};
use siltstone::{ErrorKind, Retry};
use siltstone_tests::ops_house::{House, Plan, error_of, fill, shown};
use tempfile::tempdir;

const STORE: &str = "faulty";

fn memory() -> Arc<Memory> {
    Arc::new(Memory::default())
}

/// A node over a store with these faults.
async fn house(base: &Path, node: &str, memory: &Arc<Memory>, rules: Vec<Rule>) -> (House, Arc<Faulty>) {
    let faulty = Arc::new(Faulty::new(Arc::clone(memory) as Arc<dyn Storage>, rules));
    let mut plan = Plan::new(base, node).unwrap();
    plan.settings.modules.clear();
    plan.storages = vec![(STORE.to_owned(), Arc::clone(&faulty) as Arc<dyn Storage>)];
    (plan.start().await.unwrap(), faulty)
}

async fn backup(house: &House, id: &str) -> Status {
    house.host.backup(BackupRequest::new(STORE, id)).await.unwrap();
    house.host.wait_backup(STORE, id, &Location::default()).await.unwrap()
}

async fn restore(house: &House, id: &str) -> Status {
    house.host.restore(RestoreRequest::new(STORE, id)).await.unwrap();
    house.host.wait_restore(STORE, id, &Location::default()).await.unwrap()
}

fn of_chunks(key: &str) -> bool {
    key.contains("/chunks/")
}

#[tokio::test]
async fn every_failure_of_a_store_ends_the_backup_with_its_reason_and_without_leftovers() {
    for (kind, verb) in [
        (ErrorKind::Internal, Verb::Put),
        (ErrorKind::Exhausted, Verb::Put),
        (ErrorKind::Denied, Verb::Put),
        (ErrorKind::Plugin, Verb::Put),
        (ErrorKind::Cancelled, Verb::Put),
    ] {
        let (base, memory) = (tempdir().unwrap(), memory());
        let rule = Rule::on(verb, Action::FailBefore(kind, Retry::Never)).key(of_chunks).when(When::Nth(2));
        let (a, faulty) = house(base.path(), "a", &memory, vec![rule]).await;
        fill(&a.db, 8 << 20).unwrap();
        let status = backup(&a, "x").await;
        assert_eq!(faulty.acted(), [1], "{kind:?}");
        assert_eq!(status.state, State::Failed, "{kind:?}: {}", shown(&status));
        assert!(error_of(&status).contains("injected fault"), "{kind:?}: {}", shown(&status));
        assert_eq!(memory.keys(), ["x/backup.json"], "{kind:?}");
        assert!(a.local_leftovers().unwrap().is_empty(), "{kind:?}: {:?}", a.local_leftovers());
        assert_eq!(backup(&a, "x").await.state, State::Success, "{kind:?}");
    }
}

#[tokio::test]
async fn a_store_that_refuses_to_delete_does_not_burn_the_id() {
    let (base, memory) = (tempdir().unwrap(), memory());
    let rules = vec![
        Rule::on(Verb::Delete, Action::Refuse(ErrorKind::Denied, Retry::Never)).key(of_chunks),
        Rule::on(Verb::Put, Action::FailBefore(ErrorKind::Internal, Retry::Never))
            .key(of_chunks)
            .when(When::Nth(3)),
    ];
    let (a, _) = house(base.path(), "a", &memory, rules).await;
    fill(&a.db, 8 << 20).unwrap();
    let status = backup(&a, "x").await;
    assert_eq!(status.state, State::Failed, "{}", shown(&status));
    assert!(error_of(&status).contains("injected fault"), "{}", shown(&status));
    assert!(error_of(&status).contains("refused to delete"), "{}: {:?}", shown(&status), memory.keys());
    let told = a.host.backup_status(STORE, "x", &Location::default()).await.unwrap();
    assert_eq!(told.state, State::Failed, "what is stored says so too");
    let left: Vec<String> = memory.keys().into_iter().filter(|key| of_chunks(key)).collect();
    assert!(!left.is_empty());
    assert_eq!(a.local_leftovers().unwrap().len(), 1, "the record stays for the next start");
    assert_eq!(backup(&a, "x").await.state, State::Success);
    drop(a.stop().await);
    // The next start, with a store that deletes again.
    let (a, _) = house(base.path(), "a", &memory, vec![]).await;
    assert!(a.local_leftovers().unwrap().is_empty());
    assert!(left.iter().all(|key| !memory.keys().contains(key)), "{:?}", memory.keys());
    let (b, _) = house(base.path(), "b", &memory, vec![]).await;
    assert_eq!(restore(&b, "x").await.state, State::Success, "and only what was left over is gone");
}

#[tokio::test]
async fn a_terminal_write_of_unknown_outcome_is_settled_by_what_is_stored() {
    // The calls on a descriptor are: the claim, and the end.
    for (action, expected) in [
        (Action::FailAfter(ErrorKind::Timeout, Retry::Never), State::Success),
        (Action::FailBefore(ErrorKind::Unavailable, Retry::Never), State::Failed),
    ] {
        let (base, memory) = (tempdir().unwrap(), memory());
        let rule = Rule::on(Verb::Put, action).key(|key| key == "x/backup.json").when(When::Nth(2));
        let (a, faulty) = house(base.path(), "a", &memory, vec![rule]).await;
        fill(&a.db, 100_000).unwrap();
        let status = backup(&a, "x").await;
        assert_eq!((faulty.acted(), status.state), (vec![1], expected), "{action:?}: {}", shown(&status));
        assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
        let stored = a.host.backup_status(STORE, "x", &Location::default()).await.unwrap();
        assert_eq!(stored.state, expected, "{action:?}");
        if expected == State::Success {
            let (b, _) = house(base.path(), "b", &memory, vec![]).await;
            assert_eq!(restore(&b, "x").await.state, State::Success);
        } else {
            assert_eq!(memory.keys(), ["x/backup.json"]);
        }
    }
}

#[tokio::test]
async fn a_descriptor_that_cannot_be_ended_is_ended_by_the_next_start() {
    let (base, memory) = (tempdir().unwrap(), memory());
    let rule = Rule::on(Verb::Put, Action::FailBefore(ErrorKind::Denied, Retry::Never))
        .key(|key| key == "x/backup.json")
        .when(When::From(2));
    let (a, _) = house(base.path(), "a", &memory, vec![rule]).await;
    fill(&a.db, 100_000).unwrap();
    let status = backup(&a, "x").await;
    assert_eq!(status.state, State::Failed);
    let told = a.host.backup_status(STORE, "x", &Location::default()).await.unwrap();
    assert_eq!(told.state, State::Failed, "nobody is told STARTED for ever");
    drop(a.stop().await);
    let (a, _) = house(base.path(), "a", &memory, vec![]).await;
    let told = a.host.backup_status(STORE, "x", &Location::default()).await.unwrap();
    assert_eq!(told.state, State::Failed, "{}", shown(&told));
    assert!(a.local_leftovers().unwrap().is_empty());
    assert_eq!(memory.keys(), ["x/backup.json"]);
}

#[tokio::test]
async fn a_chunk_that_is_lost_or_cut_on_the_way_in_fails_the_backup_and_not_the_restore() {
    for action in [Action::Truncate(1000), Action::Corrupt(12_345)] {
        let (base, memory) = (tempdir().unwrap(), memory());
        let rule = Rule::on(Verb::Put, action).key(of_chunks).when(When::Nth(2));
        let faulty = Arc::new(Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, vec![rule]));
        let mut plan = Plan::new(base.path(), "a").unwrap();
        plan.settings.verify = siltstone::settings::VerifyMode::Full;
        plan.storages = vec![(STORE.to_owned(), faulty as Arc<dyn Storage>)];
        let a = plan.start().await.unwrap();
        fill(&a.db, 8 << 20).unwrap();
        let status = backup(&a, "x").await;
        assert_eq!(status.state, State::Failed, "{action:?}");
        assert_eq!(memory.keys(), ["x/backup.json"], "{action:?}: {}", shown(&status));
    }
}

#[tokio::test]
async fn bytes_that_change_on_the_way_out_are_never_installed() {
    let (base, memory) = (tempdir().unwrap(), memory());
    let (a, _) = house(base.path(), "a", &memory, vec![]).await;
    fill(&a.db, 4 << 20).unwrap();
    assert_eq!(backup(&a, "x").await.state, State::Success);
    for action in
        [Action::Corrupt(777), Action::Truncate(10), Action::FailBefore(ErrorKind::Denied, Retry::Never)]
    {
        let rule = Rule::on(Verb::Get, action).key(of_chunks).when(When::Nth(2));
        let (b, _) = house(
            base.path(),
            &format!("b{action:?}").replace(|c: char| !c.is_alphanumeric(), ""),
            &memory,
            vec![rule],
        )
        .await;
        let status = restore(&b, "x").await;
        assert_eq!(status.state, State::Failed, "{action:?}");
        assert!(b.db.content().unwrap().is_empty() && b.local_leftovers().unwrap().is_empty(), "{action:?}");
        assert_eq!(restore(&b, "x").await.state, State::Success, "the store was to blame, not the backup");
    }
}

#[tokio::test]
async fn a_store_that_hangs_does_not_hold_a_cancel() {
    for (verb, key) in [(Verb::Put, "chunks/"), (Verb::List, "x/"), (Verb::Get, "manifest")] {
        let (base, memory) = (tempdir().unwrap(), memory());
        let rule = Rule::on(verb, Action::Hang).key(move |k| k.contains(key)).when(When::Nth(1));
        let (a, faulty) = house(base.path(), "a", &memory, vec![rule]).await;
        fill(&a.db, 8 << 20).unwrap();
        a.host.backup(BackupRequest::new(STORE, "x")).await.unwrap();
        assert!(siltstone_tests::ops_house::until(|| faulty.acted() == [1]).await, "{verb:?}");
        let asked = Instant::now();
        a.host.cancel_backup(STORE, "x", &Location::default()).await.unwrap();
        let status = a.host.wait_backup(STORE, "x", &Location::default()).await.unwrap();
        assert_eq!(status.state, State::Canceled, "{verb:?}: {}", shown(&status));
        assert!(asked.elapsed() < Duration::from_secs(2), "{verb:?}: {:?}", asked.elapsed());
        assert_eq!(memory.keys(), ["x/backup.json"], "{verb:?}");
    }
}

#[tokio::test]
async fn verify_tells_damage_from_a_store_that_does_not_answer() {
    let (base, memory) = (tempdir().unwrap(), memory());
    let rule = Rule::on(Verb::Get, Action::FailBefore(ErrorKind::Unavailable, Retry::Never)).key(of_chunks);
    let (a, _) = house(base.path(), "a", &memory, vec![rule]).await;
    fill(&a.db, 100_000).unwrap();
    assert_eq!(backup(&a, "x").await.state, State::Success);
    let error = a.host.verify(STORE, "x", &Location::default(), VerifyDepth::ReadData).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let report = a.host.verify(STORE, "x", &Location::default(), VerifyDepth::Structure).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_store_without_parts_and_one_that_wants_them_in_order_hold_the_same_backup() {
    for order in [PartOrder::None, PartOrder::InOrder] {
        let default = Memory::default().capabilities().clone();
        let parts = siltstone::storage::PartRules { order, ..default.parts };
        let memory = Arc::new(Memory::new(Capabilities { parts, ..default }));
        let base = tempdir().unwrap();
        let (a, _) = house(base.path(), "a", &memory, vec![]).await;
        fill(&a.db, 40 << 20).unwrap();
        let mut request = BackupRequest::new(STORE, "x");
        request.chunk_size = Some(32 << 20);
        request.compression = siltstone::model::Compression::from_name("NoCompression").unwrap();
        a.host.backup(request).await.unwrap();
        let status = a.host.wait_backup(STORE, "x", &Location::default()).await.unwrap();
        assert_eq!(status.state, State::Success, "{order:?}: {}", shown(&status));
        let (b, _) = house(base.path(), "b", &memory, vec![]).await;
        assert_eq!(restore(&b, "x").await.state, State::Success, "{order:?}");
        assert!(a.db.content().unwrap() == b.db.content().unwrap(), "{order:?}");
    }
}
