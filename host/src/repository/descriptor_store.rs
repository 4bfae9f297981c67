//! Reads and replaces the descriptor of a backup, the only mutable object of a location.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, BackupId, Descriptor, State};
use crate::repository::descriptor::{MAX_DESCRIPTOR, decode, encode};
use crate::repository::layout;
use crate::storage::{Blob, ByteRange, Precondition, Preconditions, PutOptions, Sink, Storage};

/// Media type of a descriptor.
const CONTENT_TYPE: &str = "application/json";

/// A descriptor with what identifies the stored bytes.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The descriptor.
    pub(crate) descriptor: Descriptor,
    /// Etag of the object, where the store has them.
    pub(crate) etag: Option<String>,
    /// The object as it is stored, for who carries it elsewhere.
    pub(crate) bytes: Bytes,
}

/// The descriptor of a backup; `None` when there is none.
pub(crate) async fn load(storage: &dyn Storage, id: &BackupId) -> Result<Option<Loaded>> {
    let key = layout::descriptor_key(id)?;
    // The etag is taken first: if the object changes in between, a later if-match fails, which is the safe side.
    let etag = match storage.head(&key).await {
        Ok(meta) => meta.etag,
        Err(e) if e.is(ErrorKind::NotFound) => return Ok(None),
        Err(e) => return Err(e),
    };
    let sink = Sink::new(MAX_DESCRIPTOR + 1);
    match storage.get(&key, ByteRange { offset: 0, len: Some(MAX_DESCRIPTOR + 1) }, &sink).await {
        Ok(_) => {}
        Err(e) if e.is(ErrorKind::NotFound) => return Ok(None),
        Err(e) => return Err(e),
    }
    let bytes = sink.take();
    let descriptor = decode(&bytes).map_err(|e| e.with("key", &key))?;
    if descriptor.id != *id {
        return Err(Error::corrupt(
            "read",
            format!("the descriptor of backup `{id}` belongs to `{}`", descriptor.id),
        ));
    }
    Ok(Some(Loaded { descriptor, etag, bytes }))
}

/// Fails with [`ErrorKind::AlreadyExists`] when the id is taken by a backup that runs or succeeded.
pub(crate) async fn expect_vacant(storage: &dyn Storage, id: &BackupId) -> Result<()> {
    match load(storage, id).await? {
        Some(found) if !is_free(&found.descriptor) => Err(taken(id, found.descriptor.state)),
        _ => Ok(()),
    }
}

/// Claims the id for a new attempt: writes the first descriptor, replacing one that ended without success.
/// [`ErrorKind::AlreadyExists`] when the id is taken or somebody else claims it at the same time.
pub(crate) async fn claim(storage: &dyn Storage, new: &Descriptor, proven: Preconditions) -> Result<()> {
    let found = load(storage, &new.id).await?;
    let (exists, etag) = match &found {
        None => (false, None),
        Some(found) if is_free(&found.descriptor) => (true, found.etag.clone()),
        Some(found) => return Err(taken(&new.id, found.descriptor.state)),
    };
    let condition = match etag {
        Some(etag) if proven.if_match => Precondition::IfMatch(etag),
        None if !exists && proven.if_absent => Precondition::IfAbsent,
        _ => Precondition::None,
    };
    let unconditional = condition == Precondition::None;
    match write(storage, new, condition).await {
        Ok(()) => {}
        Err(e) if e.is(ErrorKind::AlreadyExists) || e.is(ErrorKind::Conflict) => {
            return Err(taken(&new.id, State::Started).with_source(e));
        }
        Err(e) => return Err(e),
    }
    // What was written stands, even if it cannot be read back now.
    if unconditional && !names(storage, &new.id, new.attempt).await.map_err(Error::outcome_unknown)? {
        return Err(taken(&new.id, State::Started));
    }
    Ok(())
}

/// Writes the terminal descriptor, if the stored one still names the attempt; else [`ErrorKind::Conflict`] and nothing is
/// written. This is the commit point of a backup.
pub(crate) async fn end(storage: &dyn Storage, last: &Descriptor, proven: Preconditions) -> Result<()> {
    let Some(found) = load(storage, &last.id).await? else {
        return Err(displaced(last, "has disappeared"));
    };
    if found.descriptor.attempt != last.attempt {
        return Err(displaced(last, "names another attempt"));
    }
    replace(storage, last, found.etag, proven).await
}

/// Writes a descriptor over the one that was read with this etag.
pub(crate) async fn replace(
    storage: &dyn Storage,
    next: &Descriptor,
    etag: Option<String>,
    proven: Preconditions,
) -> Result<()> {
    let condition = match etag {
        Some(etag) if proven.if_match => Precondition::IfMatch(etag),
        _ => Precondition::None,
    };
    write(storage, next, condition).await
}

/// Writes the descriptor of a copied backup as it was read elsewhere, byte for byte; with [`ErrorKind::AlreadyExists`] if
/// one is there and the store keeps that condition.
pub(crate) async fn create(
    storage: &dyn Storage,
    copy: &Loaded,
    attempt: AttemptId,
    proven: Preconditions,
) -> Result<()> {
    let condition = if proven.if_absent { Precondition::IfAbsent } else { Precondition::None };
    let options = PutOptions {
        condition,
        attempt: Some(attempt),
        content_type: Some(CONTENT_TYPE),
        ..PutOptions::default()
    };
    let body = Blob::with_digests([copy.bytes.clone()], storage.capabilities().digests);
    storage.put(&layout::descriptor_key(&copy.descriptor.id)?, &body, &options).await.map(drop)
}

/// Whether the stored descriptor of a backup names an attempt.
pub(crate) async fn names(storage: &dyn Storage, id: &BackupId, attempt: AttemptId) -> Result<bool> {
    Ok(load(storage, id).await?.is_some_and(|found| found.descriptor.attempt == attempt))
}

async fn write(storage: &dyn Storage, descriptor: &Descriptor, condition: Precondition) -> Result<()> {
    let key = layout::descriptor_key(&descriptor.id)?;
    let options = PutOptions {
        condition,
        attempt: Some(descriptor.attempt),
        content_type: Some(CONTENT_TYPE),
        ..PutOptions::default()
    };
    let body = Blob::with_digests([encode(descriptor)?.into()], storage.capabilities().digests);
    storage.put(&key, &body, &options).await.map(drop)
}

/// Whether the id may be used again. One that is being forgotten still names its nodes, and is not free before it is gone.
fn is_free(found: &Descriptor) -> bool {
    matches!(found.state, State::Failed | State::Canceled) && found.nodes.is_empty()
}

fn taken(id: &BackupId, state: State) -> Error {
    let what = match state {
        State::Success => "choose another id",
        State::Failed => "it is being forgotten; forget it again to finish that",
        _ => "it is already in progress, here or on another server",
    };
    let text = format!("backup `{id}` already exists at this location ({}): {what}", state.as_str());
    Error::new(ErrorKind::AlreadyExists, "backup", text)
}

fn displaced(last: &Descriptor, how: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "backup",
        format!("the descriptor of backup `{}` {how}; attempt {} gives up", last.id, last.attempt),
    )
}
