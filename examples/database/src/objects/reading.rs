//! Reading pages of objects and the objects that they refer to, within bounds: what gRPC and GraphQL have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use siltstone::model::{CollectionName, ShardId};
use siltstone::{Error, ErrorKind, Result};
use uuid::Uuid;

use crate::Database;
use crate::objects::Object;
use crate::objects::filter::Filter;
use crate::objects::shape::{Kind, Shape};
use crate::objects::{Beacon, Intent};

/// Most objects that a page reaches: what it skips and what it shows.
pub(crate) const MAX_PAGE: u64 = 10_000;
/// Most referenced objects that one request reads.
const MAX_FOLLOWED: u64 = 10_000;
/// Objects that are in memory at a time.
const STEP: u64 = 64;

/// Which part of a shard is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) filter: Option<Filter>,
    /// Begin after this id.
    pub(crate) after: Option<Uuid>,
    /// Skip this many.
    pub(crate) offset: u64,
    /// Show at most this many.
    pub(crate) limit: u64,
}

impl Page {
    /// A page; `default` is its limit if none was asked for. A limit above [`MAX_PAGE`] and a cursor together with an
    /// offset or a filter are errors.
    pub(crate) fn new(
        filter: Option<Filter>,
        after: Option<&str>,
        offset: u64,
        limit: Option<u64>,
        default: u64,
    ) -> Result<Self> {
        let limit = limit.unwrap_or(default);
        let invalid = |message: String| Err(Error::invalid("list objects", message));
        if limit.saturating_add(offset) > MAX_PAGE {
            return invalid(format!(
                "offset {offset} and limit {limit} reach beyond {MAX_PAGE} objects: use `after`"
            ));
        }
        if after.is_some() && (offset > 0 || filter.is_some()) {
            return invalid(
                "`after` cannot be used with an offset or a filter: use it with a limit only".to_owned(),
            );
        }
        let after = match after.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(Uuid::try_parse(text).map_err(|e| {
                let message = format!("`after` is `{}` and not a UUID", text.escape_debug());
                Error::invalid("list objects", message).with_source(e)
            })?),
        };
        Ok(Self { filter, after, offset, limit })
    }

    /// What lies before the end of a shard.
    fn whole(filter: Filter) -> Self {
        Self { filter: Some(filter), after: None, offset: 0, limit: u64::MAX }
    }
}

/// One request that reads.
pub(crate) struct Reader<'a> {
    db: &'a Database,
    shapes: BTreeMap<CollectionName, Arc<Shape>>,
    /// Referenced objects that may still be read.
    followed: u64,
    /// Bytes that the answer may still take.
    room: u64,
}

impl<'a> Reader<'a> {
    /// Reads for an answer of at most `room` bytes.
    pub(crate) fn new(db: &'a Database, room: u64) -> Self {
        Self { db, shapes: BTreeMap::new(), followed: MAX_FOLLOWED, room }
    }

    /// The shard that a class and a tenant stand for.
    pub(crate) fn shard(&self, class: &str, tenant: Option<&str>) -> Result<ShardId> {
        self.db.locate(class, tenant, Intent::Access)
    }

    /// The types of the properties of a collection.
    pub(crate) fn shape(&mut self, collection: &CollectionName) -> Result<Arc<Shape>> {
        if let Some(shape) = self.shapes.get(collection) {
            return Ok(Arc::clone(shape));
        }
        let shape = Arc::new(shape_of(self.db, collection)?);
        self.shapes.insert(collection.clone(), Arc::clone(&shape));
        Ok(shape)
    }

    /// Uses up room in the answer.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<()> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            let message = "the answer is too large: ask for fewer objects or properties at a time";
            Error::new(ErrorKind::Exhausted, "query", message)
        })?;
        Ok(())
    }

    /// Shows the objects of a page in the order of their ids.
    pub(crate) fn page<E: From<Error>>(
        &mut self,
        shard: &ShardId,
        page: &Page,
        mut visit: impl FnMut(&mut Self, Object) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut skip, mut left) = (page.offset, page.limit);
        let mut show = |reader: &mut Self, object: Object| -> Result<u64, E> {
            if skip > 0 {
                skip -= 1;
            } else if left > 0 {
                left -= 1;
                visit(reader, object)?;
            }
            Ok(skip.saturating_add(left))
        };
        let mut missing = page.offset.saturating_add(page.limit);
        if let Some(Filter::Ids(ids)) = &page.filter {
            // Even without ids a shard that does not serve is an error.
            if ids.is_empty() || missing == 0 {
                return Ok(self.db.list(shard, None, 0).map(drop)?);
            }
            for id in ids {
                if missing > 0
                    && let Some(object) = self.db.get(shard, *id)?
                {
                    missing = show(self, object)?;
                }
            }
            return Ok(());
        }
        let mut after = page.after;
        loop {
            // With a filter nobody knows how many it takes.
            let step = if page.filter.is_some() { STEP } else { missing.min(STEP) };
            let objects = self.db.list(shard, after, step)?;
            let is_last = (objects.len() as u64) < STEP;
            after = objects.last().map(|object| object.id);
            for object in objects {
                let is_meant = match &page.filter {
                    Some(Filter::Equal(equal)) => equal.matches(&object),
                    Some(Filter::Ids(_)) | None => true,
                };
                if is_meant {
                    missing = show(self, object)?;
                }
            }
            if is_last || missing == 0 {
                return Ok(());
            }
        }
    }

    /// How many objects are meant.
    pub(crate) fn count(&mut self, shard: &ShardId, filter: Option<Filter>) -> Result<u64> {
        let Some(filter) = filter else { return self.db.count(shard) };
        let mut count = 0;
        self.page(shard, &Page::whole(filter), |_, _| -> Result<()> {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Shows the objects that a reference property names and that exist, in its order: those of the same tenant where the
    /// other collection has tenants.
    pub(crate) fn follow<E: From<Error>>(
        &mut self,
        from: &ShardId,
        property: &str,
        value: &Value,
        mut visit: impl FnMut(&mut Self, &ShardId, Object) -> Result<(), E>,
    ) -> Result<(), E> {
        let shape = self.shape(&from.collection)?;
        let only = match shape.get(property).map(|of| &of.kind) {
            Some(Kind::Reference(classes)) if classes.len() == 1 => classes.first(),
            _ => None,
        };
        for beacon in Beacon::all(value) {
            let Some(class) = beacon.class.as_ref().or(only) else { continue };
            self.followed = self.followed.checked_sub(1).ok_or_else(|| {
                let message = format!("more than {MAX_FOLLOWED} references: ask for fewer objects at a time");
                Error::new(ErrorKind::Exhausted, "follow references", message)
            })?;
            // What a reference names may have been dropped.
            let found = self.target(from, class).and_then(|shard| match shard {
                None => Ok(None),
                Some(shard) => Ok(self.db.get(&shard, beacon.id)?.map(|object| (shard, object))),
            });
            if let Some((shard, object)) = missing_is_none(found)? {
                visit(self, &shard, object)?;
            }
        }
        Ok(())
    }

    /// Where the objects of a class are that a shard may refer to; none for a class with tenants unless the shard has one.
    fn target(&self, from: &ShardId, class: &str) -> Result<Option<ShardId>> {
        let collection = self.db.resolve(class)?;
        let tenant = match (self.db.tenants(&collection)?.is_some(), &from.tenant) {
            (false, _) => None,
            (true, Some(tenant)) => Some(tenant.as_str()),
            (true, None) => return Ok(None),
        };
        self.db.locate(class, tenant, Intent::Access).map(Some)
    }
}

fn missing_is_none<T>(result: Result<Option<T>>) -> Result<Option<T>> {
    match result {
        Err(e) if e.is(ErrorKind::NotFound) => Ok(None),
        other => other,
    }
}

/// The types of the properties of a collection.
pub(crate) fn shape_of(db: &Database, collection: &CollectionName) -> Result<Shape> {
    Ok(Shape::of(&db.engine.catalogue.current().collection(collection)?.schema))
}

#[cfg(test)]
mod tests;
