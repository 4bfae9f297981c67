//! A place where a test holds another thread, to look at what happens meanwhile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a held thread waits for a test that forgot it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Open until it is held.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    arrived: u64,
}

impl Gate {
    /// Whoever passes from now on waits.
    pub fn hold(&self) {
        self.lock().held = true;
    }

    /// Lets everybody go on.
    pub fn release(&self) {
        self.lock().held = false;
        self.changed.notify_all();
    }

    /// Passes; waits while the gate is held, at most 30 seconds.
    pub fn pass(&self) {
        let mut state = self.lock();
        state.arrived += 1;
        self.changed.notify_all();
        let waiting = self.changed.wait_timeout_while(state, PATIENCE, |state| state.held);
        drop(waiting);
    }

    /// How many have come to the gate so far.
    pub fn arrived(&self) -> u64 {
        self.lock().arrived
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
