//! Keeps codec threads that come late from writing where a given-up restore has cleaned up.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, Result};

/// Whether staged files may still be written.
#[derive(Debug, Default)]
pub(super) struct Gate(RwLock<Passage>);

/// What the gate guards, held while something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Passage {
    /// The restore is staging.
    #[default]
    Open,
    /// It has ended.
    Closed,
}

impl Gate {
    /// Passes, for as long as the guard is held; `Cancelled` when the restore has ended.
    pub(super) fn pass(&self) -> Result<RwLockReadGuard<'_, Passage>> {
        let passage = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if *passage == Passage::Open { Ok(passage) } else { Err(Error::cancelled("restore")) }
    }

    /// Lets nobody pass any more, and waits for those who are inside: for the time of writing a frame.
    pub(super) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Passage::Closed;
    }
}
