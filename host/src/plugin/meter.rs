//! Runs one call of a guest against its limits: processor time, stall and total time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::limits::Limits;

/// What an instance and its current call have done so far; readable while the call runs.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    moved: AtomicU64,
    cpu_micros: AtomicU64,
    memory: AtomicU64,
    memory_refused: AtomicBool,
    retired: AtomicBool,
}

impl Vitals {
    /// Notes that payload moved.
    pub(crate) fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes how much linear memory the instance has, in bytes.
    pub(crate) fn has_memory(&self, bytes: u64) {
        self.memory.store(bytes, Ordering::Relaxed);
    }

    /// Linear memory of the instance in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Notes that the instance asked for more memory than it may have.
    pub(crate) fn refuse_memory(&self) {
        self.memory_refused.store(true, Ordering::Relaxed);
    }

    /// Whether the current call asked for more memory than the instance may have.
    pub(crate) fn memory_refused(&self) -> bool {
        self.memory_refused.load(Ordering::Relaxed)
    }

    /// Notes that the instance is not to be used for another call.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether the instance is not to be used for another call.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.moved.store(0, Ordering::Relaxed);
        self.cpu_micros.store(0, Ordering::Relaxed);
        self.memory_refused.store(false, Ordering::Relaxed);
    }

    /// Changes whenever payload moved or the guest computed for ten milliseconds: going through a large folder is
    /// progress, waking up now and then to look at the clock is not.
    fn mark(&self) -> (u64, u64) {
        (self.moved.load(Ordering::Relaxed), self.cpu_micros.load(Ordering::Relaxed) / 10_000)
    }
}

/// Polls the call to its end or until a limit is reached; then the call is dropped, and with it the right to use
/// its store again.
///
/// Processor time is that of the polling thread while it polls. Counting epochs instead would charge a tick for
/// every return from a long wait, and a slow upload consists of those.
pub(crate) async fn drive<T>(
    call: impl Future<Output = T>,
    vitals: &Vitals,
    limits: &Limits,
    allowance: Duration,
) -> Result<T, Fault> {
    vitals.begin();
    let mut call = pin!(call);
    let mut cpu = Duration::ZERO;
    let mut metered = pin!(poll_fn(|cx| {
        let before = thread_time();
        let polled = call.as_mut().poll(cx);
        cpu += thread_time().saturating_sub(before);
        vitals.cpu_micros.store(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        match polled {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if cpu > limits.cpu => Poll::Ready(Err(Fault::Cpu(limits.cpu))),
            Poll::Pending => Poll::Pending,
        }
    }));

    let step = (limits.stall / 8).clamp(Duration::from_millis(1), Duration::from_secs(1));
    let started = Instant::now();
    let (mut mark, mut since) = (vitals.mark(), started);
    loop {
        tokio::select! {
            biased;
            ended = &mut metered => return ended,
            () = sleep(step) => {
                let now = Instant::now();
                if now - started >= allowance {
                    return Err(Fault::Overdue(allowance));
                }
                let seen = vitals.mark();
                if seen != mark {
                    (mark, since) = (seen, now);
                } else if now - since >= limits.stall {
                    return Err(Fault::Stalled(limits.stall));
                }
            }
        }
    }
}

fn thread_time() -> Duration {
    // The kernel never answers a negative time for this clock.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { stall: Duration::from_millis(80), cpu: Duration::from_millis(50), ..Limits::default() }
    }

    #[tokio::test]
    async fn a_call_that_waits_without_moving_anything_stalls() {
        let ended = drive(std::future::pending::<()>(), &Vitals::default(), &limits(), Duration::MAX).await;
        assert!(matches!(ended, Err(Fault::Stalled(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn a_call_that_moves_payload_lives_until_its_allowance() {
        let vitals = Vitals::default();
        let call = async {
            loop {
                vitals.moved(1);
                sleep(Duration::from_millis(5)).await;
            }
        };
        let ended: Result<(), _> = drive(call, &vitals, &limits(), Duration::from_millis(300)).await;
        assert!(matches!(ended, Err(Fault::Overdue(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn many_short_waits_do_not_count_as_processor_time() {
        let vitals = Vitals::default();
        let call = async {
            for _ in 0..30 {
                vitals.moved(1);
                sleep(Duration::from_millis(5)).await;
            }
        };
        drive(call, &vitals, &limits(), Duration::MAX).await.unwrap();
    }

    #[tokio::test]
    async fn a_call_that_computes_for_too_long_is_ended_at_its_next_yield() {
        let call = async {
            loop {
                std::hint::black_box((0..10_000_u64).sum::<u64>());
                tokio::task::yield_now().await;
            }
        };
        let ended: Result<(), _> = drive(call, &Vitals::default(), &limits(), Duration::MAX).await;
        assert!(matches!(ended, Err(Fault::Cpu(_))), "{ended:?}");
    }
}
