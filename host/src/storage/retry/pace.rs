//! When to try again, and when to give up: exponential backoff with full jitter within bounds.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result, Retry};

/// How often and how long a call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Most attempts of a call, the first one included. Default 10.
    pub attempts: u32,
    /// Longest wait after the first attempt; it doubles with every further one. The wait is drawn evenly from zero up to
    /// it, so that many calls do not come back at once. Default 500 ms.
    pub base: Duration,
    /// Bound of the doubling. Default 20 s.
    pub cap: Duration,
    /// No attempt begins later than this after the first one began. An attempt that runs is not cut short, that is the
    /// affair of [`crate::storage::TimeoutSettings`]. Default 5 min.
    pub deadline: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 10,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            deadline: Duration::from_secs(5 * 60),
        }
    }
}

/// The attempts of one call.
pub(super) struct Pace<'a> {
    settings: &'a RetrySettings,
    dice: &'a (dyn Fn() -> f64 + Send + Sync),
    began: Instant,
    attempts: u32,
    doubt: bool,
}

impl<'a> Pace<'a> {
    pub(super) fn new(settings: &'a RetrySettings, dice: &'a (dyn Fn() -> f64 + Send + Sync)) -> Self {
        Self { settings, dice, began: Instant::now(), attempts: 0, doubt: false }
    }

    /// Whether an attempt of before may have taken effect.
    pub(super) fn in_doubt(&self) -> bool {
        self.doubt
    }

    /// After a failed attempt: waits until the next one, or gives the error back.
    pub(super) async fn wait(&mut self, error: Error) -> Result<()> {
        self.doubt |= error.is_outcome_unknown();
        let wait = if may_repeat(&error) { self.next(asked(&error)) } else { None };
        match wait {
            Some(wait) => {
                tracing::debug!(%error, attempt = self.attempts, ?wait, "trying again");
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None if may_repeat(&error) => Err(self.give_up(error)),
            None if self.doubt => Err(error.outcome_unknown()),
            None => Err(error),
        }
    }

    /// Counts a failed attempt; answers how long to wait until the next, or `None` when there is to be none. `asked` is
    /// the least time that the store asked for; jitter comes on top of it.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let doubled = 2_u32.saturating_pow(self.attempts);
        self.attempts += 1;
        let most = self.settings.base.saturating_mul(doubled).min(self.settings.cap);
        let wait = most.mul_f64((self.dice)().clamp(0.0, 1.0)).saturating_add(asked.unwrap_or_default());
        let in_time = self.began.elapsed().saturating_add(wait) <= self.settings.deadline;
        (self.attempts < self.settings.attempts && in_time).then_some(wait)
    }

    /// An error after which there is no further attempt.
    pub(super) fn give_up(&self, error: Error) -> Error {
        let error = error.with_retry(Retry::Exhausted).with("attempts", self.attempts);
        if self.doubt { error.outcome_unknown() } else { error }
    }
}

/// Whether an attempt after this error makes sense.
pub(super) fn may_repeat(error: &Error) -> bool {
    matches!(error.retry(), Retry::After(_))
        && !error.is(ErrorKind::Corrupt)
        && !error.is(ErrorKind::Cancelled)
}

/// How long the store asked us to wait.
pub(super) fn asked(error: &Error) -> Option<Duration> {
    match error.retry() {
        Retry::After(wait) => wait,
        Retry::Never | Retry::Exhausted => None,
    }
}
