//! The wish to stop early, known to all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use siltstone::{Error, Result};

use crate::signals::Signals;

/// Set by the first signal; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// One that signals set from now on.
    pub(super) fn on_signals() -> Result<Self> {
        let (stop, mut signals) = (Self::default(), Signals::listen()?);
        let flag = Arc::clone(&stop.0);
        tokio::spawn(async move {
            signals.next().await;
            flag.store(true, Ordering::Relaxed);
        });
        Ok(stop)
    }

    /// Fails once somebody wants it to stop.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::cancelled("demo")) } else { Ok(()) }
    }
}
