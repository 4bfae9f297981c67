//! The write gate: writers pass it together, a cut closes it for the node, a collection or a shard.
//!
//! A closed gate holds back whoever comes and waits for those inside, so a cut cannot starve; who waits for writers
//! that do not leave in time opens it again and nothing has happened.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use siltstone::model::{CollectionName, ShardId};

use crate::engine::sync::{lock, wait, wait_for};

/// What a closed gate covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Node,
    Collection(CollectionName),
    Shard(ShardId),
}

impl Span {
    fn covers(&self, shard: &ShardId) -> bool {
        match self {
            Self::Node => true,
            Self::Collection(name) => *name == shard.collection,
            Self::Shard(id) => id == shard,
        }
    }
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: Option<Span>,
    writers: HashMap<Arc<ShardId>, usize>,
    changes: usize,
}

impl State {
    fn is_clear(&self, span: &Span) -> bool {
        self.changes == 0 && !self.writers.keys().any(|shard| span.covers(shard))
    }
}

impl Gate {
    /// Enters with a batch over these shards; must not be called by who is inside.
    pub(crate) fn enter(&self, shards: Vec<Arc<ShardId>>) -> Pass<'_> {
        let mut state = lock(&self.state);
        while state.closed.as_ref().is_some_and(|span| shards.iter().any(|s| span.covers(s))) {
            state = wait(&self.changed, state);
        }
        for shard in &shards {
            *state.writers.entry(Arc::clone(shard)).or_default() += 1;
        }
        Pass { gate: self, shards: Some(shards) }
    }

    /// Enters with a change of the catalogue, which every cut must see whole.
    pub(crate) fn enter_change(&self) -> Pass<'_> {
        let mut state = lock(&self.state);
        while state.closed.is_some() {
            state = wait(&self.changed, state);
        }
        state.changes += 1;
        Pass { gate: self, shards: None }
    }

    /// Closes the gate and waits until nobody is inside; `Err` holds for how long it was closed in vain.
    pub(crate) fn close(&self, span: Span, within: Option<Duration>) -> Result<Closed<'_>, Duration> {
        let mut state = lock(&self.state);
        while state.closed.is_some() {
            state = wait(&self.changed, state);
        }
        state.closed = Some(span.clone());
        let closed = Closed { gate: self, since: Instant::now() };
        while !state.is_clear(&span) {
            let Some(within) = within else {
                state = wait(&self.changed, state);
                continue;
            };
            let held = closed.held();
            if held >= within {
                drop(state);
                return Err(closed.reopen());
            }
            state = wait_for(&self.changed, state, within - held);
        }
        drop(state);
        Ok(closed)
    }
}

/// A batch, or a change of the catalogue, that is inside.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    shards: Option<Vec<Arc<ShardId>>>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.state);
        match &self.shards {
            None => state.changes -= 1,
            Some(shards) => {
                for shard in shards {
                    if let Some(count) = state.writers.get_mut(shard) {
                        *count -= 1;
                        if *count == 0 {
                            state.writers.remove(shard);
                        }
                    }
                }
            }
        }
        if state.closed.is_some() {
            self.gate.changed.notify_all();
        }
    }
}

/// A gate that is closed and empty; dropping it opens it.
pub(crate) struct Closed<'a> {
    gate: &'a Gate,
    since: Instant,
}

impl Closed<'_> {
    /// How long writers may have been held until now.
    pub(crate) fn held(&self) -> Duration {
        self.since.elapsed()
    }

    /// Opens the gate; how long it was closed.
    pub(crate) fn reopen(self) -> Duration {
        let since = self.since;
        drop(self);
        since.elapsed()
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        lock(&self.gate.state).closed = None;
        self.gate.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(name: &str) -> Arc<ShardId> {
        Arc::new(ShardId { collection: CollectionName::new(name).unwrap(), tenant: None })
    }

    #[test]
    fn a_writer_that_stays_makes_the_close_give_up_and_opens_the_gate_again() {
        let gate = Gate::default();
        let pass = gate.enter(vec![shard("A")]);
        let held = gate.close(Span::Node, Some(Duration::from_millis(5))).err().unwrap();
        assert!(held >= Duration::from_millis(5), "{held:?}");
        drop(gate.enter(vec![shard("A")]));
        drop(pass);
        assert!(gate.close(Span::Node, Some(Duration::from_secs(5))).is_ok());
    }

    #[test]
    fn a_closed_collection_holds_its_own_writers_and_no_others() {
        let gate = Gate::default();
        let closed = gate.close(Span::Collection(CollectionName::new("A").unwrap()), None).ok().unwrap();
        drop(gate.enter(vec![shard("B")]));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(gate.enter(vec![shard("B"), shard("A")])));
            std::thread::sleep(Duration::from_millis(30));
            assert!(!waiting.is_finished());
            drop(closed);
            waiting.join().unwrap();
        });
    }

    #[test]
    fn a_change_of_the_catalogue_waits_for_every_span() {
        let gate = Gate::default();
        let closed = gate.close(Span::Shard((*shard("A")).clone()), None).ok().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(gate.enter_change()));
            std::thread::sleep(Duration::from_millis(30));
            assert!(!waiting.is_finished());
            drop(closed);
            waiting.join().unwrap();
        });
    }
}
