//! The wish of the user or the system that this program stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use siltstone::{Error, Result};

/// Interrupts (ctrl-c) and requests to terminate; while this lives they do not end the process by themselves.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self> {
        let on = |kind| {
            signal(kind).map_err(|e| Error::internal("start", "signals cannot be received").with_source(e))
        };
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
