//! Memory that faulting calls took comes back.

use siltstone::ErrorKind::Plugin as Fault;
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan, resident};
use super::trial::{Call, behave, provoke};

/// Faulting calls before memory is looked at for the first time: pools and caches have their size by then.
const WARM_UP: u32 = 500;
/// Faulting calls that are counted.
const CALLS: u32 = 10_000;
/// Most bytes that the process may have more after them.
const GROWTH: u64 = 16 << 20;
/// Set for the process that makes the calls.
const ROLE: &str = "SILTSTONE_TEST_FAULTING_CALLS";
/// The name of the test, by which that process finds it.
const NAME: &str = "hostile::memory::ten_thousand_faulting_calls_leave_no_memory_behind";

/// The calls are made by a process of their own, since tests may be threads of one, and each needs memory.
#[test]
fn ten_thousand_faulting_calls_leave_no_memory_behind() {
    if std::env::var_os(ROLE).is_some() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(fault());
    }
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ROLE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("1 passed"), "the process has made no calls: {said}");
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
