//! Objects one at a time, and listing them.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use siltstone::model::{CollectionName, ShardId, TenantName};
use siltstone::{Error, ErrorKind, Result};
use uuid::Uuid;

use crate::server::Server;
use crate::server::reply::{Answer, no_content, ok, on, parse};
use crate::{Condition, Database, Object};

/// Objects in a list when nothing else is asked for.
const DEFAULT_LIMIT: u64 = 25;
/// Most objects in a list.
const MAX_LIMIT: u64 = 10_000;

/// An object on the wire.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    pub(super) class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Uuid>,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vectors: Option<BTreeMap<String, Vec<f32>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, rename = "creationTimeUnix")]
    created: u64,
    #[serde(default, rename = "lastUpdateTimeUnix")]
    updated: u64,
}

impl Wire {
    pub(super) fn new(shard: &ShardId, object: Object) -> Self {
        Self {
            class: shard.collection.to_string(),
            id: Some(object.id),
            properties: Some(object.properties),
            vector: object.vector,
            vectors: Some(object.named_vectors).filter(|v| !v.is_empty()),
            tenant: shard.tenant.as_ref().map(ToString::to_string),
            created: object.created_ms,
            updated: object.updated_ms,
        }
    }

    /// The shard it belongs to and the object, with an id and the time.
    pub(super) fn object(&self, db: &Database) -> Result<(ShardId, Object)> {
        let shard = shard(db, &self.class, self.tenant.as_deref())?;
        let now = now_ms();
        let object = Object {
            id: self.id.unwrap_or_else(Uuid::new_v4),
            properties: self.properties.clone().unwrap_or_default(),
            vector: self.vector.clone().filter(|v| !v.is_empty()),
            named_vectors: self.vectors.clone().unwrap_or_default(),
            created_ms: now,
            updated_ms: now,
        };
        Ok((shard, object))
    }
}

#[derive(Deserialize)]
pub(super) struct Tenant {
    tenant: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Page {
    class: Option<String>,
    tenant: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

pub(super) async fn list(State(server): State<Server>, Query(page): Query<Page>) -> Answer {
    let objects = on(server, move |db| {
        let class = page.class.ok_or_else(|| Error::invalid("list objects", "`class` is missing"))?;
        let shard = shard(db, &class, page.tenant.as_deref())?;
        let limit = page.limit.unwrap_or(DEFAULT_LIMIT);
        if limit > MAX_LIMIT {
            return Err(Error::invalid("list objects", format!("limit {limit} is above {MAX_LIMIT}")));
        }
        let after = page.after.filter(|a| !a.is_empty()).map(|a| id(&a)).transpose()?;
        let objects = db.list(&shard, after, limit)?;
        Ok(objects.into_iter().map(|o| Wire::new(&shard, o)).collect::<Vec<_>>())
    })
    .await?;
    #[derive(Serialize)]
    struct Listed {
        objects: Vec<Wire>,
        #[serde(rename = "totalResults")]
        total: u64,
    }
    let total = objects.len() as u64;
    Ok(ok(&Listed { objects, total }))
}

pub(super) async fn create(State(server): State<Server>, body: Bytes) -> Answer {
    let wire: Wire = parse(&body)?;
    let answer = on(server, move |db| {
        let (shard, object) = wire.object(db)?;
        db.put(&shard, object.clone(), Condition::IfAbsent)?;
        Ok(Wire::new(&shard, object))
    })
    .await?;
    Ok(ok(&answer))
}

pub(super) async fn one(
    State(server): State<Server>,
    Path((class, text)): Path<(String, String)>,
    Query(query): Query<Tenant>,
) -> Answer {
    let found = on(server, move |db| {
        let (shard, id) = (shard(db, &class, query.tenant.as_deref())?, id(&text)?);
        let object = db.get(&shard, id)?;
        let missing = || Error::new(ErrorKind::NotFound, "get object", format!("no object `{id}`"));
        object.map(|o| Wire::new(&shard, o)).ok_or_else(missing)
    })
    .await?;
    Ok(ok(&found))
}

pub(super) async fn exists(
    State(server): State<Server>,
    Path((class, text)): Path<(String, String)>,
    Query(query): Query<Tenant>,
) -> Answer {
    let found =
        on(server, move |db| db.get(&shard(db, &class, query.tenant.as_deref())?, id(&text)?)).await?;
    Ok(if found.is_some() { no_content() } else { StatusCode::NOT_FOUND.into_response() })
}

pub(super) async fn replace(
    State(server): State<Server>,
    Path((class, text)): Path<(String, String)>,
    Query(query): Query<Tenant>,
    body: Bytes,
) -> Answer {
    let mut wire: Wire = parse(&body)?;
    let answer = on(server, move |db| {
        wire.class = class;
        wire.id = Some(id(&text)?);
        wire.tenant = wire.tenant.or(query.tenant);
        let (shard, object) = wire.object(db)?;
        let id = object.id;
        db.put(&shard, object, Condition::IfPresent)?;
        let missing = || Error::new(ErrorKind::NotFound, "put object", format!("no object `{id}`"));
        db.get(&shard, id)?.map(|o| Wire::new(&shard, o)).ok_or_else(missing)
    })
    .await?;
    Ok(ok(&answer))
}

pub(super) async fn delete(
    State(server): State<Server>,
    Path((class, text)): Path<(String, String)>,
    Query(query): Query<Tenant>,
) -> Answer {
    on(server, move |db| db.delete(&shard(db, &class, query.tenant.as_deref())?, id(&text)?)).await?;
    Ok(no_content())
}

/// The shard that a class and a tenant stand for; naming a tenant where there are none, or none where there are, is refused.
fn shard(db: &Database, class: &str, tenant: Option<&str>) -> Result<ShardId> {
    let collection: CollectionName = db.resolve(class)?;
    let tenant = tenant.filter(|t| !t.is_empty()).map(TenantName::new).transpose()?;
    match (db.tenants(&collection)?.is_some(), &tenant) {
        (true, None) => Err(Error::invalid(
            "find shard",
            format!("class `{collection}` has multi-tenancy enabled, but request was without tenant"),
        )),
        (false, Some(_)) => Err(Error::invalid(
            "find shard",
            format!("class `{collection}` has multi-tenancy disabled, but request was with tenant"),
        )),
        _ => Ok(ShardId { collection, tenant }),
    }
}

fn id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|e| {
        Error::invalid("read id", format!("`{}` is not a UUID", text.escape_debug())).with_source(e)
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How an imported object fared.
pub(super) fn result(wire: Wire, error: Option<&Error>) -> Value {
    let result = match error {
        None => json!({ "status": "SUCCESS" }),
        Some(e) => json!({ "status": "FAILED", "errors": { "error": [{ "message": e.to_string() }] } }),
    };
    let mut value = serde_json::to_value(wire).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("vector");
    }
    value["result"] = result;
    value
}
