//! The verb `forget`: deletes a backup that nothing else needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Verb;
use crate::model::{AttemptId, BackupId, Descriptor, Location, ManifestLine, NodeEntry, ObjectKey, State};
use crate::ops::ForgetReport;
use crate::ops::context::Context;
use crate::ops::context::unknown_backup;
use crate::ops::listing::{delete_prefix, list_folders};
use crate::ops::status::find;
use crate::repository::{ManifestSpool, descriptor_store, layout};
use crate::storage::Storage;

/// Deletes a backup: its descriptor first, so that nobody restores from what is going away, then its objects.
pub(crate) async fn forget(
    context: &Arc<Context>,
    backend: &str,
    id: &str,
    location: &Location,
) -> Result<ForgetReport> {
    let id = BackupId::new(id)?;
    let (name, storage) = context.storage(backend, location).await?;
    // Until this ends nobody here can claim the id again, or restore from what is going away.
    let _reserved = context.registry.reserve(&name, location, &id)?;
    for verb in [Verb::Backup, Verb::Restore, Verb::Copy] {
        if find(context, verb, &name, id.as_str(), location).is_some_and(|o| !o.has_ended()) {
            return Err(refused(&id, "an operation on it is running; cancel it first"));
        }
    }
    let (loaded, condition) = match descriptor_store::load(&*storage, &id).await {
        Ok(found) => (found, Condition::Sound),
        // A damaged backup may be forgotten; its own content is not needed for that.
        Err(e) if e.is(ErrorKind::Corrupt) => (None, Condition::Damaged),
        Err(e) => return Err(e),
    };
    let descriptor = loaded.as_ref().map(|f| &f.descriptor);
    if let Some(descriptor) = descriptor
        && !descriptor.state.is_terminal()
    {
        let state = descriptor.state.as_str();
        return Err(refused(&id, &format!("it is {state}; another server may be working on it")));
    }
    let harmless = refuse_while_needed(context, &*storage, &id, condition).await?;
    // What another server stores under this id from now on is none of ours.
    let prefix = layout::backup_prefix(&id);
    let attempts = list_folders(&*storage, &prefix).await?;
    refuse_if_changed(&*storage, &id, descriptor).await?;
    delete_one(&*storage, &layout::descriptor_key(&id)?).await?;
    if let Some(loaded) = &loaded
        && let Some(child) = new_child(&*storage, &id, &harmless).await?
    {
        let proven = context.prove(&name, location, &*storage, AttemptId::generate()).await?;
        descriptor_store::create(&*storage, loaded, loaded.descriptor.attempt, proven).await?;
        return Err(refused(&id, &format!("backup `{child}` was begun on top of it")));
    }
    let mut rest = ForgetReport::default();
    for attempt in attempts {
        let deleted = delete_prefix(&*storage, &format!("{prefix}{attempt}/")).await?;
        rest.objects += deleted.objects;
        rest.refused += deleted.refused;
    }
    let had_descriptor = descriptor.is_some() || condition == Condition::Damaged;
    if !had_descriptor && rest.objects + rest.refused == 0 {
        return Err(unknown_backup(id.as_str(), storage.home()));
    }
    Ok(ForgetReport { objects: rest.objects + u64::from(had_descriptor), refused: rest.refused })
}

/// Looking at all other backups may have taken long.
async fn refuse_if_changed(storage: &dyn Storage, id: &BackupId, seen: Option<&Descriptor>) -> Result<()> {
    let now = match descriptor_store::load(storage, id).await {
        Ok(found) => found.map(|f| f.descriptor),
        Err(e) if e.is(ErrorKind::Corrupt) => None,
        Err(e) => return Err(e),
    };
    if now.as_ref() == seen {
        return Ok(());
    }
    Err(refused(id, "its descriptor has changed meanwhile; another server is working on it"))
}

/// Whether the descriptor of the backup to be forgotten can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Sound,
    Damaged,
}

async fn delete_one(storage: &dyn Storage, key: &ObjectKey) -> Result<()> {
    match storage.delete(std::slice::from_ref(key)).await?.pop() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// A backup that was begun on top of this one after it was looked who needs it. Once the descriptor is gone nobody can
/// begin another: whoever builds on it looks for it again before the end.
async fn new_child(
    storage: &dyn Storage,
    id: &BackupId,
    harmless: &BTreeSet<AttemptId>,
) -> Result<Option<BackupId>> {
    for other in list_folders(storage, "").await?.into_iter().filter_map(|name| BackupId::new(name).ok()) {
        let found = match descriptor_store::load(storage, &other).await {
            Ok(Some(found)) => found.descriptor,
            Ok(None) => continue,
            Err(e) if e.is(ErrorKind::Corrupt) => continue,
            Err(e) => return Err(e),
        };
        let is_lost = matches!(found.state, State::Failed | State::Canceled);
        if found.base.as_ref() == Some(id) && !is_lost && !harmless.contains(&found.attempt) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Looks whether a manifest of another backup names chunks of this one, and answers the attempts that were made on top of it
/// and name none. Of a damaged one that cannot be known, so it keeps this one; but two damaged ones must not keep each other.
async fn refuse_while_needed(
    context: &Context,
    storage: &dyn Storage,
    id: &BackupId,
    own: Condition,
) -> Result<BTreeSet<AttemptId>> {
    let mut harmless = BTreeSet::new();
    for other in list_folders(storage, "").await?.into_iter().filter_map(|name| BackupId::new(name).ok()) {
        if other == *id {
            continue;
        }
        match refers(context, storage, &other, id).await {
            Ok(Needs::Nothing(built_on)) => harmless.extend(built_on),
            Ok(Needs::Chunks(why)) => return Err(refused(id, &why)),
            Err(e) if e.is(ErrorKind::Corrupt) && own == Condition::Damaged => {}
            Err(e) if e.is(ErrorKind::Corrupt) => {
                let why = format!(
                    "backup `{other}` is damaged, so it is not known whether it refers to its chunks; forget that one first"
                );
                return Err(refused(id, &why).with_source(e));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(harmless)
}

/// What one backup needs of another.
enum Needs {
    /// Nothing; its attempt, if it was made on top of the other.
    Nothing(Option<AttemptId>),
    /// Chunks, and why that is known.
    Chunks(String),
}

/// What backup `other` needs of `id`.
async fn refers(context: &Context, storage: &dyn Storage, other: &BackupId, id: &BackupId) -> Result<Needs> {
    let own = layout::backup_prefix(id);
    let Some(found) = descriptor_store::load(storage, other).await? else { return Ok(Needs::Nothing(None)) };
    let descriptor = found.descriptor;
    if !descriptor.state.is_terminal() && descriptor.base.as_ref() == Some(id) {
        return Ok(Needs::Chunks(format!("backup `{other}` is being made on top of it")));
    }
    let built_on = descriptor.base.as_ref().filter(|base| *base == id).map(|_| descriptor.attempt);
    if descriptor.state != State::Success {
        return Ok(Needs::Nothing(built_on));
    }
    for node in descriptor.nodes.values() {
        match names_chunks(context, storage, node, &own).await {
            Ok(true) => {
                let why = format!("backup `{other}` refers to its chunks; forget that one first");
                return Ok(Needs::Chunks(why));
            }
            Ok(false) => {}
            // Its manifest is lost, but it wrote all of its chunks itself.
            Err(e) if e.is(ErrorKind::Corrupt) && node.new_bytes == node.stored_bytes => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Needs::Nothing(built_on))
}

async fn names_chunks(
    context: &Context,
    storage: &dyn Storage,
    node: &NodeEntry,
    under: &str,
) -> Result<bool> {
    let manifest = ManifestSpool::fetch(storage, node, &context.scratch()).await?;
    let under = under.to_owned();
    let found = manifest.read(move |lines| {
        for line in lines {
            if let ManifestLine::Chunk(chunk) = line?
                && chunk.key.as_str().starts_with(&under)
            {
                return Ok(true);
            }
        }
        Ok(false)
    });
    found.await
}

fn refused(id: &BackupId, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, "forget", format!("backup `{id}` is kept: {why}"))
}
