//! The verb `restore`: plan, stage, verify, let the engine check, install in one step; or leave nothing.

mod accept;
mod files;
mod gate;
mod plan;
mod stage;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub(crate) use accept::accept;

use crate::error::{Error, Result};
use crate::journal::{Entry, Phase, RestoreRecord};
use crate::model::{AttemptId, BackendName, BackupId, NodeEntry, NodeName, State};
use crate::ops::context::{Context, status_text};
use crate::ops::operation::Operation;
use crate::source::{AliasPolicy, InstallState};
use crate::storage::Storage;

/// An accepted restore.
pub(crate) struct Job {
    id: BackupId,
    backend: BackendName,
    storage: Arc<dyn Storage>,
    /// The node of the backup whose data comes here.
    from: NodeName,
    node: NodeEntry,
    /// The attempt that made the backup.
    made_by: AttemptId,
    workers: usize,
    aliases: AliasPolicy,
    extras: Vec<String>,
    attempt: AttemptId,
    entry: Entry,
    operation: Arc<Operation>,
    /// Blocking steps that a cancel does not tear apart.
    steps: TaskTracker,
    /// Closed before the staged files are removed.
    gate: Arc<gate::Gate>,
}

impl Job {
    async fn blocking<T: Send + 'static>(
        &self,
        context: &Context,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.steps
            .spawn_blocking_on(work, &context.runtime)
            .await
            .map_err(|e| Error::internal("restore", "a blocking step ended unexpectedly").with_source(e))?
    }
}

/// Runs an accepted restore to its end and publishes the outcome.
#[tracing::instrument(skip_all, fields(verb = "restore", id = %job.id, backend = %job.backend, attempt = %job.attempt))]
pub(crate) async fn run(context: Arc<Context>, job: Job) {
    let operation = Arc::clone(&job.operation);
    let done = bring_back(&context, &job).await;
    job.steps.close();
    job.steps.wait().await;
    let installed = match &done {
        Ok(()) => Ok(true),
        Err(_) => is_installed(&context, &job).await,
    };
    let (state, error) = match (done, installed) {
        (Ok(()), _) => (State::Success, None),
        // The install said that it failed, and yet what it was to bring is there: that is what counts.
        (Err(error), Ok(true)) => {
            tracing::warn!(%error, "the database reported a failed install that took effect");
            (State::Success, None)
        }
        (Err(error), Err(unknown)) => {
            // Nothing may be removed and nothing be called final: the record stays, and the next start asks again.
            let text = format!(
                "{}; whether it was installed is not known: {}; the next start looks again",
                status_text(&error),
                status_text(&unknown)
            );
            tracing::error!(%error, %unknown, "it is not known whether a restore was installed");
            operation.end(State::Failed, Some(text));
            return;
        }
        (Err(error), Ok(false)) => {
            operation.hold_failure(context.settings.publish_after).await;
            let cancelled = operation.is_cancelled();
            let state = if cancelled { State::Canceled } else { State::Failed };
            let text = if cancelled { "cancelled on request".to_owned() } else { status_text(&error) };
            tracing::warn!(%error, state = state.as_str(), "restore ended without success");
            (state, Some(text))
        }
    };
    let (state, error) = match close(&context, &job, state, error.clone()).await {
        Ok(()) => (state, error),
        Err(left) => {
            let text = error.map(|e| format!("{e}; ")).unwrap_or_default();
            (state, Some(format!("{text}cleaning up did not work: {}", status_text(&left))))
        }
    };
    operation.end(state, error);
}

/// Whether the install took effect. Asked only once it was begun: before that nothing can be there that is ours.
async fn is_installed(context: &Arc<Context>, job: &Job) -> Result<bool> {
    if job.entry.record().is_none_or(|record| record.phase != Phase::Committing) {
        return Ok(false);
    }
    let (target, attempt) = (Arc::clone(&context.target), job.attempt);
    context.blocking("restore", move || Ok(target.outcome(attempt)? == InstallState::Installed)).await
}

async fn bring_back(context: &Arc<Context>, job: &Job) -> Result<()> {
    let operation = &job.operation;
    operation.enter(State::Transferring);
    job.entry.set_phase(Phase::Moving).await?;
    let (plan, staged) = tokio::select! {
        biased;
        () = operation.cancel.cancelled() => Err(Error::cancelled("restore")),
        staged = stage::stage(context, job) => staged,
    }?;
    operation.enter(State::Transferred);
    operation.begin_commit(context.settings.publish_after).await?;
    operation.enter(State::Finalizing);
    job.entry.set_phase(Phase::Committing).await?;
    let target = Arc::clone(&context.target);
    job.blocking(context, move || target.install(&plan, staged)).await
}

/// Makes the end durable: staging removed, state recorded, journal closed.
async fn close(context: &Arc<Context>, job: &Job, state: State, error: Option<String>) -> Result<()> {
    if state != State::Success {
        let (target, attempt, gate) = (Arc::clone(&context.target), job.attempt, Arc::clone(&job.gate));
        context
            .blocking("restore", move || {
                gate.close();
                target.abort(attempt)
            })
            .await?;
    }
    let status = job.operation.status();
    context
        .journal
        .restores()
        .put(RestoreRecord {
            id: job.id.clone(),
            backend: job.backend.clone(),
            attempt: job.attempt,
            state,
            error,
            started_at: status.started_at,
            completed_at: context.now(),
            path: status.path,
            collections: status.collections,
            from_node: Some(job.from.clone()),
        })
        .await?;
    job.entry.finish().await
}
