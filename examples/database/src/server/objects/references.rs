//! Cross-references of an object: adding, replacing and removing them one by one or many at once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use siltstone::model::ShardId;
use siltstone::{Error, Result};
use uuid::Uuid;

use super::target::Target;
use super::wire::id;
use crate::objects::Beacon;
use crate::objects::now_ms;
use crate::objects::references::{NewReference, append};
use crate::server::Server;
use crate::server::reply::{Answer, Content, no_content, ok, on, parse};
use crate::{Database, Intent};

#[derive(Deserialize)]
struct Reference {
    beacon: String,
}

/// Adds one; adding one that is there changes nothing.
pub(in crate::server) async fn add(
    State(server): State<Server>,
    target: Target,
    Content(body): Content,
) -> Answer {
    let Reference { beacon } = parse(&body)?;
    on(server, move |db| {
        let (shard, id) = target.locate(db)?;
        add_one(db, &shard, id, &target.property, &beacon)
    })
    .await?;
    Ok(StatusCode::OK.into_response())
}

/// Replaces all of a property.
pub(in crate::server) async fn set(
    State(server): State<Server>,
    target: Target,
    Content(body): Content,
) -> Answer {
    let references: Vec<Reference> = parse(&body)?;
    on(server, move |db| {
        let (shard, id) = target.locate(db)?;
        db.expect_reference(&shard.collection, &target.property)?;
        let mut values = Map::new();
        let beacon = |r: Reference| Ok(db.beacon(&shard.collection, &target.property, &r.beacon)?.value());
        append(&mut values, &target.property, references.into_iter().map(beacon).collect::<Result<_>>()?)?;
        db.update(&shard, id, |object| {
            object.properties.append(&mut values);
            object.updated_ms = now_ms();
            Ok(())
        })
        .map(drop)
    })
    .await?;
    Ok(StatusCode::OK.into_response())
}

/// Removes one; one that is not there is as good as removed.
pub(in crate::server) async fn remove(
    State(server): State<Server>,
    target: Target,
    Content(body): Content,
) -> Answer {
    let Reference { beacon } = parse(&body)?;
    on(server, move |db| {
        let (shard, id) = target.locate(db)?;
        db.expect_reference(&shard.collection, &target.property)?;
        let unwanted = db.beacon(&shard.collection, &target.property, &beacon)?;
        db.update(&shard, id, |object| {
            if let Some(Value::Array(items)) = object.properties.get_mut(&target.property) {
                items.retain(|item| !is_same(item, &unwanted));
            }
            object.updated_ms = now_ms();
            Ok(())
        })
        .map(drop)
    })
    .await?;
    Ok(no_content())
}

/// A line of a batch.
#[derive(Serialize, Deserialize)]
struct Line {
    /// `weaviate://localhost/<class>/<id>/<property>`
    from: String,
    to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
}

/// Adds many. Answers 200 whatever became of each of them.
pub(in crate::server) async fn import(State(server): State<Server>, Content(body): Content) -> Answer {
    let lines: Vec<Line> = parse(&body)?;
    let results = on(server, move |db| {
        let errors = db.add_references(lines.iter().map(|line| line.read(db)).collect());
        let outcomes = lines.iter().enumerate().map(|(index, line)| outcome(line, errors.get(&index)));
        Ok(outcomes.collect::<Vec<_>>())
    })
    .await?;
    Ok(ok(&results))
}

impl Line {
    fn read(&self, db: &Database) -> Result<NewReference> {
        let broken = || {
            let shown: String = self.from.chars().take(200).flat_map(char::escape_debug).collect();
            let form = "weaviate://localhost/<class>/<id>/<property>";
            Error::invalid("read reference", format!("`from` is `{shown}`: expected `{form}`"))
        };
        let parts: Vec<&str> = self.from.strip_prefix("weaviate://").ok_or_else(broken)?.split('/').collect();
        let &[_, class, from, property] = parts.as_slice() else { return Err(broken()) };
        let shard = db.locate(class, self.tenant.as_deref(), Intent::Access)?;
        let to = db.beacon(&shard.collection, property, &self.to)?;
        Ok(NewReference { shard, id: id(from)?, property: property.to_owned(), to })
    }
}

fn outcome(line: &Line, error: Option<&String>) -> Value {
    let mut value = serde_json::to_value(line).unwrap_or_default();
    value["result"] = match error {
        None => json!({ "status": "SUCCESS" }),
        Some(e) => json!({ "status": "FAILED", "errors": { "error": [{ "message": e }] } }),
    };
    value
}

fn add_one(db: &Database, shard: &ShardId, id: Uuid, property: &str, beacon: &str) -> Result<()> {
    db.expect_reference(&shard.collection, property)?;
    let value = db.beacon(&shard.collection, property, beacon)?.value();
    db.update(shard, id, |object| {
        append(&mut object.properties, property, vec![value])?;
        object.updated_ms = now_ms();
        Ok(())
    })
    .map(drop)
}

/// Whether a value refers to the same object; a class that is named on one side only does not tell them apart.
fn is_same(item: &Value, wanted: &Beacon) -> bool {
    let found = item.get("beacon").and_then(Value::as_str).and_then(|text| Beacon::parse(text).ok());
    found.is_some_and(|f| {
        f.id == wanted.id && (f.class == wanted.class || f.class.is_none() || wanted.class.is_none())
    })
}
