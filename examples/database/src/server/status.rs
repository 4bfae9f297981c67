//! What the server says about itself.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use siltstone::model::{ShardId, TenantState};

use crate::server::Server;
use crate::server::reply::{Answer, no_content, ok, on};

/// The version of Weaviate's API that clients unlock their features by.
const VERSION: &str = "1.37.0";

pub(super) async fn meta(State(server): State<Server>) -> Response {
    ok(&json!({
        "hostname": server.identity.hostname,
        "version": VERSION,
        "modules": {},
        "grpcMaxMessageSize": crate::grpc::MAX_MESSAGE,
    }))
}

pub(super) async fn alive() -> Response {
    no_content()
}

/// One node with the number of its shards and of the objects in those that are hot.
pub(super) async fn nodes(State(server): State<Server>) -> Answer {
    let node = server.identity.node.clone();
    let (shards, objects) = on(server, |db| {
        let (mut shards, mut objects) = (0_u64, 0);
        for collection in siltstone::source::SnapshotSource::collections(db)? {
            for info in collection.shards {
                shards += 1;
                if info.state == TenantState::Hot {
                    objects +=
                        db.count(&ShardId { collection: collection.name.clone(), tenant: info.tenant })?;
                }
            }
        }
        Ok((shards, objects))
    })
    .await?;
    Ok(ok(&json!({ "nodes": [{
        "name": node,
        "status": "HEALTHY",
        "version": VERSION,
        "stats": { "shardCount": shards, "objectCount": objects },
    }] })))
}
