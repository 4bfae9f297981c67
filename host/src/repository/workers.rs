//! The threads that compress and hash; no other thread of an operation does.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::codec::{FrameDecoder, FrameEncoder};
use crate::error::{Error, Result};
use crate::model::Compression;

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// What each thread keeps between jobs.
pub(crate) struct Worker {
    /// Compresses frames with the operation's compression.
    pub(crate) encoder: FrameEncoder,
    /// Decompresses frames.
    pub(crate) decoder: FrameDecoder,
    /// Room for a frame.
    pub(crate) scratch: Vec<u8>,
}

/// A fixed number of threads. The queue has no bound of its own: whoever submits holds a permit of something bounded.
/// Dropping the last clone ends the threads after the jobs that are queued.
#[derive(Clone)]
pub(crate) struct Workers {
    queue: Sender<Job>,
}

impl Workers {
    /// Starts the threads.
    pub(crate) fn start(threads: usize, compression: Compression) -> Result<Self> {
        let (queue, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            let mut worker = Worker {
                encoder: FrameEncoder::new(compression),
                decoder: FrameDecoder::new(),
                scratch: Vec::new(),
            };
            std::thread::Builder::new()
                .name(format!("siltstone-codec-{number}"))
                .spawn(move || {
                    while let Some(job) = next(&jobs) {
                        job(&mut worker);
                    }
                })
                .map_err(|e| Error::internal("start", "cannot start a codec thread").with_source(e))?;
        }
        Ok(Self { queue })
    }

    /// Queues a job.
    pub(crate) fn submit(&self, job: impl FnOnce(&mut Worker) + Send + 'static) -> Result<()> {
        self.queue.send(Box::new(job)).map_err(|_| stopped())
    }

    /// Runs a job and waits for its answer.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Worker) -> R + Send + 'static,
    ) -> Result<R> {
        let (answer, done) = oneshot::channel();
        self.submit(move |worker| {
            // Whoever asked may be gone, cancelled; then nobody wants the answer.
            let _ = answer.send(job(worker));
        })?;
        done.await.map_err(|_| stopped())
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn stopped() -> Error {
    Error::internal("compress", "a codec thread ended unexpectedly")
}
