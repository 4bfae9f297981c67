//! What waits in the pool and what does not.

use std::time::Duration;

use siltstone::ErrorKind;

use crate::fixture::{Fixture, Setup, batches, write_all};

/// Runs `work` on another thread; whether it ends within 50 ms while `meanwhile` lives.
fn ends<T>(meanwhile: T, work: impl FnOnce() + Send) -> bool {
    std::thread::scope(|scope| {
        let running = scope.spawn(work);
        std::thread::sleep(Duration::from_millis(50));
        let ended = running.is_finished();
        drop(meanwhile);
        running.join().unwrap();
        ended
    })
}

#[test]
fn only_closed_shards_that_a_cut_covers_wait_for_it() {
    let f = Fixture::new(&Setup { tenants: 3, ..Setup::default() });
    write_all(&f.db, &f.shards, 1);
    let pool = &f.db.engine.pool;
    for closed in &f.shards[1..] {
        pool.close_and(closed, || Ok(())).unwrap();
    }
    let read = |n: usize| {
        let f = &f;
        move || assert_eq!(batches(&f.db, &f.shards[n]), 1)
    };
    let frozen = || pool.freeze(&f.shards[..2]);
    assert!(ends(frozen(), read(0)), "an open shard is read");
    assert!(ends(frozen(), read(2)), "so is a closed one that the cut does not cover");
    assert!(!ends(frozen(), read(1)), "one that it covers stays closed until the gate has closed");
}

#[test]
fn a_shard_whose_engine_has_stopped_is_opened_again_once_its_leases_are_back() {
    let f = Fixture::new(&Setup { tenants: 1, ..Setup::default() });
    write_all(&f.db, &f.shards, 1);
    let pool = &f.db.engine.pool;
    let lease = pool.lease(&f.shards[0]).unwrap();
    let error = lease.stop("write", fjall::Error::Poisoned);
    assert!(error.is(ErrorKind::Internal) && error.to_string().contains("tenant-0"), "{error}");
    assert!(pool.lease_open(&f.shards[0]).is_some(), "a cut takes what is there");
    assert!(!ends(lease, || write_all(&f.db, &f.shards, 2)), "the engine is not closed under a reader");
    assert_eq!(batches(&f.db, &f.shards[0]), 2);
    assert!(!pool.lease(&f.shards[0]).unwrap().is_stopped());
}

#[test]
fn the_folder_of_a_shard_that_is_lost_is_damage_and_never_an_empty_shard() {
    let f = Fixture::new(&Setup { tenants: 2, ..Setup::default() });
    write_all(&f.db, &f.shards[..1], 1);
    for shard in &f.shards {
        f.db.engine.pool.close_and(shard, || Ok(())).unwrap();
        std::fs::remove_dir_all(f.db.engine.data.shard(shard)).unwrap();
        for error in [f.db.count(shard).unwrap_err(), cut(&f).files(shard).unwrap_err()] {
            assert!(error.is(ErrorKind::Corrupt), "{error}");
            assert!(error.to_string().contains("is missing: restore it from a backup"), "{error}");
        }
    }
}

fn cut(f: &Fixture) -> Box<dyn siltstone::source::Cut> {
    use siltstone::source::SnapshotSource;
    f.db.cut(&f.shards, &f.budget(Duration::from_secs(1))).unwrap().cuts.remove(0)
}
