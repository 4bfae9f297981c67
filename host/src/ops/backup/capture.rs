//! Takes the cut: flushes ahead, captures all shards, and says what is in and what is not.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{CollectionName, CutInfo, Scope, Selection, ShardId, SkippedItem, TenantState, Timestamp};
use crate::ops::operation::Operation;
use crate::settings::HostSettings;
use crate::source::{Budget, CollectionInfo, Cut, NamedBlob, SnapshotSource};

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
    settings: &HostSettings,
    staging: &Path,
    operation: &Operation,
) -> Result<Captured> {
    let wanted: BTreeSet<&CollectionName> = selected.iter().collect();
    let mut collections = source.collections()?;
    collections.retain(|c| wanted.contains(&c.name));
    let mut skipped = dropped_before(selected, &collections, selection)?;

    let shards = shards(&collections, |state| state != TenantState::Offloaded);
    let hot = self::shards(&collections, |state| state == TenantState::Hot);
    flush_ahead(source, &hot, operation)?;

    // The folder is removed when the operation ends; whoever comes later must not make it again.
    if operation.is_cancelled() {
        return Err(Error::cancelled("cut"));
    }
    std::fs::create_dir_all(staging).map_err(|e| Error::io("cut", staging, e))?;
    let budget = Budget { max_pause: settings.max_pause, staging: staging.to_path_buf() };
    let outcome = source.cut(&shards, &budget)?;
    let at = Timestamp::now();
    if operation.is_cancelled() {
        return Err(Error::cancelled("cut"));
    }
    check_complete(&shards, &outcome.cuts, &outcome.gone)?;
    skipped.extend(forget_gone(&mut collections, &outcome.gone, selection)?);
    skipped.extend(shard_names(&collections, TenantState::Offloaded));

    let scope = outcome.cuts.iter().map(|cut| cut.scope()).min().unwrap_or(Scope::Node);
    let pause = outcome.cuts.iter().map(|cut| cut.pause()).max().unwrap_or_default();
    Ok(Captured {
        collections,
        cuts: outcome.cuts,
        info: CutInfo { at, scope, pause_us: u64::try_from(pause.as_micros()).unwrap_or(u64::MAX) },
        skipped,
        extras: source.extras()?,
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
        if before > 0 && collection.shards.is_empty() {
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

fn shard_names(collections: &[CollectionInfo], state: TenantState) -> Vec<SkippedItem> {
    shards(collections, |s| s == state)
        .into_iter()
        .map(|shard| SkippedItem {
            what: format!("tenant {shard}"),
            why: "offloaded: its data is not on this node".to_owned(),
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
