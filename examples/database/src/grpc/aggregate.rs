//! `Aggregate`: how many objects there are.

use std::time::Instant;

use siltstone::Result;

use super::filters;
use super::wire::aggregate::{AggregateReply, AggregateRequest, Single};
use crate::Database;
use crate::objects::filter::unsupported;
use crate::objects::reading::Reader;

/// Counts the objects of a shard, or those that a filter means. Everything else about them is
/// [`siltstone::ErrorKind::Unsupported`].
pub(super) fn aggregate(db: &Database, request: AggregateRequest) -> Result<AggregateReply> {
    let began = Instant::now();
    if let Some(search) = &request.search {
        return Err(unsupported(format!("aggregating the objects of a search ({search:?})")));
    }
    if !request.aggregations.is_empty() {
        return Err(unsupported("aggregating values of properties"));
    }
    if request.group_by.is_some() || request.object_limit.is_some() {
        return Err(unsupported("aggregating groups or a limited number of objects"));
    }
    let mut reader = Reader::new(db, 0);
    let shard = reader.shard(&request.collection, Some(&request.tenant))?;
    let shape = reader.shape(&shard.collection)?;
    let filter = request.filters.as_ref().map(|f| filters::read(&shape, f)).transpose()?;
    let count = request.objects_count.then(|| reader.count(&shard, filter)).transpose()?;
    let objects_count = count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    Ok(AggregateReply { took: began.elapsed().as_secs_f32(), single_result: Some(Single { objects_count }) })
}
