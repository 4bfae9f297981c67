//! The runtime on which operations and plugins run, apart from the embedder's.

use std::future::Future;
use std::num::NonZero;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// Threads that may block at the same time: files of the database, journal, and the filesystem transport.
const BLOCKING_THREADS: usize = 64;

/// Threads beside one for each core. Guests that compute without end keep the cores' threads busy for a tick of the epoch at
/// a time; these are left for what moves bytes, and the system shares the cores out among all of them.
const SPARE_THREADS: usize = 2;

/// A runtime that can be dropped anywhere, also on a thread of another one.
pub(super) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    /// Starts it. Its threads move bytes and wait; they do not compress, and but for guests that compute few would do.
    pub(super) fn start() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Builder::new_multi_thread()
            .worker_threads(cores + SPARE_THREADS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("siltstone")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(|e| Error::internal("start", "cannot start the runtime").with_source(e))
    }

    /// A handle to it.
    pub(super) fn handle(&self) -> Result<Handle> {
        let runtime = self.0.as_ref().ok_or_else(|| Error::internal("start", "the runtime has ended"))?;
        Ok(runtime.handle().clone())
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs something on a runtime and waits for it from another one.
pub(super) async fn run_on<T: Send + 'static>(
    handle: &Handle,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    handle
        .spawn(work)
        .await
        .map_err(|e| Error::internal("run", "an operation ended unexpectedly").with_source(e))?
}
