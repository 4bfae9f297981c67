//! Which object a request is about: from its path, with or without the class, and its query.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;
use siltstone::model::{ShardId, TenantName};
use siltstone::source::SnapshotSource;
use siltstone::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::wire::{Vectors, id};
use crate::server::reply::{Params, Refusal};
use crate::{Database, Intent, Object};

/// An object that a request names.
pub(in crate::server) struct Target {
    /// Missing in the old form of the paths: then the object is looked for in all classes without tenants.
    pub(super) class: Option<String>,
    pub(super) id: String,
    pub(super) tenant: Option<String>,
    pub(super) vectors: Vectors,
    /// The reference property, in paths that have one.
    pub(super) property: String,
}

#[derive(Deserialize)]
struct Asked {
    tenant: Option<String>,
    include: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(mut path) =
            path.map_err(|e| Refusal::Malformed(format!("cannot read the path: {}", e.body_text())))?;
        let Params(asked) = Params::<Asked>::from_request_parts(parts, state).await?;
        let first = path.remove("class").unwrap_or_default();
        let (class, id) = match path.remove("id") {
            Some(id) => (Some(first), id),
            None => (None, first),
        };
        let property = path.remove("property").unwrap_or_default();
        let vectors = Vectors::of(asked.include.as_deref());
        Ok(Self { class, id, tenant: asked.tenant, vectors, property })
    }
}

impl Target {
    /// Its shard and id.
    pub(super) fn locate(&self, db: &Database) -> Result<(ShardId, Uuid)> {
        let id = id(&self.id)?;
        match &self.class {
            Some(class) => Ok((db.locate(class, self.tenant.as_deref(), Intent::Access)?, id)),
            None => {
                self.expect_no_tenant()?;
                let found = search(db, id)?.ok_or_else(|| missing(id))?;
                Ok((found.0, id))
            }
        }
    }

    /// The shard and the object, if it exists.
    pub(super) fn find(&self, db: &Database) -> Result<Option<(ShardId, Object)>> {
        let Some(class) = &self.class else {
            self.expect_no_tenant()?;
            return search(db, id(&self.id)?);
        };
        let id = id(&self.id)?;
        let shard = db.locate(class, self.tenant.as_deref(), Intent::Access)?;
        Ok(db.get(&shard, id)?.map(|object| (shard, object)))
    }

    fn expect_no_tenant(&self) -> Result<()> {
        match self.tenant.as_deref().filter(|t| !t.is_empty()) {
            None => Ok(()),
            Some(tenant) => {
                let tenant = TenantName::new(tenant)?;
                let message = format!("tenant `{tenant}` needs a class: use /v1/objects/{{class}}/{{id}}");
                Err(Error::invalid("find object", message))
            }
        }
    }
}

/// Looks in all classes without tenants.
fn search(db: &Database, id: Uuid) -> Result<Option<(ShardId, Object)>> {
    for shard in single_shards(db)? {
        if let Some(object) = db.get(&shard, id)? {
            return Ok(Some((shard, object)));
        }
    }
    Ok(None)
}

/// The shards of all classes without tenants.
pub(super) fn single_shards(db: &Database) -> Result<Vec<ShardId>> {
    let all = db.collections()?.into_iter();
    let single = all.filter(|c| matches!(c.shards.as_slice(), [shard] if shard.tenant.is_none()));
    Ok(single.map(|c| ShardId { collection: c.name, tenant: None }).collect())
}

pub(super) fn missing(id: Uuid) -> Error {
    Error::new(ErrorKind::NotFound, "find object", format!("no object with id `{id}`"))
}
