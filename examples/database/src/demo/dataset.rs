//! The data set: which collections, tenants and objects there are, and how they get into a database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use siltstone::model::{CollectionName, ShardId, TenantName, TenantState};
use siltstone::{Error, Result};
use siltstone_db::{Change, Database, ShardChanges, Tenancy};

use crate::demo::content::{self, Kind};
use crate::demo::history::History;
use crate::demo::progress::Progress;
use crate::demo::stop::Stop;

/// Parts of the tickets that each tenant has; some have few, as it is with customers.
const TENANTS: [(u64, TenantState); 12] = [
    (20, TenantState::Hot),
    (14, TenantState::Hot),
    (12, TenantState::Cold),
    (10, TenantState::Hot),
    (10, TenantState::Hot),
    (8, TenantState::Hot),
    (8, TenantState::Cold),
    (6, TenantState::Hot),
    (5, TenantState::Hot),
    (4, TenantState::Cold),
    (2, TenantState::Hot),
    (1, TenantState::Hot),
];
/// Per cent of the bytes that are articles.
const ARTICLES: u64 = 45;
/// Objects that are written at once.
const BATCH: u64 = 64;
/// Threads that load and compare.
const THREADS: usize = 4;

/// A shard and what it holds.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) id: ShardId,
    pub(super) state: TenantState,
    pub(super) history: History,
}

/// All shards; the number of each is its place here.
#[derive(Clone, Debug)]
pub(super) struct DataSet {
    pub(super) shards: Vec<Planned>,
}

impl DataSet {
    /// Of about so many bytes on disk, rather more than less.
    pub(super) fn of(bytes: u64) -> Result<Self> {
        let mut shards = Vec::new();
        let mut add = |collection: &CollectionName,
                       tenant: Option<TenantName>,
                       kind: Kind,
                       bytes: u64,
                       state| {
            let shard = shards.len() as u64;
            let history = History { shard, kind, loaded: (bytes / kind.bytes_on_disk()).max(BATCH) };
            shards.push(Planned { id: ShardId { collection: collection.clone(), tenant }, state, history });
        };
        add(&articles()?, None, Kind::Article, bytes / 100 * ARTICLES, TenantState::Hot);
        let tickets = tickets()?;
        for (index, (part, state)) in TENANTS.into_iter().enumerate() {
            let tenant = TenantName::new(format!("customer-{:02}", index + 1))?;
            add(&tickets, Some(tenant), Kind::Ticket, bytes / 100 * (100 - ARTICLES) / 100 * part, state);
        }
        Ok(Self { shards })
    }

    /// Names and definitions of the collections.
    pub(super) fn schemas() -> Result<BTreeMap<CollectionName, (Value, Tenancy)>> {
        let property = |name: &str, kind: &str| json!({ "name": name, "dataType": [kind] });
        let article = json!({ "class": "Article", "description": "what was published", "properties": [
            property("title", "text"), property("body", "text"), property("author", "text"),
            property("tags", "text[]"), property("views", "int"), property("draft", "boolean"),
        ] });
        let ticket = json!({ "class": "Ticket", "description": "what customers asked",
            "multiTenancyConfig": { "enabled": true }, "properties": [
            property("subject", "text"), property("message", "text"), property("customer", "text"),
            property("status", "text"), property("priority", "int"),
        ] });
        Ok(BTreeMap::from([
            (articles()?, (article, Tenancy::Single)),
            (tickets()?, (ticket, Tenancy::Multi)),
        ]))
    }

    /// The tenants with their states.
    pub(super) fn tenants(&self) -> Vec<(TenantName, TenantState)> {
        self.shards.iter().filter_map(|s| Some((s.id.tenant.clone()?, s.state))).collect()
    }

    /// Fills an empty database.
    pub(super) fn load(&self, database: &Database, progress: &Progress, stop: &Stop) -> Result<()> {
        for (name, (schema, tenancy)) in Self::schemas()? {
            database.create_collection(&name, schema, tenancy)?;
        }
        let hot: Vec<_> = self.tenants().into_iter().map(|(name, _)| (name, TenantState::Hot)).collect();
        database.add_tenants(&tickets()?, &hot)?;
        self.each(|shard| {
            let history = shard.history;
            write(database, &shard.id, vec![Change::Put(content::counter(0))])?;
            for first in (0..history.loaded).step_by(BATCH as usize) {
                stop.check()?;
                let numbers = first..(first + BATCH).min(history.loaded);
                progress.add((numbers.end - first) * history.kind.bytes_on_disk());
                let put = |number| Change::Put(content::object(history.kind, history.shard, number, 0));
                write(database, &shard.id, numbers.map(put).collect())?;
            }
            Ok(())
        })?;
        database.set_tenants(&tickets()?, &self.tenants())
    }

    /// Does something with every shard, with several at a time, until something fails.
    pub(super) fn each(&self, work: impl Fn(&Planned) -> Result<()> + Sync) -> Result<()> {
        let next = AtomicUsize::new(0);
        let run = || -> Result<()> {
            while let Some(shard) = self.shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(e) = work(shard) {
                    next.store(self.shards.len(), Ordering::Relaxed);
                    return Err(e);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
            let results: Vec<Result<()>> = threads.into_iter().map(|t| joined(t.join())).collect();
            results.into_iter().collect()
        })
    }
}

/// The result of a thread; one that panicked has failed.
pub(super) fn joined<T>(end: thread::Result<Result<T>>) -> Result<T> {
    end.unwrap_or_else(|_| Err(Error::internal("demo", "a thread panicked")))
}

/// The collection without tenants.
fn articles() -> Result<CollectionName> {
    CollectionName::new("Article")
}

/// The collection with tenants.
pub(super) fn tickets() -> Result<CollectionName> {
    CollectionName::new("Ticket")
}

fn write(database: &Database, shard: &ShardId, changes: Vec<Change>) -> Result<()> {
    database.write(&[ShardChanges { shard: shard.clone(), changes }])
}
