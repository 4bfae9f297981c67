//! The suite that every [`Storage`] must pass: the contract of the trait, as far as calls can show it.

mod conditions;
mod context;
mod deleting;
mod dropping;
mod errors;
mod etags;
mod honesty;
mod instances;
mod keys;
mod large;
mod listing;
mod multipart;
mod objects;
mod speed;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::context::{Context, Stop, Verdict};
pub use self::speed::{Figure, measure_storage};
use self::walk::Paged;
use super::{CaseReport, Outcome, Report};
use crate::storage::Storage;

/// How hard a storage is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageCheck {
    /// Objects of the case with many keys. Default 1001: more than a page of most stores.
    pub many: u32,
    /// So many are put while all of them come on one page. Default 1001: no more than `many`.
    pub most: u32,
    /// Bytes of the large objects, as far as the store takes them; each is held in memory twice. Default 8 MiB.
    pub large: u64,
    /// Tasks that race for one key. Default 8.
    pub racers: u32,
    /// How often a case repeats what needs luck to go wrong. Default 20.
    pub rounds: u32,
    /// A case that takes longer has failed. Default 5 min.
    pub patience: Duration,
    /// Once cases that failed have taken longer than this together, the rest is not run. Default 10 min.
    pub loss: Duration,
}

impl Default for StorageCheck {
    fn default() -> Self {
        Self {
            many: 1_001,
            most: 1_001,
            large: 8 << 20,
            racers: 8,
            rounds: 20,
            patience: Duration::from_secs(5 * 60),
            loss: Duration::from_secs(10 * 60),
        }
    }
}

type Case = (&'static str, &'static str, fn(Context) -> BoxFuture<'static, Verdict>);

macro_rules! cases {
    ($($area:literal $module:ident: $($case:ident),+;)+) => {
        &[$($(($area, stringify!($case), |context| Box::pin($module::$case(context)))),+),+]
    };
}

const CASES: &[Case] = cases! {
    "objects" objects:
        an_object_is_read_back_whole,
        an_object_of_many_pieces_is_read_back_whole,
        a_range_gives_exactly_its_bytes,
        a_range_at_or_beyond_the_end_gives_nothing,
        ranges_are_read_at_the_same_time,
        a_missing_key_is_not_found,
        attributes_of_a_put_are_accepted,
        an_overwrite_replaces_the_whole_object,
        an_etag_changes_with_the_content,
        readers_see_one_of_two_contents_during_overwrites,
        a_put_is_seen_by_every_later_call;
    "objects" etags:
        an_etag_stays_with_the_content;
    "keys" keys:
        keys_of_every_shape_are_kept_apart,
        keys_of_every_character_are_kept_apart,
        the_longest_key_of_the_host_is_kept,
        a_key_of_the_largest_length_is_kept;
    "honesty" honesty:
        attributes_that_cannot_be_honoured_are_refused,
        times_that_are_told_are_true,
        a_put_with_a_wrong_digest_leaves_all_or_nothing;
    "large objects" large:
        a_large_object_is_read_back_whole,
        a_large_object_is_read_in_ranges,
        a_large_object_in_parts_is_read_back_whole;
    "several instances" instances:
        a_put_is_seen_by_every_instance,
        an_overwrite_is_seen_by_every_instance,
        a_delete_is_seen_by_every_instance,
        an_upload_goes_on_in_another_instance,
        a_condition_holds_for_every_instance;
    "conditions" conditions:
        if_absent_stores_under_a_free_key,
        if_absent_leaves_an_existing_object_untouched,
        one_of_many_racing_if_absent_puts_wins_and_stays,
        if_absent_stores_again_after_a_delete,
        if_match_replaces_the_object_with_that_etag,
        if_match_with_another_etag_changes_nothing,
        if_match_on_a_missing_key_stores_nothing,
        one_of_many_racing_if_match_puts_wins_and_stays,
        a_condition_that_the_store_lacks_is_refused;
    "listing" listing:
        list_returns_keys_in_byte_order,
        a_listing_describes_objects_as_head_does,
        a_prefix_need_not_end_at_a_slash,
        a_prefix_that_no_key_has_gives_nothing,
        a_listing_folds_at_the_first_slash,
        pages_of_every_size_give_the_same_listing,
        a_listing_during_changes_holds_what_stays,
        many_keys_are_listed_and_deleted;
    "deleting" deleting:
        a_deleted_object_is_gone,
        a_missing_key_counts_as_deleted,
        a_delete_takes_only_the_keys_it_names,
        a_deleted_key_can_be_put_again;
    "multipart uploads" multipart:
        parts_make_the_whole_object,
        one_part_makes_an_object,
        parts_come_in_any_order,
        parts_come_from_many_tasks_at_once,
        uploads_of_several_keys_do_not_mix,
        two_uploads_of_one_key_do_not_mix,
        a_part_that_is_sent_again_replaces_the_first,
        a_gap_between_parts_is_refused,
        an_upload_is_invisible_until_it_is_finished,
        temporary_objects_are_deleted_by_their_keys,
        an_aborted_upload_leaves_nothing,
        an_unknown_upload_is_aborted_without_an_error,
        a_finish_replaces_an_object,
        a_finish_with_if_absent_leaves_an_existing_object_untouched,
        one_of_many_racing_if_absent_finishes_wins_and_stays,
        a_multipart_upload_that_the_store_lacks_is_refused;
    "cancelled calls" dropping:
        a_dropped_put_leaves_all_or_nothing,
        a_dropped_overwrite_leaves_the_old_object_or_the_new_one,
        a_dropped_get_harms_nothing,
        a_dropped_part_can_be_sent_again,
        many_dropped_calls_leave_room_for_others;
    "errors" errors:
        what_is_missing_is_told_as_such,
        what_is_in_the_way_is_told_as_such,
        an_upload_that_is_gone_is_told_as_such;
};

/// What the case with many keys shows beside its own fact.
const SECOND_PAGE: (&str, &str) = ("listing", "a_listing_goes_on_on_a_second_page");
/// The name of the fact that nothing is left behind; the last of every report.
const REMOVES: (&str, &str) = ("deleting", "the_suite_removes_what_it_wrote");

/// A case that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its fact, as words joined by `_`.
    pub name: &'static str,
    /// Cases before it.
    pub before: usize,
    /// Cases in all.
    pub all: usize,
}

/// Runs every case against a storage and reports on each; see [`StorageSuite`].
pub async fn check_storage(storage: Arc<dyn Storage>, check: &StorageCheck) -> Report {
    StorageSuite::new(storage, *check).run().await
}

/// The cases, ready to be run against a storage.
///
/// Everything lies under a prefix of this run, `siltstone-check-<uuid>/`, and is removed in the end; other objects of the
/// location are neither read nor changed. Must run on a tokio runtime; the more threads it has, the more races are tried.
pub struct StorageSuite {
    storage: Arc<dyn Storage>,
    second: Arc<dyn Storage>,
    check: StorageCheck,
    begun: Box<dyn Fn(Begun) + Send + Sync>,
    /// Names of the cases that are run; all of them where there are none.
    only: Vec<&'static str>,
}

impl std::fmt::Debug for StorageSuite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageSuite")
            .field("storage", &self.storage)
            .field("second", &self.second)
            .field("check", &self.check)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

impl StorageSuite {
    /// Against one storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, check: StorageCheck) -> Self {
        Self { second: Arc::clone(&storage), storage, check, begun: Box::new(|_| {}), only: Vec::new() }
    }

    /// Another storage at the same location, which shares no state with the first, as on another server: what one of them
    /// has stored the other must see.
    #[must_use]
    pub fn second(mut self, second: Arc<dyn Storage>) -> Self {
        self.second = second;
        self
    }

    /// Told of every case that begins.
    #[must_use]
    pub fn on_begin(mut self, begun: impl Fn(Begun) + Send + Sync + 'static) -> Self {
        self.begun = Box::new(begun);
        self
    }

    /// Only the cases of these names, which makes no verdict on a storage: for tests of the cases themselves.
    #[doc(hidden)]
    #[must_use]
    pub fn only(mut self, names: &[&'static str]) -> Self {
        self.only = names.to_vec();
        self
    }

    /// Runs the cases one after the other.
    pub async fn run(self) -> Report {
        let run = uuid::Uuid::new_v4();
        let mut report = Report::default();
        let (mut left, mut lost) = (Vec::new(), Duration::ZERO);
        let mut paged = None;
        let suite = Instant::now();
        let is_wanted = |name: &str| self.only.is_empty() || self.only.contains(&name);
        for (number, &(area, name, case)) in CASES.iter().enumerate().filter(|(_, case)| is_wanted(case.1)) {
            if lost > self.check.loss {
                let outcome = Outcome::NotRun("cases before it failed and took too long".to_owned());
                report.cases.push(case_report((area, name), outcome, Duration::ZERO));
                continue;
            }
            (self.begun)(Begun { name, before: number, all: CASES.len() });
            let storages = [&self.storage, &self.second].map(Arc::clone);
            let context = Context::new(storages, self.check, format!("siltstone-check-{run}/{number:02}/"));
            let began = Instant::now();
            let outcome = outcome(case(context.clone()), self.check.patience).await;
            let failed = matches!(outcome, Outcome::Failed(_));
            report.cases.push(case_report((area, name), outcome, began.elapsed()));
            paged = context.paged().or(paged);
            let cleaned = Box::pin({
                let context = context.clone();
                async move { context.clean().await }
            });
            let cleaned = self::outcome(cleaned, self.check.patience).await;
            if context.swept() > 0 {
                report.swept.push((name, context.swept()));
            }
            if failed || cleaned != Outcome::Passed {
                lost += began.elapsed();
            }
            if let Outcome::Failed(reason) = cleaned {
                left.push(format!("after {name}: {reason}"));
            }
        }
        if is_wanted(SECOND_PAGE.1) {
            report.cases.push(second_page(paged));
        }
        let outcome = if left.is_empty() { Outcome::Passed } else { Outcome::Failed(left.join("; ")) };
        report.cases.push(case_report(REMOVES, outcome, suite.elapsed()));
        report
    }

    /// The area and name of every case, in the order in which they run.
    #[must_use]
    pub fn cases() -> Vec<(&'static str, &'static str)> {
        CASES.iter().map(|(area, name, _)| (*area, *name)).chain([SECOND_PAGE, REMOVES]).collect()
    }
}

fn case_report(
    (area, name): (&'static str, &'static str),
    outcome: Outcome,
    elapsed: Duration,
) -> CaseReport {
    CaseReport { area, name, outcome, seen: String::new(), elapsed }
}

/// Whether the longest listing had more than one page, with what it had.
fn second_page(paged: Option<Paged>) -> CaseReport {
    let (outcome, seen) = match paged {
        Some(paged) if paged.pages > 1 => (Outcome::Passed, paged.to_string()),
        Some(paged) => (Outcome::NotShown(paged.to_string()), String::new()),
        None => (Outcome::NotRun("many keys were not listed".to_owned()), String::new()),
    };
    CaseReport { seen, ..case_report(SECOND_PAGE, outcome, Duration::ZERO) }
}

/// On a task of its own, so that a panic of the storage is an outcome too.
async fn outcome(case: BoxFuture<'static, Verdict>, patience: Duration) -> Outcome {
    let mut task = tokio::spawn(case);
    match tokio::time::timeout(patience, &mut task).await {
        Ok(Ok(Ok(()))) => Outcome::Passed,
        Ok(Ok(Err(Stop::Failed(reason)))) => Outcome::Failed(reason),
        Ok(Ok(Err(Stop::NotApplicable(why)))) => Outcome::NotApplicable(why.into_owned()),
        Ok(Err(e)) => Outcome::Failed(e.to_string()),
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("no end after {patience:?}"))
        }
    }
}
