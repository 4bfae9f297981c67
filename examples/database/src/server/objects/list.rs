//! Lists of objects: of one class, or of all that have no tenants.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use siltstone::{Error, ErrorKind, Result};

use super::target::single_shards;
use super::wire::{Vectors, Wire, id};
use crate::server::Server;
use crate::server::reply::{Answer, Params, ok, on};
use crate::{Database, Intent};

/// Objects in a list when nothing else is asked for.
const DEFAULT_LIMIT: u64 = 25;
/// Last object that a list reaches, counted from its beginning.
const MAX_REACH: u64 = 10_000;

/// Most bytes of an answer.
const MAX_BYTES: u64 = 64 << 20;
/// Objects that are read at a time.
const STEP: u64 = 64;

#[derive(Deserialize)]
pub(in crate::server) struct Page {
    class: Option<String>,
    tenant: Option<String>,
    limit: Option<u64>,
    offset: Option<u64>,
    after: Option<String>,
    include: Option<String>,
    sort: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    objects: Vec<Wire>,
    #[serde(rename = "totalResults")]
    total: u64,
}

/// Objects in the order of their ids, class by class: `limit` of them after `offset`, or `after` the id of the last page.
pub(in crate::server) async fn list(State(server): State<Server>, Params(page): Params<Page>) -> Answer {
    let objects = on(server, move |db| page.read(db)).await?;
    let total = objects.len() as u64;
    Ok(ok(&Listed { objects, total }))
}

impl Page {
    fn read(&self, db: &Database) -> Result<Vec<Wire>> {
        if self.sort.as_ref().is_some_and(|s| !s.is_empty()) {
            let message = "`sort` is not supported: lists are in the order of ids";
            return Err(Error::new(ErrorKind::Unsupported, "list objects", message));
        }
        let (limit, mut skip) = (self.limit.unwrap_or(DEFAULT_LIMIT), self.offset.unwrap_or(0));
        if limit.saturating_add(skip) > MAX_REACH {
            let message =
                format!("`limit` {limit} and `offset` {skip} reach beyond {MAX_REACH}: use `after`");
            return Err(refused(message));
        }
        let after = self.after.as_deref().filter(|a| !a.is_empty()).map(id).transpose()?;
        if after.is_some() && skip > 0 {
            return Err(refused("`after` and `offset` exclude each other"));
        }
        let shards = match self.class.as_deref().filter(|c| !c.is_empty()) {
            Some(class) => vec![db.locate(class, self.tenant.as_deref(), Intent::Access)?],
            None if after.is_some() => return Err(refused("`after` needs `class`")),
            None if self.tenant.is_some() => return Err(refused("`tenant` needs `class`")),
            None => single_shards(db)?,
        };
        let vectors = Vectors::of(self.include.as_deref());
        let (mut listed, mut bytes) = (Vec::new(), 0);
        for shard in shards {
            let room = limit - listed.len() as u64;
            if room == 0 {
                break;
            }
            let (mut missing, mut from) = (skip + room, after);
            while missing > 0 {
                let objects = db.list(&shard, from, missing.min(STEP))?;
                let Some(last) = objects.last() else { break };
                (from, missing) = (Some(last.id), missing - objects.len() as u64);
                for object in objects {
                    if skip > 0 {
                        skip -= 1;
                        continue;
                    }
                    bytes += object.size();
                    if bytes > MAX_BYTES {
                        return Err(refused(format!(
                            "the answer would have more than {MAX_BYTES} bytes: ask for fewer objects with `limit`"
                        )));
                    }
                    listed.push(Wire::new(&shard, object, vectors));
                }
            }
        }
        Ok(listed)
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid("list objects", message)
}
