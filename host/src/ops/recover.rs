//! Ends what an earlier run of this server began: its own journal only, never what a listing suggests.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::journal::{Entry, Found, Phase, Record, RestoreRecord, Verb, Wish};
use crate::model::{Descriptor, Location, State};
use crate::ops::backup::give_up;
use crate::ops::context::{Context, remove_folder};
use crate::ops::copy::end_copy;
use crate::ops::is_needed;
use crate::repository::descriptor_store;
use crate::source::InstallState;

/// What a status says after it.
const INTERRUPTED: &str = "interrupted by a restart of the server";
/// And what it says when somebody had been told that it is cancelled.
const CANCELLED: &str = "cancelled on request; the server was restarted before it had ended";

/// How an operation ended that did not get to its commit.
fn ending(record: &Record) -> (State, String) {
    match record.wish {
        Wish::GoOn => (State::Failed, INTERRUPTED.to_owned()),
        Wish::Cancel => (State::Canceled, CANCELLED.to_owned()),
    }
}

/// Ends every operation that the journal holds. One that cannot be ended now, for example because its store does not
/// answer, stays in the journal for the next start.
pub(crate) async fn recover(context: &Arc<Context>, found: Vec<Found>) {
    // Cuts of a process that is gone: nobody reads their links any more, recorded or not.
    let cuts = context.cuts();
    if let Err(error) = context.blocking("recover", move || remove_folder(&cuts)).await {
        tracing::warn!(%error, "links of earlier cuts stay; they hold disk space");
    }
    // Restores first: they need nothing but this machine.
    let (restores, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| {
        matches!(found, Found::Unfinished(entry) if entry.record().is_some_and(|r| r.verb == Verb::Restore))
    });
    for found in restores.into_iter().chain(others) {
        match found {
            Found::Unfinished(entry) => {
                let Some(record) = entry.record() else { continue };
                let ended = match record.verb {
                    Verb::Backup => end_backup(context, &entry, &record).await,
                    Verb::Restore => end_restore(context, &entry, &record).await,
                    Verb::Copy => end_copy(context, &entry, &record).await.map(|()| State::Failed),
                };
                match ended {
                    Ok(state) => {
                        tracing::info!(id = %record.id, backend = %record.backend, attempt = %record.attempt,
                        state = state.as_str(), "an operation of an earlier run was ended")
                    }
                    Err(error) => {
                        tracing::error!(id = %record.id, backend = %record.backend, attempt = %record.attempt,
                        %error, "an operation of an earlier run could not be ended; the next start tries again")
                    }
                }
            }
            Found::Unreadable(file) => {
                tracing::error!(file = %file.file, reason = %file.reason,
                    "a journal file cannot be read; what it recorded was not ended");
            }
        }
    }
}

async fn end_backup(context: &Arc<Context>, entry: &Entry, record: &Record) -> Result<State> {
    let staging = context.staging(record.attempt);
    context.blocking("recover", move || remove_folder(&staging)).await?;
    let location = Location { bucket: record.bucket.clone(), path: record.path.clone() };
    let storage = context.backends.open(&record.backend, &location).await?;
    let found = descriptor_store::load(&*storage, &record.id).await?;
    let ours = found.map(|f| f.descriptor).filter(|d| d.attempt == record.attempt);
    let succeeded = ours.as_ref().is_some_and(|d| d.state == State::Success);
    // The terminal write had taken effect. Of an attempt that is being undone it came too late: chunks may be gone.
    if succeeded && record.phase != Phase::Undoing {
        entry.finish().await?;
        return Ok(State::Success);
    }
    entry.set_phase(Phase::Undoing).await?;
    let (state, text) = ending(record);
    let shown_nodes = ours.as_ref().map(|d| d.nodes.clone()).unwrap_or_default();
    let last = ours.filter(|d| succeeded || !d.state.is_terminal()).map(|stored| Descriptor {
        state,
        completed_at: context.now(),
        error: Some(text),
        nodes: std::collections::BTreeMap::new(),
        ..stored
    });
    let proven = context.proven(&record.backend, &location);
    if let Some(last) = last.as_ref().filter(|_| succeeded) {
        // It showed as a SUCCESS for a while, so others may have been made on top of it; while it is marked as one that
        // is being forgotten, no more can be.
        let marked = Descriptor { nodes: shown_nodes, ..last.clone() };
        descriptor_store::end(&*storage, &marked, proven).await?;
        if is_needed(context, &*storage, &record.id).await? {
            tracing::warn!(id = %record.id, "what is left of a failed backup stays: another one needs its chunks");
            entry.finish().await?;
            return Ok(state);
        }
    }
    give_up(&*storage, entry, last, proven).await?;
    Ok(state)
}

async fn end_restore(context: &Arc<Context>, entry: &Entry, record: &Record) -> Result<State> {
    let (target, attempt) = (Arc::clone(&context.target), record.attempt);
    // Before its install was begun, nothing that is there can have come from it.
    let begun = record.phase == Phase::Committing;
    let installed = context
        .blocking("recover", move || {
            let outcome = if begun { target.outcome(attempt)? } else { InstallState::Absent };
            if outcome == InstallState::Absent {
                target.abort(attempt)?;
            }
            Ok(outcome)
        })
        .await?;
    let (state, error) = match installed {
        InstallState::Installed => (State::Success, None),
        InstallState::Absent => {
            let (state, text) = ending(record);
            (state, Some(text))
        }
    };
    let restores = context.journal.restores();
    let Some(RestoreRecord { path, from_node, .. }) = restores.of_attempt(record.attempt) else {
        return forget_unrecorded(entry).await;
    };
    restores
        .put(RestoreRecord {
            id: record.id.clone(),
            backend: record.backend.clone(),
            attempt: record.attempt,
            state,
            error,
            started_at: record.started_at,
            completed_at: context.now(),
            path,
            collections: record.collections.clone(),
            from_node,
        })
        .await?;
    entry.finish().await?;
    Ok(state)
}

/// The process died between the journal's record and the first status: nobody was told that the restore had begun.
async fn forget_unrecorded(entry: &Entry) -> Result<State> {
    entry.finish().await.map(|()| State::Failed).map_err(|e: Error| e.with("verb", "restore"))
}
