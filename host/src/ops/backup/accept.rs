//! Checks a request, claims the id and records the attempt; after this the answer is "started".

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Phase, Record, Verb, Wish};
use crate::model::{
    AttemptId, BackendName, BackupId, CollectionName, Descriptor, FORMAT, Selected, State, Timestamp,
};
use crate::ops::LOOK_UP;
use crate::ops::backup::{Job, base, give_up, run};
use crate::ops::context::{Context, status_text};
use crate::ops::operation::Operation;
use crate::ops::registry::Address;
use crate::ops::{BackupRequest, CPU_PERCENTAGES, Progress, Status};
use crate::repository::descriptor_store;
use crate::settings::HostSettings;
use crate::storage::Storage;

/// Accepts a backup, or says why not; then it runs by itself.
pub(crate) async fn accept(context: Arc<Context>, request: BackupRequest) -> Result<Status> {
    let backend = context.backends.resolve(&request.backend)?;
    let id = BackupId::new(request.id.clone())?;
    check_ranges(&request)?;
    let base = request.base.clone().map(BackupId::new).transpose()?;
    let collections = resolve(&context, &request).await?;
    if !request.extras.is_everything() {
        let (source, choice) = (Arc::clone(&context.source), request.extras.clone());
        context.blocking("backup", move || source.chosen_extras(&choice).map(drop)).await?;
    }
    let storage = context.backends.open(&backend, &request.location).await?;
    expect_vacant(&*storage, &id).await?;
    let base = match &base {
        Some(base) => Some(base::find(&*storage, &id, base, context.now()).await?),
        None => None,
    };

    let attempt = context.new_attempt();
    let status = first_status(&request, &backend, &id, &*storage, &collections, context.now());
    let operation = Arc::new(Operation::new(status, Arc::clone(&context.clock)));
    let address = Address {
        verb: Verb::Backup,
        backend: backend.to_string(),
        location: request.location.clone(),
        id: id.to_string(),
    };
    context.registry.begin(address.clone(), Arc::clone(&operation))?;
    match claim(&context, &request, (backend, id, attempt), (collections, base), storage, &operation).await {
        Ok(job) => {
            operation.accept();
            let status = operation.status();
            operation.supervise(&context.runtime, run(Arc::clone(&context), job));
            Ok(status)
        }
        Err(error) => {
            // Somebody may wait for it already.
            operation.end(State::Failed, Some(status_text(&error)));
            context.registry.forget(&address);
            Err(error)
        }
    }
}

fn check_ranges(request: &BackupRequest) -> Result<()> {
    if !CPU_PERCENTAGES.contains(&request.cpu_percentage) {
        return Err(Error::invalid(
            "backup",
            format!("CPUPercentage is {}; it must be 1 to 80", request.cpu_percentage),
        ));
    }
    match request.chunk_size {
        Some(size) if !HostSettings::CHUNK_SIZES.contains(&size) => Err(Error::invalid(
            "backup",
            format!("ChunkSize is {size} bytes; it must be 2 MiB to 512 MiB, or 0 for the default"),
        )),
        _ => Ok(()),
    }
}

/// Refuses an id that is taken before anything else at the location is looked at or written. A store that does not let us
/// look makes the request one that cannot be carried out.
async fn expect_vacant(storage: &dyn Storage, id: &BackupId) -> Result<()> {
    descriptor_store::expect_vacant(storage, id).await.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => e,
        kind => {
            let text = format!("it cannot be told whether backup `{id}` exists at {}", storage.home());
            Error::new(kind, LOOK_UP, text).with_source(e)
        }
    })
}

async fn resolve(context: &Arc<Context>, request: &BackupRequest) -> Result<Vec<CollectionName>> {
    let (source, selection) = (Arc::clone(&context.source), request.selection.clone());
    let resolved = context.blocking("backup", move || {
        let found = source.collections()?;
        if found.is_empty() {
            return Err(Error::invalid(
                "backup",
                "the database has no collections; there is nothing to back up",
            ));
        }
        let mut names: Vec<CollectionName> = found.into_iter().map(|c| c.name).collect();
        names.sort();
        selection.resolve(&names)
    });
    resolved.await
}

fn first_status(
    request: &BackupRequest,
    backend: &BackendName,
    id: &BackupId,
    storage: &dyn Storage,
    collections: &[CollectionName],
    now: Timestamp,
) -> Status {
    Status {
        backend: backend.to_string(),
        id: id.to_string(),
        path: format!("{}/{id}", storage.home()),
        location: request.location.clone(),
        state: State::Started,
        error: None,
        started_at: now,
        completed_at: Timestamp::ZERO,
        collections: collections.to_vec(),
        raw_bytes: 0,
        base: request.base.clone(),
        from_node: None,
        progress: Progress::default(),
        outcome: None,
    }
}

async fn claim(
    context: &Arc<Context>,
    request: &BackupRequest,
    (backend, id, attempt): (BackendName, BackupId, AttemptId),
    (collections, base): (Vec<CollectionName>, Option<Descriptor>),
    storage: Arc<dyn Storage>,
    operation: &Arc<Operation>,
) -> Result<Job> {
    let started_at = operation.status().started_at;
    let chunk_size = request.chunk_size.unwrap_or(context.settings.chunk_size);
    let descriptor = Descriptor {
        format: FORMAT,
        requires: Vec::new(),
        id: id.clone(),
        attempt,
        state: State::Started,
        started_at,
        completed_at: Timestamp::ZERO,
        selection: Selected {
            collections: collections.clone(),
            compression: request.compression.name().to_owned(),
            chunk_size,
        },
        nodes: BTreeMap::new(),
        base: base.as_ref().map(|b| b.id.clone()),
        base_attempt: base.as_ref().map(|b| b.attempt),
        error: None,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        other: serde_json::Map::new(),
    };
    let entry = context
        .journal
        .begin(Record {
            verb: Verb::Backup,
            id: id.clone(),
            backend: backend.clone(),
            bucket: request.location.bucket.clone(),
            path: request.location.path.clone(),
            node: context.settings.node.clone(),
            attempt,
            phase: Phase::Begun,
            uploads: Vec::new(),
            started_at,
            collections,
            wish: Wish::GoOn,
        })
        .await?;
    operation.recorded_by(entry.clone()).await;
    let proven = match context.prove(&backend, &request.location, &*storage, attempt).await {
        Ok(proven) => proven,
        Err(error) => {
            // At worst a probe of a few bytes stays; a record per refused request would pile up while a store is away.
            entry.finish().await?;
            return Err(error);
        }
    };
    if let Err(error) = descriptor_store::claim(&*storage, &descriptor, proven).await {
        if !error.is_outcome_unknown() {
            entry.finish().await?;
            return Err(error);
        }
        // It may have claimed the id after all. If that cannot be taken back now, the record stays for the next start.
        let last = Descriptor {
            state: State::Failed,
            completed_at: context.now(),
            error: Some(status_text(&error)),
            ..descriptor
        };
        if let Err(left) = give_up(&*storage, &entry, Some(last), proven).await {
            tracing::warn!(id = %id, error = %left, "it is not known whether the id is claimed; the next start looks");
        }
        return Err(error);
    }
    Ok(Job {
        id,
        backend,
        storage,
        proven,
        selection: request.selection.clone(),
        base,
        extras: request.extras.clone(),
        compression: request.compression,
        workers: context.settings.workers(request.cpu_percentage),
        chunk_size,
        descriptor,
        entry,
        operation: Arc::clone(operation),
        steps: tokio_util::task::TaskTracker::new(),
    })
}
