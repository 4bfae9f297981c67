//! The verb `backup`: claim the id, cut, store, verify, commit; or undo.

mod accept;
mod assemble;
mod base;
mod capture;
mod commit;
mod manifest;
mod read;
mod reuse;
mod store;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

pub(crate) use accept::accept;
pub(crate) use store::JournalLog;
pub(crate) use undo::{abort_uploads, give_up};

use crate::error::{Error, Result};
use crate::journal::{Entry, Phase};
use crate::model::{BackendName, BackupId, Codec, Compression, Descriptor, NodeEntry, Selection, State};
use crate::ops::BackupOutcome;
use crate::ops::context::{Context, remove_folder};
use crate::ops::operation::Operation;
use crate::source::ExtrasChoice;
use crate::storage::{Preconditions, Storage};

/// An accepted backup.
pub(crate) struct Job {
    id: BackupId,
    backend: BackendName,
    storage: Arc<dyn Storage>,
    proven: Preconditions,
    selection: Selection,
    /// The backup whose chunks may be named instead of storing the same content again.
    base: Option<Descriptor>,
    extras: ExtrasChoice,
    compression: Compression,
    workers: usize,
    chunk_size: u64,
    /// As it was claimed; the terminal one is made from it.
    descriptor: Descriptor,
    entry: Entry,
    operation: Arc<Operation>,
    /// What a cancel does not tear apart: blocking steps, and those whose effect must get into the journal.
    steps: TaskTracker,
}

/// How long a given-up attempt waits for its steps, before it removes what they made.
const STEPS_PATIENCE: Duration = Duration::from_millis(1000);

impl Job {
    fn codec(&self) -> Codec {
        self.compression.codec
    }

    /// Runs something that blocks as one of the steps.
    async fn blocking<T: Send + 'static>(
        &self,
        context: &Context,
        operation: &'static str,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.steps
            .spawn_blocking_on(work, &context.runtime)
            .await
            .map_err(|e| Error::internal(operation, "a blocking step ended unexpectedly").with_source(e))?
    }

    async fn settle(&self) {
        self.steps.close();
        if tokio::time::timeout(STEPS_PATIENCE, self.steps.wait()).await.is_err() {
            tracing::warn!(steps = self.steps.len(), "steps of a given-up backup are still running");
        }
    }
}

/// Runs an accepted backup to its end and publishes the outcome.
#[tracing::instrument(skip_all, fields(verb = "backup", id = %job.id, backend = %job.backend, attempt = %job.descriptor.attempt))]
pub(crate) async fn run(context: Arc<Context>, job: Job) {
    let (operation, job) = (Arc::clone(&job.operation), Arc::new(job));
    let made = make(&context, &job).await;
    job.settle().await;
    remove_staging(&context, &job).await;
    if !job.steps.is_empty() {
        // The cut may be one of them, and go on filling the folder; the operation does not wait for it.
        let (context, job) = (Arc::clone(&context), Arc::clone(&job));
        tokio::spawn(async move {
            job.steps.wait().await;
            remove_staging(&context, &job).await;
        });
    }
    match made {
        Ok(node) => {
            operation.update(|status| {
                status.raw_bytes = node.raw_bytes;
                status.outcome = Some(outcome(&node));
            });
            tracing::info!(
                raw = node.raw_bytes,
                stored = node.stored_bytes,
                new = node.new_bytes,
                reused = node.reused_bytes,
                pause_us = node.pause_us,
                "backup succeeded"
            );
            operation.end(State::Success, None);
        }
        Err(error) => {
            operation.hold_failure(context.settings.publish_after).await;
            let (state, text) = undo::ended(&operation, &error);
            tracing::warn!(%error, state = state.as_str(), "backup ended without success");
            let text = match undo::undo(&job, state, &text).await {
                Ok(()) => text,
                Err(left) => undo::with_leftovers(&text, &left),
            };
            operation.end(state, Some(text));
        }
    }
}

async fn remove_staging(context: &Context, job: &Job) {
    let staging = context.staging(job.descriptor.attempt);
    if let Err(error) = context.blocking("clean up", move || remove_folder(&staging)).await {
        tracing::warn!(%error, "the staging folder of the backup stays until the next start");
    }
}

async fn make(context: &Arc<Context>, job: &Job) -> Result<NodeEntry> {
    job.entry.set_phase(Phase::Moving).await?;
    job.operation.enter(State::Transferring);
    let node = tokio::select! {
        biased;
        () = job.operation.cancel.cancelled() => Err(Error::cancelled("backup")),
        node = store::store(context, job) => node,
    }?;
    job.operation.enter(State::Transferred);
    tokio::select! {
        biased;
        () = job.operation.cancel.cancelled() => Err(Error::cancelled("backup")),
        checked = commit::check(context, job, &node) => checked,
    }?;
    commit::commit(context, job, node).await
}

/// What came out, as the status shows it.
pub(crate) fn outcome(node: &NodeEntry) -> BackupOutcome {
    BackupOutcome {
        stored_bytes: node.stored_bytes,
        new_bytes: node.new_bytes,
        reused_bytes: node.reused_bytes,
        files: node.files,
        scope: node.scope,
        pause_us: node.pause_us,
        skipped: node.skipped.clone(),
    }
}
