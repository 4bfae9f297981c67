//! The verb `forget`: deletes a backup that nothing else needs.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Verb;
use crate::model::{BackupId, Location, ManifestLine, ObjectKey, State};
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
    for verb in [Verb::Backup, Verb::Restore] {
        if find(context, verb, &name, id.as_str(), location).is_some_and(|o| !o.has_ended()) {
            return Err(refused(&id, "an operation on it is running; cancel it first"));
        }
    }
    let descriptor = match descriptor_store::load(&*storage, &id).await {
        Ok(found) => found.map(|f| f.descriptor),
        // A damaged backup may be forgotten; its own content is not needed for that.
        Err(e) if e.is(ErrorKind::Corrupt) => None,
        Err(e) => return Err(e),
    };
    if let Some(descriptor) = &descriptor
        && !descriptor.state.is_terminal()
    {
        let state = descriptor.state.as_str();
        return Err(refused(&id, &format!("it is {state}; another server may be working on it")));
    }
    refuse_while_needed(context, &*storage, &id).await?;
    let key = layout::descriptor_key(&id)?;
    delete_one(&*storage, &key).await?;
    let rest = delete_prefix(&*storage, &layout::backup_prefix(&id)).await?;
    if descriptor.is_none() && rest.objects + rest.refused == 0 {
        return Err(unknown_backup(id.as_str(), storage.home()));
    }
    Ok(ForgetReport { objects: rest.objects + u64::from(descriptor.is_some()), refused: rest.refused })
}

async fn delete_one(storage: &dyn Storage, key: &ObjectKey) -> Result<()> {
    match storage.delete(std::slice::from_ref(key)).await?.pop() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Looks whether a manifest of another backup names chunks of this one.
async fn refuse_while_needed(context: &Context, storage: &dyn Storage, id: &BackupId) -> Result<()> {
    let own = layout::backup_prefix(id);
    for other in list_folders(storage, "").await?.into_iter().filter_map(|name| BackupId::new(name).ok()) {
        if other == *id {
            continue;
        }
        let Some(found) = descriptor_store::load(storage, &other).await? else { continue };
        let descriptor = found.descriptor;
        if !descriptor.state.is_terminal() && descriptor.base.as_ref() == Some(id) {
            return Err(refused(id, &format!("backup `{other}` is being made on top of it")));
        }
        if descriptor.state != State::Success {
            continue;
        }
        for node in descriptor.nodes.values() {
            let manifest = ManifestSpool::fetch(storage, node, &context.scratch()).await?;
            for line in &mut manifest.open()? {
                if let ManifestLine::Chunk(chunk) = line?
                    && chunk.key.as_str().starts_with(&own)
                {
                    return Err(refused(
                        id,
                        &format!("backup `{other}` refers to its chunks; forget that one first"),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn refused(id: &BackupId, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, "forget", format!("backup `{id}` is kept: {why}"))
}
