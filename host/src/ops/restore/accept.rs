//! Checks a request against what is stored and records the attempt; after this the answer is "started".

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::journal::{Phase, Record, RestoreRecord, Verb, Wish};
use crate::model::{BackupId, Descriptor, NodeEntry, NodeName, State, Timestamp};
use crate::ops::context::{Context, no_descriptor, status_text, unknown_backup};
use crate::ops::operation::Operation;
use crate::ops::registry::Address;
use crate::ops::restore::{Job, run};
use crate::ops::{CPU_PERCENTAGES, Progress, RestoreRequest, Status};
use crate::repository::descriptor_store;

/// Accepts a restore, or says why not; then it runs by itself.
pub(crate) async fn accept(context: Arc<Context>, request: RestoreRequest) -> Result<Status> {
    let (backend, storage) = context.storage(&request.backend, &request.location).await?;
    if !CPU_PERCENTAGES.contains(&request.cpu_percentage) {
        let text = format!("CPUPercentage is {}; it must be 1 to 80", request.cpu_percentage);
        return Err(Error::invalid("restore", text));
    }
    let unknown = || unknown_backup(&request.id, storage.home());
    // An id that cannot exist is simply not there.
    let id = BackupId::new(request.id.clone()).map_err(|_| unknown())?;
    let Some(found) = descriptor_store::load(&*storage, &id).await? else {
        return Err(no_descriptor(&*storage, &id).await);
    };
    let descriptor = found.descriptor;
    if descriptor.state != State::Success {
        let text = format!(
            "backup `{id}` is {} and cannot be restored; only a SUCCESS can",
            descriptor.state.as_str()
        );
        return Err(Error::invalid("restore", text));
    }
    let (selection, available) = (request.selection.clone(), descriptor.selection.collections.clone());
    let collections = context.blocking("restore", move || selection.resolve(&available)).await?;
    let (from, node) = pick_node(&context, &request, &descriptor)?;

    let attempt = context.new_attempt();
    let status = Status {
        backend: backend.to_string(),
        id: id.to_string(),
        path: format!("{}/{id}", storage.home()),
        location: request.location.clone(),
        state: State::Started,
        error: None,
        started_at: context.now(),
        completed_at: Timestamp::ZERO,
        collections: collections.clone(),
        raw_bytes: 0,
        base: None,
        from_node: Some(from.to_string()),
        progress: Progress::default(),
        outcome: None,
    };
    let operation = Arc::new(Operation::new(status.clone(), Arc::clone(&context.clock)));
    let address = Address {
        verb: Verb::Restore,
        backend: backend.to_string(),
        location: request.location.clone(),
        id: id.to_string(),
    };
    context.registry.begin(address.clone(), Arc::clone(&operation))?;
    let record = Record {
        verb: Verb::Restore,
        id: id.clone(),
        backend: backend.clone(),
        bucket: request.location.bucket.clone(),
        path: request.location.path.clone(),
        node: context.settings.node.clone(),
        attempt,
        phase: Phase::Begun,
        uploads: Vec::new(),
        started_at: status.started_at,
        collections,
        wish: Wish::GoOn,
    };
    match begin(&context, record, &status).await {
        Ok(entry) => {
            operation.recorded_by(entry.clone()).await;
            let job = Job {
                id,
                backend,
                storage,
                from,
                node,
                made_by: descriptor.attempt,
                workers: context.settings.workers(request.cpu_percentage),
                aliases: request.aliases,
                extras: request.extras,
                attempt,
                entry,
                operation,
                steps: tokio_util::task::TaskTracker::new(),
                gate: Arc::default(),
            };
            let watched = Arc::clone(&job.operation);
            watched.accept();
            watched.supervise(&context.runtime, run(Arc::clone(&context), job));
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

/// Records the restore for a restart and for its status.
async fn begin(context: &Context, record: Record, status: &Status) -> Result<crate::journal::Entry> {
    let state = RestoreRecord {
        id: record.id.clone(),
        backend: record.backend.clone(),
        attempt: record.attempt,
        state: State::Started,
        error: None,
        started_at: record.started_at,
        completed_at: Timestamp::ZERO,
        path: status.path.clone(),
        collections: record.collections.clone(),
        from_node: status.from_node.as_deref().and_then(|name| NodeName::new(name).ok()),
    };
    let entry = context.journal.begin(record).await?;
    context.journal.restores().put(state).await?;
    Ok(entry)
}

/// Which node's data comes here: the one that the mapping or our name says, or the only one there is.
fn pick_node(
    context: &Context,
    request: &RestoreRequest,
    descriptor: &Descriptor,
) -> Result<(NodeName, NodeEntry)> {
    let here = &context.settings.node;
    let old = request.node_mapping.iter().find(|(_, new)| *new == here.as_str()).map(|(old, _)| old.as_str());
    let nodes: Vec<&str> = descriptor.nodes.keys().map(NodeName::as_str).collect();
    let wanted = match old {
        Some(old) => descriptor.nodes.iter().find(|(name, _)| name.as_str() == old),
        None => match descriptor.nodes.iter().next() {
            Some(only) if descriptor.nodes.len() == 1 => {
                if only.0 != here {
                    tracing::info!(from = %only.0, to = %here, "the backup's only node is restored on this node");
                }
                Some(only)
            }
            _ => descriptor.nodes.get_key_value(here),
        },
    };
    wanted.map(|(name, entry)| (name.clone(), entry.clone())).ok_or_else(|| {
        let wanted = old.unwrap_or(here.as_str());
        Error::invalid(
            "restore",
            format!(
                "backup `{}` holds no data of node `{wanted}`; it has [{}]: use node_mapping",
                descriptor.id,
                nodes.join(", ")
            ),
        )
    })
}
