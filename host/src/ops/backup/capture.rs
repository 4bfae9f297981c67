//! Takes the cut: flushes ahead, captures all shards, and says what is in and what is not.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{CollectionName, CutInfo, Scope, Selection, ShardId, SkippedItem, TenantState};
use crate::ops::operation::Operation;
use crate::settings::HostSettings;
use crate::source::{Budget, CollectionInfo, Cut, ExtrasChoice, NamedBlob, SnapshotSource};

/// Flushing ahead is repeated while a round takes longer than this, because writers go on meanwhile.
const QUIET: Duration = Duration::from_millis(200);
/// Most rounds of flushing ahead.
const ROUNDS: usize = 3;

/// Everything a backup will hold.
pub(crate) struct Captured {
    /// The selected collections that were there at the cut.
    pub(crate) collections: Vec<CollectionInfo>,
    /// The cuts, each to be dropped when its files are read.
    pub(crate) cuts: Vec<Box<dyn Cut>>,
    /// When and how.
    pub(crate) info: CutInfo,
    /// What was left out.
    pub(crate) skipped: Vec<SkippedItem>,
    /// Opaque state of the database.
    pub(crate) extras: Vec<NamedBlob>,
}

/// Captures the selected collections. Blocks.
pub(crate) fn capture(
    source: &Arc<dyn SnapshotSource>,
    selected: &[CollectionName],
    selection: &Selection,
    extras: &ExtrasChoice,
    settings: &HostSettings,
    staging: &Path,
    operation: &Operation,
) -> Result<Captured> {
    let wanted: BTreeSet<&CollectionName> = selected.iter().collect();
    let mut collections = source.collections()?;
    collections.retain(|c| wanted.contains(&c.name));
    flush_ahead(source, &shards(&collections, |state| state == TenantState::Hot), operation)?;

    // Flushing takes a while, and what was created meanwhile belongs to the backup.
    let mut collections = source.collections()?;
    collections.retain(|c| wanted.contains(&c.name));
    let mut skipped = dropped_before(selected, &collections, selection)?;
    let shards = self::shards(&collections, |state| state != TenantState::Offloaded);

    // The folder is removed when the operation ends; whoever comes later must not make it again.
    if operation.is_cancelled() {
        return Err(Error::cancelled("cut"));
    }
    std::fs::create_dir_all(staging).map_err(|e| Error::io("cut", staging, e))?;
    let budget = Budget { max_pause: settings.max_pause, staging: staging.to_path_buf() };
    let outcome = source.cut(&shards, &budget)?;
    let at = operation.now();
    if operation.is_cancelled() {
        return Err(Error::cancelled("cut"));
    }
    check_complete(&shards, &outcome.cuts, &outcome.gone)?;
    let mut after = source.collections()?;
    after.retain(|c| wanted.contains(&c.name));
    skipped.extend(appeared(&collections, &after));
    define(&mut collections, &after);
    let still_there: BTreeSet<CollectionName> = after.into_iter().map(|c| c.name).collect();
    skipped.extend(forget_gone(&mut collections, &outcome.gone, &still_there, selection)?);
    skipped.extend(offloaded(&collections, &outcome.cuts));

    let scope = outcome.cuts.iter().map(|cut| cut.scope()).min().unwrap_or(Scope::Node);
    let pause = outcome.cuts.iter().map(|cut| cut.pause()).max().unwrap_or_default();
    Ok(Captured {
        collections,
        cuts: outcome.cuts,
        info: CutInfo { at, scope, pause_us: u64::try_from(pause.as_micros()).unwrap_or(u64::MAX) },
        skipped,
        extras: source.chosen_extras(extras)?,
    })
}

fn shards(collections: &[CollectionInfo], keep: impl Fn(TenantState) -> bool) -> Vec<ShardId> {
    let of = |c: &CollectionInfo| {
        let name = c.name.clone();
        c.shards
            .iter()
            .filter(|s| keep(s.state))
            .map(move |s| ShardId { collection: name.clone(), tenant: s.tenant.clone() })
            .collect::<Vec<_>>()
    };
    collections.iter().flat_map(of).collect()
}

fn flush_ahead(source: &Arc<dyn SnapshotSource>, hot: &[ShardId], operation: &Operation) -> Result<()> {
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for shard in hot {
            if operation.is_cancelled() {
                return Err(Error::cancelled("cut"));
            }
            source.prepare(shard)?;
        }
        if begun.elapsed() < QUIET {
            break;
        }
    }
    Ok(())
}

/// A collection that disappeared between the request and the cut.
fn dropped_before(
    selected: &[CollectionName],
    found: &[CollectionInfo],
    selection: &Selection,
) -> Result<Vec<SkippedItem>> {
    let gone = selected.iter().filter(|name| !found.iter().any(|c| c.name == **name));
    gone.map(|name| left_out(name, selection)).collect()
}

fn left_out(name: &CollectionName, selection: &Selection) -> Result<SkippedItem> {
    if selection.names(name) {
        return Err(Error::new(
            ErrorKind::NotFound,
            "cut",
            format!("collection `{name}` was included by name and dropped before the cut"),
        ));
    }
    Ok(SkippedItem { what: format!("collection {name}"), why: "dropped before the cut".to_owned() })
}

/// Removes what was gone at the cut from the collections, and says so.
fn forget_gone(
    collections: &mut Vec<CollectionInfo>,
    gone: &[ShardId],
    still_there: &BTreeSet<CollectionName>,
    selection: &Selection,
) -> Result<Vec<SkippedItem>> {
    let mut skipped = Vec::new();
    let gone: BTreeSet<&ShardId> = gone.iter().collect();
    let mut kept = Vec::new();
    for mut collection in collections.drain(..) {
        let before = collection.shards.len();
        let name = collection.name.clone();
        let mut missing = Vec::new();
        collection.shards.retain(|s| {
            let id = ShardId { collection: name.clone(), tenant: s.tenant.clone() };
            let is_gone = gone.contains(&id);
            if is_gone {
                missing.push(id);
            }
            !is_gone
        });
        // A collection that has lost all of its tenants is still one.
        let is_dropped = missing.iter().any(|id| id.tenant.is_none()) || !still_there.contains(&name);
        if before > 0 && collection.shards.is_empty() && is_dropped {
            skipped.push(left_out(&collection.name, selection)?);
            continue;
        }
        skipped.extend(missing.into_iter().map(|shard| SkippedItem {
            what: format!("tenant {shard}"),
            why: "dropped before the cut".to_owned(),
        }));
        kept.push(collection);
    }
    *collections = kept;
    Ok(skipped)
}

/// Shards that came into being while the cut was taken: whether they belong to its instant cannot be told, so they are
/// named.
fn appeared(before: &[CollectionInfo], after: &[CollectionInfo]) -> Vec<SkippedItem> {
    let known: BTreeSet<ShardId> = shards(before, |_| true).into_iter().collect();
    let new = shards(after, |_| true).into_iter().filter(|shard| !known.contains(shard));
    new.map(|shard| SkippedItem {
        what: format!("tenant {shard}"),
        why: "created while the cut was taken".to_owned(),
    })
    .collect()
}

/// Takes definitions and aliases as they are after the cut. Those of before it would lack what was acknowledged in
/// between and is named by objects that the cut holds.
fn define(collections: &mut [CollectionInfo], after: &[CollectionInfo]) {
    for collection in collections {
        if let Some(now) = after.iter().find(|c| c.name == collection.name) {
            collection.schema = now.schema.clone();
            collection.aliases.clone_from(&now.aliases);
        }
    }
}

/// Shards without data: those that were offloaded before the cut, and those that were by the time it was made.
fn offloaded(collections: &[CollectionInfo], cuts: &[Box<dyn Cut>]) -> Vec<SkippedItem> {
    let at_the_cut = cuts.iter().flat_map(|cut| cut.shards());
    let meanwhile = at_the_cut.filter(|(_, state)| *state == TenantState::Offloaded).map(|(shard, _)| shard);
    let all = shards(collections, |s| s == TenantState::Offloaded).into_iter().chain(meanwhile);
    all.map(|shard| SkippedItem {
        what: format!("tenant {shard}"),
        why: "offloaded: a backup holds no data of offloaded tenants; activate it to have it backed up"
            .to_owned(),
    })
    .collect()
}

/// The source promised every shard; one that it lost would be lost silently.
fn check_complete(asked: &[ShardId], cuts: &[Box<dyn Cut>], gone: &[ShardId]) -> Result<()> {
    let mut have: BTreeSet<ShardId> = gone.iter().cloned().collect();
    for cut in cuts {
        for (shard, _) in cut.shards() {
            if !have.insert(shard.clone()) {
                return Err(Error::internal("cut", format!("the database captured shard `{shard}` twice")));
            }
        }
    }
    match asked.iter().find(|shard| !have.contains(shard)) {
        Some(lost) => Err(Error::internal("cut", format!("the database captured nothing of shard `{lost}`"))),
        None => Ok(()),
    }
}
