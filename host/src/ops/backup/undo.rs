//! Ends an attempt that did not succeed: aborts its uploads, deletes its objects, and says so in the descriptor.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Phase, Record};
use crate::model::{Descriptor, State};
use crate::ops::backup::Job;
use crate::ops::context::status_text;
use crate::ops::listing::delete_prefix;
use crate::ops::operation::Operation;
use crate::repository::{descriptor_store, layout};
use crate::storage::{Preconditions, Storage};

/// A call that was cancelled may still land a little later; then its object is found by another look.
const LOOKS: usize = 3;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The terminal state of a failed attempt, and why.
pub(super) fn ended(operation: &Operation, error: &Error) -> (State, String) {
    if operation.is_cancelled() {
        (State::Canceled, "cancelled on request".to_owned())
    } else {
        (State::Failed, status_text(error))
    }
}

/// Undoes the attempt of a job. What cannot be undone stays in the journal for the next start.
pub(super) async fn undo(job: &Arc<Job>, state: State, text: &str) -> Result<()> {
    let committing = job.entry.record().is_some_and(|r| r.phase == Phase::Committing);
    if committing && may_have_committed(job).await? {
        return Err(Error::new(
            ErrorKind::Conflict,
            "undo",
            "whether it took effect is not known; nothing was deleted, and the next start looks again",
        ));
    }
    job.entry.set_phase(Phase::Undoing).await?;
    let last = Descriptor {
        state,
        completed_at: job.operation.now(),
        error: Some(text.to_owned()),
        ..job.descriptor.clone()
    };
    if committing {
        // A terminal write of before may still be on its way. Once this one has changed the etag it is refused, where
        // the store keeps conditions; and recovery believes no SUCCESS of an attempt that is being undone.
        match descriptor_store::end(&*job.storage, &last, job.proven).await {
            Ok(()) => {}
            // Another attempt has the id by now, so no late write of ours is taken for the truth.
            Err(e) if e.is(ErrorKind::Conflict) => {}
            Err(e) => return Err(e),
        }
    }
    withdraw(&*job.storage, &job.entry, Some(last), job.proven).await?;
    if job.steps.is_empty() {
        return close(&*job.storage, &job.entry).await;
    }
    // A step that outlived our patience may still record an upload: the record stays until it is through.
    let job = Arc::clone(job);
    tokio::spawn(async move {
        job.steps.wait().await;
        if let Err(error) = close(&*job.storage, &job.entry).await {
            tracing::warn!(id = %job.id, %error, "an upload of a cancelled backup stays recorded for the next start");
        }
    });
    Ok(())
}

/// Gives up what was recorded since, and closes the record.
async fn close(storage: &dyn Storage, entry: &Entry) -> Result<()> {
    if let Some(record) = entry.record() {
        abort_uploads(storage, &record).await?;
    }
    entry.finish().await
}

/// After a terminal write that may have taken effect, only a descriptor that says otherwise allows deleting.
async fn may_have_committed(job: &Job) -> Result<bool> {
    let found = descriptor_store::load(&*job.storage, &job.id).await?;
    Ok(found.is_some_and(|f| {
        f.descriptor.attempt == job.descriptor.attempt && f.descriptor.state == State::Success
    }))
}

/// Why an attempt ended, and why something of it is still there.
pub(super) fn with_leftovers(text: &str, left: &Error) -> String {
    format!("{text}; what it stored could not be removed: {}", status_text(left))
}

/// Removes what an attempt stored, writes its end, and closes its record. What the store refuses to delete does not keep
/// the end from being written; the record then stays, for the next start to try again.
pub(crate) async fn give_up(
    storage: &dyn Storage,
    entry: &Entry,
    last: Option<Descriptor>,
    proven: Preconditions,
) -> Result<()> {
    withdraw(storage, entry, last, proven).await?;
    entry.finish().await
}

/// [`give_up`], but for the record.
async fn withdraw(
    storage: &dyn Storage,
    entry: &Entry,
    last: Option<Descriptor>,
    proven: Preconditions,
) -> Result<()> {
    let removed = match entry.record() {
        Some(record) => remove_attempt(storage, &record).await,
        None => Ok(()),
    };
    if let Some(mut last) = last {
        if let Err(left) = &removed {
            last.error = last.error.map(|text| with_leftovers(&text, left));
        }
        match descriptor_store::end(storage, &last, proven).await {
            Ok(()) => {}
            // Another attempt has the id now, which is as good an end as any.
            Err(e) if e.is(ErrorKind::Conflict) => {}
            Err(e) => return Err(removed.err().unwrap_or(e)),
        }
    }
    removed
}

/// Aborts the uploads and deletes the objects of one attempt, and nothing else. A refused delete is an error.
async fn remove_attempt(storage: &dyn Storage, record: &Record) -> Result<()> {
    let (id, attempt) = (&record.id, record.attempt);
    // What cannot be aborted keeps nothing else from being removed.
    let aborted = abort_uploads(storage, record).await;
    let probes = delete_prefix(storage, &layout::probe_prefix(attempt)).await?;
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let objects = delete_prefix(storage, &layout::attempt_prefix(id, attempt)).await?;
        let temporary = delete_prefix(storage, &layout::temporary_prefix(attempt)).await?;
        let refused = probes.refused + objects.refused + temporary.refused;
        if refused > 0 {
            let text = format!("the store refused to delete {refused} objects of attempt {attempt}");
            return Err(Error::new(ErrorKind::Denied, "undo", text));
        }
        if look > 0 && objects.objects + temporary.objects == 0 {
            break;
        }
    }
    aborted
}

/// Aborts all uploads of a record; the first that cannot be is the error.
pub(crate) async fn abort_uploads(storage: &dyn Storage, record: &Record) -> Result<()> {
    let mut aborted = Ok(());
    for open in &record.uploads {
        let tried = storage.multipart_abort(&open.key, &open.upload).await;
        aborted = aborted.and(tried);
    }
    aborted
}
