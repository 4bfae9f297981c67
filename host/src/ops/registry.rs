//! The operations of this process: one create and one restore at a time, each addressed by what it works on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Verb;
use crate::model::{BackendName, BackupId, Location};
use crate::ops::operation::Operation;

/// How many operations that have ended are remembered.
const REMEMBERED: usize = 256;

/// What an operation works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// What it does.
    pub(crate) verb: Verb,
    /// Short name of the backend.
    pub(crate) backend: String,
    /// Overrides of the place.
    pub(crate) location: Location,
    /// Id of the backup.
    pub(crate) id: String,
}

/// Operations by address, the newest last.
#[derive(Default)]
pub(crate) struct Registry {
    known: Mutex<VecDeque<(Address, Arc<Operation>)>>,
    /// Ids that must not be worked on, with their places.
    reserved: Mutex<Vec<Place>>,
    closed: AtomicBool,
}

/// Backend, location and id.
type Place = (String, Location, String);

/// Keeps operations away from an id until it is dropped.
pub(crate) struct Reservation<'a> {
    registry: &'a Registry,
    place: Place,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.registry.reserved().retain(|place| *place != self.place);
    }
}

impl Registry {
    /// Takes the slot of the verb; `Conflict` with `already in progress` when another operation holds it.
    pub(crate) fn begin(&self, address: Address, operation: Arc<Operation>) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::Acquire) {
            let text = "the server is shutting down; try again when it is back";
            return Err(Error::new(ErrorKind::Unavailable, word(address.verb), text));
        }
        let place = (address.backend.clone(), address.location.clone(), address.id.clone());
        if self.reserved().contains(&place) {
            let text = format!("`{}` is being forgotten; try again when that is done", address.id);
            return Err(Error::new(ErrorKind::Conflict, word(address.verb), text));
        }
        if let Some((other, _)) = known.iter().find(|(a, o)| a.verb == address.verb && !o.has_ended()) {
            return Err(Error::new(
                ErrorKind::Conflict,
                word(address.verb),
                format!("{} `{}` already in progress; wait for it or cancel it", word(other.verb), other.id),
            ));
        }
        known.retain(|(a, _)| *a != address);
        if known.len() >= REMEMBERED
            && let Some(oldest) = known.iter().position(|(_, o)| o.has_ended())
        {
            known.remove(oldest);
        }
        known.push_back((address, operation));
        Ok(())
    }

    /// Gives the address up again: the operation was not accepted after all.
    pub(crate) fn forget(&self, address: &Address) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|(a, _)| a != address);
    }

    /// The operation of an address, running or ended.
    pub(crate) fn find(&self, address: &Address) -> Option<Arc<Operation>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().find(|(a, _)| a == address).map(|(_, o)| Arc::clone(o))
    }

    /// Keeps operations away from an id; `Conflict` when somebody else does already.
    pub(crate) fn reserve(
        &self,
        backend: &BackendName,
        location: &Location,
        id: &BackupId,
    ) -> Result<Reservation<'_>> {
        // In the order of `begin`, so that an operation either is seen as running or sees the reservation.
        let _known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (backend.to_string(), location.clone(), id.to_string());
        let mut reserved = self.reserved();
        if reserved.contains(&place) {
            let text = format!("`{id}` is being forgotten already");
            return Err(Error::new(ErrorKind::Conflict, "forget", text));
        }
        reserved.push(place.clone());
        Ok(Reservation { registry: self, place })
    }

    fn reserved(&self) -> MutexGuard<'_, Vec<Place>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no operation any more.
    pub(crate) fn close(&self) {
        // Under the lock, so that what is being begun is either seen by `running` or refused.
        let _known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Release);
    }

    /// Everything that runs.
    pub(crate) fn running(&self) -> Vec<(Address, Arc<Operation>)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|(_, o)| !o.has_ended()).map(|(a, o)| (a.clone(), Arc::clone(o))).collect()
    }
}

/// The word of a verb, for messages.
pub(crate) fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Backup => "backup",
        Verb::Restore => "restore",
        Verb::Copy => "copy",
    }
}
