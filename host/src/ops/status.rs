//! The verbs `status` and `list`: from memory while an operation runs here, else from what is stored.

use std::pin::pin;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{RestoreRecord, Verb};
use crate::model::{BackendName, BackupId, Descriptor, Location, State, Timestamp};
use crate::ops::backup::outcome;
use crate::ops::context::{Context, no_descriptor, status_text, unknown_backup};
use crate::ops::listing::list_folders;
use crate::ops::operation::Operation;
use crate::ops::registry::Address;
use crate::ops::{Order, Progress, Status};
use crate::repository::descriptor_store;
use crate::storage::Storage;

/// Descriptors that are read at once by `list`.
const AT_ONCE: usize = 32;
/// Bytes of all descriptors of a list, of which its statuses are made.
const MOST_BYTES: u64 = 64 << 20;

/// The operation of this process, if there is or was one.
pub(crate) fn find(
    context: &Context,
    verb: Verb,
    backend: &BackendName,
    id: &str,
    location: &Location,
) -> Option<Arc<Operation>> {
    let address =
        Address { verb, backend: backend.to_string(), location: location.clone(), id: id.to_owned() };
    context.registry.find(&address)
}

/// The same, but for a request that may still be refused: the status of a backup is not that of a second try to make it.
fn accepted(
    context: &Context,
    verb: Verb,
    backend: &BackendName,
    id: &str,
    location: &Location,
) -> Option<Arc<Operation>> {
    find(context, verb, backend, id, location).filter(|operation| operation.is_accepted())
}

/// Status of a backup.
pub(crate) async fn backup_status(
    context: &Context,
    backend: &str,
    id: &str,
    location: &Location,
) -> Result<Status> {
    let name = context.backends.resolve(backend)?;
    let known = accepted(context, Verb::Backup, &name, id, location);
    if let Some(running) = known.as_ref().filter(|o| !o.has_ended()) {
        return Ok(running.status());
    }
    let storage = context.backends.open(&name, location).await?;
    let unknown = || unknown_backup(id, storage.home());
    let valid = BackupId::new(id).map_err(|_| unknown())?;
    match (descriptor_store::load(&*storage, &valid).await, known) {
        // The end of an operation is known here even if its store does not answer any more; damage is never hidden.
        (Err(e), Some(ended)) if !e.is(ErrorKind::Corrupt) => Ok(ended.status()),
        (found, known) => {
            let Some(found) = found? else { return Err(no_descriptor(&*storage, &valid).await) };
            Ok(stored(known.as_deref(), &name, location, &*storage, found.descriptor))
        }
    }
}

/// What a descriptor says, unless it stands for an attempt of ours whose end could not be written.
fn stored(
    known: Option<&Operation>,
    backend: &BackendName,
    location: &Location,
    storage: &dyn Storage,
    descriptor: Descriptor,
) -> Status {
    let ours = known.map(Operation::status).filter(|s| s.started_at == descriptor.started_at);
    match ours {
        Some(ended) if !descriptor.state.is_terminal() => ended,
        _ => from_descriptor(backend, location, storage, descriptor),
    }
}

/// Status of the newest restore of a backup on this server.
pub(crate) async fn restore_status(
    context: &Context,
    backend: &str,
    id: &str,
    location: &Location,
) -> Result<Status> {
    let name = context.backends.resolve(backend)?;
    if let Some(known) = accepted(context, Verb::Restore, &name, id, location) {
        return Ok(known.status());
    }
    let storage = context.backends.open(&name, location).await?;
    let path = format!("{}/{id}", storage.home());
    let known = |id| context.journal.restores().get(&name, &id, &path);
    match BackupId::new(id).ok().and_then(known) {
        Some(record) => Ok(from_record(location, record)),
        None => Err(crate::Error::new(
            ErrorKind::NotFound,
            "status",
            format!("backup `{}` was never restored on this server", id.escape_debug()),
        )),
    }
}

/// All backups of a location.
pub(crate) async fn list(
    context: &Context,
    backend: &str,
    location: &Location,
    order: Order,
) -> Result<Vec<Status>> {
    let (name, storage) = context.storage(backend, location).await?;
    let ids = list_folders(&*storage, "", |id| BackupId::new(id).ok()).await?;
    let (storage, name) = (&storage, &name);
    let read = |id: BackupId| async move {
        let known = accepted(context, Verb::Backup, name, id.as_str(), location);
        if let Some(running) = known.as_ref().filter(|o| !o.has_ended()) {
            return Ok(Some((running.status(), 0)));
        }
        match descriptor_store::load(&**storage, &id).await {
            Ok(found) => Ok(found.map(|f| {
                let status = stored(known.as_deref(), name, location, &**storage, f.descriptor);
                (status, f.bytes.len() as u64)
            })),
            // One damaged descriptor must not hide all other backups, nor be hidden.
            Err(e) if e.is(ErrorKind::Corrupt) || e.is(ErrorKind::Unsupported) => {
                Ok(Some((unreadable(name, location, &**storage, &id, &e), e.to_string().len() as u64)))
            }
            Err(e) => Err(e),
        }
    };
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut all = pin!(stream::iter(ids).map(read).buffered(AT_ONCE));
    while let Some(next) = all.next().await {
        let Some((status, len)) = next? else { continue };
        bytes += len;
        if bytes > MOST_BYTES {
            let text = format!(
                "the descriptors of the backups at {} have more than {MOST_BYTES} bytes together; forget some, or make new \
                 ones at another path",
                storage.home()
            );
            return Err(Error::new(ErrorKind::Unsupported, "list", text));
        }
        found.push(status);
    }
    found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    if order == Order::Descending {
        found.reverse();
    }
    Ok(found)
}

fn from_descriptor(
    backend: &BackendName,
    location: &Location,
    storage: &dyn Storage,
    d: Descriptor,
) -> Status {
    // Whoever can write the location decides what stands there.
    let raw_bytes = d.nodes.values().fold(0_u64, |sum, n| sum.saturating_add(n.raw_bytes));
    let files = d.nodes.values().fold(0_u64, |sum, n| sum.saturating_add(n.files));
    let one = (d.nodes.len() == 1).then(|| d.nodes.values().next().map(outcome)).flatten();
    Status {
        backend: backend.to_string(),
        path: format!("{}/{}", storage.home(), d.id),
        id: d.id.into(),
        location: location.clone(),
        state: d.state,
        error: d.error,
        started_at: d.started_at,
        completed_at: d.completed_at,
        collections: d.selection.collections,
        raw_bytes,
        base: d.base.map(Into::into),
        from_node: None,
        progress: Progress {
            raw_done: raw_bytes,
            raw_total: raw_bytes,
            stored: one.as_ref().map_or(0, |o| o.stored_bytes),
            files_done: files,
            files_total: files,
        },
        outcome: one,
    }
}

fn from_record(location: &Location, record: RestoreRecord) -> Status {
    Status {
        backend: record.backend.to_string(),
        id: record.id.into(),
        path: record.path,
        location: location.clone(),
        state: record.state,
        error: record.error,
        started_at: record.started_at,
        completed_at: record.completed_at,
        collections: record.collections,
        raw_bytes: 0,
        base: None,
        from_node: record.from_node.map(Into::into),
        progress: Progress::default(),
        outcome: None,
    }
}

fn unreadable(
    backend: &BackendName,
    location: &Location,
    storage: &dyn Storage,
    id: &BackupId,
    error: &crate::Error,
) -> Status {
    Status {
        backend: backend.to_string(),
        id: id.to_string(),
        path: format!("{}/{id}", storage.home()),
        location: location.clone(),
        state: State::Failed,
        error: Some(status_text(error)),
        started_at: Timestamp::ZERO,
        completed_at: Timestamp::ZERO,
        collections: Vec::new(),
        raw_bytes: 0,
        base: None,
        from_node: None,
        progress: Progress::default(),
        outcome: None,
    }
}
