//! The pool of open shards: a bounded number at a time, the least recently used closed first and joined.
//!
//! Opening, closing and everything else that changes the files of a shard are *transitions*: one at a time per shard,
//! announced to the watchers of the shard (cuts that still need its files) before they begin.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use siltstone::model::ShardId;
use siltstone::{Error, Result};

use crate::engine::folder::DataFolder;
use crate::engine::shard::{Shard, ShardBudget};
use crate::engine::sync::{lock, wait};

/// What is about to happen to the files of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// The shard is open and will be closed: what it holds stays, but pins in memory end.
    Close,
    /// The shard is closed and will be opened or removed.
    Touch,
}

/// Somebody who needs the files of a shard as they are.
pub(crate) trait Watcher: Send + Sync {
    /// Called before a transition, which goes on when this returns.
    fn before(&self, transition: Transition);
}

/// Refuses a shard that must not be opened.
pub(crate) type Admit = Box<dyn Fn(&ShardId) -> Result<()> + Send + Sync>;

pub(crate) struct Pool {
    data: DataFolder,
    admit: Admit,
    budget: ShardBudget,
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
    /// Held while several shards are leased together, so that two batches cannot each wait for the other's.
    several: Mutex<()>,
}

#[derive(Default)]
struct State {
    slots: HashMap<Arc<ShardId>, Slot>,
    watchers: HashMap<ShardId, Vec<Arc<dyn Watcher>>>,
    /// Open shards and those being opened or closed.
    open: usize,
    clock: u64,
    /// Shards that must not be opened now.
    frozen: HashSet<ShardId>,
}

/// A shard without a slot is closed.
enum Slot {
    Opening,
    Open { shard: Arc<Shard>, leases: usize, used: u64 },
    Busy,
}

impl Pool {
    pub(crate) fn new(data: DataFolder, budget: ShardBudget, most: usize, admit: Admit) -> Arc<Self> {
        Arc::new(Self {
            data,
            admit,
            budget,
            most: most.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
            several: Mutex::new(()),
        })
    }

    /// Leases a shard, opening it first if need be; while it is leased it stays open. Who holds a lease must not wait
    /// for another one. A shard whose engine has stopped is closed first, once its leases are back.
    pub(crate) fn lease(self: &Arc<Self>, id: &ShardId) -> Result<Lease> {
        let mut state = lock(&self.state);
        loop {
            match state.slots.get(id) {
                Some(Slot::Open { shard, leases, .. }) if shard.is_stopped() => {
                    state = if *leases == 0 { self.close(state, id)? } else { wait(&self.changed, state) };
                    continue;
                }
                _ => {}
            }
            if let Some(lease) = self.lend(&mut state, id) {
                return Ok(lease);
            }
            match state.slots.get(id) {
                Some(_) => state = wait(&self.changed, state),
                None if state.frozen.contains(id) => state = wait(&self.changed, state),
                None if state.open < self.most => state = self.open(state, id)?,
                None => match Self::idle(&state) {
                    Some(victim) => state = self.close(state, &victim)?,
                    None => state = wait(&self.changed, state),
                },
            }
        }
    }

    /// Leases several shards.
    pub(crate) fn lease_all(self: &Arc<Self>, ids: &[ShardId]) -> Result<Vec<Lease>> {
        if ids.len() > self.most {
            return Err(Error::invalid(
                "write",
                format!("a batch over {} shards; at most {} can be open", ids.len(), self.most),
            ));
        }
        let _alone = (ids.len() > 1).then(|| lock(&self.several));
        ids.iter().map(|id| self.lease(id)).collect()
    }

    /// Leases a shard if it is open.
    pub(crate) fn lease_open(self: &Arc<Self>, id: &ShardId) -> Option<Lease> {
        self.lend(&mut lock(&self.state), id)
    }

    /// Lets none of these shards be opened until the result is dropped; waits for those being opened.
    pub(crate) fn freeze(&self, ids: &[ShardId]) -> Frozen<'_> {
        let mut state = lock(&self.state);
        while !state.frozen.is_empty() {
            state = wait(&self.changed, state);
        }
        // From here on none of them begins to open, so that a busy pool cannot keep us waiting for ever.
        state.frozen = ids.iter().cloned().collect();
        while state.slots.iter().any(|(id, s)| matches!(s, Slot::Opening) && state.frozen.contains(&**id)) {
            state = wait(&self.changed, state);
        }
        Frozen(self)
    }

    /// Closes a shard once its leases are back and runs `then` on its folder while nobody can open it.
    pub(crate) fn close_and<T>(&self, id: &ShardId, then: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut state = lock(&self.state);
        loop {
            match state.slots.get(id) {
                Some(Slot::Open { leases: 0, .. }) => state = self.close(state, id)?,
                Some(_) => state = wait(&self.changed, state),
                None => break,
            }
        }
        let busy = self.occupy(state, id);
        self.announce(id, Transition::Touch);
        let result = then();
        drop(busy);
        result
    }

    /// Runs `work` while a closed shard cannot be opened, without a transition; `None` if it is not closed.
    pub(crate) fn while_closed<T>(&self, id: &ShardId, work: impl FnOnce() -> T) -> Option<T> {
        let mut state = lock(&self.state);
        loop {
            match state.slots.get(id) {
                None => break,
                Some(Slot::Busy) => state = wait(&self.changed, state),
                Some(Slot::Opening | Slot::Open { .. }) => return None,
            }
        }
        let busy = self.occupy(state, id);
        let result = work();
        drop(busy);
        Some(result)
    }

    /// Registers a watcher of a shard.
    pub(crate) fn watch(&self, id: &ShardId, watcher: Arc<dyn Watcher>) {
        lock(&self.state).watchers.entry(id.clone()).or_default().push(watcher);
    }

    /// Removes a watcher.
    pub(crate) fn unwatch(&self, id: &ShardId, watcher: &Arc<dyn Watcher>) {
        let mut state = lock(&self.state);
        if let Some(watchers) = state.watchers.get_mut(id) {
            watchers.retain(|w| !Arc::ptr_eq(w, watcher));
            if watchers.is_empty() {
                state.watchers.remove(id);
            }
        }
    }

    /// How many shards are open.
    pub(crate) fn open_count(&self) -> usize {
        lock(&self.state).open
    }

    /// Closes all; none may be leased any more.
    pub(crate) fn close_all(&self) -> Result<()> {
        let mut state = lock(&self.state);
        while let Some(id) = Self::idle(&state) {
            state = self.close(state, &id)?;
        }
        Ok(())
    }

    fn lend(self: &Arc<Self>, state: &mut State, id: &ShardId) -> Option<Lease> {
        state.clock += 1;
        let clock = state.clock;
        let Some(Slot::Open { shard, leases, used }) = state.slots.get_mut(id) else { return None };
        *leases += 1;
        *used = clock;
        Some(Lease { pool: Arc::clone(self), shard: Arc::clone(shard) })
    }

    fn idle(state: &State) -> Option<Arc<ShardId>> {
        let idle = state.slots.iter().filter_map(|(id, slot)| match slot {
            Slot::Open { leases: 0, used, .. } => Some((*used, id)),
            _ => None,
        });
        idle.min_by_key(|(used, _)| *used).map(|(_, id)| Arc::clone(id))
    }

    fn open<'a>(&'a self, mut state: MutexGuard<'a, State>, id: &ShardId) -> Result<MutexGuard<'a, State>> {
        let id = Arc::new(id.clone());
        state.slots.insert(Arc::clone(&id), Slot::Opening);
        state.open += 1;
        drop(state);
        self.announce(&id, Transition::Touch);
        // Asked here, where who drops the shard must wait: it is either refused now or closed by the drop.
        let opened =
            (self.admit)(&id).and_then(|()| Shard::open(Arc::clone(&id), &self.data.shard(&id), self.budget));
        let mut state = lock(&self.state);
        let result = match opened {
            Ok(shard) => {
                let (shard, used) = (Arc::new(shard), state.clock);
                state.slots.insert(id, Slot::Open { shard, leases: 0, used });
                Ok(())
            }
            Err(e) => {
                state.slots.remove(&id);
                state.open -= 1;
                Err(e)
            }
        };
        self.changed.notify_all();
        result.map(|()| state)
    }

    /// Closes an open shard that is not leased.
    fn close<'a>(&'a self, mut state: MutexGuard<'a, State>, id: &ShardId) -> Result<MutexGuard<'a, State>> {
        let Some((id, slot)) = state.slots.remove_entry(id) else { return Ok(state) };
        let Slot::Open { mut shard, .. } = slot else {
            state.slots.insert(id, slot);
            return Ok(state);
        };
        let busy = self.occupy(state, &id);
        self.announce(&id, Transition::Close);
        // A lease gives back its count an instant before its reference.
        let shard = loop {
            match Arc::try_unwrap(shard) {
                Ok(shard) => break shard,
                Err(used) => shard = used,
            }
            std::thread::yield_now();
        };
        let closed = shard.close();
        lock(&self.state).open -= 1;
        drop(busy);
        closed.map(|()| lock(&self.state)).map_err(|e| e.with("shard", id))
    }

    fn occupy<'a>(&'a self, mut state: MutexGuard<'a, State>, id: &ShardId) -> Busy<'a> {
        let id = Arc::new(id.clone());
        state.slots.insert(Arc::clone(&id), Slot::Busy);
        Busy { pool: self, id }
    }

    fn announce(&self, id: &ShardId, transition: Transition) {
        let watchers = lock(&self.state).watchers.get(id).cloned().unwrap_or_default();
        for watcher in watchers {
            watcher.before(transition);
        }
    }
}

/// A shard in a transition; closed when this is dropped.
struct Busy<'a> {
    pool: &'a Pool,
    id: Arc<ShardId>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(&self.pool.state).slots.remove(&self.id);
        self.pool.changed.notify_all();
    }
}

/// While this lives some shards are not opened.
pub(crate) struct Frozen<'a>(&'a Pool);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).frozen.clear();
        self.0.changed.notify_all();
    }
}

/// The use of an open shard.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    shard: Arc<Shard>,
}

impl Deref for Lease {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = lock(&self.pool.state);
        if let Some(Slot::Open { leases, .. }) = state.slots.get_mut(&self.shard.id) {
            *leases -= 1;
            if *leases == 0 {
                self.pool.changed.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests;
