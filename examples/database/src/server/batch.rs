//! Importing many objects: atomic for each shard, with one result per object.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Deserialize;
use siltstone::model::ShardId;
use siltstone::{Error, ErrorKind};

use crate::server::Server;
use crate::server::objects::{Wire, result};
use crate::server::reply::{Answer, Content, ok, on, parse};
use crate::{Change, Intent, ShardChanges};

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Wire>,
}

/// Deleting by a filter is not supported.
pub(super) async fn delete() -> Answer {
    let message = "deleting objects by a filter is not supported: delete them by their ids";
    Err(Error::new(ErrorKind::Unsupported, "delete objects", message).into())
}

/// Writes the objects, those that exist are overwritten. Answers 200 whatever became of each of them.
pub(super) async fn import(State(server): State<Server>, Content(body): Content) -> Answer {
    let batch: Batch = parse(&body)?;
    let results = on(server, move |db| {
        let mut shards: BTreeMap<ShardId, Vec<(usize, Change)>> = BTreeMap::new();
        let mut wires = batch.objects;
        let mut errors: BTreeMap<usize, Error> = BTreeMap::new();
        for (index, wire) in wires.iter_mut().enumerate() {
            match wire.object(db, Intent::Insert) {
                Ok((shard, object)) => {
                    wire.id = Some(object.id.to_string());
                    shards.entry(shard).or_default().push((index, Change::Put(object)));
                }
                Err(e) => {
                    errors.insert(index, e);
                }
            }
        }
        for (shard, changes) in shards {
            let (indices, changes): (Vec<usize>, Vec<Change>) = changes.into_iter().unzip();
            if let Err(e) = db.write(&[ShardChanges { shard, changes }]) {
                let (kind, message) = (e.kind(), e.to_string());
                errors.extend(indices.into_iter().map(|i| (i, Error::new(kind, "import", message.clone()))));
            }
        }
        let answer = |(index, wire)| result(wire, errors.get(&index));
        Ok(wires.into_iter().enumerate().map(answer).collect::<Vec<_>>())
    })
    .await?;
    Ok(ok(&results))
}
