//! A cancel answers at once, wins until the end is published, and leaves nothing behind.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use siltstone::ErrorKind;
use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, RestoreRequest};
use siltstone::settings::VerifyMode;
use siltstone_tests::ops_house::{BACKEND, House, Plan, fill, shown, until};
use tempfile::tempdir;

const MIB: usize = 1 << 20;

/// Cancels the backup `x`, and checks everything that a cancel promises.
async fn cancel_and_look(a: &House, stage: &str) {
    let asked = Instant::now();
    a.cancel("x").await.unwrap_or_else(|e| panic!("{stage}: {e}"));
    assert!(asked.elapsed() < Duration::from_millis(500), "{stage}: answered after {:?}", asked.elapsed());
    let status = a.ended("x").await.unwrap();
    assert_eq!(status.state, State::Canceled, "{stage}: {}", shown(&status));
    assert!(asked.elapsed() < Duration::from_secs(2), "{stage}: ended after {:?}", asked.elapsed());
    assert_eq!(status.error.as_deref(), Some("cancelled on request"), "{stage}");
    assert!(!status.completed_at.is_zero(), "{stage}");
    assert_eq!(a.objects().unwrap(), ["x/backup.json"], "{stage}");
    assert_eq!(a.status("x").await.unwrap().state, State::Canceled, "{stage}");
    // Again is fine.
    a.cancel("x").await.unwrap();
}

#[tokio::test]
async fn a_backup_can_be_cancelled_at_every_stage_and_leaves_nothing() {
    let base = tempdir().unwrap();
    let plan = Plan::new(base.path(), "a").unwrap().publishing_after(Duration::from_millis(500));
    let a = plan.start().await.unwrap();
    fill(&a.db, 12 * MIB).unwrap();
    let start = || a.host.backup(BackupRequest::new(BACKEND, "x"));

    // At once.
    start().await.unwrap();
    cancel_and_look(&a, "at once").await;

    // Flushing ahead, and in the cut: these are the database's own time, and are not waited for.
    for (stage, gate) in [("prepare", &a.db.hooks.prepare), ("cut", &a.db.hooks.cut)] {
        gate.hold();
        let before = gate.arrived();
        start().await.unwrap();
        assert!(until(|| gate.arrived() > before).await, "{stage}");
        cancel_and_look(&a, stage).await;
        gate.release();
        let gone = until(|| a.local_leftovers().unwrap().is_empty()).await;
        assert!(gone, "{stage}: {:?} stay after the cut went on", a.local_leftovers());
    }

    // While data moves, early and late.
    a.db.hooks.read_delay_us.store(5_000, Ordering::Relaxed);
    for percent in [0, 30, 80] {
        start().await.unwrap();
        let begun = Instant::now();
        loop {
            let progress = a.status("x").await.unwrap().progress;
            if progress.raw_done > progress.raw_total * percent / 100 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{progress:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel_and_look(&a, &format!("after {percent} %")).await;
        assert!(a.local_leftovers().unwrap().is_empty(), "{percent} %: {:?}", a.local_leftovers());
    }
    a.db.hooks.read_delay_us.store(0, Ordering::Relaxed);

    // When everything is stored and only the publication is missing.
    start().await.unwrap();
    let begun = Instant::now();
    while a.status("x").await.unwrap().state != State::Transferred {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cancel_and_look(&a, "transferred").await;

    // The id was never burnt.
    let status = a.backup("x").await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let late = a.cancel("x").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
    assert!(late.to_string().contains("succeeded"), "{late}");
    assert_eq!(a.status("x").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_backup_can_be_cancelled_while_it_is_verified() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().verifying(VerifyMode::Full).start().await.unwrap();
    fill(&a.db, 24 * MIB).unwrap();
    for _ in 0..3 {
        a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
        let begun = Instant::now();
        while a.status("x").await.unwrap().state != State::Transferred {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        cancel_and_look(&a, "verify").await;
        assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
    }
}

#[tokio::test]
async fn a_quick_cancel_of_a_tiny_backup_always_wins() {
    let base = tempdir().unwrap();
    let plan = Plan::new(base.path(), "a").unwrap().publishing_after(Duration::from_millis(500));
    let a = plan.start().await.unwrap();
    fill(&a.db, 100).unwrap();
    for wait in [0, 50, 200, 350, 0, 0, 0] {
        a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        cancel_and_look(&a, &format!("after {wait} ms")).await;
    }
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_cancel_at_the_last_moment_is_answered_by_what_came_of_it() {
    let base = tempdir().unwrap();
    let plan = Plan::new(base.path(), "a").unwrap().publishing_after(Duration::from_millis(60));
    let a = plan.start().await.unwrap();
    fill(&a.db, 100).unwrap();
    for n in 0..25 {
        let id = format!("b{n}");
        a.host.backup(BackupRequest::new(BACKEND, &id)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(40 + n * 2)).await;
        let cancelled = a.cancel(&id).await;
        let state = a.ended(&id).await.unwrap().state;
        match cancelled {
            Ok(()) => assert_eq!(state, State::Canceled, "{id}"),
            Err(e) => assert_eq!((state, e.kind()), (State::Success, ErrorKind::Conflict), "{id}: {e}"),
        }
    }
}

#[tokio::test]
async fn what_is_unknown_or_failed_can_be_cancelled_without_effect() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    let place = Location::default();
    a.cancel("unknown").await.unwrap();
    a.host.cancel_restore(BACKEND, "unknown", &place).await.unwrap();
    fill(&a.db, 100).unwrap();
    a.backup("x").await.unwrap();
    assert_eq!(a.restore("x").await.unwrap().state, State::Failed);
    a.host.cancel_restore(BACKEND, "x", &place).await.unwrap();
    assert_eq!(a.host.restore_status(BACKEND, "x", &place).await.unwrap().state, State::Failed);
    // The cancel of one id does not touch another one.
    a.db.hooks.cut.hold();
    a.host.backup(BackupRequest::new(BACKEND, "y")).await.unwrap();
    a.cancel("z").await.unwrap();
    a.db.hooks.cut.release();
    assert_eq!(a.ended("y").await.unwrap().state, State::Success);
}

#[tokio::test]
async fn a_restore_can_be_cancelled_until_it_is_installed() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 24 * MIB).unwrap();
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
    let place = Location::default();
    let plan = Plan::new(base.path(), "b").unwrap().publishing_after(Duration::from_millis(500));
    let b = plan.start().await.unwrap();
    let look = async |stage: &str| {
        let asked = Instant::now();
        b.host.cancel_restore(BACKEND, "x", &place).await.unwrap_or_else(|e| panic!("{stage}: {e}"));
        assert!(asked.elapsed() < Duration::from_millis(500), "{stage}");
        b.db.hooks.check.release();
        let status = b.restored("x").await.unwrap();
        assert_eq!(status.state, State::Canceled, "{stage}: {}", shown(&status));
        assert!(asked.elapsed() < Duration::from_secs(2), "{stage}: {:?}", asked.elapsed());
        assert!(b.db.content().unwrap().is_empty(), "{stage}");
        // Also no codec thread makes the staging folder anew.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(b.local_leftovers().unwrap().is_empty(), "{stage}: {:?}", b.local_leftovers());
    };
    for wait in [0, 20, 60] {
        b.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        look(&format!("after {wait} ms")).await;
    }
    b.db.hooks.check.hold();
    let before = b.db.hooks.check.arrived();
    b.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap();
    assert!(until(|| b.db.hooks.check.arrived() > before).await);
    look("check").await;

    b.db.hooks.install.hold();
    b.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap();
    assert!(until(|| b.db.hooks.install.arrived() > 0).await);
    assert_eq!(b.host.restore_status(BACKEND, "x", &place).await.unwrap().state, State::Finalizing);
    let late = b.host.cancel_restore(BACKEND, "x", &place).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
    b.db.hooks.install.release();
    assert_eq!(b.restored("x").await.unwrap().state, State::Success);
    assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
    let late = b.host.cancel_restore(BACKEND, "x", &place).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
}

#[tokio::test]
async fn bursts_of_creates_and_cancels_end_in_a_good_backup() {
    let base = tempdir().unwrap();
    let plan = Plan::new(base.path(), "a").unwrap().publishing_after(Duration::from_millis(100));
    let a = plan.start().await.unwrap();
    fill(&a.db, 3 * MIB).unwrap();
    for n in 0..12_u64 {
        // A cancelled one may hold the slot for a moment; the id is free as soon as it has ended.
        a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis((n * 7) % 40)).await;
        let (one, two) = tokio::join!(a.cancel("x"), a.cancel("x"));
        one.unwrap();
        two.unwrap();
        let status = a.ended("x").await.unwrap();
        assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    }
    assert_eq!(a.objects().unwrap(), ["x/backup.json"]);
    assert_eq!(a.backup("x").await.unwrap().state, State::Success);
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    assert_eq!(b.restore("x").await.unwrap().state, State::Success);
    assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
}

#[tokio::test]
async fn a_shutdown_cancels_what_runs_and_leaves_nothing() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 12 * MIB).unwrap();
    a.db.hooks.read_delay_us.store(5_000, Ordering::Relaxed);
    a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap();
    assert!(until(|| a.local_leftovers().unwrap().iter().any(|l| l.starts_with(".siltstone/staging"))).await);
    let plan = a.stop().await;
    let a = plan.start().await.unwrap();
    assert_eq!(a.status("x").await.unwrap().state, State::Canceled);
    assert_eq!(a.objects().unwrap(), ["x/backup.json"]);
    assert!(a.local_leftovers().unwrap().is_empty(), "{:?}", a.local_leftovers());
}
