//! Two servers that share one folder: each id has one owner, and nobody touches what another one has begun.

use std::sync::atomic::Ordering;
use std::time::Duration;

use siltstone::ErrorKind;
use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, Order};
use siltstone_tests::ops_house::{BACKEND, House, Plan, counted, fill, until};
use tempfile::{TempDir, tempdir};

async fn houses() -> (TempDir, House, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    fill(&a.db, 3 << 20).unwrap();
    fill(&b.db, 2 << 20).unwrap();
    (base, a, b)
}

#[tokio::test]
async fn of_two_servers_that_want_the_same_id_exactly_one_gets_it() {
    let (_base, a, b) = houses().await;
    for n in 0..15 {
        let id = format!("same{n}");
        let (one, other) = tokio::join!(
            a.host.backup(BackupRequest::new(BACKEND, &id)),
            b.host.backup(BackupRequest::new(BACKEND, &id)),
        );
        let (winner, loser) = match (one, other) {
            (Ok(_), Err(e)) => (&a, e),
            (Err(e), Ok(_)) => (&b, e),
            both => panic!("{id}: {both:?}"),
        };
        assert_eq!(loser.kind(), ErrorKind::AlreadyExists, "{loser}");
        assert_eq!(winner.ended(&id).await.unwrap().state, State::Success);
        let attempts = std::fs::read_dir(a.plan.backups.join(&id)).unwrap().count();
        assert_eq!(attempts, 2, "{id}: the descriptor and one attempt");
    }
    assert!(a.local_leftovers().unwrap().is_empty() && b.local_leftovers().unwrap().is_empty());
}

#[tokio::test]
async fn of_two_servers_that_take_over_a_failed_id_at_most_one_succeeds_and_it_is_restorable() {
    let (base, a, b) = houses().await;
    for n in 0..8 {
        let id = format!("again{n}");
        a.db.hooks.cut.hold();
        a.host.backup(BackupRequest::new(BACKEND, &id)).await.unwrap();
        a.cancel(&id).await.unwrap();
        assert_eq!(a.ended(&id).await.unwrap().state, State::Canceled);
        a.db.hooks.cut.release();
        let both = tokio::join!(
            a.host.backup(BackupRequest::new(BACKEND, &id)),
            b.host.backup(BackupRequest::new(BACKEND, &id)),
        );
        let mut succeeded = 0;
        for (house, accepted) in [(&a, both.0), (&b, both.1)] {
            // Where the store cannot replace conditionally, the one that was displaced learns it at the end.
            let told = house.host.wait_backup(BACKEND, &id, &Location::default()).await.unwrap();
            let record = house.local_leftovers().unwrap();
            assert!(record.is_empty(), "{id}: {record:?}");
            succeeded += usize::from(accepted.is_ok() && told.state == State::Success);
        }
        assert!(succeeded >= 1, "{id}");
        let c = Plan::new(base.path(), &format!("c{n}")).unwrap().start().await.unwrap();
        assert_eq!(c.restore(&id).await.unwrap().state, State::Success, "{id}");
        let restored = c.db.content().unwrap();
        assert!(
            restored == a.db.content().unwrap() || restored == b.db.content().unwrap(),
            "{id}: a mixture"
        );
        let attempts = std::fs::read_dir(a.plan.backups.join(&id)).unwrap().count();
        assert_eq!(attempts, 2, "{id}: the loser removed what it had stored");
    }
}

#[tokio::test]
async fn different_ids_at_the_same_time_do_not_disturb_each_other() {
    let (base, a, b) = houses().await;
    for n in 0..5 {
        let ids = [format!("a{n}"), format!("b{n}")];
        let (one, other) = tokio::join!(a.backup(&ids[0]), b.backup(&ids[1]));
        assert_eq!(counted([&one.unwrap(), &other.unwrap()]), [("SUCCESS", 2)].into());
    }
    for house in [&a, &b] {
        assert_eq!(house.host.list(BACKEND, &Location::default(), Order::Ascending).await.unwrap().len(), 10);
    }
    for (id, from) in [("a4", &a), ("b4", &b)] {
        let c = Plan::new(base.path(), &format!("c-{id}")).unwrap().start().await.unwrap();
        assert_eq!(c.restore(id).await.unwrap().state, State::Success);
        assert_eq!(c.db.content().unwrap(), from.db.content().unwrap());
    }
}

#[tokio::test]
async fn a_restart_of_one_server_does_not_touch_what_the_other_one_is_making() {
    let (base, a, b) = houses().await;
    b.db.hooks.read_delay_us.store(20_000, Ordering::Relaxed);
    b.host.backup(BackupRequest::new(BACKEND, "slow")).await.unwrap();
    assert!(until(|| b.objects().unwrap().len() > 1).await);
    let mut a = a;
    for _ in 0..3 {
        a = a.stop().await.start().await.unwrap();
        assert_eq!(a.status("slow").await.unwrap().state, State::Started);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let taken = a.host.backup(BackupRequest::new(BACKEND, "slow")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists, "{taken}");
    // A cancel from elsewhere cannot have an effect, and does not say that it had.
    let elsewhere = a.cancel("slow").await.unwrap_err();
    assert!(
        elsewhere.is(ErrorKind::Conflict) && elsewhere.to_string().contains("does not run here"),
        "{elsewhere}"
    );
    assert_eq!(b.ended("slow").await.unwrap().state, State::Success);
    let c = Plan::new(base.path(), "c").unwrap().start().await.unwrap();
    assert_eq!(c.restore("slow").await.unwrap().state, State::Success);
    assert_eq!(c.db.content().unwrap(), b.db.content().unwrap());
}

#[tokio::test]
async fn two_servers_cannot_share_a_data_folder() {
    let (_base, a, _b) = houses().await;
    let refused = a.plan.start().await.err().expect("two hosts on one data folder");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert!(refused.to_string().contains("a data folder of its own"), "{refused}");
}
