//! One running operation: its status, its progress and the race between cancel and commit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Wish};
use crate::model::{Clock, State, Timestamp};
use crate::ops::{Progress, Status};

/// An operation from the moment it was accepted.
pub(crate) struct Operation {
    status: Mutex<Status>,
    phase: Mutex<Phase>,
    /// Cancelled when a cancel was accepted.
    pub(crate) cancel: CancellationToken,
    /// How far it is.
    pub(crate) counters: Counters,
    ended: watch::Sender<Ended>,
    accepted: Instant,
    is_accepted: AtomicBool,
    entry: OnceLock<Entry>,
    clock: Arc<dyn Clock>,
}

/// Whether a cancel can still win.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Cancelling,
    Committing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    No,
    Yes,
}

/// Progress as it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Raw bytes done.
    pub(crate) raw_done: AtomicU64,
    /// Raw bytes in all.
    pub(crate) raw_total: AtomicU64,
    /// Stored bytes sent or fetched.
    pub(crate) stored: AtomicU64,
    /// Files done.
    pub(crate) files_done: AtomicU64,
    /// Files in all.
    pub(crate) files_total: AtomicU64,
}

impl Counters {
    fn snapshot(&self) -> Progress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            raw_done: get(&self.raw_done),
            raw_total: get(&self.raw_total),
            stored: get(&self.stored),
            files_done: get(&self.files_done),
            files_total: get(&self.files_total),
        }
    }
}

impl Operation {
    /// With its first status, and the clock that tells when it ended.
    pub(crate) fn new(status: Status, clock: Arc<dyn Clock>) -> Self {
        Self {
            status: Mutex::new(status),
            phase: Mutex::new(Phase::Running),
            cancel: CancellationToken::new(),
            counters: Counters::default(),
            ended: watch::Sender::new(Ended::No),
            accepted: Instant::now(),
            is_accepted: AtomicBool::new(false),
            entry: OnceLock::new(),
            clock,
        }
    }

    /// The request has been accepted: from here on its status is that of the backup.
    pub(crate) fn accept(&self) {
        self.is_accepted.store(true, Ordering::Release);
    }

    /// Whether the request was accepted. Until then it may be refused, and then nothing ever ran.
    pub(crate) fn is_accepted(&self) -> bool {
        self.is_accepted.load(Ordering::Acquire)
    }

    /// Names the record of the journal that a restart finds; a cancel that was promised before goes into it.
    pub(crate) async fn recorded_by(&self, entry: Entry) {
        // There is only one.
        let _ = self.entry.set(entry);
        if self.is_cancelled() {
            self.remember_cancel().await;
        }
    }

    /// Makes a cancel that was accepted survive a restart. One that has ended meanwhile has no record any more.
    pub(crate) async fn remember_cancel(&self) {
        let Some(entry) = self.entry.get() else { return };
        if let Err(error) = entry.set_wish(Wish::Cancel).await
            && entry.record().is_some()
        {
            tracing::warn!(%error, "a restart in the next moments will not know of the cancel");
        }
    }

    /// The status now.
    pub(crate) fn status(&self) -> Status {
        let mut status = self.lock().clone();
        status.progress = self.counters.snapshot();
        status
    }

    /// Changes the status. A state that was cancelled stays so.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    /// The time to write down.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::by(&*self.clock)
    }

    /// Moves on to a state that is not terminal.
    pub(crate) fn enter(&self, state: State) {
        let mut status = self.lock();
        if !status.state.is_terminal() && status.state != State::Cancelling {
            status.state = state;
        }
    }

    /// Asks it to stop. `Conflict` when it is committing: then the caller waits and looks at what came out.
    pub(crate) fn request_cancel(&self) -> Result<()> {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Committing {
            return Err(Error::new(
                ErrorKind::Conflict,
                "cancel",
                "it is being finished and can no longer be cancelled",
            ));
        }
        *phase = Phase::Cancelling;
        self.cancel.cancel();
        Ok(())
    }

    /// Waits until the shortest time before publishing has passed, then closes the door for cancels. From here on the
    /// operation ends with what it has.
    pub(crate) async fn begin_commit(&self, publish_after: Duration) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep_until(self.accepted + publish_after) => {}
            () = self.cancel.cancelled() => {}
        }
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Cancelling {
            return Err(Error::cancelled("commit"));
        }
        *phase = Phase::Committing;
        Ok(())
    }

    /// Waits until a failure may be published; a cancel that comes first wins.
    pub(crate) async fn hold_failure(&self, publish_after: Duration) {
        tokio::select! {
            () = tokio::time::sleep_until(self.accepted + publish_after) => {}
            () = self.cancel.cancelled() => {}
        }
    }

    /// Whether a cancel was accepted.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Publishes the last status.
    pub(crate) fn end(&self, state: State, error: Option<String>) {
        let now = self.now();
        self.update(|status| {
            status.state = state;
            status.error = error;
            status.completed_at = now;
        });
        self.ended.send_replace(Ended::Yes);
    }

    /// Runs it to its end; one that panics ends as failed, so that nobody waits for it for ever.
    pub(crate) fn supervise(
        self: &Arc<Self>,
        runtime: &Handle,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (running, operation) = (runtime.spawn(work), Arc::clone(self));
        runtime.spawn(async move {
            if running.await.is_err() && !operation.has_ended() {
                let text = "it ended unexpectedly, by a defect; the next start cleans up";
                operation.end(State::Failed, Some(text.to_owned()));
            }
        });
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow() == Ended::Yes
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives in self, so this only ends when it has ended.
        let _ = ended.wait_for(|ended| *ended == Ended::Yes).await;
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
