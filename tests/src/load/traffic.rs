//! Readers and writers, and how long each of their requests took.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Checked;
use super::server::Served;

/// Readers, and as many writers.
const EACH: u32 = 4;
/// Rest between two requests of one of them, so that the machine is busy and not full.
const REST: Duration = Duration::from_millis(2);

/// How long requests took.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The latency that this share of all does not exceed.
    pub(super) fn at(&self, share: f64) -> Duration {
        let index = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(index.saturating_sub(1).min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.at(share).as_secs_f64() * 1e3;
        let (half, most, rare, last) = (ms(0.5), ms(0.99), ms(0.999), ms(1.0));
        write!(f, "n {:6}  p50 {half:7.2}  p99 {most:7.2}  p99.9 {rare:7.2}  max {last:7.2} ms", self.0.len())
    }
}

/// What was measured.
pub(super) struct Measured {
    pub(super) reads: Latencies,
    pub(super) writes: Latencies,
}

/// Reads and writes objects that exist.
pub(super) struct Traffic<'a> {
    server: &'a Served,
    collections: u32,
    objects: u32,
}

impl<'a> Traffic<'a> {
    pub(super) fn new(server: &'a Served, collections: u32, objects: u32) -> Self {
        Self { server, collections, objects }
    }

    /// Goes on while something else does; every request must succeed.
    pub(super) async fn during<T>(&self, what: impl Future<Output = T>) -> Checked<(T, Measured)> {
        let stop = AtomicBool::new(false);
        let readers = (0..EACH).map(|n| self.repeat(n, &stop, Kind::Read));
        let writers = (0..EACH).map(|n| self.repeat(EACH + n, &stop, Kind::Write));
        let what = async {
            let done = what.await;
            stop.store(true, Ordering::Relaxed);
            done
        };
        let (done, reads, writes) = tokio::join!(
            what,
            futures_util::future::join_all(readers),
            futures_util::future::join_all(writers)
        );
        let all = |each: Vec<Checked<Vec<Duration>>>| -> Checked<Latencies> {
            Ok(Latencies::new(each.into_iter().collect::<Checked<Vec<_>>>()?.concat()))
        };
        Ok((done, Measured { reads: all(reads)?, writes: all(writes)? }))
    }

    async fn repeat(&self, seed: u32, stop: &AtomicBool, kind: Kind) -> Checked<Vec<Duration>> {
        let mut random = SmallRng::seed_from_u64(u64::from(seed));
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let (class, number) =
                (random.random_range(0..self.collections), random.random_range(0..self.objects));
            let path = format!("/v1/objects/C{class}/{}", id(number));
            let begun = Instant::now();
            match kind {
                Kind::Read => self.server.ok("GET", &path, Value::Null).await?,
                Kind::Write => self.server.ok("PUT", &path, object(class, number, random.random())).await?,
            };
            took.push(begun.elapsed());
            tokio::time::sleep(REST).await;
        }
        Ok(took)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x5115_7000_0000_4000_8000_0000_0000_0000 + u128::from(number))
}

/// An object of a collection; `version` makes it another one.
pub(super) fn object(class: u32, number: u32, version: u64) -> Value {
    let text = format!("object {number} of collection {class}, version {version}").repeat(8);
    json!({"class": format!("C{class}"), "id": id(number), "properties": {"text": text}})
}
