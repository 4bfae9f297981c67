//! Stages every selected shard: files written and verified, synced, and opened by the engine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{Compression, ManifestLine, ShardId, TenantState};
use crate::ops::context::Context;
use crate::ops::restore::Job;
use crate::ops::restore::files::StagedFiles;
use crate::ops::restore::plan::{PlanRequest, plan};
use crate::repository::{Fetch, ManifestSpool, Workers};
use crate::source::{RestorePlan, ShardPlan, Staging};

/// Ranges in flight: each is up to 4 MiB stored.
const RANGES_IN_FLIGHT: usize = 4;

/// Stages everything and answers what to install.
pub(super) async fn stage(context: &Arc<Context>, job: &Job) -> Result<(RestorePlan, Vec<Staging>)> {
    let spool = ManifestSpool::fetch(&*job.storage, &job.node, &context.scratch()).await?;
    let request = Arc::new(PlanRequest::of(job));
    let plan = {
        let (spool, request) = (Arc::clone(&spool), Arc::clone(&request));
        let (target, operation) = (Arc::clone(&context.target), Arc::clone(&job.operation));
        job.blocking(context, move || {
            let plan = plan(&spool, &request, &operation.counters)?;
            target.admit(&plan)?;
            Ok(plan)
        })
        .await?
    };
    let staged = make_folders(context, job, &plan).await?;
    let folders: HashMap<ShardId, PathBuf> =
        staged.iter().map(|s| (s.shard.clone(), s.folder.clone())).collect();
    let sink = Arc::new(StagedFiles::new(folders, Arc::clone(&job.operation), Arc::clone(&job.gate)));
    fetch_files(job, &spool, &request, &sink).await?;
    let folders: Vec<PathBuf> = staged.iter().map(|s| s.folder.clone()).collect();
    job.blocking(context, move || sink.finish(&folders)).await?;
    check(context, job, &staged).await?;
    Ok((plan, staged))
}

async fn make_folders(context: &Arc<Context>, job: &Job, plan: &RestorePlan) -> Result<Vec<Staging>> {
    let target = Arc::clone(&context.target);
    let restore = plan.restore;
    let shards: Vec<ShardId> = plan
        .collections
        .iter()
        .flat_map(|c| &c.shards)
        .filter(|(_, state)| *state != TenantState::Offloaded)
        .map(|(shard, _)| shard.clone())
        .collect();
    let operation = Arc::clone(&job.operation);
    job.blocking(context, move || {
        let stage = |shard: ShardId| {
            if operation.is_cancelled() {
                return Err(Error::cancelled("restore"));
            }
            target.stage(&ShardPlan { restore, shard })
        };
        shards.into_iter().map(stage).collect()
    })
    .await
}

async fn fetch_files(
    job: &Job,
    spool: &Arc<ManifestSpool>,
    request: &Arc<PlanRequest>,
    sink: &Arc<StagedFiles>,
) -> Result<()> {
    let workers = Workers::start(job.workers, Compression::default())?;
    let mut fetch = Fetch::new(
        Arc::clone(&job.storage),
        workers,
        Arc::clone(sink) as Arc<dyn crate::repository::FileSink>,
        RANGES_IN_FLIGHT,
        job.operation.cancel.clone(),
    );
    let mut lines = spool.lines();
    while let Some(line) = lines.recv().await {
        match line? {
            ManifestLine::Chunk(chunk) => fetch.chunk(chunk.key, chunk.codec),
            ManifestLine::File(file) if request.wants(&file.collection) => fetch.file(file).await?,
            _ => {}
        }
    }
    fetch.finish().await
}

/// Lets the engine open what was staged, one shard after the other.
async fn check(context: &Arc<Context>, job: &Job, staged: &[Staging]) -> Result<()> {
    let (target, staged) = (Arc::clone(&context.target), staged.to_vec());
    let operation = Arc::clone(&job.operation);
    job.blocking(context, move || {
        let begun = std::time::Instant::now();
        for staging in &staged {
            if operation.is_cancelled() {
                return Err(Error::cancelled("restore"));
            }
            target.check(staging)?;
        }
        tracing::info!(
            shards = staged.len(),
            seconds = begun.elapsed().as_secs_f64(),
            "the engine accepts the files"
        );
        Ok(())
    })
    .await
}
