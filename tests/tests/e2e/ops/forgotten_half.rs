//! A server that dies while it forgets a backup: what another backup needs comes back, what is gone is not called whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use siltstone::ErrorKind;
use siltstone::model::{Location, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone::storage::{Action, Faulty, Memory, Rule, Storage, Verb, When};
use siltstone_tests::ops_house::{House, Plan, bytes, fill, shown, until};
use tempfile::{TempDir, tempdir};

const VAULT: &str = "vault";

async fn node(base: &Path, name: &str, storage: Arc<dyn Storage>) -> House {
    let mut plan = Plan::new(base, name).unwrap();
    plan.storages = vec![(VAULT.to_owned(), storage)];
    plan.start().await.unwrap()
}

async fn backup(house: &House, id: &str, base: Option<&str>) {
    let request = BackupRequest { base: base.map(str::to_owned), ..BackupRequest::new(VAULT, id) };
    let status = house.backup_with(request).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
}

async fn state(house: &House, id: &str) -> State {
    house.host.backup_status(VAULT, id, &Location::default()).await.unwrap().state
}

async fn forget(house: &House, id: &str) -> siltstone::Error {
    house.host.forget(VAULT, id, &Location::default()).await.unwrap_err()
}

/// A server `a` with the backups `old` and, on top of it, `next`; another one has died when it had marked `old` and before it
/// deleted anything: `next` was completed between its two looks.
async fn half_forgotten() -> (TempDir, Arc<Memory>, House) {
    let base = tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let a = node(base.path(), "a", Arc::clone(&memory) as Arc<dyn Storage>).await;
    fill(&a.db, 1 << 20).unwrap();
    backup(&a, "old", None).await;
    let new = [("n".to_owned(), (bytes(5, 1 << 20), 0o600))].into();
    a.db.add("New", None, TenantState::Hot, &new).unwrap();

    let (arrived, built) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let gate = (Arc::clone(&arrived), Arc::clone(&built));
    let rules = vec![
        // The mark waits until the backup on top is complete, and its server dies at its next look.
        Rule::on(Verb::Put, Action::Delay(std::time::Duration::ZERO)).key(move |key| {
            if key == "old/backup.json" {
                gate.0.store(true, Ordering::SeqCst);
                // Without an end, a test that fails would not end either.
                let began = std::time::Instant::now();
                while !gate.1.load(Ordering::SeqCst) && began.elapsed().as_secs() < 30 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
            false
        }),
        Rule::on(Verb::List, Action::Hang).key(str::is_empty).when(When::From(2)),
    ];
    let b =
        node(base.path(), "b", Arc::new(Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, rules))).await;
    let forgets = tokio::spawn(async move {
        let _ = b.host.forget(VAULT, "old", &Location::default()).await;
    });
    assert!(until(|| arrived.load(Ordering::SeqCst)).await);
    backup(&a, "next", Some("old")).await;
    built.store(true, Ordering::SeqCst);
    let mut waited = 0;
    while state(&a, "old").await == State::Success {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        waited += 1;
        assert!(waited < 10_000, "it is never marked");
    }
    forgets.abort();
    assert!(forgets.await.unwrap_err().is_cancelled());
    (base, memory, a)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_mark_of_a_server_that_died_comes_off_a_backup_that_another_one_needs() {
    let (base, memory, a) = half_forgotten().await;
    let objects = memory.keys();
    assert_eq!(state(&a, "old").await, State::Failed);
    let kept = forget(&a, "old").await;
    assert_eq!(kept.kind(), ErrorKind::Conflict, "{kept}");
    for word in ["`next` refers to its chunks", "a SUCCESS as before"] {
        assert!(kept.to_string().contains(word), "{kept}");
    }
    assert_eq!(state(&a, "old").await, State::Success);
    assert_eq!(memory.keys(), objects, "nothing was deleted");
    for id in ["old", "next"] {
        let report = a.host.verify(VAULT, id, &Location::default(), VerifyDepth::ReadData).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new(), "{id}");
        let c = node(base.path(), &format!("to-{id}"), Arc::clone(&memory) as Arc<dyn Storage>).await;
        let status = c.restore_with(RestoreRequest::new(VAULT, id)).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
    }
    // It is a backup like any other: kept while it is needed, and then forgotten.
    assert!(!forget(&a, "old").await.to_string().contains("as before"));
    for id in ["next", "old"] {
        a.host.forget(VAULT, id, &Location::default()).await.unwrap();
    }
    assert!(memory.keys().is_empty(), "{:?}", memory.keys());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_marked_backup_of_which_something_is_gone_stays_marked() {
    for what in ["/chunks/", "/manifest"] {
        let (_base, memory, a) = half_forgotten().await;
        let lost = memory.keys().into_iter().find(|k| k.starts_with("old/") && k.contains(what)).unwrap();
        memory.delete(&[siltstone::model::ObjectKey::new(lost).unwrap()]).await.unwrap();
        let kept = forget(&a, "old").await;
        assert_eq!(kept.kind(), ErrorKind::Conflict, "{kept}");
        for word in ["`next` refers to its chunks", "some of its data is gone"] {
            assert!(kept.to_string().contains(word), "{kept}");
        }
        assert_eq!(state(&a, "old").await, State::Failed);
    }
}
