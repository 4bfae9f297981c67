//! `BatchDelete`: deleting the objects that a filter means.

use std::time::Instant;

use siltstone::{Error, Result};

use super::filters;
use super::wire::delete::{BatchDeleteObject, BatchDeleteReply, BatchDeleteRequest};
use crate::objects::reading::{MAX_PAGE, Page, Reader};
use crate::{Change, Database, ShardChanges};

/// Deletes at most [`MAX_PAGE`] of the objects that the filter means, all of them or none.
pub(super) fn delete(db: &Database, request: BatchDeleteRequest) -> Result<BatchDeleteReply> {
    let began = Instant::now();
    let mut reader = Reader::new(db, 0);
    let shard = reader.shard(&request.collection, request.tenant.as_deref())?;
    let shape = reader.shape(&shard.collection)?;
    let filter = request.filters.as_ref().map(|f| filters::read(&shape, f)).transpose()?;
    if filter.is_none() {
        return Err(Error::invalid("delete objects", "the filter is missing: say which objects to delete"));
    }
    let page = Page::new(filter, None, 0, Some(MAX_PAGE), MAX_PAGE)?;
    let mut ids = Vec::new();
    reader.page(&shard, &page, |_, object| -> Result<()> {
        ids.push(object.id);
        Ok(())
    })?;
    if !request.dry_run {
        let changes = ids.iter().copied().map(Change::Delete).collect();
        db.write(&[ShardChanges { shard, changes }])?;
    }
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let told = if request.verbose { ids } else { Vec::new() };
    let object = |id: uuid::Uuid| BatchDeleteObject { uuid: id.into_bytes().to_vec(), successful: true };
    Ok(BatchDeleteReply {
        took: began.elapsed().as_secs_f32(),
        failed: 0,
        matches: count,
        successful: count,
        objects: told.into_iter().map(object).collect(),
    })
}
