//! Memory that plugins cost the process: what faulting calls took comes back, and a folder is not held as a whole.

use std::future::Future;
use std::time::Instant;

use siltstone::ErrorKind::Plugin as Fault;
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan, most_resident, resident};
use super::trial::{Call, behave, provoke};
use super::trials;

trials! {
    @ ListsLargeFolder by a_large_folder_is_listed_a_part_at_a_time;
}

/// Faulting calls before memory is looked at for the first time: pools and caches have their size by then.
const WARM_UP: u32 = 500;
/// Faulting calls that are counted.
const CALLS: u32 = 10_000;
/// Most bytes that the process may have more after them.
const GROWTH: u64 = 16 << 20;
/// Entries of a large folder, each with a name of `NAME` bytes: sixteen listings of it would be 100 MB.
const ENTRIES: usize = 20_000;
const NAME: usize = 240;
/// Most bytes that sixteen listings of it may cost.
const LISTINGS: u64 = 32 << 20;
/// Set for the process that does what a test is about.
const ROLE: &str = "SILTSTONE_TEST_ALONE";

/// Does it in a process of its own, since tests may be threads of one, and each needs memory.
pub(super) fn alone<F: Future<Output = ()>>(test: &str, what: fn() -> F) {
    if std::env::var_os(ROLE).is_some() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(what());
    }
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("hostile::{test}"), "--nocapture"])
        .env(ROLE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("1 passed"), "the process has done nothing: {said}");
}

#[test]
fn ten_thousand_faulting_calls_leave_no_memory_behind() {
    alone("memory::ten_thousand_faulting_calls_leave_no_memory_behind", fault);
}

#[test]
fn a_large_folder_is_listed_a_part_at_a_time() {
    alone("memory::a_large_folder_is_listed_a_part_at_a_time", list);
}

async fn fault() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::Trap)).await.unwrap();
    let mut warm = 0;
    for call in 0..WARM_UP + CALLS {
        if call == WARM_UP {
            warm = resident();
        }
        let error = provoke(&*storage, Call::Put).await.unwrap_err();
        assert!(error.is(Fault), "{error}");
    }
    let grown = resident().saturating_sub(warm);
    assert!(grown <= GROWTH, "{CALLS} faulting calls have left {grown} bytes");
    eprintln!("{CALLS} faulting calls: {} KiB before, {} KiB more after", warm >> 10, grown >> 10);
    behave(&*storage, Call::Put).await.unwrap();
    house.assert_undisturbed().await;
}

async fn list() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::ListsLargeFolder)).await.unwrap();
    behave(&*storage, Call::Put).await.unwrap();
    let (folder, started) = (house.root.path().join("granted"), Instant::now());
    for entry in 0..ENTRIES {
        std::fs::write(folder.join(format!("{entry:0NAME$}")), "").unwrap();
    }
    eprintln!("{ENTRIES} files were made in {:?}", started.elapsed());
    // What there was in the folder before.
    let entries = ENTRIES + 2;
    // From here on the most that this process ever had is counted anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident();
    let error = provoke(&*storage, Call::Put).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is(Fault) && text.contains(&format!("16 listings, {entries} entries")), "{text}");
    let grown = most_resident().saturating_sub(before);
    eprintln!("sixteen listings of {entries} entries: {} KiB", grown >> 10);
    assert!(grown <= LISTINGS, "sixteen listings have cost {grown} bytes");
    behave(&*storage, Call::Put).await.unwrap();
    house.assert_undisturbed().await;
}
