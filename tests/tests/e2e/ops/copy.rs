//! A copy is the whole backup or none; what it trusts and what it leaves is what the documents say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use siltstone::model::{Hash, Location, ManifestLine, State};
use siltstone::ops::{BackupRequest, CopyReport, CopyRequest, RestoreRequest, VerifyDepth};
use siltstone::repository::descriptor;
use siltstone::repository::manifest::{ManifestReader, ManifestWriter};
use siltstone::storage::{
    Action, Blob, ByteRange, Capabilities, Faulty, Memory, PartOrder, PutOptions, Rule, Sink, Storage, Verb,
    When,
};
use siltstone::{ErrorKind, Result, Retry};
use siltstone_tests::ops_house::{BACKEND, House, Plan, fill, shown, until};
use tempfile::tempdir;

const MIB: usize = 1 << 20;
/// Where the backups are made, and where they are copied to.
const HERE: &str = "here";
const THERE: &str = "there";

/// A node with two stores, and faults in each.
async fn house(
    base: &Path,
    node: &str,
    stores: [&Arc<Memory>; 2],
    [here, there]: [Vec<Rule>; 2],
) -> (House, [Arc<Faulty>; 2]) {
    let faulty =
        |memory: &Arc<Memory>, rules| Arc::new(Faulty::new(Arc::clone(memory) as Arc<dyn Storage>, rules));
    let both = [faulty(stores[0], here), faulty(stores[1], there)];
    let mut plan = Plan::new(base, node).unwrap();
    let named = [HERE, THERE].into_iter().zip(&both);
    plan.storages =
        named.map(|(name, store)| (name.to_owned(), Arc::clone(store) as Arc<dyn Storage>)).collect();
    (plan.start().await.unwrap(), both)
}

fn memories() -> [Arc<Memory>; 2] {
    [Arc::new(Memory::default()), Arc::new(Memory::default())]
}

async fn copy(house: &House, id: &str, from: &str, to: &str) -> Result<CopyReport> {
    house.host.copy(CopyRequest::new(id, from, to)).await?.wait().await
}

/// Makes the backup `x` of incompressible size, so that it has many chunks of several sizes.
async fn backup(house: &House, scale: usize, chunk: u64) {
    fill(&house.db, scale).unwrap();
    let mut request = BackupRequest::new(HERE, "x");
    request.chunk_size = Some(chunk);
    request.compression = siltstone::model::Compression::from_name("NoCompression").unwrap();
    house.host.backup(request).await.unwrap();
    let status = house.host.wait_backup(HERE, "x", &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
}

async fn content(store: &Memory, key: &str) -> Vec<u8> {
    let sink = Sink::new(u64::MAX);
    let key = siltstone::model::ObjectKey::new(key).unwrap();
    store.get(&key, ByteRange { offset: 0, len: None }, &sink).await.unwrap();
    sink.take().to_vec()
}

async fn put(store: &Memory, key: &str, bytes: Vec<u8>) {
    let key = siltstone::model::ObjectKey::new(key).unwrap();
    store.put(&key, &Blob::from(bytes), &PutOptions::default()).await.unwrap();
}

async fn all(store: &Memory) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for key in store.keys() {
        let bytes = content(store, &key).await;
        all.insert(key, bytes);
    }
    all
}

/// The store holds no backup, nothing half, and nothing is left here to be ended.
fn assert_no_backup(house: &House, store: &Memory) {
    let wrong: Vec<String> = store.keys().into_iter().filter(|k| !k.contains("/chunks/")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(store.open_uploads(), 0);
    assert!(house.local_leftovers().unwrap().is_empty(), "{:?}", house.local_leftovers());
}

async fn assert_restorable(base: &Path, a: &House, stores: [&Arc<Memory>; 2], id: &str) {
    let found = a.host.verify(THERE, id, &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(found.problems.is_empty(), "{found:?}");
    let (b, _) = house(base, "b", stores, [vec![], vec![]]).await;
    b.host.restore(RestoreRequest::new(THERE, id)).await.unwrap();
    let status = b.host.wait_restore(THERE, id, &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert!(a.db.content().unwrap() == b.db.content().unwrap());
}

#[tokio::test]
async fn a_copy_is_the_same_objects_and_a_second_one_sends_nothing() {
    for order in [PartOrder::AnyOrder, PartOrder::InOrder, PartOrder::None] {
        let base = tempdir().unwrap();
        let default = Memory::full();
        let parts = siltstone::storage::PartRules { order, ..default.parts };
        let there = Arc::new(Memory::new(Capabilities { parts, ..default }));
        let stores = [&Arc::new(Memory::default()), &there];
        let denied = |verb| Rule::on(verb, Action::FailBefore(ErrorKind::Denied, Retry::Never));
        let (maker, _) = house(base.path(), "a", stores, [vec![], vec![]]).await;
        backup(&maker, 40 * MIB, 32 << 20).await;
        let plan = maker.stop().await;
        // Reading is all that the source is asked for: it may not even be listed.
        let read_only = Verb::ALL.into_iter().filter(|v| !matches!(v, Verb::Get | Verb::Head)).map(denied);
        let (a, _) = house(base.path(), "a", stores, [read_only.collect(), vec![]]).await;
        assert_eq!(plan.root, a.plan.root);
        let first = copy(&a, "x", HERE, THERE).await.unwrap();
        assert!(all(stores[0]).await == all(stores[1]).await, "{order:?}");
        assert_eq!((first.sent_chunks, first.kept_bytes), (first.chunks, 0), "{order:?}");
        assert!(first.chunks >= 3 && first.sent_bytes > 60 << 20, "{first:?}");
        let again = copy(&a, "x", HERE, THERE).await.unwrap();
        assert_eq!((again.sent_chunks, again.kept_bytes), (0, first.sent_bytes), "{order:?}");
        assert_eq!(there.open_uploads(), 0);
        assert!(a.local_leftovers().unwrap().is_empty());
        let fresh = [stores[1], stores[1]];
        let (b, _) = house(base.path(), "b", fresh, [vec![], vec![]]).await;
        b.host.restore(RestoreRequest::new(THERE, "x")).await.unwrap();
        let status = b.host.wait_restore(THERE, "x", &Location::default()).await.unwrap();
        assert_eq!(status.state, State::Success, "{order:?}: {}", shown(&status));
        assert!(a.db.content().unwrap() == b.db.content().unwrap());
    }
}

#[tokio::test]
async fn a_copy_that_is_cut_goes_on_where_it_was() {
    for (verb, nth) in [(Verb::Put, 15), (Verb::MultipartPut, 2), (Verb::MultipartFinish, 1)] {
        let (base, [here, there]) = (tempdir().unwrap(), memories());
        let stores = [&here, &there];
        let cut = Action::FailBefore(ErrorKind::Internal, Retry::Never);
        let rule = Rule::on(verb, cut).key(|key| key.contains("/chunks/")).when(When::Nth(nth));
        let (a, [_, faulty]) = house(base.path(), "a", stores, [vec![], vec![rule]]).await;
        let chunk = if verb == Verb::Put { 2 << 20 } else { 20 << 20 };
        backup(&a, 40 * MIB, chunk).await;
        let error = copy(&a, "x", HERE, THERE).await.unwrap_err();
        assert!(error.to_string().contains("injected fault"), "{verb:?}: {error}");
        assert_eq!(faulty.acted(), [1], "{verb:?}");
        assert_no_backup(&a, &there);
        let kept: u64 = all(&there).await.values().map(|bytes| bytes.len() as u64).sum();
        let again = copy(&a, "x", HERE, THERE).await.unwrap();
        assert_eq!(again.kept_bytes, kept, "{verb:?}");
        assert!(verb != Verb::Put || kept > 0, "nothing was sent before the cut");
        assert_restorable(base.path(), &a, stores, "x").await;
    }
}

#[tokio::test]
async fn a_damaged_or_short_object_of_the_source_never_appears_at_the_target() {
    for (name, change) in [("damaged", 0_usize), ("short", 1), ("missing", 2)] {
        let (base, [here, there]) = (tempdir().unwrap(), memories());
        let (a, _) = house(base.path(), "a", [&here, &there], [vec![], vec![]]).await;
        backup(&a, 40 * MIB, 20 << 20).await;
        let key = here.keys().into_iter().find(|key| key.contains("/chunks/")).unwrap();
        let mut bytes = content(&here, &key).await;
        let middle = bytes.len() / 2;
        match change {
            0 => bytes[middle] ^= 1,
            1 => bytes.truncate(middle),
            _ => {}
        }
        if change == 2 {
            let gone = siltstone::model::ObjectKey::new(key.clone()).unwrap();
            assert!(here.delete(&[gone]).await.unwrap().is_empty());
        } else {
            put(&here, &key, bytes).await;
        }
        let error = copy(&a, "x", HERE, THERE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
        assert!(error.to_string().contains(&key), "{name}: {error}");
        assert!(!there.keys().contains(&key), "{name}");
        assert_no_backup(&a, &there);
    }
}

#[tokio::test]
async fn a_byte_that_turns_on_the_way_is_found() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let (maker, _) = house(base.path(), "a", [&here, &there], [vec![], vec![]]).await;
    backup(&maker, 8 * MIB, 2 << 20).await;
    maker.stop().await;
    let turn =
        Rule::on(Verb::Get, Action::Corrupt(77)).key(|key| key.contains("/chunks/")).when(When::Nth(3));
    let (a, [faulty, _]) = house(base.path(), "a", [&here, &there], [vec![turn], vec![]]).await;
    let error = copy(&a, "x", HERE, THERE).await.unwrap_err();
    assert_eq!((error.kind(), faulty.acted()), (ErrorKind::Corrupt, vec![1]), "{error}");
    assert_no_backup(&a, &there);
    copy(&a, "x", HERE, THERE).await.unwrap();
    assert_restorable(base.path(), &a, [&here, &there], "x").await;
}

/// Makes the backup `child`, all of whose chunks belong to `x`.
async fn child(store: &Memory) {
    let keys = store.keys();
    let manifest = keys.iter().find(|key| key.ends_with("manifest.jsonl.gz")).unwrap();
    let attempt = "0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d";
    let stored = content(store, manifest).await;
    let lines = ManifestReader::new(&*stored).unwrap();
    let mut header = lines.header().clone();
    header.backup = siltstone::model::BackupId::new("child").unwrap();
    header.attempt = siltstone::model::AttemptId::parse(attempt).unwrap();
    let lines: Vec<ManifestLine> = lines.map(|line| line.unwrap()).collect();
    let mut writer = ManifestWriter::new(Vec::new(), &header).unwrap();
    for line in &lines {
        writer.write(line).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut last = descriptor::decode(&content(store, "x/backup.json").await).unwrap();
    let key = format!("child/{attempt}/{}/manifest.jsonl.gz", header.node);
    let node = last.nodes.get_mut(&header.node).unwrap();
    node.manifest = siltstone::model::ObjectKey::new(key.clone()).unwrap();
    (node.manifest_blake3, node.manifest_bytes, node.new_bytes) = (Hash::of(&bytes), bytes.len() as u64, 0);
    (last.id, last.attempt, last.base) = (header.backup, header.attempt, Some(last.id));
    put(store, &key, bytes).await;
    put(store, "child/backup.json", descriptor::encode(&last).unwrap()).await;
}

#[tokio::test]
async fn chunks_of_the_base_are_carried_under_their_own_keys() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let stores = [&here, &there];
    let (a, _) = house(base.path(), "a", stores, [vec![], vec![]]).await;
    backup(&a, 8 * MIB, 2 << 20).await;
    child(&here).await;
    let report = copy(&a, "child", HERE, THERE).await.unwrap();
    assert_eq!(report.sent_chunks, report.chunks);
    let chunks = |store: &Memory| -> Vec<String> {
        store.keys().into_iter().filter(|key| key.contains("/chunks/")).collect()
    };
    assert_eq!(chunks(&here), chunks(&there));
    assert!(!there.keys().contains(&"x/backup.json".to_owned()));
    assert_restorable(base.path(), &a, stores, "child").await;
    // And the base itself finds them there.
    let base_copy = copy(&a, "x", HERE, THERE).await.unwrap();
    assert_eq!((base_copy.sent_chunks, base_copy.kept_bytes), (0, report.sent_bytes));
    assert!(all(&here).await == all(&there).await);
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_by_name_and_nothing_is_written() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let (a, _) = house(base.path(), "a", [&here, &there], [vec![], vec![]]).await;
    backup(&a, MIB, 2 << 20).await;
    let refused = async |id: &str, from: &str, to: &str| copy(&a, id, from, to).await.unwrap_err();
    let error = refused("nope", HERE, THERE).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = refused("x", HERE, HERE).await;
    assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("same location"), "{error}");
    assert_eq!(refused("x", HERE, "nowhere").await.kind(), ErrorKind::Invalid);
    let mut failed = descriptor::decode(&content(&here, "x/backup.json").await).unwrap();
    failed.id = siltstone::model::BackupId::new("failed").unwrap();
    failed.state = State::Failed;
    put(&here, "failed/backup.json", descriptor::encode(&failed).unwrap()).await;
    let error = refused("failed", HERE, THERE).await;
    assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("`failed` is FAILED"), "{error}");
    assert!(there.keys().is_empty());

    let mut other = descriptor::decode(&content(&here, "x/backup.json").await).unwrap();
    other.attempt = siltstone::model::AttemptId::generate();
    let other = descriptor::encode(&other).unwrap();
    put(&there, "x/backup.json", other.clone()).await;
    let error = refused("x", HERE, THERE).await;
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("another backup `x` already exists at memory:"), "{error}");
    assert_eq!(all(&there).await, [("x/backup.json".to_owned(), other)].into());
    assert!(a.local_leftovers().unwrap().is_empty());
}

#[tokio::test]
async fn a_cancelled_copy_leaves_no_backup_and_no_upload() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let stores = [&here, &there];
    let hang = Rule::on(Verb::MultipartPut, Action::Hang).when(When::From(3));
    let (a, [_, faulty]) = house(base.path(), "a", stores, [vec![], vec![hang]]).await;
    backup(&a, 60 * MIB, 40 << 20).await;
    let mut copying = a.host.copy(CopyRequest::new("x", HERE, THERE)).await.unwrap();
    assert!(until(|| faulty.acted()[0] > 0).await);
    let busy = copy(&a, "x", HERE, THERE).await.unwrap_err();
    assert!(busy.is(ErrorKind::Conflict) && busy.to_string().contains("already in progress"), "{busy}");
    let progress = copying.progress();
    assert!(progress.raw_done > 0 && progress.raw_done < progress.raw_total, "{progress:?}");
    copying.cancel().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), copying.wait()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_no_backup(&a, &there);
    let plan = a.stop().await;
    assert!(plan.root.exists());
    let (a, _) = house(base.path(), "a", stores, [vec![], vec![]]).await;
    copy(&a, "x", HERE, THERE).await.unwrap();
    assert_restorable(base.path(), &a, stores, "x").await;
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_copy_is_ended_by_the_next_start() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let stores = [&here, &there];
    let hang = Rule::on(Verb::MultipartPut, Action::Hang).when(When::From(3));
    let (a, [_, faulty]) = house(base.path(), "a", stores, [vec![], vec![hang]]).await;
    backup(&a, 60 * MIB, 40 << 20).await;
    let copying = a.host.copy(CopyRequest::new("x", HERE, THERE)).await.unwrap();
    assert!(until(|| faulty.acted()[0] > 0).await);
    drop((a, copying));
    assert!(there.open_uploads() > 0);
    let (a, _) = house(base.path(), "a", stores, [vec![], vec![]]).await;
    assert_no_backup(&a, &there);
    copy(&a, "x", HERE, THERE).await.unwrap();
    assert_restorable(base.path(), &a, stores, "x").await;
}

#[tokio::test]
async fn a_descriptor_whose_write_is_not_answered_is_looked_for() {
    for (action, copied) in [
        (Action::FailAfter(ErrorKind::Internal, Retry::Never), true),
        (Action::FailBefore(ErrorKind::Internal, Retry::Never), false),
    ] {
        let (base, [here, there]) = (tempdir().unwrap(), memories());
        let rule = Rule::on(Verb::Put, action).key(|key| key == "x/backup.json");
        let (a, [_, faulty]) = house(base.path(), "a", [&here, &there], [vec![], vec![rule]]).await;
        backup(&a, MIB, 2 << 20).await;
        let ended = copy(&a, "x", HERE, THERE).await;
        assert_eq!((ended.is_ok(), faulty.acted()[0] > 0), (copied, true), "{ended:?}");
        assert_eq!(there.keys().contains(&"x/backup.json".to_owned()), copied);
        assert!(a.local_leftovers().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_backup_goes_through_the_real_component_and_back() {
    let (base, [here, there]) = (tempdir().unwrap(), memories());
    let (a, _) = house(base.path(), "a", [&here, &there], [vec![], vec![]]).await;
    backup(&a, 40 * MIB, 20 << 20).await;
    copy(&a, "x", HERE, BACKEND).await.unwrap();
    copy(&a, "x", BACKEND, THERE).await.unwrap();
    assert!(all(&here).await == all(&there).await);
    let found = a.host.verify(BACKEND, "x", &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(found.problems.is_empty(), "{found:?}");
    assert_eq!(a.objects().unwrap(), here.keys());
}
