//! One object: creating, reading, replacing, merging, deleting, and trying whether it could be created.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value};
use siltstone::model::CollectionName;
use siltstone::{Error, ErrorKind, Result};

use super::target::{Target, missing};
use super::wire::{Vectors, Wire, finite, id};
use crate::objects::now_ms;
use crate::objects::references::append;
use crate::server::Server;
use crate::server::reply::{Answer, Content, no_content, ok, on, parse};
use crate::{Condition, Database, Intent, Object};

pub(in crate::server) async fn create(State(server): State<Server>, Content(body): Content) -> Answer {
    let wire: Wire = parse(&body)?;
    let answer = on(server, move |db| {
        let (shard, object) = wire.object(db, Intent::Insert).map_err(unprocessable)?;
        db.put(&shard, object.clone(), Condition::IfAbsent).map_err(unprocessable)?;
        Ok(Wire::new(&shard, object, Vectors::Shown))
    })
    .await?;
    Ok(ok(&answer))
}

/// 200 without a body if [`create`] would take the object, else its error. Whether the id is free and the tenant serves
/// is not tried.
pub(in crate::server) async fn validate(State(server): State<Server>, Content(body): Content) -> Answer {
    let wire: Wire = parse(&body)?;
    on(server, move |db| wire.object(db, Intent::Access).map(drop).map_err(unprocessable)).await?;
    Ok(StatusCode::OK.into_response())
}

pub(in crate::server) async fn read(State(server): State<Server>, target: Target) -> Answer {
    let found = on(server, move |db| {
        let vectors = target.vectors;
        let found = target.find(db)?.map(|(shard, object)| Wire::new(&shard, object, vectors));
        found.map_or_else(|| Err(missing(id(&target.id)?)), Ok)
    })
    .await?;
    Ok(ok(&found))
}

pub(in crate::server) async fn exists(State(server): State<Server>, target: Target) -> Answer {
    let found = on(server, move |db| target.find(db)).await?;
    Ok(if found.is_some() { no_content() } else { StatusCode::NOT_FOUND.into_response() })
}

/// Replaces an object that exists with the one in the body.
pub(in crate::server) async fn replace(
    State(server): State<Server>,
    target: Target,
    Content(body): Content,
) -> Answer {
    let mut wire: Wire = parse(&body)?;
    let answer = on(server, move |db| {
        let target = target.named_by(&wire)?;
        let (shard, id) = target.locate(db)?;
        expect_same("id", wire.id.as_deref(), Some(&id.to_string()))?;
        wire.class = shard.collection.to_string();
        wire.id = Some(id.to_string());
        wire.tenant = shard.tenant.as_ref().map(ToString::to_string);
        let (shard, new) = wire.object(db, Intent::Access)?;
        let stored = db.update(&shard, id, |object| {
            let created_ms = object.created_ms;
            *object = Object { created_ms, ..new };
            Ok(())
        })?;
        Ok(Wire::new(&shard, stored, Vectors::Shown))
    })
    .await?;
    Ok(ok(&answer))
}

/// Merges the body into an object that exists: its properties replace those of the same name, `null` removes one,
/// references are added; vectors replace vectors.
pub(in crate::server) async fn merge(
    State(server): State<Server>,
    target: Target,
    Content(body): Content,
) -> Answer {
    let wire: Wire = parse(&body)?;
    on(server, move |db| {
        let target = target.named_by(&wire)?;
        let (shard, id) = target.locate(db)?;
        expect_same("id", wire.id.as_deref(), Some(&id.to_string()))?;
        db.update(&shard, id, |object| patch(db, &shard.collection, object, wire)).map(drop)
    })
    .await?;
    Ok(no_content())
}

pub(in crate::server) async fn delete(State(server): State<Server>, target: Target) -> Answer {
    on(server, move |db| {
        let (shard, id) = target.locate(db)?;
        db.delete(&shard, id)
    })
    .await?;
    Ok(no_content())
}

impl Target {
    /// What the path and the query left open is taken from the body.
    fn named_by(mut self, wire: &Wire) -> Result<Self> {
        if self.class.is_none() && !wire.class.is_empty() {
            self.class = Some(wire.class.clone());
        }
        expect_same("tenant", wire.tenant.as_deref(), self.tenant.as_deref())?;
        self.tenant = wire.tenant.clone().or(self.tenant);
        Ok(self)
    }
}

/// Refuses a body that contradicts path or query; what one of them does not say is no contradiction.
fn expect_same(what: &str, body: Option<&str>, request: Option<&str>) -> Result<()> {
    match (body.filter(|b| !b.is_empty()), request.filter(|r| !r.is_empty())) {
        (Some(body), Some(request)) if !body.eq_ignore_ascii_case(request) => {
            let cut = |text: &str| text.chars().take(80).flat_map(char::escape_debug).collect::<String>();
            let text = format!(
                "`{what}` is `{}` in the body and `{}` in the address: send one",
                cut(body),
                cut(request)
            );
            Err(Error::invalid("read object", text))
        }
        _ => Ok(()),
    }
}

fn patch(db: &Database, of: &CollectionName, object: &mut Object, wire: Wire) -> Result<()> {
    let mut properties = wire.properties.unwrap_or_default();
    db.settle_beacons(of, &mut properties)?;
    merge_properties(&mut object.properties, properties)?;
    if let Some(vector) = wire.vector {
        object.vector = Some(vector).filter(|v| !v.is_empty());
    }
    object.named_vectors.extend(wire.vectors.unwrap_or_default());
    object.updated_ms = now_ms();
    finite(object)
}

fn merge_properties(into: &mut Map<String, Value>, from: Map<String, Value>) -> Result<()> {
    for (name, value) in from {
        match value {
            Value::Null => drop(into.remove(&name)),
            Value::Array(items) if !items.is_empty() && items.iter().all(|i| i.get("beacon").is_some()) => {
                append(into, &name, items)?;
            }
            other => drop(into.insert(name, other)),
        }
    }
    Ok(())
}

/// To create something in what does not exist is a wrong request, not a missing thing.
fn unprocessable(error: Error) -> Error {
    match error.is(ErrorKind::NotFound) {
        true => Error::invalid("create object", error.to_string()),
        false => error,
    }
}
