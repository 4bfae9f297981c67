//! The verb `forget`: deletes a backup that nothing else needs.

mod mark;
mod needs;

use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::journal::Verb;
use crate::model::{BackupId, Descriptor, Location, State};
use crate::ops::ForgetReport;
use crate::ops::context::{Context, status_text, unknown_backup};
use crate::ops::listing::{delete_prefix, list_folders};
use crate::ops::status::find;
use crate::repository::{descriptor_store, layout};
use crate::storage::Storage;

use mark::{Mark, is_marked};
use needs::{Condition, Needed, look, refuse_while_needed, refused};

/// Deletes a backup: marks it, so that nobody restores from it or builds on it; looks who needs it; deletes its data and
/// at last its descriptor. Whatever ends it in between leaves a backup that is whole, or one that is marked and can be
/// forgotten again.
pub(crate) async fn forget(
    context: &Arc<Context>,
    backend: &str,
    id: &str,
    location: &Location,
) -> Result<ForgetReport> {
    let id = BackupId::new(id)?;
    let (name, storage) = context.storage(backend, location).await?;
    let storage = &*storage;
    // Until this ends nobody here can claim the id again, or restore from what is going away.
    let _reserved = context.registry.reserve(&name, location, &id)?;
    for verb in [Verb::Backup, Verb::Restore, Verb::Copy] {
        if find(context, verb, &name, id.as_str(), location).is_some_and(|o| !o.has_ended()) {
            return Err(refused(&id, "an operation on it is running; cancel it first"));
        }
    }
    let (loaded, condition) = match descriptor_store::load(storage, &id).await {
        Ok(found) => (found, Condition::Sound),
        // A damaged backup may be forgotten; its own content is not needed for that.
        Err(e) if e.is(ErrorKind::Corrupt) => (None, Condition::Damaged),
        Err(e) => return Err(e),
    };
    let had_descriptor = loaded.is_some() || condition == Condition::Damaged;
    if let Some(state) = loaded.as_ref().map(|l| l.descriptor.state).filter(|state| !state.is_terminal()) {
        return Err(refused(&id, &format!("it is {}; another server may be working on it", state.as_str())));
    }
    match look(context, storage, &id, condition).await? {
        Needed::No => {}
        Needed::Perhaps(refusal) => return Err(refusal),
        Needed::By(refusal) => {
            let Some(loaded) = loaded.filter(|loaded| mark::is_forgotten(&loaded.descriptor)) else {
                return Err(refusal);
            };
            let proven = context.prove(&name, location, storage, context.new_attempt()).await?;
            return Err(match mark::take_off(context, storage, loaded, proven).await {
                Ok(()) => refusal.with("mark", "taken off again, it is a SUCCESS as before"),
                Err(left) => refusal.with("mark", status_text(&left)),
            });
        }
    }
    // What another server stores under this id from now on is none of ours.
    let prefix = layout::backup_prefix(&id);
    let attempts = list_folders(storage, &prefix, |name| Some(name.to_owned())).await?;
    let mark = match loaded {
        Some(loaded) if loaded.descriptor.state == State::Success || is_marked(&loaded.descriptor) => {
            let proven = context.prove(&name, location, storage, context.new_attempt()).await?;
            let mark = Mark::set(storage, loaded, proven).await?;
            look_again(context, storage, &id, &mark).await?;
            Some(mark)
        }
        // Of one that failed or is damaged nobody can take anything; it only must not be another one by now.
        seen => {
            refuse_if_changed(storage, &id, seen.as_ref().map(|l| &l.descriptor)).await?;
            None
        }
    };
    let mut report = ForgetReport::default();
    for attempt in attempts {
        let deleted = delete_prefix(storage, &format!("{prefix}{attempt}/")).await?;
        report.objects += deleted.objects;
        report.refused += deleted.refused;
    }
    if !had_descriptor && report.objects + report.refused == 0 {
        return Err(unknown_backup(id.as_str(), storage.home()));
    }
    if had_descriptor {
        mark::remove(storage, &id, mark.as_ref()).await?;
        report.objects += 1;
    }
    Ok(report)
}

/// What was begun on top of it before the mark was there is seen now; then the mark is taken back.
async fn look_again(context: &Context, storage: &dyn Storage, id: &BackupId, mark: &Mark) -> Result<()> {
    let looked = match refuse_while_needed(context, storage, id, Condition::Sound).await {
        Ok(()) => mark.expect_own(storage).await,
        needed => needed,
    };
    let Err(error) = looked else { return Ok(()) };
    match mark.take_back(context, storage).await {
        Ok(()) => Err(error),
        Err(left) => {
            let text = format!(
                "its descriptor is still marked as being forgotten: {}; forget it again",
                status_text(&left)
            );
            Err(refused(id, &text).with_source(error))
        }
    }
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

/// Whether another backup of the location may need the chunks of this one; what cannot be told counts as a yes.
pub(crate) async fn is_needed(context: &Context, storage: &dyn Storage, id: &BackupId) -> Result<bool> {
    match refuse_while_needed(context, storage, id, Condition::Sound).await {
        Ok(()) => Ok(false),
        Err(e) if e.is(ErrorKind::Conflict) => Ok(true),
        Err(e) => Err(e),
    }
}
