//! Cuts of a live database: one instant, traps of the engine, pool and fallbacks.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use siltstone::model::{Scope, TenantState};
use siltstone::source::{Cut, Hold, SegmentClass, SegmentContent, SnapshotSource};
use uuid::Uuid;

use crate::fixture::{
    Fixture, Setup, Stop, batches, collection, object, restored, shard, while_writing, write_all,
};
use crate::{Change, Object, ShardChanges, Tenancy};

const GENEROUS: Duration = Duration::from_millis(500);

fn impossible(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::CrossesDevices.into())
}

/// Restores a cut and checks that every shard holds exactly `n` batches.
fn assert_holds(cut: &dyn Cut, n: u64) {
    let (_folder, copy) = restored(cut);
    for (shard, state) in cut.shards() {
        if state == TenantState::Hot {
            assert_eq!(batches(&copy, &shard), n, "{shard}");
        }
    }
}

fn only(outcome: siltstone::source::CutOutcome) -> Box<dyn Cut> {
    assert_eq!(outcome.cuts.len(), 1);
    outcome.cuts.into_iter().next().unwrap()
}

#[test]
fn every_cut_under_compaction_load_is_one_instant_of_all_shards() {
    let f = Fixture::new(&Setup { memtable: 32 << 10, ..Setup::default() });
    while_writing(&f, 0, |started, acknowledged| {
        for round in 0..25 {
            std::thread::sleep(Duration::from_millis(20));
            let budget = f.budget(GENEROUS);
            if round % 3 == 0 {
                f.shards.iter().for_each(|s| f.db.prepare(s).unwrap());
            }
            let low = acknowledged.load(Ordering::SeqCst);
            let outcome = f.db.cut(&f.shards, &budget).unwrap();
            let high = started.load(Ordering::SeqCst);
            assert!(outcome.gone.is_empty());
            let [cut] = outcome.cuts.as_slice() else { panic!("{} cuts", outcome.cuts.len()) };
            assert_eq!((cut.scope(), cut.hold()), (Scope::Node, Hold::Links));
            let (_folder, copy) = restored(&**cut);
            let counts: Vec<u64> = f.shards.iter().map(|s| batches(&copy, s)).collect();
            assert!(counts.iter().all(|n| *n == counts[0]), "{counts:?}");
            assert!((low..=high).contains(&counts[0]), "{low} <= {} <= {high}", counts[0]);
            write_all(&copy, &f.shards, counts[0] + 1);
            copy.clone().close().unwrap();
            assert_eq!(batches(&copy, &f.shards[0]), counts[0] + 1);
            std::fs::remove_dir_all(budget.staging).unwrap();
        }
    });
}

#[test]
fn a_cut_that_may_hold_nobody_falls_back_to_shards_and_each_is_exact() {
    let f = Fixture::new(&Setup::default());
    while_writing(&f, 0, |started, acknowledged| {
        std::thread::sleep(Duration::from_millis(50));
        let low = acknowledged.load(Ordering::SeqCst);
        let outcome = f.db.cut(&f.shards, &f.budget(Duration::ZERO)).unwrap();
        let high = started.load(Ordering::SeqCst);
        assert_eq!(outcome.cuts.len(), f.shards.len());
        for cut in outcome.cuts {
            assert_eq!(cut.scope(), Scope::Shard);
            assert!(cut.pause() > Duration::ZERO);
            let (_folder, copy) = restored(&*cut);
            let n = batches(&copy, &cut.shards()[0].0);
            assert!((low..=high).contains(&n), "{low} <= {n} <= {high}");
        }
    });
}

#[test]
fn more_hot_shards_than_may_be_open_are_cut_at_one_instant() {
    let f = Fixture::new(&Setup { tenants: 20, max_open: 4, memtable: 32 << 10, ..Setup::default() });
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Batch n reaches the shards one after the other, so an instant shows n in the first of them and n - 1 in the rest.
        scope.spawn(|| {
            for n in 1.. {
                for shard in &f.shards {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    write_all(&f.db, std::slice::from_ref(shard), n);
                }
            }
        });
        let _stopped = Stop(&stop);
        for _ in 0..6 {
            std::thread::sleep(Duration::from_millis(60));
            let cut = only(f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap());
            assert_eq!(cut.scope(), Scope::Node);
            let (_folder, copy) = restored(&*cut);
            let counts: Vec<u64> = f.shards.iter().map(|s| batches(&copy, s)).collect();
            assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
            assert!(counts[0] - counts[counts.len() - 1] <= 1, "{counts:?}");
            assert!(f.db.open_shards() <= 4);
        }
    });
}

#[test]
fn where_links_are_impossible_files_are_pinned_and_copied_before_they_would_go() {
    let f = Fixture::new(&Setup { tenants: 6, max_open: 3, memtable: 32 << 10, link: impossible });
    for n in 1..=300 {
        for shard in &f.shards {
            write_all(&f.db, std::slice::from_ref(shard), n);
        }
    }
    let cut = only(f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap());
    assert_eq!(cut.hold(), Hold::Pin);
    // Compaction, closing, opening and dropping go on under the pin.
    for n in 301..=900 {
        write_all(&f.db, &f.shards[..3], n);
    }
    for shard in &f.shards[..5] {
        write_all(&f.db, std::slice::from_ref(shard), 901);
    }
    f.db.drop_collection(&collection("Tree")).unwrap();
    assert_holds(&*cut, 300);
}

#[test]
fn a_shard_dropped_after_the_cut_is_delivered_and_one_dropped_before_is_gone() {
    for link in [Setup::default().link, impossible] {
        let f = Fixture::new(&Setup { link, ..Setup::default() });
        write_all(&f.db, &f.shards, 1);
        let tenant = |n: usize| [f.shards[n].tenant.clone().unwrap()];
        f.db.drop_tenants(&collection("Tree"), &tenant(0)).unwrap();
        let outcome = f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap();
        assert_eq!(outcome.gone, f.shards[..1]);
        let cut = only(outcome);
        // Names of segments are used again: the same tenant with the same number of other tables.
        f.db.drop_collection(&collection("Tree")).unwrap();
        f.db.create_collection(&collection("Tree"), json!({}), Tenancy::Multi).unwrap();
        f.db.add_tenants(&collection("Tree"), &[(f.shards[1].tenant.clone().unwrap(), TenantState::Hot)])
            .unwrap();
        write_all(&f.db, &f.shards[1..2], 7);
        f.db.prepare(&f.shards[1]).unwrap();
        assert_eq!(cut.shards().len(), 3);
        assert_holds(&*cut, 1);
    }
}

#[test]
fn cold_closed_offloaded_and_unwritten_shards_come_back_in_their_states() {
    let f = Fixture::new(&Setup { tenants: 5, max_open: 2, ..Setup::default() });
    for shard in &f.shards[..3] {
        write_all(&f.db, std::slice::from_ref(shard), 1);
    }
    let name = |n: usize| f.shards[n].tenant.clone().unwrap();
    f.db.set_tenants(&collection("Tree"), &[(name(0), TenantState::Cold), (name(4), TenantState::Offloaded)])
        .unwrap();
    let cut = only(f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap());
    let expected =
        [TenantState::Cold, TenantState::Hot, TenantState::Hot, TenantState::Hot, TenantState::Offloaded];
    assert_eq!(cut.shards().iter().map(|(_, s)| *s).collect::<Vec<_>>(), expected);
    assert!(cut.files(&f.shards[4]).unwrap().is_empty());
    assert!(cut.files(&shard("Tree", "nobody")).is_err());

    let (_folder, copy) = restored(&*cut);
    assert_eq!(copy.tenants(&collection("Tree")).unwrap(), f.db.tenants(&collection("Tree")).unwrap());
    assert!(copy.get(&f.shards[0], Uuid::nil()).unwrap_err().to_string().contains("Cold"));
    copy.set_tenants(&collection("Tree"), &[(name(0), TenantState::Hot)]).unwrap();
    let counts: Vec<u64> = f.shards[..4].iter().map(|s| batches(&copy, s)).collect();
    assert_eq!(counts, [1, 1, 1, 0]);
    write_all(&copy, &f.shards[3..4], 1);
    assert_eq!(batches(&copy, &f.shards[3]), 1);
    let woken = copy.set_tenants(&collection("Tree"), &[(name(4), TenantState::Hot)]).unwrap_err();
    assert!(woken.to_string().contains("its data is not on this server"), "{woken}");
}

#[test]
fn a_cut_shares_no_file_that_fjall_writes_to_and_carries_no_allocated_space() {
    use std::os::unix::fs::MetadataExt;
    let f = Fixture::new(&Setup { tenants: 1, ..Setup::default() });
    write_all(&f.db, &f.shards, 1);
    f.db.prepare(&f.shards[0]).unwrap();
    write_all(&f.db, &f.shards, 2);
    let cut = only(f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap());
    let live = f.db.engine.data.shard(&f.shards[0]);
    let mut immutable = 0;
    for file in cut.files(&f.shards[0]).unwrap() {
        let name = file.path.as_str();
        let SegmentContent::Path(path) = &file.content else {
            assert_eq!((name, file.class, file.length), ("lock", SegmentClass::Inline, 0));
            continue;
        };
        let (staged, live) = (std::fs::metadata(path).unwrap(), std::fs::metadata(live.join(name)).unwrap());
        let is_shared = staged.ino() == live.ino();
        let is_table = name.contains("/tables/");
        immutable += u64::from(is_table);
        assert_eq!(is_shared, is_table, "{name}");
        assert_eq!(file.class == SegmentClass::Immutable, is_table, "{name}");
        if name.ends_with(".jnl") {
            assert!((1..live.len()).contains(&file.length), "only the second batch is not in tables");
        }
    }
    assert!(immutable >= 3, "meta, objects and vectors have tables: {immutable}");
    assert_holds(&*cut, 2);
}

#[test]
fn a_journal_begun_meanwhile_is_taken_and_one_begun_and_removed_is_noticed() {
    let f = Fixture::new(&Setup { tenants: 1, memtable: 4 << 20, ..Setup::default() });
    let lease = || f.db.engine.pool.lease(&f.shards[0]).unwrap();
    let rotations = || {
        let journals = super::open::journals(&lease().folder).unwrap();
        journals.last().unwrap().0
    };
    let mut seed = 1_u32;
    let mut fill = |upto: u64| {
        while rotations() < upto {
            let mut random = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from_bits(seed)
            };
            let vector = Some((0..1 << 19).map(|_| random()).collect());
            let big = Object { vector, ..object(5, 5) };
            let changes = vec![Change::Put(big)];
            f.db.write(&[ShardChanges { shard: f.shards[0].clone(), changes }]).unwrap();
        }
    };
    write_all(&f.db, &f.shards, 1);
    let mut one = super::open::OpenShard::take(lease()).unwrap();
    fill(1);
    assert!(one.take_journals().unwrap().is_some_and(|j| j.iter().map(|(n, _)| *n).eq([0, 1])));
    let mut several = super::open::OpenShard::take(lease()).unwrap();
    fill(3);
    // The engine removes a journal in the background, some time after all of it has been flushed.
    let begun = std::time::Instant::now();
    let has_second =
        || super::open::journals(&lease().folder).unwrap().iter().any(|(number, _)| *number == 2);
    while has_second() {
        assert!(begun.elapsed() < Duration::from_secs(30), "journal 2 stays");
        f.db.prepare(&f.shards[0]).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(several.take_journals().unwrap().is_none(), "journal 2 was begun and removed");
    // What is left is allocated ahead, and the cut takes none of that.
    let live = f.db.engine.data.shard(&f.shards[0]).join("3.jnl");
    assert_eq!(std::fs::metadata(live).unwrap().len(), 64 << 20);
    let cut = only(f.db.cut(&f.shards, &f.budget(GENEROUS)).unwrap());
    let files = cut.files(&f.shards[0]).unwrap();
    let journal = files.iter().find(|file| file.path.as_str() == "3.jnl").unwrap();
    assert!(journal.length < 8 << 20, "{}", journal.length);
    assert_eq!(restored(&*cut).1.count(&f.shards[0]).unwrap(), f.db.count(&f.shards[0]).unwrap());
}

#[test]
fn what_pins_a_tree_keeps_every_table_of_it_while_compaction_goes_on() {
    let f = Fixture::new(&Setup { tenants: 1, memtable: 32 << 10, ..Setup::default() });
    while_writing(&f, 0, |_, _| {
        for _ in 0..200 {
            let lease = f.db.engine.pool.lease(&f.shards[0]).unwrap();
            let tree = super::tree::Tree::in_use(&lease.objects).unwrap();
            std::thread::sleep(Duration::from_millis(2));
            for table in &tree.tables {
                assert!(lease.objects.path().join("tables").join(table.to_string()).exists());
            }
            assert_eq!(
                tree.manifest.0,
                format!("v{}", u64::from_le_bytes(*tree.current.first_chunk().unwrap()))
            );
        }
    });
}
