//! Puts, reads and removes whole small objects, beside the suite.

use bytes::Bytes;

use crate::error::Result;
use crate::model::ObjectKey;
use crate::storage::{Blob, ByteRange, PutOptions, Sink, Storage};

/// Most bytes of an object that is read.
const MOST: u64 = 1 << 10;

pub(super) async fn put(
    storage: &dyn Storage,
    key: &ObjectKey,
    content: Bytes,
    options: &PutOptions,
) -> Result<()> {
    let body = Blob::with_digests([content], storage.capabilities().digests);
    storage.put(key, &body, options).await.map(drop)
}

pub(super) async fn read(storage: &dyn Storage, key: &ObjectKey) -> Result<Bytes> {
    let sink = Sink::new(MOST);
    storage.get(key, ByteRange { offset: 0, len: None }, &sink).await?;
    Ok(sink.take())
}

/// Removes no more keys than one call takes; fails with what is said of the first that was not removed.
pub(super) async fn remove(storage: &dyn Storage, keys: &[ObjectKey]) -> Result<()> {
    let undeleted = storage.delete(keys).await?;
    undeleted.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}
