//! Holds a location back whose plugin faults, so that whoever asks again and again does not keep a core busy with it.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, FaultKind, Result, Retry};

/// What each fault of a location adds to the time before its next instance is made. A fault costs its call and a new
/// instance, most of a millisecond; without a pause, a plugin that does nothing but fault would keep a core busy.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest that faults of calls may add up to, and the longest that anybody waits for an instance.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest pause after a location could not be opened.
const LONGEST: Duration = Duration::from_secs(90);
/// How often the time of an attempt to open goes into the pause after it: of a plugin that computes until it is stopped, a
/// core sees a tenth, as long as one at a time opens it.
const SHARE: u32 = 9;

/// When the next instance of one location may be made.
#[derive(Debug)]
pub(crate) struct Brake(Mutex<State>);

#[derive(Debug)]
struct State {
    rested: Instant,
    /// Faults in opening, one after another; those of attempts at the same time are one.
    in_row: u32,
    counted: Instant,
    last: Option<Last>,
}

/// What the last fault in opening was.
#[derive(Debug)]
struct Last {
    kind: ErrorKind,
    retry: Retry,
    operation: &'static str,
    message: String,
    fault: FaultKind,
}

impl Default for Brake {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(State { rested: now, in_row: 0, counted: now, last: None }))
    }
}

impl Brake {
    /// Puts the next instance off, after a fault of a call.
    pub(crate) fn faulted(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        let rested = (state.rested.max(now) + PAUSE).min(now + PATIENCE);
        // A longer pause, after a fault in opening, stays.
        state.rested = state.rested.max(rested);
    }

    /// Makes an attempt to open, once the pause is over; fails with the error of the last one while a long pause lasts.
    pub(crate) async fn hold<T>(&self, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        self.rest().await?;
        let began = Instant::now();
        attempt.await.inspect_err(|error| self.failed(error, began))
    }

    /// Notes that the location was opened.
    pub(crate) fn opened(&self) {
        let soon = Instant::now() + PATIENCE;
        let mut state = self.lock();
        (state.in_row, state.last) = (0, None);
        // Without an error to tell, nobody is refused, and so nobody may wait for longer.
        state.rested = state.rested.min(soon);
    }

    async fn rest(&self) -> Result<()> {
        let rested = {
            let state = self.lock();
            let left = state.rested.saturating_duration_since(Instant::now());
            if let Some(last) = state.last.as_ref().filter(|_| left > PATIENCE) {
                return Err(last.error(left));
            }
            state.rested
        };
        tokio::time::sleep_until(rested).await;
        Ok(())
    }

    /// Each fault in a row doubles the pause, and a costly one makes it as long as its cost asks for.
    fn failed(&self, error: &Error, began: Instant) {
        let Some(fault) = error.fault() else { return };
        let cost = match fault {
            // It waited and did not compute.
            FaultKind::Stalled | FaultKind::Overdue => Duration::ZERO,
            _ => began.elapsed().saturating_mul(SHARE),
        };
        let now = Instant::now();
        let mut state = self.lock();
        if state.in_row == 0 || began >= state.counted {
            (state.in_row, state.counted) = (state.in_row.saturating_add(1), now);
        }
        let doubled = PAUSE.saturating_mul(1_u32.checked_shl(state.in_row - 1).unwrap_or(u32::MAX));
        state.rested = state.rested.max(now + doubled.max(cost).min(LONGEST));
        state.last = Some(Last {
            kind: error.kind(),
            retry: error.retry(),
            operation: error.operation(),
            message: error.message().to_owned(),
            fault,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every step; a panic elsewhere cannot spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn error(&self, left: Duration) -> Error {
        let seconds = humantime::format_duration(Duration::from_secs(left.as_secs() + 1));
        let message = format!("{}; it is held back and not tried again for {seconds}", self.message);
        let retry = match self.retry {
            Retry::After(_) => Retry::After(Some(left)),
            other => other,
        };
        Error::new(self.kind, self.operation, message).with_retry(retry).with_fault(self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind) -> Error {
        Error::new(ErrorKind::Plugin, "open", "plugin `x` was stopped").with_fault(kind)
    }

    /// An attempt that takes so long and faults; how long the caller was kept, and whether the attempt was made.
    async fn attempt(brake: &Brake, kind: FaultKind, took: Duration) -> (Duration, bool) {
        let (began, mut made) = (Instant::now(), false);
        let failed = brake.hold(async {
            made = true;
            tokio::time::sleep(took).await;
            Err::<(), _>(fault(kind))
        });
        let error = failed.await.unwrap_err();
        assert_eq!((error.kind(), error.fault(), error.operation()), (ErrorKind::Plugin, Some(kind), "open"));
        assert_eq!(error.to_string().contains("held back"), !made, "{error}");
        (began.elapsed(), made)
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_in_opening_doubles_the_pause_until_the_attempt_is_refused() {
        let brake = Brake::default();
        let mut kept = Vec::new();
        while let (time, true) = attempt(&brake, FaultKind::Trap, Duration::ZERO).await {
            kept.push(time.as_millis());
        }
        assert_eq!(kept, [0, 10, 20, 40, 80, 160, 320, 640]);
        for _ in 0..1000 {
            assert_eq!(attempt(&brake, FaultKind::Trap, Duration::ZERO).await, (Duration::ZERO, false));
        }
        tokio::time::sleep(Duration::from_millis(1280)).await;
        assert_eq!(attempt(&brake, FaultKind::Trap, Duration::ZERO).await, (Duration::ZERO, true));
        tokio::time::sleep(LONGEST).await;
        brake.hold(async { Ok(()) }).await.unwrap();
        brake.opened();
        assert_eq!(attempt(&brake, FaultKind::Trap, Duration::ZERO).await, (Duration::ZERO, true));
        assert_eq!(attempt(&brake, FaultKind::Trap, Duration::ZERO).await.0, PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_plugin_that_spins_in_opening_a_core_sees_a_tenth() {
        let (brake, began) = (Brake::default(), Instant::now());
        let (mut spun, spin) = (Duration::ZERO, Duration::from_secs(10));
        while began.elapsed() < Duration::from_secs(1000) {
            let (_, made) = attempt(&brake, FaultKind::Cpu, spin).await;
            spun += if made { spin } else { Duration::ZERO };
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(spun.as_secs() >= 50 && spun.as_secs() <= 110, "{spun:?} of 1000 s");
    }

    #[tokio::test(start_paused = true)]
    async fn many_attempts_at_once_that_stall_are_one_fault() {
        let brake = Brake::default();
        let stalls = (0..16).map(|_| attempt(&brake, FaultKind::Stalled, Duration::from_secs(30)));
        assert!(futures_util::future::join_all(stalls).await.iter().all(|(_, made)| *made));
        assert_eq!(attempt(&brake, FaultKind::Stalled, Duration::ZERO).await, (PAUSE, true));
    }

    #[tokio::test(start_paused = true)]
    async fn once_it_is_open_nobody_waits_for_longer_than_a_second() {
        let brake = Brake::default();
        let spins = attempt(&brake, FaultKind::Cpu, Duration::from_secs(10));
        let opens = brake.hold(async {
            tokio::time::sleep(Duration::from_secs(11)).await;
            Ok(())
        });
        tokio::join!(spins, opens).1.unwrap();
        brake.opened();
        let began = Instant::now();
        brake.hold(async { Ok(()) }).await.unwrap();
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn faults_of_calls_add_up_to_what_anybody_waits_and_honest_errors_to_nothing() {
        let brake = Brake::default();
        for _ in 0..1000 {
            brake.faulted();
        }
        let began = Instant::now();
        brake.hold(async { Ok(()) }).await.unwrap();
        assert_eq!(began.elapsed(), PATIENCE);
        for _ in 0..10 {
            let denied = Error::new(ErrorKind::Denied, "open", "no");
            assert!(brake.hold(async { Err::<(), _>(denied) }).await.unwrap_err().is(ErrorKind::Denied));
        }
        assert_eq!(began.elapsed(), PATIENCE);
    }
}
