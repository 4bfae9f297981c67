//! Forgetting takes exactly one backup, and a list shows all of them whatever their condition.

use std::fs;
use std::time::Duration;

use serde_json::json;
use siltstone::ErrorKind;
use siltstone::model::{Hash, Location, State};
use siltstone::ops::{BackupRequest, Order};
use siltstone_tests::corrupt::{Damage, Forgery, Object, damage, objects};
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of, fill, until};
use tempfile::{TempDir, tempdir};

async fn house() -> (TempDir, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 3 << 20).unwrap();
    (base, a)
}

async fn forget(a: &House, id: &str) -> siltstone::Result<siltstone::ops::ForgetReport> {
    a.host.forget(BACKEND, id, &Location::default()).await
}

async fn listed(a: &House, order: Order) -> Vec<(String, State)> {
    let found = a.host.list(BACKEND, &Location::default(), order).await.unwrap();
    found.into_iter().map(|status| (status.id, status.state)).collect()
}

#[tokio::test]
async fn forget_removes_one_backup_and_nothing_else() {
    let (base, a) = house().await;
    for id in ["x", "x-2", "y"] {
        assert_eq!(a.backup(id).await.unwrap().state, State::Success);
    }
    let own = objects(&a.plan.backups, "x").len() as u64;
    let others = a.objects().unwrap().into_iter().filter(|name| !name.starts_with("x/")).collect::<Vec<_>>();
    let report = forget(&a, "x").await.unwrap();
    assert_eq!((report.objects, report.refused), (own, 0));
    assert_eq!(a.objects().unwrap(), others);
    assert!(!a.plan.backups.join("x").exists(), "no empty folders stay");
    for error in [forget(&a, "x").await.unwrap_err(), a.status("x").await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(forget(&a, "Bad/Id").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(a.objects().unwrap(), others);
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(b.restore("y").await.unwrap().state, State::Success);
    assert_eq!(a.backup("x").await.unwrap().state, State::Success, "the id is free again");
}

#[tokio::test]
async fn forget_refuses_what_is_in_use_here_or_elsewhere() {
    let (base, a) = house().await;
    a.backup("x").await.unwrap();
    a.db.hooks.cut.hold();
    let before = a.db.hooks.cut.arrived();
    a.host.backup(BackupRequest::new(BACKEND, "running")).await.unwrap();
    assert!(until(|| a.db.hooks.cut.arrived() > before).await);
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    for house in [&a, &b] {
        let refused = forget(house, "running").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        assert!(refused.to_string().contains("`running` is kept"), "{refused}");
    }
    b.db.hooks.check.hold();
    b.host.restore(siltstone::ops::RestoreRequest::new(BACKEND, "x")).await.unwrap();
    assert!(until(|| b.db.hooks.check.arrived() > 0).await);
    assert_eq!(forget(&b, "x").await.unwrap_err().kind(), ErrorKind::Conflict);
    b.db.hooks.check.release();
    assert_eq!(b.restored("x").await.unwrap().state, State::Success);
    a.db.hooks.cut.release();
    assert_eq!(a.ended("running").await.unwrap().state, State::Success);
    for id in ["x", "running"] {
        forget(&b, id).await.unwrap();
    }
    assert!(a.objects().unwrap().is_empty());
}

#[tokio::test]
async fn forget_refuses_while_another_backup_refers_to_its_chunks() {
    let (_base, a) = house().await;
    a.backup("base").await.unwrap();
    let chunk = objects(&a.plan.backups, "base").into_iter().find(|(k, _)| *k == Object::Chunk).unwrap().1;
    let bytes = fs::read(&chunk).unwrap();
    let key = chunk.strip_prefix(&a.plan.backups).unwrap().display().to_string();
    Forgery::new(&a.plan.backups, "child")
        .line(json!({
            "kind": "chunk", "key": key, "codec": "gzip", "raw": 1, "stored": bytes.len(), "blake3": Hash::of(&bytes),
        }))
        .collection("C")
        .write();
    let before = a.objects().unwrap();
    let refused = forget(&a, "base").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("`child` refers to its chunks; forget that one first"), "{refused}");
    assert_eq!(a.objects().unwrap(), before, "nothing was deleted");
    // Forgetting the child does not touch chunks that are not its own.
    assert_eq!(forget(&a, "child").await.unwrap().objects, 2);
    assert!(chunk.exists());
    forget(&a, "base").await.unwrap();
    assert!(a.objects().unwrap().is_empty());
}

#[tokio::test]
async fn failed_and_damaged_backups_can_be_forgotten_also_beside_each_other() {
    let (_base, a) = house().await;
    for id in ["sound", "bad-descriptor", "bad-manifest", "no-manifest", "no-descriptor", "worse"] {
        assert_eq!(a.backup(id).await.unwrap().state, State::Success);
    }
    let object = |id: &str, kind: Object| {
        objects(&a.plan.backups, id).into_iter().find(|(k, _)| *k == kind).unwrap().1
    };
    damage(&object("bad-descriptor", Object::Descriptor), Damage::Flip(500)).unwrap();
    damage(&object("worse", Object::Descriptor), Damage::Empty).unwrap();
    damage(&object("bad-manifest", Object::Manifest), Damage::Flip(500)).unwrap();
    damage(&object("no-manifest", Object::Manifest), Damage::Delete).unwrap();
    damage(&object("no-descriptor", Object::Descriptor), Damage::Delete).unwrap();
    let kept = forget(&a, "sound").await.unwrap_err();
    assert_eq!(kept.kind(), ErrorKind::Conflict, "{kept}");
    assert!(
        kept.to_string().contains("is damaged") && kept.to_string().contains("forget that one first"),
        "{kept}"
    );
    for id in ["bad-descriptor", "worse", "bad-manifest", "no-manifest", "no-descriptor", "sound"] {
        let report = forget(&a, id).await.unwrap_or_else(|e| panic!("{id}: {e}"));
        assert!(report.objects > 0 && report.refused == 0, "{id}: {report:?}");
    }
    assert!(a.objects().unwrap().is_empty());
    a.db.hooks.cut.hold();
    a.host.backup(BackupRequest::new(BACKEND, "gone")).await.unwrap();
    a.cancel("gone").await.unwrap();
    a.db.hooks.cut.release();
    assert_eq!(a.ended("gone").await.unwrap().state, State::Canceled);
    assert_eq!(forget(&a, "gone").await.unwrap().objects, 1);
}

#[tokio::test]
async fn a_list_shows_every_backup_in_order_of_its_start() {
    let (base, a) = house().await;
    assert!(listed(&a, Order::Descending).await.is_empty());
    a.backup("first").await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    a.db.hooks.cut.hold();
    a.host.backup(BackupRequest::new(BACKEND, "canceled")).await.unwrap();
    a.cancel("canceled").await.unwrap();
    a.ended("canceled").await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let before = a.db.hooks.cut.arrived();
    a.host.backup(BackupRequest::new(BACKEND, "running")).await.unwrap();
    assert!(until(|| a.db.hooks.cut.arrived() > before).await);
    let expected = |running| {
        [("first", State::Success), ("canceled", State::Canceled), ("running", running)]
            .map(|(id, state)| (id.to_owned(), state))
            .to_vec()
    };
    assert_eq!(listed(&a, Order::Ascending).await, expected(State::Transferring));
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(listed(&b, Order::Ascending).await, expected(State::Started), "as the other server sees it");
    let mut reversed = expected(State::Started);
    reversed.reverse();
    assert_eq!(listed(&b, Order::Descending).await, reversed);
    a.db.hooks.cut.release();
    a.ended("running").await.unwrap();
}

#[tokio::test]
async fn a_list_passes_over_what_is_no_backup_and_shows_what_is_damaged() {
    let (_base, a) = house().await;
    a.backup("good").await.unwrap();
    a.backup("damaged").await.unwrap();
    damage(&a.plan.backups.join("damaged/backup.json"), Damage::Cut).unwrap();
    Forgery::new(&a.plan.backups, "newer").collection("C").write_with(&json!({"format": 7}));
    for folder in ["lost+found", "Upper", ".hidden", "empty", "ü", "no-descriptor/attempt"] {
        fs::create_dir_all(a.plan.backups.join(folder)).unwrap();
    }
    fs::write(a.plan.backups.join("README"), "not ours").unwrap();
    fs::write(a.plan.backups.join("no-descriptor/attempt/x"), "not ours").unwrap();
    fs::write(a.plan.backups.join("Upper/backup.json"), "{}").unwrap();
    let found = a.host.list(BACKEND, &Location::default(), Order::Ascending).await.unwrap();
    let mut states: Vec<_> = found.iter().map(|s| (s.id.as_str(), s.state)).collect();
    states.sort_by_key(|(id, _)| *id);
    assert_eq!(states, [("damaged", State::Failed), ("good", State::Success), ("newer", State::Failed)]);
    let text = |id: &str| error_of(found.iter().find(|s| s.id == id).unwrap()).to_owned();
    assert!(text("damaged").contains("descriptor") && text("newer").contains("format 7"), "{found:?}");
}
