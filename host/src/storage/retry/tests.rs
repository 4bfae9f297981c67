//! The retry loop waits, gives up and settles doubts as it says.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::error::Retry;
use crate::storage::{Action, Faulty, Memory, Observed, Rule, Timed, TimeoutSettings, Verb, When};

const AGAIN: Retry = Retry::After(None);
const LOST: ErrorKind = ErrorKind::Unavailable;

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

fn if_absent() -> PutOptions {
    PutOptions { condition: Precondition::IfAbsent, ..PutOptions::default() }
}

fn if_match(meta: &ObjectMeta) -> PutOptions {
    PutOptions { condition: Precondition::IfMatch(meta.etag.clone().unwrap()), ..PutOptions::default() }
}

/// Memory below faults below a timeout below the retry loop, with attempts counted; waits are as long as they can be.
struct Rig {
    memory: Arc<Memory>,
    observed: Arc<Observed>,
    storage: Retrying,
}

fn rig(rules: Vec<Rule>) -> Rig {
    let memory = Arc::new(Memory::default());
    let faulty = Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, rules);
    let timed = Timed::new(Arc::new(faulty), TimeoutSettings::default());
    let observed = Arc::new(Observed::new(Arc::new(timed), "memory".parse().unwrap()));
    let inner = Arc::clone(&observed) as Arc<dyn Storage>;
    let storage = Retrying::with_dice(inner, RetrySettings::default(), Arc::new(|| 1.0));
    Rig { memory, observed, storage }
}

impl Rig {
    fn attempts(&self, verb: Verb) -> u64 {
        self.observed.counters().snapshot().of(verb).calls
    }

    async fn content(&self, name: &str) -> Vec<u8> {
        let sink = Sink::new(100);
        self.memory.get(&key(name), ByteRange { offset: 0, len: None }, &sink).await.unwrap();
        sink.take().to_vec()
    }

    async fn seed(&self, name: &str, content: &str) -> ObjectMeta {
        let body = Blob::from(content.as_bytes().to_vec());
        self.memory.put(&key(name), &body, &PutOptions::default()).await.unwrap()
    }
}

fn blob(text: &str) -> Blob {
    text.as_bytes().to_vec().into()
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_the_cap_and_attempts_end() {
    let rig = rig(vec![Rule::on(Verb::Head, Action::FailBefore(LOST, AGAIN))]);
    let began = Instant::now();
    let e = rig.storage.head(&key("k")).await.unwrap_err();
    assert_eq!((e.kind(), e.retry()), (LOST, Retry::Exhausted));
    assert!(e.to_string().contains("attempts=10"), "{e}");
    assert_eq!(rig.attempts(Verb::Head), 10);
    // 0.5 + 1 + 2 + 4 + 8 + 16 + 20 + 20 + 20
    assert_eq!(began.elapsed().as_millis(), 91_500);
}

#[tokio::test(start_paused = true)]
async fn jitter_takes_any_share_of_the_wait() {
    for (share, expected) in [(0.0, 0), (0.5, 250)] {
        let rig = rig(vec![Rule::on(Verb::List, Action::FailBefore(LOST, AGAIN)).when(When::Nth(1))]);
        let storage = Retrying::with_dice(rig.observed, RetrySettings::default(), Arc::new(move || share));
        let began = Instant::now();
        storage.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.unwrap();
        assert_eq!(began.elapsed().as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_the_store_asks_for_is_kept() {
    let asked = Retry::After(Some(Duration::from_secs(30)));
    let rig =
        rig(vec![Rule::on(Verb::Put, Action::FailBefore(ErrorKind::Throttled, asked)).when(When::Nth(1))]);
    let began = Instant::now();
    rig.storage.put(&key("k"), &blob("x"), &PutOptions::default()).await.unwrap();
    assert_eq!(began.elapsed().as_millis(), 30_500);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    for wait in [Duration::from_secs(301), Duration::MAX] {
        let rig = rig(vec![Rule::any(Action::FailBefore(ErrorKind::Throttled, Retry::After(Some(wait))))]);
        let began = Instant::now();
        let e = rig.storage.head(&key("k")).await.unwrap_err();
        assert_eq!((e.retry(), began.elapsed()), (Retry::Exhausted, Duration::ZERO));
    }
    let rig = rig(vec![Rule::any(Action::Hang)]);
    let began = Instant::now();
    let e = rig.storage.head(&key("k")).await.unwrap_err();
    assert_eq!((e.kind(), e.retry()), (ErrorKind::Timeout, Retry::Exhausted));
    // Attempts of 60 s at 0, 60.5, 121.5, 183.5 and 247.5 s.
    assert_eq!(began.elapsed().as_millis(), 307_500);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_get_better_is_not_repeated() {
    for (kind, retry) in [
        (ErrorKind::Denied, Retry::Never),
        (LOST, Retry::Exhausted),
        (ErrorKind::Corrupt, AGAIN),
        (ErrorKind::Cancelled, AGAIN),
    ] {
        let rig = rig(vec![Rule::any(Action::FailBefore(kind, retry))]);
        let began = Instant::now();
        let e = rig.storage.head(&key("k")).await.unwrap_err();
        assert_eq!((e.kind(), e.retry()), (kind, retry));
        assert_eq!((rig.attempts(Verb::Head), began.elapsed()), (1, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_get_gives_its_bytes_once() {
    let rig = rig(vec![Rule::on(Verb::Get, Action::FailAfter(LOST, AGAIN)).when(When::First(2))]);
    rig.seed("k", "abc").await;
    let sink = Sink::new(3);
    let len = rig.storage.get(&key("k"), ByteRange { offset: 0, len: None }, &sink).await.unwrap();
    assert_eq!((len, sink.take().as_ref()), (3, b"abc".as_ref()));
    assert_eq!(rig.attempts(Verb::Get), 3);
}

#[tokio::test(start_paused = true)]
async fn a_put_without_a_condition_is_repeated_when_its_outcome_is_unknown() {
    let rig = rig(vec![Rule::on(Verb::Put, Action::FailAfter(LOST, AGAIN)).when(When::Nth(1))]);
    rig.storage.put(&key("k"), &blob("abc"), &PutOptions::default()).await.unwrap();
    assert_eq!((rig.attempts(Verb::Put), rig.content("k").await), (2, b"abc".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn doubt_about_one_attempt_stays_with_the_error_of_a_later_one() {
    let rig = rig(vec![
        Rule::on(Verb::Put, Action::FailAfter(LOST, AGAIN)).when(When::Nth(1)),
        Rule::on(Verb::Put, Action::FailBefore(ErrorKind::Denied, Retry::Never)).when(When::Nth(2)),
    ]);
    let e = rig.storage.put(&key("k"), &blob("abc"), &PutOptions::default()).await.unwrap_err();
    assert!(e.is(ErrorKind::Denied) && e.is_outcome_unknown(), "{e}");
}

#[tokio::test(start_paused = true)]
async fn a_conditional_put_that_happened_in_spite_of_its_error_succeeds_without_a_second_one() {
    let rig = rig(vec![
        Rule::on(Verb::Put, Action::FailAfter(LOST, AGAIN)).when(When::Every(1)),
        Rule::on(Verb::Head, Action::FailBefore(LOST, AGAIN)).when(When::Nth(1)),
        Rule::on(Verb::Get, Action::FailAfter(LOST, AGAIN)).when(When::Nth(1)),
    ]);
    let first = rig.storage.put(&key("k"), &blob("one"), &if_absent()).await.unwrap();
    assert_eq!(first, rig.memory.head(&key("k")).await.unwrap());
    let second = rig.storage.put(&key("k"), &blob("two"), &if_match(&first)).await.unwrap();
    assert_eq!(second, rig.memory.head(&key("k")).await.unwrap());
    assert_eq!((rig.attempts(Verb::Put), rig.content("k").await), (2, b"two".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_conditional_put_that_did_not_happen_is_repeated() {
    let rig = rig(vec![
        Rule::on(Verb::Put, Action::Hang).when(When::Nth(1)),
        Rule::on(Verb::Put, Action::Hang).when(When::Nth(3)),
    ]);
    let first = rig.storage.put(&key("k"), &blob("one"), &if_absent()).await.unwrap();
    rig.storage.put(&key("k"), &blob("two"), &if_match(&first)).await.unwrap();
    assert_eq!((rig.attempts(Verb::Put), rig.content("k").await), (4, b"two".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_conditional_put_is_not_repeated_over_the_object_of_another() {
    let rig = rig(vec![Rule::on(Verb::Put, Action::Hang)]);
    let theirs = rig.seed("k", "theirs").await;
    let stale = PutOptions { condition: Precondition::IfMatch("stale".to_owned()), ..PutOptions::default() };
    for options in [if_absent(), stale.clone()] {
        let e = rig.storage.put(&key("k"), &blob("mine"), &options).await.unwrap_err();
        assert!(e.is(ErrorKind::Timeout) && e.is_outcome_unknown(), "{e}");
    }
    let e = rig.storage.put(&key("missing"), &blob("mine"), &stale).await.unwrap_err();
    assert!(e.is_outcome_unknown(), "{e}");
    assert_eq!(rig.attempts(Verb::Put), 3);
    assert_eq!(rig.memory.head(&key("k")).await.unwrap(), theirs);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_doubt_is_answered_as_it_is() {
    let rig = rig(Vec::new());
    rig.seed("k", "mine").await;
    // The same content, but nothing of ours was ever in doubt.
    let e = rig.storage.put(&key("k"), &blob("mine"), &if_absent()).await.unwrap_err();
    assert!(e.is(ErrorKind::AlreadyExists) && !e.is_outcome_unknown(), "{e}");
    assert_eq!(rig.attempts(Verb::Head), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_conditional_put_in_doubt_is_left_to_the_caller() {
    let rig = rig(vec![Rule::on(Verb::Put, Action::FailAfter(LOST, AGAIN))]);
    let body = Blob::from(vec![0; (1 << 20) + 1]);
    let e = rig.storage.put(&key("k"), &body, &if_absent()).await.unwrap_err();
    assert!(e.is(LOST) && e.is_outcome_unknown(), "{e}");
    assert_eq!((rig.attempts(Verb::Put), rig.attempts(Verb::Get)), (1, 0));
}

async fn upload(rig: &Rig, options: &PutOptions) -> (UploadId, Vec<(u32, PartTag)>) {
    let id = rig.storage.multipart_start(&key("k"), 65_536, None, options).await.unwrap();
    let mut parts = Vec::new();
    for (number, len) in [(1, 65_536), (2, 10)] {
        let body = Blob::from(vec![7; len]);
        parts.push((number, rig.storage.multipart_put(&key("k"), &id, number, &body).await.unwrap()));
    }
    (id, parts)
}

#[tokio::test(start_paused = true)]
async fn a_finish_that_happened_in_spite_of_its_error_succeeds() {
    let rig = rig(vec![
        Rule::on(Verb::MultipartPut, Action::FailAfter(LOST, AGAIN)).when(When::Nth(2)),
        Rule::on(Verb::MultipartFinish, Action::FailAfter(LOST, AGAIN)).when(When::Nth(1)),
    ]);
    let (id, parts) = upload(&rig, &if_absent()).await;
    let meta = rig.storage.multipart_finish(&key("k"), &id, &parts).await.unwrap();
    assert_eq!((meta.size, rig.attempts(Verb::MultipartFinish)), (65_546, 2));
    assert_eq!((rig.attempts(Verb::MultipartPut), rig.storage.parts().len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_finish_in_doubt_fails_when_the_object_is_not_the_one_of_the_parts() {
    let rig = rig(vec![
        Rule::on(Verb::MultipartFinish, Action::FailAfter(LOST, AGAIN)).when(When::Nth(1)),
        Rule::on(Verb::MultipartFinish, Action::Delay(Duration::from_secs(30))).when(When::Nth(2)),
    ]);
    let (id, parts) = upload(&rig, &PutOptions::default()).await;
    let replaced = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        rig.seed("k", "of another size").await
    };
    let k = key("k");
    let (e, _) = tokio::join!(rig.storage.multipart_finish(&k, &id, &parts), replaced);
    let e = e.unwrap_err();
    assert!(e.is(ErrorKind::NotFound) && e.is_outcome_unknown(), "{e}");
    rig.storage.multipart_abort(&key("k"), &id).await.unwrap();
    assert_eq!(rig.storage.parts().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_the_keys_that_failed_are_deleted_again() {
    let rig = rig(vec![
        Rule::on(Verb::Delete, Action::Refuse(LOST, AGAIN)).key(|k| k == "b").when(When::Nth(1)),
        Rule::on(Verb::Delete, Action::Refuse(ErrorKind::Denied, Retry::Never)).key(|k| k == "c"),
    ]);
    for name in ["a", "b"] {
        rig.seed(name, "").await;
    }
    assert!(rig.storage.delete(&[key("a"), key("b")]).await.unwrap().is_empty());
    assert_eq!((rig.attempts(Verb::Delete), rig.memory.keys().len()), (2, 0));
    let failed = rig.storage.delete(&[key("c")]).await.unwrap();
    assert!(failed[0].0 == key("c") && failed[0].1.is(ErrorKind::Denied), "{failed:?}");
    assert_eq!(rig.attempts(Verb::Delete), 3);
}

#[tokio::test(start_paused = true)]
async fn keys_that_keep_failing_are_answered_as_exhausted() {
    let rig = rig(vec![Rule::on(Verb::Delete, Action::Refuse(LOST, AGAIN))]);
    let failed = rig.storage.delete(&[key("a"), key("b")]).await.unwrap();
    assert_eq!(
        failed.iter().map(|(k, e)| (k.as_str(), e.retry())).collect::<Vec<_>>(),
        [("a", Retry::Exhausted), ("b", Retry::Exhausted)]
    );
    assert_eq!(rig.attempts(Verb::Delete), 10);
}
