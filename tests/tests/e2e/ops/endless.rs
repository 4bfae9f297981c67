//! A store that lists for ever: every operation that follows its pages ends, and says why.

use std::path::Path;
use std::sync::Arc;

use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, Order, VerifyDepth};
use siltstone::storage::{Action, Faulty, ListingSettings, Memory, Rule, Storage, Verb};
use siltstone::{Error, ErrorKind};
use siltstone_tests::ops_house::{House, Plan, error_of, fill, shown};
use tempfile::tempdir;

/// The backend.
const VAULT: &str = "vault";

/// A node with a store that lists for ever what a rule names.
async fn house(base: &Path, node: &str, memory: &Arc<Memory>, rules: Vec<Rule>) -> House {
    let faulty = Faulty::new(Arc::clone(memory) as Arc<dyn Storage>, rules);
    let mut plan = Plan::new(base, node).unwrap();
    plan.stack.listing = ListingSettings { names: 20_000 };
    plan.storages = vec![(VAULT.to_owned(), Arc::new(faulty) as Arc<dyn Storage>)];
    plan.start().await.unwrap()
}

async fn backup(house: &House, id: &str) -> siltstone::ops::Status {
    house.backup_with(BackupRequest::new(VAULT, id)).await.unwrap()
}

#[track_caller]
fn expect_ended(what: &str, text: &str, prefix: &str) {
    for word in ["`vault`", "more than 20000 names", prefix, "a path of their own"] {
        assert!(text.contains(word), "{what}: {text}");
    }
}

#[tokio::test]
async fn every_operation_on_a_location_that_lists_for_ever_ends_with_what_to_do() {
    let base = tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let a = house(base.path(), "a", &memory, Vec::new()).await;
    fill(&a.db, 1 << 20).unwrap();
    for id in ["x", "y"] {
        let status = backup(&a, id).await;
        assert_eq!(status.state, State::Success, "{}", shown(&status));
    }
    let kept = memory.keys();

    let b = house(base.path(), "b", &memory, vec![Rule::on(Verb::List, Action::ListForEver)]).await;
    let here = Location::default();
    let ended = |what: &str, error: &Error, prefix: &str| {
        assert_eq!(error.kind(), ErrorKind::Plugin, "{what}: {error}");
        expect_ended(what, &error.to_string(), prefix);
    };
    let listed = b.host.list(VAULT, &here, Order::Ascending).await.unwrap_err();
    ended("list", &listed, "under `` at");
    let forgotten = b.host.forget(VAULT, "x", &here).await.unwrap_err();
    ended("forget", &forgotten, "under `` at");
    let verified = b.host.verify(VAULT, "x", &here, VerifyDepth::Structure).await.unwrap_err();
    ended("verify", &verified, "/chunks/`");
    assert_eq!(memory.keys(), kept, "nothing was deleted");

    fill(&b.db, 1 << 20).unwrap();
    let status = backup(&b, "z").await;
    assert_eq!(status.state, State::Failed);
    expect_ended("backup", error_of(&status), "/chunks/`");

    // The other server, whose listings end, finds everything as it was.
    for id in ["x", "y"] {
        let report = a.host.verify(VAULT, id, &here, VerifyDepth::ReadData).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_backup_whose_attempts_are_listed_for_ever_stays_and_is_not_marked() {
    let base = tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let rules = vec![Rule::on(Verb::List, Action::ListForEver).key(|prefix| prefix == "x/")];
    let a = house(base.path(), "a", &memory, rules).await;
    fill(&a.db, 1 << 20).unwrap();
    assert_eq!(backup(&a, "x").await.state, State::Success);
    let error = a.host.forget(VAULT, "x", &Location::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error}");
    expect_ended("forget", &error.to_string(), "`x/`");
    let status = a.host.backup_status(VAULT, "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
}
