//! Collections (on the wire: classes), their properties and shards.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use siltstone::model::TenantState;
use siltstone::{Error, ErrorKind};

use crate::objects::capitalized;
use crate::server::Server;
use crate::server::definition::{Definition, add_property, class_name};
use crate::server::reply::{Answer, Content, Params, ok, on, parse};
use crate::server::tenants::status_of;

/// Name of the only shard of a class without tenants.
pub(super) const ONLY_SHARD: &str = "main";

pub(super) async fn list(State(server): State<Server>) -> Response {
    let classes: Vec<Value> = server.db.schemas().into_iter().map(|(_, schema)| schema).collect();
    ok(&json!({ "classes": classes }))
}

/// Creates a class and answers with its whole definition.
pub(super) async fn create(State(server): State<Server>, Content(body): Content) -> Answer {
    let Definition { name, tenancy, schema } = Definition::new(parse(&body)?)?;
    let answer = ok(&schema);
    on(server, move |db| db.create_collection(&name, schema, tenancy)).await?;
    Ok(answer)
}

pub(super) async fn one(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    let name = server.db.resolve(&capitalized(&class))?;
    Ok(ok(&server.db.schema(&name)?))
}

/// Replaces the definition of a class, within the limits of [`Definition::replacing`].
pub(super) async fn update(
    State(server): State<Server>,
    Path(class): Path<String>,
    Content(body): Content,
) -> Answer {
    let given: Value = parse(&body)?;
    let schema = on(server, move |db| {
        let name = db.resolve(&capitalized(&class))?;
        db.change_schema(&name, |old| Definition::replacing(&old, given).map(|new| new.schema))
    })
    .await?;
    Ok(ok(&schema))
}

/// Drops a class; one that does not exist is as good as dropped.
pub(super) async fn drop(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    on(server, move |db| match db.drop_collection(&class_name(&capitalized(&class))?) {
        Err(e) if e.is(ErrorKind::NotFound) => Ok(()),
        other => other,
    })
    .await?;
    Ok(ok(&json!({})))
}

/// Adds a property to a class and answers with it.
pub(super) async fn add(
    State(server): State<Server>,
    Path(class): Path<String>,
    Content(body): Content,
) -> Answer {
    let given: Value = parse(&body)?;
    let added = on(server, move |db| {
        let name = db.resolve(&capitalized(&class))?;
        let mut added = Value::Null;
        db.change_schema(&name, |mut schema| {
            added = add_property(&mut schema, given)?;
            Ok(schema)
        })?;
        Ok(added)
    })
    .await?;
    Ok(ok(&added))
}

#[derive(Deserialize)]
pub(super) struct Tenant {
    tenant: Option<String>,
}

/// The shards of a class: `READY`, or the status of a tenant that does not serve.
pub(super) async fn shards(
    State(server): State<Server>,
    Path(class): Path<String>,
    Params(query): Params<Tenant>,
) -> Answer {
    let name = server.db.resolve(&capitalized(&class))?;
    let shard = |name: &str, status: &str| json!({ "name": name, "status": status, "vectorQueueSize": 0 });
    let Some(tenants) = server.db.tenants(&name)? else {
        return Ok(ok(&[shard(ONLY_SHARD, "READY")]));
    };
    let wanted = query.tenant.filter(|t| !t.is_empty());
    let shards = tenants.iter().filter(|(t, _)| wanted.as_ref().is_none_or(|w| w == t.as_str()));
    let shards: Vec<Value> = shards
        .map(|(t, state)| {
            shard(t.as_str(), if *state == TenantState::Hot { "READY" } else { status_of(*state) })
        })
        .collect();
    Ok(ok(&shards))
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

/// A shard is always `READY`; this database cannot make one read-only.
pub(super) async fn set_shard(
    State(server): State<Server>,
    Path((class, shard)): Path<(String, String)>,
    Content(body): Content,
) -> Answer {
    let name = server.db.resolve(&capitalized(&class))?;
    let Status { status } = parse(&body)?;
    let has = match server.db.tenants(&name)? {
        None => shard == ONLY_SHARD,
        Some(tenants) => tenants.keys().any(|t| t.as_str() == shard),
    };
    if !has {
        let message = format!("class `{name}` has no shard `{}`", shard.escape_debug());
        return Err(Error::new(ErrorKind::NotFound, "change shard", message).into());
    }
    if status != "READY" {
        let message = format!("shard status `{}` is not supported: only READY is", status.escape_debug());
        return Err(Error::new(ErrorKind::Unsupported, "change shard", message).into());
    }
    Ok(ok(&json!({ "status": status })))
}
