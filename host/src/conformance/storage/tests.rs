//! The suite passes on sound storages and catches flawed ones.

use std::num::NonZeroU32;

use async_trait::async_trait;

use super::*;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::ObjectKey;
use crate::storage::{
    Action, Blob, ByteRange, Capabilities, Depth, Faulty, Limited, ListPage, ListRequest, Memory, ObjectMeta,
    Observed, PartOrder, PartTag, Precondition, Preconditions, PutOptions, RetrySettings, Retrying, Rule,
    Sink, StackSettings, TEMPORARY, Timed, TimeoutSettings, UploadId, Verb, When, stack,
};

/// Small, so that a suite of each flaw takes no time.
const SMALL: StorageCheck = StorageCheck {
    many: 30,
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
    assert_eq!(report.cases.len(), CASES.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_that_can_do_everything_passes() {
    let memory = Arc::new(Memory::default());
    let report = check_storage(Arc::clone(&memory) as Arc<dyn Storage>, &StorageCheck::default()).await;
    assert_passed(&report);
    let lacks: Vec<_> = report.not_applicable().collect();
    assert_eq!(
        lacks,
        ["a_condition_that_the_store_lacks_is_refused", "a_multipart_upload_that_the_store_lacks_is_refused"]
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

/// What a broken storage gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    IgnoresIfAbsent,
    ChecksIfAbsentBeforeItWrites,
    IgnoresIfMatch,
    CreatesOnIfMatch,
    ShowsHalfOfAPut,
    AnswersOkBeforeAPutIsSeen,
    KeepsTheEtag,
    IgnoresTheRange,
    FailsBeyondTheEnd,
    CallsMissingObjectsInternal,
    FoldsCase,
    ListsBackwards,
    ListsFoldersFirst,
    ListsOnlyFolders,
    ListsWrongSizes,
    NeverFolds,
    LosesAKeyBetweenPages,
    OverfillsPages,
    ShowsTemporaryObjects,
    FailsOnMissingDeletes,
    DeletesWholeFolders,
    ForgetsDeletes,
    TakesGaps,
    KeepsTheFirstOfAPart,
    KeepsPartsAfterAbort,
    FailsOnUnknownAborts,
    FinishesOverAnExistingObject,
    ClaimsPartsInAnyOrder,
    Panics,
    Hangs,
    LosesTheEndOfLargeObjects,
    CutsLongKeys,
    CallsGoneUploadsInternal,
    DoubtsRefusals,
    KeepsWhatDroppedCallsHeld,
}

#[derive(Debug)]
struct Broken {
    inner: Memory,
    claims: Capabilities,
    flaw: Flaw,
    slot: std::sync::Mutex<Vec<(ObjectKey, Blob)>>,
    room: tokio::sync::Semaphore,
}

impl Broken {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn key(&self, key: &ObjectKey) -> ObjectKey {
        if self.is(Flaw::FoldsCase) {
            ObjectKey::new(key.as_str().to_ascii_lowercase()).unwrap()
        } else if self.is(Flaw::CutsLongKeys) && key.as_str().len() > 1_000 {
            ObjectKey::new(&key.as_str()[..1_000]).unwrap()
        } else {
            key.clone()
        }
    }
}

#[async_trait]
impl Storage for Broken {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.claims
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let key = &self.key(key);
        let always = PutOptions { condition: Precondition::None, ..options.clone() };
        let mut options = options;
        let held = match self.flaw {
            Flaw::KeepsWhatDroppedCallsHeld => {
                let held = self.room.acquire().await.unwrap();
                held.forget();
                tokio::time::sleep(Duration::from_millis(5)).await;
                1
            }
            _ => 0,
        };
        self.room.add_permits(held);
        if self.is(Flaw::LosesTheEndOfLargeObjects) && body.len() > 2 << 20 {
            let begin = Blob::from(body.read(0, 2 << 20));
            let meta = self.inner.put(key, &begin, options).await?;
            return Ok(ObjectMeta { size: body.len(), ..meta });
        }
        match (&options.condition, self.flaw) {
            (Precondition::IfAbsent, Flaw::IgnoresIfAbsent)
            | (Precondition::IfMatch(_), Flaw::IgnoresIfMatch) => {
                options = &always;
            }
            (Precondition::IfMatch(_), Flaw::CreatesOnIfMatch) if self.inner.head(key).await.is_err() => {
                options = &always;
            }
            (Precondition::IfAbsent, Flaw::ChecksIfAbsentBeforeItWrites) => {
                if self.inner.head(key).await.is_ok() {
                    return self.inner.put(key, body, options).await;
                }
                options = &always;
            }
            (Precondition::None, Flaw::ShowsHalfOfAPut) => {
                let half = Blob::from(body.read(0, body.len() / 2));
                self.inner.put(key, &half, options).await?;
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        if self.is(Flaw::AnswersOkBeforeAPutIsSeen) && options.condition == Precondition::None {
            let before = {
                let mut slot = self.slot.lock().unwrap();
                let before = slot.pop();
                slot.push((key.clone(), body.clone()));
                before
            };
            if let Some((key, body)) = before {
                self.inner.put(&key, &body, &PutOptions::default()).await?;
            }
            return Ok(ObjectMeta {
                key: key.clone(),
                size: body.len(),
                etag: Some("e".to_owned()),
                modified_ms: None,
            });
        }
        let doubted = |e: Error| if self.is(Flaw::DoubtsRefusals) { e.outcome_unknown() } else { e };
        let mut meta = self.inner.put(key, body, options).await.map_err(doubted)?;
        if self.is(Flaw::KeepsTheEtag) {
            meta.etag = Some("same".to_owned());
        }
        Ok(meta)
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let key = &self.key(key);
        if self.is(Flaw::FailsBeyondTheEnd) && self.inner.head(key).await?.size <= range.offset {
            return Err(Error::invalid("get", "no such range"));
        }
        let range = if self.is(Flaw::IgnoresTheRange) { ByteRange { offset: 0, ..range } } else { range };
        self.inner.get(key, range, to).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        match self.inner.head(&self.key(key)).await {
            Err(_) if self.is(Flaw::CallsMissingObjectsInternal) => {
                Err(Error::internal("head", "status 404"))
            }
            Ok(_) if self.is(Flaw::Panics) => panic!("a defect"),
            Ok(_) if self.is(Flaw::Hangs) => std::future::pending().await,
            Ok(meta) if self.is(Flaw::KeepsTheEtag) => {
                Ok(ObjectMeta { etag: Some("same".to_owned()), ..meta })
            }
            result => result,
        }
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let mut request = request.clone();
        match self.flaw {
            Flaw::OverfillsPages => request.limit += 1,
            Flaw::NeverFolds => {
                request.depth = Depth::All;
            }
            Flaw::ListsOnlyFolders if !request.prefix.ends_with('/') && !request.prefix.is_empty() => {
                request.prefix.push('/');
            }
            _ => {}
        }
        let mut page = self.inner.list(&request).await?;
        match self.flaw {
            Flaw::ListsBackwards => page.objects.reverse(),
            Flaw::ListsFoldersFirst => page.objects.sort_by_key(|o| o.key.as_str().replace('/', "\0")),
            Flaw::ListsWrongSizes => page.objects.iter_mut().for_each(|o| o.size += 1),
            Flaw::LosesAKeyBetweenPages if page.next.is_some() => drop(page.objects.pop()),
            Flaw::ShowsTemporaryObjects if "".starts_with(&request.prefix) => {
                let all = ListRequest { prefix: TEMPORARY.to_owned(), limit: 1, ..ListRequest::default() };
                if !self.inner.list(&all).await?.objects.is_empty() {
                    page.prefixes.insert(0, TEMPORARY.to_owned());
                }
            }
            _ => {}
        }
        Ok(page)
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let mut all: Vec<ObjectKey> = keys.iter().map(|key| self.key(key)).collect();
        for key in keys {
            if self.is(Flaw::FailsOnMissingDeletes) {
                self.inner.head(key).await?;
            }
            if self.is(Flaw::DeletesWholeFolders) {
                let below = |k: &String| k.starts_with(&format!("{key}/"));
                all.extend(self.inner.keys().into_iter().filter(below).map(|k| ObjectKey::new(k).unwrap()));
            }
        }
        if self.is(Flaw::ForgetsDeletes) {
            all.pop();
        }
        self.inner.delete(&all).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let always = PutOptions { condition: Precondition::None, ..options.clone() };
        let options = if self.is(Flaw::FinishesOverAnExistingObject) { &always } else { options };
        self.inner.multipart_start(key, part_size, total, options).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        if self.is(Flaw::KeepsTheFirstOfAPart) {
            let mut slot = self.slot.lock().unwrap();
            let name = ObjectKey::new(format!("{}.{number}", id.0)).unwrap();
            if slot.iter().any(|(seen, _)| *seen == name) {
                return Ok(PartTag(format!("first {number}")));
            }
            slot.push((name, body.clone()));
        }
        self.inner.multipart_put(key, id, number, body).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        match self.inner.multipart_finish(key, id, parts).await {
            Err(_) if self.is(Flaw::CallsGoneUploadsInternal) => {
                Err(Error::internal("multipart-finish", "status 404"))
            }
            Err(_) if self.is(Flaw::TakesGaps) => {
                self.inner.put(key, &Blob::default(), &PutOptions::default()).await
            }
            result => result,
        }
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        if self.is(Flaw::KeepsPartsAfterAbort) {
            return Ok(());
        }
        if self.is(Flaw::FailsOnUnknownAborts) {
            self.slot.lock().unwrap().push((ObjectKey::new(id.0.clone()).unwrap(), Blob::default()));
            let seen = self.slot.lock().unwrap().iter().filter(|(seen, _)| seen.as_str() == id.0).count();
            if seen > 1 {
                return Err(Error::new(ErrorKind::NotFound, "multipart-abort", "no such upload"));
            }
        }
        self.inner.multipart_abort(key, id).await
    }
}

/// Each flaw with the case that is there to find it.
const CAUGHT: [(Flaw, &str); 39] = [
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

fn broken(flaw: Flaw) -> Arc<dyn Storage> {
    let mut behaves = Memory::full();
    if flaw == Flaw::ClaimsPartsInAnyOrder {
        behaves.parts.order = PartOrder::InOrder;
    }
    let (inner, claims) = (Memory::new(behaves), Memory::full());
    // As many as the cases before the one that looks for it do not use up.
    let room = tokio::sync::Semaphore::new(3 * inner.capabilities().in_flight.clamp(1, 32) as usize);
    Arc::new(Broken { inner, claims, flaw, slot: std::sync::Mutex::default(), room })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_only_one_instance_knows_is_caught() {
    let suite = StorageSuite::new(memory(|_| {}), SMALL);
    let report = suite.second(memory(|_| {})).run().await;
    let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
    let area = report.cases.iter().filter(|case| case.area == "several instances");
    let names: Vec<_> = area.map(|case| case.name).collect();
    assert!(names.len() == 5 && names.iter().all(|name| failed.contains(name)), "{report}");
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
    assert_eq!(not_run + seen.lock().unwrap().len(), CASES.len());
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

#[tokio::test(start_paused = true)]
async fn a_report_is_a_line_for_each_case() {
    let rules = vec![Rule::on(Verb::Head, Action::FailBefore(ErrorKind::Denied, Retry::Never))];
    let report = check_storage(Arc::new(Faulty::new(memory(|_| {}), rules)), &SMALL).await;
    let text = report.to_string();
    assert_eq!(text.lines().count(), CASES.len() + 1);
    let failed = text.lines().find(|line| line.contains("a missing key is not found")).unwrap();
    assert!(failed.starts_with("FAILED ") && failed.ends_with("head: injected fault"), "{failed}");
    let lacks = text.lines().find(|line| line.contains("a condition that the store lacks")).unwrap();
    assert!(lacks.starts_with("not applicable "), "{lacks}");
    assert!(!report.passed());
}
