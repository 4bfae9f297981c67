//! Makes the cuts of one backup: all shards at one instant if writers allow it, else per collection, else per shard.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use siltstone::Result;
use siltstone::model::{CollectionName, Scope, ShardId, TenantState};
use siltstone::source::{Budget, Cut, CutOutcome};

use crate::backup::capture::{Capture, Captured};
use crate::backup::cut::{Captures, FinishedCut};
use crate::backup::open::OpenShard;
use crate::catalogue::Catalogue;
use crate::database::Engine;
use crate::engine::gate::Span;

/// How often one instant for all is tried.
const NODE_TRIES: u32 = 3;
/// How long writers go on between two tries.
const BREATH: Duration = Duration::from_millis(5);

pub(crate) struct Session<'a> {
    engine: &'a Engine,
    staging: &'a Path,
    /// Open shards, taken and waiting for a gate.
    open: HashMap<ShardId, OpenShard>,
    /// Folders given out in staging.
    folders: u64,
    /// The longest that writers were held.
    pause: Duration,
    cuts: Vec<Box<dyn Cut>>,
    gone: Vec<ShardId>,
}

impl<'a> Session<'a> {
    pub(crate) fn run(engine: &'a Engine, shards: &[ShardId], budget: &'a Budget) -> Result<CutOutcome> {
        let mut session = Self {
            engine,
            staging: &budget.staging,
            open: HashMap::new(),
            folders: 0,
            pause: Duration::ZERO,
            cuts: Vec::new(),
            gone: Vec::new(),
        };
        session.all(shards, budget.max_pause)?;
        Ok(CutOutcome { cuts: session.cuts, gone: session.gone })
    }

    fn all(&mut self, shards: &[ShardId], max_pause: Duration) -> Result<()> {
        for _ in 0..NODE_TRIES {
            if self.attempt(&Span::Node, shards, Some(max_pause))? == Attempt::Made {
                return Ok(());
            }
            sleep(BREATH);
        }
        let mut collections: BTreeMap<CollectionName, Vec<ShardId>> = BTreeMap::new();
        for shard in shards {
            collections.entry(shard.collection.clone()).or_default().push(shard.clone());
        }
        for (name, shards) in collections {
            if self.attempt(&Span::Collection(name), &shards, Some(max_pause))? == Attempt::Late {
                for shard in shards {
                    self.one(shard)?;
                }
            }
        }
        Ok(())
    }

    /// A shard on its own, however long its writers take to leave.
    fn one(&mut self, shard: ShardId) -> Result<()> {
        self.attempt(&Span::Shard(shard.clone()), &[shard], None).map(|_| ())
    }

    fn attempt(&mut self, span: &Span, shards: &[ShardId], within: Option<Duration>) -> Result<Attempt> {
        let engine = self.engine;
        // Most of the work, while everything goes on.
        self.take_open(shards)?;
        let frozen = engine.pool.freeze(shards);
        // What was opened meanwhile; from here on what is closed stays closed. Only the shards of this span wait for that,
        // and only as long as a cut may hold writers: a shard on its own is marked or left out alone.
        self.take_open(shards)?;
        let mut captures = Captures::new(Arc::clone(&engine.pool));
        for shard in shards {
            if !self.open.contains_key(shard) {
                captures.add(self.capture(shard));
            }
        }

        let closed = match engine.gate.close(span.clone(), within) {
            Ok(closed) => closed,
            Err(held) => {
                self.pause = self.pause.max(held);
                self.open.clear();
                return Ok(Attempt::Late);
            }
        };
        // Under the gate: counters and a pointer in memory, nothing else.
        let catalogue = engine.catalogue.current();
        for shard in shards {
            if let Some(open) = self.open.get_mut(shard) {
                open.mark();
            }
        }
        let is_late = within.is_some_and(|within| closed.held() > within);
        self.pause = self.pause.max(closed.reopen());
        drop(frozen);
        if is_late {
            // Leases of open shards keep others from being opened, so they are never held while writers go on.
            self.open.clear();
            return Ok(Attempt::Late);
        }
        let lost = self.finish(span, shards, &catalogue, captures)?;
        for shard in lost {
            self.one(shard)?;
        }
        Ok(Attempt::Made)
    }

    /// Takes the files of what the gate has fixed; the shards of which something was lost meanwhile.
    fn finish(
        &mut self,
        span: &Span,
        shards: &[ShardId],
        catalogue: &Catalogue,
        mut captures: Captures,
    ) -> Result<Vec<ShardId>> {
        let (mut states, mut lost) = (Vec::new(), Vec::new());
        // Open shards first: each holds a lease that others may wait for.
        for shard in shards {
            let Some(open) = self.open.remove(shard) else { continue };
            if !has_files(catalogue.state(shard)) {
                continue;
            }
            let capture = self.capture(shard);
            captures.add(Arc::clone(&capture));
            if capture.take_open(open)? == Captured::Lost {
                captures.remove(shard);
                lost.push(shard.clone());
            }
        }
        for shard in shards {
            match catalogue.state(shard) {
                None => self.gone.push(shard.clone()),
                Some(_) if lost.contains(shard) => {}
                Some(state) => states.push((shard.clone(), state)),
            }
            if !has_files(catalogue.state(shard)) {
                captures.remove(shard);
            } else if let Some(capture) = captures.all.get(shard) {
                self.engine.pool.while_closed(shard, || capture.take_closed());
            }
        }
        let scope = match span {
            Span::Node => Scope::Node,
            Span::Collection(_) => Scope::Collection,
            Span::Shard(_) => Scope::Shard,
        };
        if !states.is_empty() {
            self.cuts.push(Box::new(FinishedCut { scope, pause: self.pause, shards: states, captures }));
        }
        Ok(lost)
    }

    fn take_open(&mut self, shards: &[ShardId]) -> Result<()> {
        for shard in shards {
            if self.open.contains_key(shard) {
                continue;
            }
            if let Some(lease) = self.engine.pool.lease_open(shard) {
                self.open.insert(shard.clone(), OpenShard::take(lease)?);
            }
        }
        Ok(())
    }

    fn capture(&mut self, shard: &ShardId) -> Arc<Capture> {
        let staging = self.staging.join(self.folders.to_string());
        self.folders += 1;
        Capture::new(shard.clone(), self.engine.data.shard(shard), staging, self.engine.link)
    }
}

/// What came of closing a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Made,
    /// Writers would have been held too long.
    Late,
}

fn has_files(state: Option<TenantState>) -> bool {
    matches!(state, Some(TenantState::Hot | TenantState::Cold))
}
