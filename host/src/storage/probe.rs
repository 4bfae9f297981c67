//! What a location can really do, found out by doing it.
//!
//! Some stores accept a condition and ignore it, so what they say is not enough. Probes leave nothing behind where
//! deleting is allowed; their keys begin with `.siltstone-probe/<attempt>/`, so that what a crash leaves can be told apart,
//! and no backup id begins like that.

use super::{Blob, ByteRange, ObjectMeta, Precondition, Preconditions, PutOptions, Sink, Storage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, ObjectKey};

/// What the keys of all probes begin with; the attempt on whose behalf they are made follows.
pub(crate) const PROBES: &str = ".siltstone-probe/";

/// How often a put whose condition does not hold is tried when its answer is lost.
const QUESTIONS: u32 = 3;

/// What a write probe saw.
#[derive(Debug)]
pub struct Written {
    /// The object that could not be deleted and why: we may write here but not delete, as with locked buckets. What an
    /// attempt leaves when it fails will stay.
    pub left_behind: Option<(ObjectKey, Error)>,
}

/// Writes a small object, reads it back and deletes it. The error names the location.
pub async fn probe_write(storage: &dyn Storage, attempt: AttemptId) -> Result<Written> {
    let key = fresh_key(attempt)?;
    let body = body(&key, storage);
    let named = |e: Error| e.with("location", storage.home());
    storage.put(&key, &body, &options(attempt, Precondition::None)).await.map_err(named)?;
    let read = holds(storage, &key, &body).await;
    let left_behind = match remove(storage, &key).await {
        Ok(()) => None,
        Err(e) if e.is(ErrorKind::Denied) => Some((key, e)),
        Err(e) => return Err(named(e)),
    };
    if read.map_err(named)? {
        Ok(Written { left_behind })
    } else {
        Err(named(Error::corrupt("probe", "what was written is not what is read")))
    }
}

/// Tries the conditions that the store says it has; answers those that it keeps.
///
/// For each, two puts race for one key and exactly one must win and stay; then a put whose condition does not hold must
/// be refused and change nothing.
pub async fn probe_conditions(storage: &dyn Storage, attempt: AttemptId) -> Result<Preconditions> {
    let claimed = storage.capabilities().preconditions;
    let mut proven = Preconditions::default();
    if !claimed.if_absent && !claimed.if_match {
        return Ok(proven);
    }
    let key = fresh_key(attempt)?;
    let probed = probe_on(storage, (&key, attempt), claimed, &mut proven).await;
    let removed = remove(storage, &key).await;
    let named = |e: Error| e.with("location", storage.home());
    probed.map_err(named)?;
    match removed {
        Err(e) if !e.is(ErrorKind::Denied) => Err(named(e)),
        _ => Ok(proven),
    }
}

async fn probe_on(
    storage: &dyn Storage,
    (key, attempt): (&ObjectKey, AttemptId),
    claimed: Preconditions,
    proven: &mut Preconditions,
) -> Result<()> {
    let first = if claimed.if_absent {
        let won = race(storage, (key, attempt), Precondition::IfAbsent, ErrorKind::AlreadyExists).await?;
        proven.if_absent = won.is_some();
        won
    } else {
        None
    };
    if claimed.if_match {
        let meta = match first {
            Some(meta) => meta,
            None => storage.put(key, &body(key, storage), &options(attempt, Precondition::None)).await?,
        };
        if let Some(etag) = meta.etag {
            let condition = Precondition::IfMatch(etag);
            proven.if_match = race(storage, (key, attempt), condition, ErrorKind::Conflict).await?.is_some();
        }
    }
    Ok(())
}

/// The object of the winner, if the store kept the condition; `refusal` is the kind of the loser's error.
async fn race(
    storage: &dyn Storage,
    (key, attempt): (&ObjectKey, AttemptId),
    condition: Precondition,
    refusal: ErrorKind,
) -> Result<Option<ObjectMeta>> {
    let options = options(attempt, condition);
    let fresh = || fresh_key(attempt).map(|key| body(&key, storage));
    let bodies = [fresh()?, fresh()?];
    let (a, b) = tokio::join!(storage.put(key, &bodies[0], &options), storage.put(key, &bodies[1], &options));
    let (winner, meta) = match (a, b) {
        (Ok(meta), Err(e)) if e.is(refusal) => (&bodies[0], meta),
        (Err(e), Ok(meta)) if e.is(refusal) => (&bodies[1], meta),
        (Ok(_), Ok(_)) => return Ok(None),
        // Some stores fail in the middle when two writes meet. The loser was not refused, so nothing is proven.
        (Ok(_), Err(e)) | (Err(e), Ok(_)) if e.is_outcome_unknown() => return Ok(None),
        (Err(e), _) | (_, Err(e)) if e.is(ErrorKind::Unsupported) || e.is(refusal) => return Ok(None),
        (Err(e), _) | (_, Err(e)) => return Err(e),
    };
    // An answer that is lost on its way says nothing about the condition; the question does no harm when it is asked again.
    for _ in 0..QUESTIONS {
        match storage.put(key, &fresh()?, &options).await {
            Err(e) if e.is(refusal) => return Ok(holds(storage, key, winner).await?.then_some(meta)),
            Err(e) if e.is_outcome_unknown() => {}
            Ok(_) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

async fn holds(storage: &dyn Storage, key: &ObjectKey, body: &Blob) -> Result<bool> {
    let sink = Sink::new(body.len() + 1);
    storage.get(key, ByteRange { offset: 0, len: Some(body.len() + 1) }, &sink).await?;
    Ok(sink.take() == body.read(0, body.len()))
}

async fn remove(storage: &dyn Storage, key: &ObjectKey) -> Result<()> {
    match storage.delete(std::slice::from_ref(key)).await?.into_iter().next() {
        Some((_, e)) => Err(e),
        None => Ok(()),
    }
}

fn fresh_key(attempt: AttemptId) -> Result<ObjectKey> {
    ObjectKey::new(format!("{PROBES}{attempt}/{}", uuid::Uuid::new_v4()))
}

fn options(attempt: AttemptId, condition: Precondition) -> PutOptions {
    PutOptions { condition, attempt: Some(attempt), ..PutOptions::default() }
}

/// A body of its own, so that it can be told who wrote.
fn body(key: &ObjectKey, storage: &dyn Storage) -> Blob {
    Blob::with_digests([format!("{key}\n").into()], storage.capabilities().digests)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::Retry;
    use crate::storage::{Action, Capabilities, Faulty, ListRequest, Memory, Rule, Verb, When};

    fn attempt() -> AttemptId {
        AttemptId::generate()
    }

    #[tokio::test]
    async fn conditions_that_are_kept_are_proven_and_nothing_is_left() {
        for (if_absent, if_match) in [(true, true), (true, false), (false, true), (false, false)] {
            let preconditions = Preconditions { if_absent, if_match };
            let storage = Memory::new(Capabilities { preconditions, ..Memory::full() });
            assert_eq!(probe_conditions(&storage, attempt()).await.unwrap(), preconditions);
            assert!(probe_write(&storage, attempt()).await.unwrap().left_behind.is_none());
            assert!(storage.keys().is_empty());
        }
    }

    #[tokio::test]
    async fn a_write_that_is_refused_names_the_location() {
        let rules = vec![Rule::on(Verb::Put, Action::FailBefore(ErrorKind::Denied, Retry::Never))];
        let storage = Faulty::new(Arc::new(Memory::default()), rules);
        for e in [
            probe_write(&storage, attempt()).await.unwrap_err(),
            probe_conditions(&storage, attempt()).await.unwrap_err(),
        ] {
            assert!(e.is(ErrorKind::Denied) && e.to_string().contains("location=memory:"), "{e}");
        }
    }

    #[tokio::test]
    async fn a_refused_delete_is_reported_and_other_failures_are_errors() {
        for (kind, fatal) in [(ErrorKind::Denied, false), (ErrorKind::Unavailable, true)] {
            let rules = vec![Rule::on(Verb::Delete, Action::FailBefore(kind, Retry::Never))];
            let memory = Arc::new(Memory::default());
            let storage = Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, rules);
            match probe_write(&storage, attempt()).await {
                Ok(written) => {
                    assert!(!fatal);
                    assert_eq!(written.left_behind.unwrap().0.as_str(), memory.keys()[0]);
                }
                Err(e) => assert!(fatal && e.is(kind), "{e}"),
            }
        }
    }

    #[tokio::test]
    async fn a_refusal_whose_answer_is_lost_is_asked_for_again() {
        for (lost, is_proven) in [(2, true), (3, false)] {
            let preconditions = Preconditions { if_absent: true, if_match: false };
            let memory = Arc::new(Memory::new(Capabilities { preconditions, ..Memory::full() }));
            let fail = Action::FailAfter(ErrorKind::Unavailable, Retry::Never);
            let rules = (3..3 + lost).map(|n| Rule::on(Verb::Put, fail).when(When::Nth(n))).collect();
            let storage = Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, rules);
            let proven = probe_conditions(&storage, attempt()).await.unwrap();
            assert_eq!(proven.if_absent, is_proven, "{lost} lost");
            assert!(memory.keys().is_empty());
        }
    }

    #[tokio::test]
    async fn damage_on_the_way_is_seen() {
        let memory = Arc::new(Memory::default());
        let rules = vec![Rule::on(Verb::Get, Action::Corrupt(3))];
        let storage = Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>, rules);
        assert!(probe_write(&storage, attempt()).await.unwrap_err().is(ErrorKind::Corrupt));
        assert_eq!(probe_conditions(&storage, attempt()).await.unwrap(), Preconditions::default());
        let all = ListRequest { limit: 9, ..ListRequest::default() };
        assert!(memory.list(&all).await.unwrap().objects.is_empty());
    }
}
