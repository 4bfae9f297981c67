//! A copy that runs, as its caller holds it.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::model::State;
use crate::ops::context::{Context, status_text};
use crate::ops::operation::Operation;
use crate::ops::{CopyReport, Progress};

/// A copy that was accepted. Dropping this neither stops nor cancels it.
pub struct Copying {
    operation: Arc<Operation>,
    outcome: oneshot::Receiver<Result<CopyReport>>,
}

impl Copying {
    /// How far it is: of `raw_done` and `raw_total`, here stored bytes, what lay at the target before counts as done.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.operation.status().progress
    }

    /// Asks it to stop; [`Copying::wait`] then ends with `Cancelled`. `Conflict` when the descriptor is being written.
    pub fn cancel(&self) -> Result<()> {
        self.operation.request_cancel()
    }

    /// Waits for its end. May be called again after it was given up, not after it has answered.
    pub async fn wait(&mut self) -> Result<CopyReport> {
        match (&mut self.outcome).await {
            Ok(outcome) => outcome,
            Err(gone) => Err(Error::internal("copy", "it ended unexpectedly").with_source(gone)),
        }
    }
}

/// Starts the work of an operation on the host's runtime.
pub(super) fn start(
    context: &Arc<Context>,
    operation: &Arc<Operation>,
    work: impl Future<Output = Result<CopyReport>> + Send + 'static,
) -> Copying {
    let (answer, outcome) = oneshot::channel();
    let shared = Arc::clone(operation);
    operation.supervise(&context.runtime, async move {
        let ended = work.await;
        match &ended {
            Ok(_) => shared.end(State::Success, None),
            Err(_) if shared.is_cancelled() => {
                shared.end(State::Canceled, Some("cancelled on request".to_owned()));
            }
            Err(error) => shared.end(State::Failed, Some(status_text(error))),
        }
        // Who asked may be gone; the copy has ended all the same.
        let _ = answer.send(ended);
    });
    Copying { operation: Arc::clone(operation), outcome }
}
