//! Finds out whether a change whose outcome is unknown has taken effect.

use std::collections::HashMap;

use super::pace::Pace;
use super::repeat;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{Blob, ByteRange, ObjectMeta, PartTag, Precondition, Sink, Storage};

/// Largest body that is read back to be compared: descriptors and locks are smaller, data needs no condition.
const READ_BACK: u64 = 1 << 20;

/// What became of a put with a condition.
pub(super) enum Verdict {
    /// The object is what was to be written.
    Done(ObjectMeta),
    /// It has not happened, and the condition still holds.
    Open,
    /// It cannot be told.
    Unclear,
}

/// Looks whether a put with a condition happened. Attempts count for the put.
pub(super) async fn put(
    storage: &dyn Storage,
    pace: &mut Pace<'_>,
    key: &ObjectKey,
    body: &Blob,
    condition: &Precondition,
) -> Verdict {
    match look(storage, pace, key, body).await {
        Ok(Some((meta, true))) => Verdict::Done(meta),
        Ok(Some((meta, false))) => match condition {
            Precondition::IfMatch(etag) if meta.etag.as_ref() == Some(etag) => Verdict::Open,
            _ => Verdict::Unclear,
        },
        Ok(None) if *condition == Precondition::IfAbsent => Verdict::Open,
        Ok(None) | Err(_) => Verdict::Unclear,
    }
}

/// The object, and whether its content is that of the body.
async fn look(
    storage: &dyn Storage,
    pace: &mut Pace<'_>,
    key: &ObjectKey,
    body: &Blob,
) -> Result<Option<(ObjectMeta, bool)>> {
    let meta = match repeat(pace, || storage.head(key)).await {
        Ok(meta) => meta,
        Err(error) if error.is(ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    if meta.size != body.len() {
        return Ok(Some((meta, false)));
    }
    if meta.size > READ_BACK {
        return Err(Error::internal("put", "too large to be read back"));
    }
    let sink = Sink::new(meta.size);
    let range = ByteRange { offset: 0, len: Some(meta.size) };
    repeat(pace, || {
        sink.reset();
        storage.get(key, range, &sink)
    })
    .await?;
    let same = sink.take() == body.read(0, body.len());
    Ok(Some((meta, same)))
}

/// The size of the object that these parts make, if all were seen.
pub(super) fn size(sent: &HashMap<u32, u64>, parts: &[(u32, PartTag)]) -> Option<u64> {
    parts.iter().map(|(number, _)| sent.get(number).copied()).sum()
}

/// The object of an upload that is gone, if it has the size of its parts.
pub(super) async fn finish(
    storage: &dyn Storage,
    pace: &mut Pace<'_>,
    key: &ObjectKey,
    size: Option<u64>,
) -> Option<ObjectMeta> {
    let meta = repeat(pace, || storage.head(key)).await.ok()?;
    (Some(meta.size) == size).then_some(meta)
}
