//! A finished cut: its shards and the captures that hold their files.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use siltstone::model::{Scope, ShardId, TenantState};
use siltstone::source::{Cut, Hold, SegmentFile};
use siltstone::{Error, ErrorKind, Result};

use crate::backup::capture::Capture;
use crate::engine::pool::{Pool, Watcher};

pub(crate) struct FinishedCut {
    pub(crate) scope: Scope,
    pub(crate) pause: Duration,
    pub(crate) shards: Vec<(ShardId, TenantState)>,
    /// Of every shard but the offloaded ones.
    pub(crate) captures: Captures,
}

/// Captures that are registered as watchers of their shards until they are dropped.
pub(crate) struct Captures {
    pub(crate) pool: Arc<Pool>,
    pub(crate) all: HashMap<ShardId, Arc<Capture>>,
}

impl Captures {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, all: HashMap::new() }
    }

    /// Adds a capture, which from now on hears of transitions of its shard.
    pub(crate) fn add(&mut self, capture: Arc<Capture>) {
        let watcher = Arc::clone(&capture) as Arc<dyn Watcher>;
        self.pool.watch(&capture.shard, watcher);
        self.all.insert(capture.shard.clone(), capture);
    }

    pub(crate) fn remove(&mut self, shard: &ShardId) {
        if let Some(capture) = self.all.remove(shard) {
            self.pool.unwatch(shard, &(capture as Arc<dyn Watcher>));
        }
    }
}

impl Drop for Captures {
    fn drop(&mut self) {
        for (shard, capture) in self.all.drain() {
            self.pool.unwatch(&shard, &(capture as Arc<dyn Watcher>));
        }
    }
}

impl Cut for FinishedCut {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn shards(&self) -> Vec<(ShardId, TenantState)> {
        self.shards.clone()
    }

    fn pause(&self) -> Duration {
        self.pause
    }

    fn hold(&self) -> Hold {
        let is_pinned = self.captures.all.values().any(|c| c.hold() == Hold::Pin);
        if is_pinned { Hold::Pin } else { Hold::Links }
    }

    fn files(&self, shard: &ShardId) -> Result<Vec<SegmentFile>> {
        if let Some(capture) = self.captures.all.get(shard) {
            return capture.files();
        }
        if self.shards.iter().any(|(id, _)| id == shard) {
            return Ok(Vec::new());
        }
        Err(Error::new(ErrorKind::NotFound, "list files", format!("shard `{shard}` is not in this cut")))
    }
}
