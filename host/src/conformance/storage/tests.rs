//! The suite passes on sound storages and catches flawed ones.

mod broken;
mod slips;

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use self::broken::{Flaw, broken};
use self::slips::{Slip, slipping};
use super::*;
use crate::error::{ErrorKind, Retry};
use crate::storage::{
    Action, Capabilities, Faulty, Limited, Memory, Observed, PartOrder, Preconditions, RetrySettings,
    Retrying, Rule, StackSettings, Timed, TimeoutSettings, Verb, When, stack,
};

/// Small, so that a suite of each flaw takes no time.
const SMALL: StorageCheck = StorageCheck {
    many: 30,
    most: 30,
    large: 3 << 20,
    racers: 4,
    rounds: 4,
    patience: Duration::from_secs(60),
    loss: Duration::MAX,
};

fn memory(change: impl FnOnce(&mut Capabilities)) -> Arc<dyn Storage> {
    let mut capabilities = Memory::full();
    change(&mut capabilities);
    Arc::new(Memory::new(capabilities))
}

fn assert_passed(report: &Report) {
    assert!(report.passed(), "{report}");
    assert_eq!(report.cases.len(), StorageSuite::cases().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_that_can_do_everything_passes() {
    let memory = Arc::new(Memory::default());
    let report = check_storage(Arc::clone(&memory) as Arc<dyn Storage>, &StorageCheck::default()).await;
    assert_passed(&report);
    let lacks: Vec<_> = report.not_applicable().collect();
    assert_eq!(
        lacks,
        [
            "a_put_with_a_wrong_digest_leaves_all_or_nothing",
            "a_condition_that_the_store_lacks_is_refused",
            "a_multipart_upload_that_the_store_lacks_is_refused"
        ]
    );
    assert_eq!((memory.keys().len(), memory.open_uploads()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_with_parts_in_order_and_digests_passes() {
    let storage = memory(|c| {
        c.parts.order = PartOrder::InOrder;
        c.parts.multiple_of = 256 << 10;
        c.parts.min_size = 256 << 10;
        c.preconditions.if_match = false;
        c.digests = crate::storage::DigestKinds { sha256: true, md5: true, crc32c: true };
        c.delete_batch = 1;
    });
    let report = check_storage(storage, &SMALL).await;
    assert_passed(&report);
    let lacks: Vec<_> = report.not_applicable().collect();
    assert!(lacks.contains(&"parts_come_in_any_order"), "{lacks:?}");
    assert!(lacks.contains(&"if_match_with_another_etag_changes_nothing"), "{lacks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_without_parts_and_conditions_passes() {
    let storage = memory(|c| {
        c.parts.order = PartOrder::None;
        c.preconditions = Preconditions::default();
        c.max_put = 1 << 20;
    });
    let report = check_storage(storage, &SMALL).await;
    assert_passed(&report);
    let lacks: Vec<_> = report.not_applicable().collect();
    assert!(!lacks.contains(&"a_condition_that_the_store_lacks_is_refused"), "{lacks:?}");
    assert!(!lacks.contains(&"a_multipart_upload_that_the_store_lacks_is_refused"), "{lacks:?}");
    assert!(lacks.contains(&"parts_make_the_whole_object"), "{lacks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_wrapper_passes_over_memory() {
    let inner = || memory(|_| {});
    let backend = || "memory".parse().unwrap();
    let wrapped: [Arc<dyn Storage>; 6] = [
        Arc::new(Retrying::new(inner(), RetrySettings::default())),
        Arc::new(Timed::new(inner(), TimeoutSettings::default())),
        Arc::new(Limited::new(inner(), NonZeroU32::MIN)),
        Arc::new(Observed::new(inner(), backend())),
        Arc::new(Faulty::new(inner(), Vec::new())),
        stack(inner(), backend(), &StackSettings::default()).0,
    ];
    for storage in wrapped {
        assert_passed(&check_storage(storage, &SMALL).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_now_and_then_passes_behind_the_stack() {
    let again = |verb, n| {
        Rule::on(verb, Action::FailBefore(ErrorKind::Unavailable, Retry::After(None))).when(When::Every(n))
    };
    // Neither an if-match nor a racing put in doubt can always be settled, so puts fail before their effect.
    let after = Action::FailAfter(ErrorKind::Throttled, Retry::After(Some(Duration::from_secs(1))));
    let rules = vec![
        again(Verb::Put, 5),
        again(Verb::Get, 4),
        again(Verb::List, 3),
        again(Verb::MultipartPut, 3),
        again(Verb::MultipartStart, 2),
        Rule::on(Verb::Delete, after).when(When::Every(2)),
        Rule::on(Verb::MultipartAbort, after).when(When::Every(2)),
        Rule::on(Verb::Head, Action::Hang).when(When::Every(50)),
    ];
    let faulty = Arc::new(Faulty::new(memory(|_| {}), rules));
    let store = Arc::clone(&faulty) as Arc<dyn Storage>;
    let (storage, _) = stack(store, "memory".parse().unwrap(), &StackSettings::default());
    let patient = StorageCheck { patience: Duration::from_secs(24 * 3600), ..SMALL };
    assert_passed(&check_storage(storage, &patient).await);
    assert!(faulty.acted().iter().all(|acted| *acted > 0), "{:?}", faulty.acted());
}

#[tokio::test]
async fn a_check_of_a_store_that_lists_for_ever_comes_to_its_end() {
    let faulty = Faulty::new(memory(|_| {}), vec![Rule::on(Verb::List, Action::ListForEver)]);
    let report = check_storage(Arc::new(faulty), &SMALL).await;
    let told = report.to_string();
    assert!(!report.passed() && told.contains("names are listed under"), "{told}");
}

/// Each flaw with the case that is there to find it.
const CAUGHT: [(Flaw, &str); 41] = [
    (Flaw::IgnoresIfAbsent, "if_absent_leaves_an_existing_object_untouched"),
    (Flaw::ChecksIfAbsentBeforeItWrites, "one_of_many_racing_if_absent_puts_wins_and_stays"),
    (Flaw::IgnoresIfMatch, "if_match_with_another_etag_changes_nothing"),
    (Flaw::CreatesOnIfMatch, "if_match_on_a_missing_key_stores_nothing"),
    (Flaw::ShowsHalfOfAPut, "readers_see_one_of_two_contents_during_overwrites"),
    (Flaw::ShowsHalfOfAPut, "a_dropped_put_leaves_all_or_nothing"),
    (Flaw::ShowsHalfOfAPut, "a_dropped_overwrite_leaves_the_old_object_or_the_new_one"),
    (Flaw::FinishesOverAnExistingObject, "one_of_many_racing_if_absent_finishes_wins_and_stays"),
    (Flaw::AnswersOkBeforeAPutIsSeen, "a_put_is_seen_by_every_later_call"),
    (Flaw::KeepsTheEtag, "an_etag_changes_with_the_content"),
    (Flaw::IgnoresTheRange, "a_range_gives_exactly_its_bytes"),
    (Flaw::FailsBeyondTheEnd, "a_range_at_or_beyond_the_end_gives_nothing"),
    (Flaw::CallsMissingObjectsInternal, "a_missing_key_is_not_found"),
    (Flaw::CallsMissingObjectsInternal, "what_is_missing_is_told_as_such"),
    (Flaw::FoldsCase, "keys_of_every_shape_are_kept_apart"),
    (Flaw::ListsBackwards, "list_returns_keys_in_byte_order"),
    (Flaw::ListsFoldersFirst, "list_returns_keys_in_byte_order"),
    (Flaw::ListsOnlyFolders, "a_prefix_need_not_end_at_a_slash"),
    (Flaw::ListsWrongSizes, "a_listing_describes_objects_as_head_does"),
    (Flaw::NeverFolds, "a_listing_folds_at_the_first_slash"),
    (Flaw::LosesAKeyBetweenPages, "pages_of_every_size_give_the_same_listing"),
    (Flaw::OverfillsPages, "pages_of_every_size_give_the_same_listing"),
    (Flaw::ShowsTemporaryObjects, "an_upload_is_invisible_until_it_is_finished"),
    (Flaw::FailsOnMissingDeletes, "a_missing_key_counts_as_deleted"),
    (Flaw::DeletesWholeFolders, "a_delete_takes_only_the_keys_it_names"),
    (Flaw::ForgetsDeletes, "a_deleted_object_is_gone"),
    (Flaw::ForgetsDeletes, "the_suite_removes_what_it_wrote"),
    (Flaw::TakesGaps, "a_gap_between_parts_is_refused"),
    (Flaw::KeepsTheFirstOfAPart, "a_part_that_is_sent_again_replaces_the_first"),
    (Flaw::KeepsPartsAfterAbort, "an_aborted_upload_leaves_nothing"),
    (Flaw::FailsOnUnknownAborts, "an_unknown_upload_is_aborted_without_an_error"),
    (Flaw::FinishesOverAnExistingObject, "a_finish_with_if_absent_leaves_an_existing_object_untouched"),
    (Flaw::ClaimsPartsInAnyOrder, "parts_come_in_any_order"),
    (Flaw::LosesTheEndOfLargeObjects, "a_large_object_is_read_back_whole"),
    (Flaw::LosesTheEndOfLargeObjects, "a_large_object_is_read_in_ranges"),
    (Flaw::CutsLongKeys, "a_key_of_the_largest_length_is_kept"),
    (Flaw::CallsGoneUploadsInternal, "an_upload_that_is_gone_is_told_as_such"),
    (Flaw::DoubtsRefusals, "what_is_in_the_way_is_told_as_such"),
    (Flaw::KeepsWhatDroppedCallsHeld, "many_dropped_calls_leave_room_for_others"),
    (Flaw::Panics, "an_object_is_read_back_whole"),
    (Flaw::Hangs, "an_object_is_read_back_whole"),
];

#[tokio::test(start_paused = true)]
async fn every_flaw_is_caught_by_its_case() {
    // Without a flaw the same storage passes, so it is the flaw that is caught.
    assert_passed(&check_storage(broken(Flaw::None), &SMALL).await);
    for (flaw, case) in CAUGHT {
        let report = check_storage(broken(flaw), &SMALL).await;
        let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
        assert!(failed.contains(&case), "{flaw:?} is not caught by {case}, but by {failed:?}");
    }
}

/// The same, of slips.
const SLIPS: [(Slip, &str); 37] = [
    (Slip::KeepsTheFirstPieceOnly, "an_object_of_many_pieces_is_read_back_whole"),
    (Slip::MixesGetsAtTheSameTime, "ranges_are_read_at_the_same_time"),
    (Slip::TurnsEqualsSigns, "keys_of_every_character_are_kept_apart"),
    (Slip::BoundsKeysAt(300), "the_longest_key_of_the_host_is_kept"),
    (Slip::RefusesContentTypes, "attributes_of_a_put_are_accepted"),
    (Slip::KeepsTheEndOfLongerObjects, "an_overwrite_replaces_the_whole_object"),
    (Slip::DropsAttributes, "attributes_that_cannot_be_honoured_are_refused"),
    (Slip::DropsRetention, "attributes_that_cannot_be_honoured_are_refused"),
    (Slip::HidesWhichAttributeItRefuses, "attributes_that_cannot_be_honoured_are_refused"),
    (Slip::TellsSeconds, "times_that_are_told_are_true"),
    (Slip::TellsSecondsOfTemporaryObjects, "times_that_are_told_are_true"),
    (Slip::TellsNextWeek, "times_that_are_told_are_true"),
    (Slip::KeepsWhatItsDigestRefuses, "a_put_with_a_wrong_digest_leaves_all_or_nothing"),
    (Slip::LeavesTemporaryObjects, "an_overwrite_replaces_the_whole_object"),
    (Slip::LeavesTemporaryObjects, "if_absent_leaves_an_existing_object_untouched"),
    (Slip::LeavesTemporaryObjects, "one_of_many_racing_if_absent_puts_wins_and_stays"),
    (Slip::DamagesLargeParts, "a_large_object_in_parts_is_read_back_whole"),
    (Slip::RefusesFreeKeys, "if_absent_stores_under_a_free_key"),
    (Slip::DeletesForEver, "if_absent_stores_again_after_a_delete"),
    (Slip::DeletesForEver, "a_deleted_key_can_be_put_again"),
    (Slip::NeverMatches, "if_match_replaces_the_object_with_that_etag"),
    (Slip::ChecksIfMatchBeforeItWrites, "one_of_many_racing_if_match_puts_wins_and_stays"),
    (Slip::IgnoresConditionsItLacks, "a_condition_that_the_store_lacks_is_refused"),
    (Slip::ChangesEtagsByItself, "an_etag_stays_with_the_content"),
    (Slip::FailsOnMissingPrefixes, "a_prefix_that_no_key_has_gives_nothing"),
    (Slip::PagesByNumber, "a_listing_during_changes_holds_what_stays"),
    (Slip::StopsAfterTheFirstPage, "many_keys_are_listed_and_deleted"),
    (Slip::JoinsPartsBackwards, "parts_make_the_whole_object"),
    (Slip::RefusesSingleParts, "one_part_makes_an_object"),
    (Slip::MixesPartsAtTheSameTime, "parts_come_from_many_tasks_at_once"),
    (Slip::NamesPartsByNumberAlone, "uploads_of_several_keys_do_not_mix"),
    (Slip::NamesPartsByNumberAlone, "two_uploads_of_one_key_do_not_mix"),
    (Slip::KeepsTemporaryObjects, "temporary_objects_are_deleted_by_their_keys"),
    (Slip::RefusesToFinishOverAnObject, "a_finish_replaces_an_object"),
    (Slip::TakesPartsItLacks, "a_multipart_upload_that_the_store_lacks_is_refused"),
    (Slip::LosesWhatADroppedGetRead, "a_dropped_get_harms_nothing"),
    (Slip::KeepsADroppedPart, "a_dropped_part_can_be_sent_again"),
];

#[tokio::test(start_paused = true)]
async fn every_slip_is_caught_by_its_case() {
    assert_passed(&check_storage(slipping(Slip::None), &SMALL).await);
    let mut wrong = Vec::new();
    for (slip, case) in SLIPS {
        let report = check_storage(slipping(slip), &SMALL).await;
        let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
        if !failed.contains(&case) {
            wrong.push(format!("{slip:?} is not caught by {case}, but by {failed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What it takes several instances to catch.
const INSTANCES: [&str; 5] = [
    "a_put_is_seen_by_every_instance",
    "an_overwrite_is_seen_by_every_instance",
    "a_delete_is_seen_by_every_instance",
    "an_upload_goes_on_in_another_instance",
    "a_condition_holds_for_every_instance",
];

/// It says what was seen, and judges nothing.
const TOLD: &str = "a_listing_goes_on_on_a_second_page";

#[test]
fn every_case_is_shown_to_catch_something() {
    let flaws = CAUGHT.iter().map(|(_, case)| *case).chain(SLIPS.iter().map(|(_, case)| *case));
    let caught: BTreeSet<&str> = flaws.chain(INSTANCES).chain([TOLD]).collect();
    let cases: BTreeSet<&str> = StorageSuite::cases().into_iter().map(|(_, name)| name).collect();
    assert_eq!(cases.symmetric_difference(&caught).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[tokio::test(start_paused = true)]
async fn temporary_objects_that_the_suite_has_to_remove_are_told() {
    let report = check_storage(slipping(Slip::LeavesTemporaryObjects), &SMALL).await;
    let of = |case| report.swept.iter().find(|(name, _)| *name == case).map(|(_, count)| *count);
    assert_eq!(of("a_deleted_key_can_be_put_again"), Some(3), "{:?}", report.swept);
    let report = check_storage(slipping(Slip::None), &SMALL).await;
    assert!(report.swept.iter().all(|(name, _)| name.contains("dropped")), "{:?}", report.swept);
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_a_store_that_takes_no_longer_keys_is_told() {
    let report = check_storage(slipping(Slip::BoundsKeysAt(700)), &SMALL).await;
    assert!(report.passed(), "{report}");
    let row = report.cases.iter().find(|case| case.name == "a_key_of_the_largest_length_is_kept").unwrap();
    let Outcome::NotApplicable(why) = &row.outcome else { panic!("{report}") };
    assert!(why.contains("the longest has 700,") && why.contains("at most 312"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_only_one_instance_knows_is_caught() {
    let suite = StorageSuite::new(memory(|_| {}), SMALL);
    let report = suite.second(memory(|_| {})).run().await;
    let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
    let area = report.cases.iter().filter(|case| case.area == "several instances");
    assert_eq!(area.map(|case| case.name).collect::<Vec<_>>(), INSTANCES);
    assert!(INSTANCES.iter().all(|name| failed.contains(name)), "{report}");
    assert!(failed.contains(&"one_of_many_racing_if_absent_puts_wins_and_stays"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_hangs_is_given_up() {
    let began = Instant::now();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let check = StorageCheck { loss: Duration::from_secs(90), ..SMALL };
    let suite = StorageSuite::new(broken(Flaw::Hangs), check);
    let told = Arc::clone(&seen);
    let report = suite.on_begin(move |begun| told.lock().unwrap().push(begun.name)).run().await;
    assert!(began.elapsed() < Duration::from_secs(5 * 60), "{:?}", began.elapsed());
    let not_run = report.cases.iter().filter(|case| matches!(case.outcome, Outcome::NotRun(_))).count();
    // The second page is told of in the end, and is no case of its own.
    assert_eq!(not_run + seen.lock().unwrap().len(), CASES.len() + 1);
    assert!(not_run > CASES.len() / 2 && !report.passed(), "{report}");
    assert!(report.to_string().contains("not run         "), "{report}");
    assert_eq!(report.cases.len(), StorageSuite::cases().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_speed_is_measured_with_and_without_parts_and_nothing_is_left() {
    for (order, how) in [
        (PartOrder::AnyOrder, ["parts", "parts"]),
        (PartOrder::InOrder, ["parts", "objects"]),
        (PartOrder::None, ["objects", "objects"]),
    ] {
        let mut capabilities = Memory::full();
        capabilities.parts.order = order;
        let memory = Arc::new(Memory::new(capabilities));
        let check = StorageCheck { large: 20 << 20, ..SMALL };
        let figures = measure_storage(Arc::clone(&memory) as Arc<dyn Storage>, &check).await.unwrap();
        let at_once = memory.capabilities().in_flight;
        let found: Vec<_> = figures.iter().map(|f| (f.what, f.at_once)).collect();
        let small = "put small objects";
        assert_eq!(
            found,
            [("put", 1), ("get", 1), ("put", at_once), ("get", at_once), (small, 1), (small, at_once)]
        );
        assert_eq!(figures[0].how, format!("20 MiB in 3 {}", how[0]));
        assert_eq!(figures[2].how, format!("20 MiB in 3 {}", how[1]));
        assert!(figures.iter().all(|figure| figure.rate > 0.0), "{figures:?}");
        assert_eq!((memory.keys().len(), memory.open_uploads()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn injected_damage_is_caught() {
    for (rule, case) in [
        (Rule::on(Verb::Get, Action::Corrupt(77)), "an_object_is_read_back_whole"),
        (Rule::on(Verb::Get, Action::Truncate(5)), "an_object_is_read_back_whole"),
        (Rule::on(Verb::Put, Action::Truncate(5)), "an_overwrite_replaces_the_whole_object"),
        (Rule::on(Verb::MultipartPut, Action::Corrupt(0)), "parts_make_the_whole_object"),
        (
            Rule::on(Verb::Delete, Action::Refuse(ErrorKind::Denied, Retry::Never)),
            "the_suite_removes_what_it_wrote",
        ),
    ] {
        let storage = Arc::new(Faulty::new(memory(|_| {}), vec![rule]));
        let report = check_storage(storage, &SMALL).await;
        let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
        assert!(failed.contains(&case), "not caught by {case}, but by {failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_are_put_until_a_second_page_came_or_there_are_enough() {
    // Memory has a thousand names on a page.
    for (many, most, words) in [
        (10, 2_000, "2000 keys came on 2 pages"),
        (1_001, 2_000, "1001 keys came on 2 pages"),
        (10, 20, "all 20 keys came on one page"),
        (30, 20, "all 30 keys came on one page"),
    ] {
        let report = check_storage(memory(|_| {}), &StorageCheck { many, most, rounds: 1, ..SMALL }).await;
        assert_passed(&report);
        let row = report.cases.iter().find(|case| case.name == SECOND_PAGE.1).unwrap();
        match &row.outcome {
            Outcome::Passed => assert_eq!((row.seen.as_str(), most), (words, 2_000)),
            outcome => assert_eq!((outcome, most), (&Outcome::NotShown(words.to_owned()), 20)),
        }
        assert!(report.to_string().contains(words), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_a_line_for_each_case() {
    let rules = vec![Rule::on(Verb::Head, Action::FailBefore(ErrorKind::Denied, Retry::Never))];
    let report = check_storage(Arc::new(Faulty::new(memory(|_| {}), rules)), &SMALL).await;
    let text = report.to_string();
    assert_eq!(text.lines().count(), StorageSuite::cases().len());
    let failed = text.lines().find(|line| line.contains("a missing key is not found")).unwrap();
    assert!(failed.starts_with("FAILED ") && failed.ends_with("head: injected fault"), "{failed}");
    let lacks = text.lines().find(|line| line.contains("a condition that the store lacks")).unwrap();
    assert!(lacks.starts_with("not applicable "), "{lacks}");
    assert!(!report.passed());
}
