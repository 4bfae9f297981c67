//! Attempts to reach files outside of what was granted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use siltstone::ErrorKind::Denied;
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan};
use super::trial::Call::{Head, Open, Put};
use super::trial::Outcome::Fails;
use super::trial::{behave, provoke};
use super::trials;

trials! {
    a_file_that_was_not_granted_is_not_read: ReadFile in Head => Fails(Denied, &["neither a file setting"]);
    dot_dot_does_not_lead_out: ReadDotDot in Head => Fails(Denied, &["refused"]);
    an_absolute_path_does_not_lead_out: ReadAbsolute in Head => Fails(Denied, &["refused"]);
    a_link_does_not_lead_out: ReadThroughLink in Head => Fails(Denied, &["refused"]);
    the_process_is_not_to_be_seen: ReadProc in Head => Fails(Denied, &["refused", "all 7 ways"]);
    what_lies_outside_is_not_even_looked_at: LookOutside in Head => Fails(Denied, &["refused", "all 12 ways"]);
    dot_dot_does_not_write_outside: WriteDotDot in Put => Fails(Denied, &["refused"]);
    a_link_does_not_write_outside: WriteThroughLink in Put => Fails(Denied, &["refused"]);
    a_link_of_its_own_does_not_lead_out: MakeLink in Put => Fails(Denied, &["refused"]);
    a_hard_link_leads_neither_in_nor_out: HardLink in Put => Fails(Denied, &["refused", "all 6 ways"]);
    nothing_is_moved_out_or_in: Rename in Put => Fails(Denied, &["refused", "all 6 ways"]);
    a_folder_within_a_granted_one_is_not_granted_beside_it: NeedsNestedFolders in Open => Fails(Denied, &["/below`, as it lies within"]);
    nothing_outside_is_removed: Remove in Put => Fails(Denied, &["refused", "all 5 ways"]);
    a_folder_that_is_granted_for_reading_is_not_written: WriteReadOnly in Put => Fails(Denied, &["refused", "all 13 ways"]);
    @ SwapsFolder by a_link_that_is_swapped_in_below_a_granted_folder_leads_nowhere;
}

/// Instances of another plugin that are made while this happens get the folder itself, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_swapped_in_below_a_granted_folder_leads_nowhere() {
    let house = House::new(Plan::default()).await;
    let below = house.root.path().join("granted/below");
    std::fs::create_dir(&below).unwrap();
    let storage = house.open(Order::of(Behaviour::SwapsFolder)).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let swapping = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            while !is_over.load(Ordering::Relaxed) {
                provoke(&*storage, Put).await.unwrap();
            }
        }
    });
    let (mut opened, mut refusals) = (0, Vec::new());
    for _ in 0..100 {
        match house.open_filesystem(&below).await {
            Ok(filesystem) => {
                // Whatever becomes of it, it does not write outside.
                let _ = behave(&*filesystem, Put).await;
                opened += 1;
            }
            Err(refused) => refusals.push(refused.to_string()),
        }
    }
    is_over.store(true, Ordering::Relaxed);
    swapping.await.unwrap();
    assert!(opened > 0, "{refusals:?}");
    house.assert_undisturbed().await;
}
