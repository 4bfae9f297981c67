//! The journal survives crashes, damage and other processes.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::folder::Step;
use super::*;
use crate::model::{BackendName, BackupId, CollectionName, NodeName, ObjectKey, State, Timestamp};
use crate::storage::UploadId;

fn record() -> Record {
    Record {
        verb: Verb::Backup,
        id: BackupId::new("nightly").unwrap(),
        backend: BackendName::new("filesystem").unwrap(),
        bucket: None,
        path: Some("/backups".to_owned()),
        node: NodeName::new("node-1").unwrap(),
        attempt: AttemptId::generate(),
        phase: Phase::Begun,
        uploads: Vec::new(),
        started_at: Timestamp::now(),
        collections: vec![CollectionName::new("Article").unwrap()],
        wish: Wish::GoOn,
    }
}

fn restore(id: &str, state: State, started: u64) -> RestoreRecord {
    let at = |secs| Timestamp::from_system(std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs));
    RestoreRecord {
        id: BackupId::new(id).unwrap(),
        backend: BackendName::new("s3").unwrap(),
        attempt: AttemptId::generate(),
        state,
        error: None,
        started_at: at(started),
        completed_at: Timestamp::ZERO,
        path: format!("s3://bucket/{id}"),
        collections: Vec::new(),
        from_node: None,
    }
}

fn upload(number: u32) -> (ObjectKey, UploadId) {
    (ObjectKey::new(format!("nightly/chunks/{number}")).unwrap(), UploadId(format!("id \"{number}\"")))
}

fn unfinished(found: Vec<Found>) -> Vec<Record> {
    found
        .into_iter()
        .map(|f| match f {
            Found::Unfinished(entry) => entry.record().unwrap(),
            Found::Unreadable(u) => panic!("{u:?}"),
        })
        .collect()
}

fn unreadable(found: Vec<Found>) -> Vec<Unreadable> {
    found
        .into_iter()
        .map(|f| match f {
            Found::Unreadable(u) => u,
            Found::Unfinished(entry) => panic!("{entry:?}"),
        })
        .collect()
}

fn reopened(data: &Path) -> Vec<Found> {
    Journal::open(data).unwrap().1
}

fn operation_file(data: &Path, record: &Record) -> PathBuf {
    data.join(format!(".siltstone/operations/{}.json", record.attempt))
}

#[tokio::test]
async fn an_operation_is_found_as_it_was_last_recorded_until_it_is_finished() {
    let data = tempfile::tempdir().unwrap();
    let (journal, found) = Journal::open(data.path()).unwrap();
    assert!(found.is_empty());
    let first = record();
    let entry = journal.begin(first.clone()).await.unwrap();
    entry.set_phase(Phase::Moving).await.unwrap();
    let ((key, a), (_, b)) = (upload(1), upload(2));
    entry.upload_opened(key.clone(), a.clone()).await.unwrap();
    entry.upload_opened(key.clone(), b.clone()).await.unwrap();
    entry.upload_closed(&key, &a).await.unwrap();
    let second = record();
    journal.begin(second.clone()).await.unwrap();
    drop((journal, entry));

    let found = reopened(data.path());
    let Found::Unfinished(again) = &found[0] else { panic!("{found:?}") };
    let again = again.clone();
    let uploads = vec![OpenUpload { key, upload: b }];
    assert_eq!(unfinished(found), [Record { phase: Phase::Moving, uploads, ..first }, second.clone()]);
    again.finish().await.unwrap();
    again.finish().await.unwrap();
    assert_eq!(again.record(), None);
    assert!(again.set_phase(Phase::Undoing).await.is_err(), "a finished entry cannot change");
    drop(again);
    assert_eq!(unfinished(reopened(data.path())), vec![second]);
}

#[tokio::test]
async fn an_attempt_is_recorded_once() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let one = record();
    journal.begin(one.clone()).await.unwrap();
    assert!(journal.begin(one).await.unwrap_err().is(ErrorKind::AlreadyExists));
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_recorded() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let entry = journal.begin(record()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let entry = entry.clone();
        tasks.spawn(async move {
            let (key, id) = upload(number);
            entry.upload_opened(key, id).await.unwrap();
        });
    }
    tasks.join_all().await;
    drop((journal, entry));
    let found = unfinished(reopened(data.path()));
    let mut uploads: Vec<_> = found[0].uploads.iter().map(|o| o.upload.0.clone()).collect();
    uploads.sort();
    let mut want: Vec<_> = (0..20).map(|n| upload(n).1.0).collect();
    want.sort();
    assert_eq!(uploads, want);
}

#[test]
fn two_processes_cannot_share_a_journal() {
    let data = tempfile::tempdir().unwrap();
    let first = Journal::open(data.path()).unwrap();
    let e = Journal::open(data.path()).unwrap_err();
    assert!(e.is(ErrorKind::Conflict), "{e}");
    assert!(e.to_string().contains(&data.path().join(".siltstone").display().to_string()), "{e}");
    drop(first);
    Journal::open(data.path()).unwrap();
}

#[test]
fn a_data_folder_that_is_missing_is_named() {
    let data = tempfile::tempdir().unwrap();
    let e = Journal::open(&data.path().join("nope")).unwrap_err();
    assert!(e.is(ErrorKind::NotFound) && e.to_string().contains("nope"), "{e}");
}

#[tokio::test]
async fn only_the_owner_can_enter() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir(data.path().join(".siltstone")).unwrap();
    std::fs::set_permissions(data.path().join(".siltstone"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let record = record();
    journal.begin(record.clone()).await.unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [".siltstone", ".siltstone/operations", ".siltstone/restores"] {
        assert_eq!(mode(data.path().join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(operation_file(data.path(), &record)), 0o600);
}

#[tokio::test]
async fn a_damaged_record_is_set_aside_and_reported_at_every_start() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let record = record();
    journal.begin(record.clone()).await.unwrap();
    drop(journal);
    let file = operation_file(data.path(), &record);
    let whole = std::fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut variants: Vec<Vec<u8>> = (0..whole.len()).map(flipped).collect();
    variants.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
    variants.push([whole.as_slice(), b"more\n"].concat());
    for damaged in variants {
        std::fs::write(&file, &damaged).unwrap();
        let found = unreadable(reopened(data.path()));
        let name = format!(".siltstone/operations/{}.json.damaged", record.attempt);
        assert_eq!(found.iter().map(|u| &u.file).collect::<Vec<_>>(), [&name]);
        assert!(!file.exists());
        assert_eq!(std::fs::read(data.path().join(&name)).unwrap(), damaged, "nothing is lost");
        assert_eq!(unreadable(reopened(data.path()))[0].file, name, "and it is not forgotten");
        std::fs::remove_file(data.path().join(&name)).unwrap();
    }
}

#[tokio::test]
async fn a_second_damaged_record_does_not_replace_the_first() {
    let data = tempfile::tempdir().unwrap();
    drop(Journal::open(data.path()).unwrap());
    let file = operation_file(data.path(), &record());
    for content in ["one", "two"] {
        std::fs::write(&file, content).unwrap();
        drop(Journal::open(data.path()).unwrap());
    }
    let found = unreadable(reopened(data.path()));
    let mut contents: Vec<_> =
        found.iter().map(|u| std::fs::read_to_string(data.path().join(&u.file)).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, ["one", "two"]);
}

#[tokio::test]
async fn a_record_under_the_name_of_another_attempt_is_damaged() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let (one, other) = (record(), record());
    journal.begin(one.clone()).await.unwrap();
    drop(journal);
    std::fs::rename(operation_file(data.path(), &one), operation_file(data.path(), &other)).unwrap();
    let found = unreadable(reopened(data.path()));
    assert!(found[0].reason.contains(&one.attempt.to_string()), "{found:?}");
}

#[test]
fn a_record_of_a_newer_version_stays_where_it_is() {
    let data = tempfile::tempdir().unwrap();
    drop(Journal::open(data.path()).unwrap());
    let body = r#"{"format":2,"verb":"sing"}"#;
    let content = format!("{body}\n{{\"blake3\":\"{}\"}}\n", crate::model::Hash::of(body.as_bytes()));
    let file = operation_file(data.path(), &record());
    std::fs::write(&file, content).unwrap();
    let found = unreadable(reopened(data.path()));
    assert!(found[0].reason.contains("format 2"), "{found:?}");
    assert!(file.exists());
}

#[tokio::test]
async fn a_write_that_is_killed_anywhere_leaves_the_old_record_or_the_new_one() {
    const STEPS: [Step; 5] = [Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncFolder];
    let (old, content) = {
        let old = record();
        let new = Record { phase: Phase::Committing, ..old.clone() };
        (old, envelope::seal(&new).unwrap())
    };
    // Where the process dies, and how many of the bytes that were not synced yet reached the disk.
    let mut deaths: Vec<(Step, usize)> = STEPS.iter().map(|step| (*step, content.len())).collect();
    deaths.extend((0..content.len()).step_by(29).map(|len| (Step::Sync, len)));
    for (death, reached) in deaths {
        let data = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(data.path()).unwrap();
        journal.begin(old.clone()).await.unwrap();
        let name = format!("{}.json", old.attempt);
        let killed = journal.shared.operations.write_in_steps(&name, &content, &mut |step| {
            if step == death { Err(Error::internal("test", "killed")) } else { Ok(()) }
        });
        assert!(killed.is_err());
        let temporary = data.path().join(format!(".siltstone/operations/{name}.tmp"));
        assert_eq!(temporary.exists(), !matches!(death, Step::Create | Step::SyncFolder), "{death:?}");
        if death == Step::Sync {
            std::fs::OpenOptions::new()
                .write(true)
                .open(&temporary)
                .unwrap()
                .set_len(reached as u64)
                .unwrap();
        }
        drop(journal);
        let found = unfinished(reopened(data.path()));
        let phase = if death == Step::SyncFolder { Phase::Committing } else { Phase::Begun };
        assert_eq!(found, [Record { phase, ..old.clone() }], "{death:?} {reached}");
        assert!(!temporary.exists(), "the next start removes it");
    }
}

#[tokio::test]
async fn restores_are_remembered_across_restarts() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    journal.restores().put(restore("a", State::Transferring, 1)).await.unwrap();
    let last = restore("a", State::Failed, 2);
    journal.restores().put(last.clone()).await.unwrap();
    journal.restores().put(restore("b", State::Success, 1)).await.unwrap();
    drop(journal);
    let (journal, found) = Journal::open(data.path()).unwrap();
    assert!(found.is_empty());
    assert_eq!(journal.restores().get(&last.backend, &last.id, &last.path), Some(last.clone()));
    assert_eq!(journal.restores().of_attempt(last.attempt), Some(last.clone()));
    let order: Vec<_> = journal.restores().of(&last.backend).into_iter().map(|r| r.id.to_string()).collect();
    assert_eq!(order, ["b", "a"]);
    assert_eq!(journal.restores().get(&BackendName::new("gcs").unwrap(), &last.id, &last.path), None);
}

#[tokio::test]
async fn backups_of_one_id_at_two_locations_keep_their_own_restores() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    let here = restore("a", State::Success, 1);
    let there = RestoreRecord { path: "s3://other/a".to_owned(), ..restore("a", State::Failed, 2) };
    for record in [&here, &there] {
        journal.restores().put(record.clone()).await.unwrap();
    }
    drop(journal);
    let (journal, _) = Journal::open(data.path()).unwrap();
    for record in [here, there] {
        assert_eq!(journal.restores().get(&record.backend, &record.id, &record.path), Some(record));
    }
}

#[tokio::test]
async fn the_oldest_ended_restores_are_forgotten_and_running_ones_never() {
    let data = tempfile::tempdir().unwrap();
    let open = || {
        drop(Journal::open(data.path()).unwrap());
        Restores::open(Folder::open(data.path(), ".siltstone/restores").unwrap(), 2).unwrap().0
    };
    let restores = open();
    restores.put(restore("running", State::Started, 1)).await.unwrap();
    for (id, started) in [("old", 2), ("new", 4), ("mid", 3)] {
        restores.put(restore(id, State::Success, started)).await.unwrap();
    }
    let ids = |restores: &Restores| -> Vec<String> {
        restores.of(&BackendName::new("s3").unwrap()).into_iter().map(|r| r.id.to_string()).collect()
    };
    assert_eq!(ids(&restores), ["running", "new"]);
    drop(restores);
    assert_eq!(ids(&open()), ["running", "new"]);
}

#[tokio::test]
async fn a_damaged_restore_is_set_aside_and_reported() {
    let data = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(data.path()).unwrap();
    journal.restores().put(restore("a", State::Success, 1)).await.unwrap();
    drop(journal);
    let folder = data.path().join(".siltstone/restores");
    let file =
        std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    std::fs::write(folder.join(&file), "{}").unwrap();
    let (journal, found) = Journal::open(data.path()).unwrap();
    assert_eq!(unreadable(found)[0].file, format!(".siltstone/restores/{file}.damaged"));
    assert!(journal.restores().of(&BackendName::new("s3").unwrap()).is_empty());
}
