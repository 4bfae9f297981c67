//! The only node and its shards.

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use siltstone::Result;
use siltstone::model::{CollectionName, ShardId, TenantState};
use siltstone::source::SnapshotSource;

use crate::Database;
use crate::objects::capitalized;
use crate::server::Server;
use crate::server::reply::{Answer, Params, Refusal, ok, on};
use crate::server::schema::ONLY_SHARD;
use crate::server::status::VERSION;

#[derive(Deserialize)]
pub(super) struct Asked {
    output: Option<String>,
    #[serde(rename = "shardName")]
    shard: Option<String>,
}

pub(super) async fn all(State(server): State<Server>, Params(asked): Params<Asked>) -> Answer {
    nodes(server, None, asked).await
}

pub(super) async fn of_class(
    State(server): State<Server>,
    Path(class): Path<String>,
    Params(asked): Params<Asked>,
) -> Answer {
    let class = server.db.resolve(&capitalized(&class))?;
    nodes(server, Some(class), asked).await
}

/// The node; with `output=verbose` also its shards, whose objects are counted one by one.
async fn nodes(server: Server, class: Option<CollectionName>, asked: Asked) -> Answer {
    let mut node = json!({
        "name": server.identity.node,
        "status": "HEALTHY",
        "version": VERSION,
        "gitHash": "",
        "batchStats": { "queueLength": 0, "ratePerSecond": 0 },
        "shards": null,
    });
    match asked.output.as_deref() {
        None | Some("" | "minimal") => {}
        Some("verbose") => {
            let shards = on(server, move |db| shards(db, class.as_ref(), asked.shard.as_deref())).await?;
            let objects: u64 = shards.iter().filter_map(|s| s["objectCount"].as_u64()).sum();
            node["stats"] = json!({ "shardCount": shards.len(), "objectCount": objects });
            node["shards"] = Value::Array(shards);
        }
        Some(other) => {
            let other = other.escape_debug();
            return Err(Refusal::Malformed(format!("`output` is `{other}`: expected minimal or verbose")));
        }
    }
    Ok(ok(&json!({ "nodes": [node] })))
}

/// Those that do not serve count nothing.
fn shards(db: &Database, class: Option<&CollectionName>, name: Option<&str>) -> Result<Vec<Value>> {
    let mut shards = Vec::new();
    for collection in db.collections()?.into_iter().filter(|c| class.is_none_or(|class| *class == c.name)) {
        for info in collection.shards {
            let shown = info.tenant.as_ref().map_or(ONLY_SHARD, |t| t.as_str()).to_owned();
            if name.is_some_and(|name| name != shown) {
                continue;
            }
            let id = ShardId { collection: collection.name.clone(), tenant: info.tenant };
            let count = if info.state == TenantState::Hot { db.count(&id)? } else { 0 };
            shards.push(json!({
                "name": shown,
                "class": collection.name,
                "objectCount": count,
                "vectorIndexingStatus": "READY",
                "vectorQueueLength": 0,
                "compressed": false,
                "loaded": info.state == TenantState::Hot,
            }));
        }
    }
    Ok(shards)
}
