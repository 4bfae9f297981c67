//! What one plugin still moves while another one misbehaves on the same host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use siltstone::Host;
use siltstone::model::ObjectKey;
use siltstone::plugin::PluginStorage;
use siltstone::storage::{Blob, ByteRange, Digests, PutOptions, Sink, Storage};
use siltstone_hostile::Behaviour;
use tokio::task::JoinHandle;

use super::hostile::{Pair, location, provoke};
use crate::Result;
use crate::measure::median;
use crate::report::{Goal, Row, complain};
use crate::run::Work;

/// Bytes of one object, and how many are on their way at once.
const OBJECT: usize = 8 << 20;
const AT_ONCE: usize = 3;
/// A call that moves nothing ends after this.
const STALL: Duration = Duration::from_millis(250);

/// What goes on meanwhile.
struct Disturbance {
    name: &'static str,
    behaviour: Behaviour,
    /// One call at a time, the next as soon as one has ended; or as many as there are cores.
    calls: Calls,
    least: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    One,
    OnePerCore,
}

const DISTURBANCES: [Disturbance; 4] = [
    Disturbance {
        name: "one call at a time traps",
        behaviour: Behaviour::Trap,
        calls: Calls::One,
        least: 0.9,
    },
    Disturbance {
        name: "one call at a time answers garbage",
        behaviour: Behaviour::WrongKey,
        calls: Calls::One,
        least: 0.9,
    },
    Disturbance {
        name: "one call at a time does not end in time",
        behaviour: Behaviour::Sleep,
        calls: Calls::One,
        least: 0.9,
    },
    Disturbance {
        name: "as many guests spin as there are cores",
        behaviour: Behaviour::Loop,
        calls: Calls::OnePerCore,
        least: 0.4,
    },
];

/// Runs them: in every round the undisturbed rate, then each disturbed one against it.
pub(super) fn run(host: &Host, work: &Work, rounds: usize, seconds: f64) -> Result<Vec<Row>> {
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let span = Duration::from_secs_f64(seconds);
    let pair = own.block_on(on(host, Pair::load(work, STALL)))?;
    let honest = own.block_on(on(host, {
        let pair = Arc::clone(&pair);
        async move { pair.honest().await }
    }))?;
    let mut undisturbed = Vec::new();
    let mut found: Vec<Vec<(f64, f64, f64)>> = DISTURBANCES.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        let alone = own.block_on(rate(host, &honest, span))?;
        let mut line = format!("neighbours: round {round}: {alone:.0} MiB/s");
        for (disturbance, found) in DISTURBANCES.iter().zip(&mut found) {
            let running = own.block_on(disturbance.start(host, &pair))?;
            let rate = own.block_on(rate(host, &honest, span))?;
            let calls = running.stop(&own)?;
            line.push_str(&format!(
                ", {} {rate:.0} ({:.0} calls/s)",
                disturbance.behaviour.name(),
                calls / seconds
            ));
            if round > 0 {
                found.push((rate / alone, rate, calls / seconds));
            }
        }
        complain(&line);
        if round > 0 {
            undisturbed.push(alone);
        }
    }
    let mut rows = vec![Row::new("a second backend, undisturbed").figure("MiB/s", median(undisturbed))];
    for (disturbance, found) in DISTURBANCES.iter().zip(&found) {
        let of = |figure: &dyn Fn(&(f64, f64, f64)) -> f64| median(found.iter().map(figure).collect());
        let least = Some(Goal::AtLeast(disturbance.least));
        rows.push(
            Row::new(format!("a second backend while {}", disturbance.name))
                .goal("rate, ratio", of(&|f| f.0), least)
                .figure("MiB/s", of(&|f| f.1))
                .figure("faulting calls/s", of(&|f| f.2)),
        );
    }
    Ok(rows)
}

/// Runs something on the runtime of plugins.
pub(super) async fn on<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    host.runtime().spawn(work).await?
}

/// Puts and gets objects for a while and answers MiB per second.
async fn rate(host: &Host, storage: &Arc<PluginStorage>, span: Duration) -> Result<f64> {
    let moved = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let movers: Vec<JoinHandle<Result<()>>> = (0..AT_ONCE)
        .map(|mover| {
            let (storage, moved) = (Arc::clone(storage), Arc::clone(&moved));
            host.runtime().spawn(async move {
                let key = ObjectKey::new(format!("object-{mover}"))?;
                let body = Blob::new([Bytes::from(vec![mover as u8; OBJECT])], Digests::default());
                while begun.elapsed() < span {
                    storage.put(&key, &body, &PutOptions::default()).await?;
                    let sink = Sink::new(OBJECT as u64);
                    storage.get(&key, ByteRange { offset: 0, len: None }, &sink).await?;
                    moved.fetch_add(2 * OBJECT as u64, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    for mover in movers {
        mover.await??;
    }
    let mib = moved.load(Ordering::Relaxed) as f64 / f64::from(1 << 20);
    Ok(mib / begun.elapsed().as_secs_f64())
}

/// Calls that go on until they are stopped.
struct Running {
    calls: Arc<AtomicU32>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Disturbance {
    async fn start(&self, host: &Host, pair: &Arc<Pair>) -> Result<Running> {
        let many = match self.calls {
            Calls::One => 1,
            Calls::OnePerCore => std::thread::available_parallelism()?.get(),
        };
        let calls = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for number in 0..many {
            let (pair, calls, behaviour) = (Arc::clone(pair), Arc::clone(&calls), self.behaviour);
            tasks.push(host.runtime().spawn(async move {
                let plugin = pair.hostile(behaviour)?;
                let storage = plugin.open(&location(number)).await?;
                loop {
                    provoke(&storage, behaviour).await?;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        Ok(Running { calls, tasks })
    }
}

impl Running {
    /// Ends the calls and answers how many had ended by themselves.
    fn stop(self, own: &tokio::runtime::Runtime) -> Result<f64> {
        for task in self.tasks {
            task.abort();
            match own.block_on(task) {
                Err(e) if e.is_cancelled() => {}
                Err(e) => return Err(e.into()),
                Ok(ended) => ended?,
            }
        }
        Ok(f64::from(self.calls.load(Ordering::Relaxed)))
    }
}
