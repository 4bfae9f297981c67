//! Reads the manifest once to find out what the restore will bring.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use base64::Engine;

use crate::error::{Error, Result};
use crate::model::{CollectionName, EngineInfo, ManifestLine, ShardId};
use crate::ops::restore::Job;
use crate::ops::verify::check_owner;
use crate::repository::ManifestSpool;
use crate::source::{CollectionPlan, NamedBlob, RestorePlan};

/// Makes the plan. Blocks.
pub(super) fn plan(
    spool: &ManifestSpool,
    job: &PlanRequest,
    counters: &crate::ops::operation::Counters,
) -> Result<RestorePlan> {
    let mut lines = spool.open()?;
    let header = lines.header().clone();
    check_owner(&header, &job.id, job.made_by, &job.from)?;
    let engine = EngineInfo { name: header.engine.name.clone(), version: header.engine.version.clone() };
    let mut collections: Vec<CollectionPlan> = Vec::new();
    let mut extras = Vec::new();
    for line in &mut lines {
        match line? {
            ManifestLine::Collection(c) if job.wants(&c.name) => collections.push(CollectionPlan {
                name: c.name,
                schema: c.schema,
                aliases: c.aliases,
                shards: Vec::new(),
            }),
            ManifestLine::Shard(s) if job.wants(&s.collection) => {
                let found = collections.iter_mut().find(|c| c.name == s.collection);
                let collection =
                    found.ok_or_else(|| Error::corrupt("restore", "a shard without its collection"))?;
                collection.shards.push((ShardId { collection: s.collection, tenant: s.tenant }, s.state));
            }
            ManifestLine::File(f) if job.wants(&f.collection) && f.offset == 0 => {
                counters.files_total.fetch_add(1, Ordering::Relaxed);
                counters.raw_total.fetch_add(f.length, Ordering::Relaxed);
            }
            ManifestLine::Blob(b) if job.extras.contains(&b.name) => {
                let content = base64::engine::general_purpose::STANDARD.decode(&b.content).map_err(|e| {
                    Error::corrupt("restore", format!("state `{}` is not base64", b.name)).with_source(e)
                })?;
                extras.push(NamedBlob { name: b.name, content: content.into() });
            }
            _ => {}
        }
    }
    let have: BTreeSet<&CollectionName> = collections.iter().map(|c| &c.name).collect();
    if let Some(lost) = job.collections.iter().find(|name| !have.contains(name)) {
        let text = format!("collection `{lost}` stands in the descriptor and not in the manifest");
        return Err(Error::corrupt("restore", text));
    }
    Ok(RestorePlan {
        restore: job.attempt,
        backup: job.id.clone(),
        engine,
        collections,
        extras,
        aliases: job.aliases,
    })
}

/// What the plan is made for.
pub(super) struct PlanRequest {
    id: crate::model::BackupId,
    made_by: crate::model::AttemptId,
    from: crate::model::NodeName,
    attempt: crate::model::AttemptId,
    collections: BTreeSet<CollectionName>,
    extras: Vec<String>,
    aliases: crate::source::AliasPolicy,
}

impl PlanRequest {
    /// Of an accepted restore.
    pub(super) fn of(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            made_by: job.made_by,
            from: job.from.clone(),
            attempt: job.attempt,
            collections: job.operation.status().collections.into_iter().collect(),
            extras: job.extras.clone(),
            aliases: job.aliases,
        }
    }

    /// Whether a collection was selected.
    pub(super) fn wants(&self, name: &CollectionName) -> bool {
        self.collections.contains(name)
    }
}
