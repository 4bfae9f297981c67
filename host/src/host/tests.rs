//! A host over a store in memory: what its clock writes, and what it tells of its backends.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::model::{AttemptId, CollectionName, ObjectKey, State, Timestamp};
use crate::repository::descriptor;
use crate::repository::manifest::ManifestReader;
use crate::source::directory::{DirectorySource, DirectoryTarget};
use crate::storage::{Action, ByteRange, Faulty, Health, Memory, Rule, Sink, Verb as Call, When};
use crate::{ErrorKind, FaultKind};

/// A clock that stands still, in a year that no machine's is near.
#[derive(Clone, Copy, Debug)]
struct Stopped(SystemTime);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }
}

const NOON: &str = "2031-02-03T12:00:00.125Z";

fn noon() -> Stopped {
    Stopped(humantime::parse_rfc3339(NOON).unwrap())
}

/// A host whose database is a folder with one file, and whose only backend is this storage.
async fn host(base: &Path, storage: Arc<dyn Storage>, clock: Stopped) -> Host {
    let segments = base.join("segments");
    std::fs::create_dir_all(&segments).unwrap();
    std::fs::write(segments.join("0"), b"some bytes").unwrap();
    let collection = CollectionName::new("notes").unwrap();
    let source = Arc::new(DirectorySource::new(segments, collection));
    let target = Arc::new(DirectoryTarget::new(base.join("restored")));
    let mut settings = HostSettings::new("node1").unwrap();
    settings.publish_after = Duration::ZERO;
    let builder = HostBuilder::new(source, target, base.join("data"), settings);
    builder.storage("vault", storage).clock(Arc::new(clock)).build().await.unwrap()
}

fn here() -> Location {
    Location::default()
}

async fn backup(host: &Host, id: &str) -> Status {
    host.backup(BackupRequest::new("vault", id)).await.unwrap();
    host.wait_backup("vault", id, &here()).await.unwrap()
}

async fn object(storage: &Memory, key: &str) -> Vec<u8> {
    let sink = Sink::new(1 << 20);
    let all = ByteRange { offset: 0, len: None };
    storage.get(&ObjectKey::new(key).unwrap(), all, &sink).await.unwrap();
    sink.take().to_vec()
}

fn expect_noon(times: &[Timestamp]) {
    for time in times {
        assert_eq!(time.to_string(), NOON);
    }
}

#[tokio::test]
async fn everything_that_is_written_down_has_the_time_of_the_given_clock() {
    let base = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::new(Memory::full()));
    let one = host(base.path(), memory.clone(), noon()).await;
    let status = backup(&one, "x").await;
    assert_eq!(status.state, State::Success, "{status:?}");
    expect_noon(&[status.started_at, status.completed_at]);

    let written = descriptor::decode(&object(&memory, "x/backup.json").await).unwrap();
    expect_noon(&[written.started_at, written.completed_at]);
    expect_noon(&[time_of(written.attempt)]);
    let node = written.nodes.values().next().unwrap();
    let manifest = object(&memory, node.manifest.as_str()).await;
    expect_noon(&[ManifestReader::new(manifest.as_slice()).unwrap().header().cut.at]);

    let listed = one.list("vault", &here(), Order::Ascending).await.unwrap();
    expect_noon(&[listed[0].started_at, listed[0].completed_at]);

    one.restore(RestoreRequest::new("vault", "x")).await.unwrap();
    let status = one.wait_restore("vault", "x", &here()).await.unwrap();
    assert_eq!(status.state, State::Success, "{status:?}");
    expect_noon(&[status.started_at, status.completed_at]);

    // What the files say, and not what is in memory.
    one.shutdown().await;
    drop(one);
    let later = Stopped(noon().0 + Duration::from_secs(3600));
    let two = again(base.path(), memory, later).await;
    let status = two.backup_status("vault", "x", &here()).await.unwrap();
    expect_noon(&[status.started_at, status.completed_at]);
    let status = two.restore_status("vault", "x", &here()).await.unwrap();
    expect_noon(&[status.started_at, status.completed_at]);
}

#[tokio::test]
async fn a_failed_backup_has_the_time_of_the_given_clock_too() {
    let base = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::new(Memory::full()));
    let refuse = Action::FailBefore(ErrorKind::Denied, crate::Retry::Never);
    let rule = Rule::on(Call::Put, refuse).key(|key| key.contains("/chunks/"));
    let faulty = Arc::new(Faulty::new(memory.clone(), vec![rule]));
    let host = host(base.path(), faulty, noon()).await;
    let status = backup(&host, "x").await;
    assert_eq!(status.state, State::Failed);
    let written = descriptor::decode(&object(&memory, "x/backup.json").await).unwrap();
    expect_noon(&[status.completed_at, written.completed_at]);
}

#[tokio::test]
async fn a_backup_of_a_later_clock_is_no_base() {
    let base = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::new(Memory::full()));
    let one = host(base.path(), memory.clone(), noon()).await;
    backup(&one, "x").await;
    one.shutdown().await;
    drop(one);
    let two = again(base.path(), memory, Stopped(noon().0 - Duration::from_secs(1))).await;
    let mut request = BackupRequest::new("vault", "y");
    request.base = Some("x".to_owned());
    let error = two.backup(request).await.unwrap_err();
    assert!(error.to_string().contains("later than now (2031-02-03T11:59:59.125Z)"), "{error}");
}

#[test]
fn ids_of_a_clock_that_stands_still_differ_and_have_its_time() {
    let (a, b) = (AttemptId::by(&noon()), AttemptId::by(&noon()));
    assert_ne!(a, b);
    expect_noon(&[time_of(a), time_of(b)]);
    // Not that it matters when: no time makes it fail.
    let far = Stopped(UNIX_EPOCH + Duration::from_secs(1 << 40));
    assert!(AttemptId::by(&Stopped(UNIX_EPOCH - Duration::from_secs(1))) < a && a < AttemptId::by(&far));
}

#[tokio::test]
async fn a_storage_of_the_embedder_is_told_with_its_calls_and_bytes() {
    let base = tempfile::tempdir().unwrap();
    let host = host(base.path(), Arc::new(Memory::new(Memory::full())), noon()).await;
    backup(&host, "x").await;
    let all = host.health();
    assert_eq!(all.len(), 1);
    let vault = &all[0];
    assert_eq!((vault.info.name.as_str(), vault.info.home.as_str()), ("vault", "memory:"));
    assert_eq!((&vault.plugin, vault.health, &vault.last_fault), (&None, Health::Healthy, &None));
    assert!(vault.counts.of(Call::Put).calls >= 3 && vault.counts.bytes_out() > 10, "{:?}", vault.counts);
    let told = &vault.counts.total().errors;
    assert!(told[&ErrorKind::NotFound] > 0, "that the id is free is an honest answer: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_faulty_until_it_answers() {
    let memory = Arc::new(Memory::new(Memory::full()));
    let rules = vec![Rule::on(Call::Get, Action::Hang).when(When::Nth(1))];
    let storage: Arc<dyn Storage> = Arc::new(Faulty::new(memory, rules));
    let counters = Arc::new(crate::storage::Counters::new(Arc::new(noon())));
    let mut settings = StackSettings::default();
    settings.retry.attempts = 1;
    let backend = "vault".parse().unwrap();
    let storage = crate::storage::stack_counting(storage, backend, &settings, Arc::clone(&counters));
    let (key, all) = (ObjectKey::new("k").unwrap(), ByteRange { offset: 0, len: None });
    let error = storage.get(&key, all, &Sink::new(10)).await.unwrap_err();
    assert!(error.is(ErrorKind::Timeout), "{error}");
    let (counts, health, last) = counters.report();
    assert_eq!(counts.of(Call::Get).faults[&FaultKind::Overdue], 1);
    assert_eq!(health, Health::Faulty { since: Timestamp::from_system(noon().0) });
    assert_eq!(last.unwrap().operation, "get");
    assert!(storage.get(&key, all, &Sink::new(10)).await.unwrap_err().is(ErrorKind::NotFound));
    assert_eq!(counters.report().1, Health::Healthy);
}

/// The same data folder once more; the lock of the host before is given up when its last thread has noticed.
async fn again(base: &Path, storage: Arc<dyn Storage>, clock: Stopped) -> Host {
    for _ in 0..500 {
        let settings = HostSettings::new("node1").unwrap();
        let source = DirectorySource::new(base.join("segments"), CollectionName::new("notes").unwrap());
        let target = Arc::new(DirectoryTarget::new(base.join("restored")));
        let builder = HostBuilder::new(Arc::new(source), target, base.join("data"), settings);
        match builder.storage("vault", storage.clone()).clock(Arc::new(clock)).build().await {
            Err(e) if e.is(ErrorKind::Conflict) => tokio::time::sleep(Duration::from_millis(10)).await,
            built => return built.unwrap(),
        }
    }
    panic!("the data folder stays locked");
}

fn time_of(attempt: AttemptId) -> Timestamp {
    let (seconds, nanos) =
        uuid::Uuid::parse_str(&attempt.to_string()).unwrap().get_timestamp().unwrap().to_unix();
    Timestamp::from_system(UNIX_EPOCH + Duration::new(seconds, nanos))
}
