//! The commands that work without a server, straight through a backend's plugin.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::{BackupWhat, ForgetArgs, ListArgs, PlaceArgs, RestoreWhat, StateArgs, VerifyArgs};
use super::client::Of;
use super::figures::ended;
use super::folder;
use super::nothing::Nothing;
use super::progress::Bar;
use super::report::{Exit, Report};
use super::signals::Signals;
use super::state::StateFolder;
use super::{peak, render};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{BackendName, CollectionName, Location, Selection};
use crate::ops::{BackupRequest, RestoreRequest, Status, VerifyDepth};
use crate::settings::{HostSettings, environment};
use crate::source::{RestoreTarget, SnapshotSource};
use crate::{Host, HostBuilder};

/// How long the end of a host is waited for; the next run ends what it leaves behind.
const CLOSE: Duration = Duration::from_secs(10);

/// How often progress is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// Backs up a folder.
pub(super) async fn backup(
    folder: &Path,
    collection: Option<&CollectionName>,
    what: BackupWhat,
) -> Result<Report> {
    let (folder, source) = folder::source(folder, collection)?;
    let state = open(&what.state)?;
    let claim = state.claim("backup", what.place.backend.as_str(), Some(&folder))?;
    let host = host(&[&what.place.backend], &state, claim.data(), source, Nothing::target()).await?;
    let mut request = BackupRequest::new(what.place.backend.to_string(), what.id.to_string());
    request.selection = Selection::from_lists(what.selection.include, what.selection.exclude)?;
    request.compression = what.compression;
    request.cpu_percentage = what.cpu.cpu_percentage;
    request.chunk_size = what.chunk_size.map(|mib| mib << 20);
    request.base = what.base.map(String::from);
    request.location = what.place.location();
    let ended = run(&host, Of::Backup, &what.place, what.id.as_str(), host.backup(request)).await;
    close(&host).await;
    ended
}

/// Restores into a folder.
pub(super) async fn restore(folder: &Path, what: RestoreWhat) -> Result<Report> {
    let (folder, target) = folder::target(folder)?;
    let state = open(&what.state)?;
    let claim = state.claim("restore", what.place.backend.as_str(), Some(&folder))?;
    let host = host(&[&what.place.backend], &state, claim.data(), Nothing::source(), target).await?;
    let mut request = RestoreRequest::new(what.place.backend.to_string(), what.id.to_string());
    request.selection = Selection::from_lists(what.selection.include, what.selection.exclude)?;
    request.cpu_percentage = what.cpu.cpu_percentage;
    request.location = what.place.location();
    request.node_mapping = what.map_node.into_iter().collect();
    let ended = run(&host, Of::Restore, &what.place, what.id.as_str(), host.restore(request)).await;
    close(&host).await;
    ended
}

/// Checks a backup.
pub(super) async fn verify(args: &VerifyArgs) -> Result<Report> {
    let state = open(&args.state)?;
    let scratch = state.scratch()?;
    let backend = &args.place.backend;
    let host = host(&[backend], &state, scratch.path(), Nothing::source(), Nothing::target()).await?;
    let depth = if args.read_data { VerifyDepth::ReadData } else { VerifyDepth::Structure };
    let begun = Instant::now();
    let found = host.verify(backend.as_str(), args.id.as_str(), &args.place.location(), depth).await;
    close(&host).await;
    let found = found?;
    let time = begun.elapsed();
    let json = json!({
        "id": args.id,
        "intact": found.problems.is_empty(),
        "chunks": found.chunks,
        "files": found.files,
        "bytesRead": found.bytes_read,
        "seconds": time.as_secs_f64(),
        "problems": found.problems,
    });
    if !found.problems.is_empty() {
        let message = format!("backup `{}` is damaged: {} problem(s)", args.id, found.problems.len());
        let text = found.problems.iter().map(|p| format!("  {}\n", render::plain(p))).collect();
        return Ok(Report { text, json, failure: Some((Exit::Damaged, message)) });
    }
    let (done, lines) = match depth {
        VerifyDepth::Structure => ("is complete", Vec::new()),
        VerifyDepth::ReadData => {
            let rate = render::rate(found.bytes_read, time);
            ("is intact", vec![("read", format!("{} ({rate:.0} MB/s)", render::bytes(found.bytes_read)))])
        }
    };
    let mut all = vec![("chunks", found.chunks.to_string()), ("files", found.files.to_string())];
    all.extend(lines);
    Ok(Report::fine(format!("backup `{}` {done}\n{}", args.id, render::columns(&all)), json))
}

/// Deletes a backup.
pub(super) async fn forget(args: &ForgetArgs) -> Result<Report> {
    let state = open(&args.state)?;
    let backend = &args.place.backend;
    let claim = state.claim("forget", backend.as_str(), None)?;
    let host = host(&[backend], &state, claim.data(), Nothing::source(), Nothing::target()).await?;
    let done = host.forget(backend.as_str(), args.id.as_str(), &args.place.location()).await;
    close(&host).await;
    let done = done?;
    let json = json!({ "id": args.id, "objects": done.objects, "refused": done.refused });
    if done.refused > 0 {
        let message =
            format!("backup `{}`: the store refused to delete {} of its objects", args.id, done.refused);
        return Ok(Report::failed(Exit::Failed, message, json));
    }
    Ok(Report::fine(format!("backup `{}` is forgotten: {} objects deleted", args.id, done.objects), json))
}

/// Lists backups.
pub(super) async fn list(args: &ListArgs) -> Result<Report> {
    let state = open(&args.state)?;
    let scratch = state.scratch()?;
    let host = host(&[&args.backend], &state, scratch.path(), Nothing::source(), Nothing::target()).await?;
    let location = Location { bucket: args.bucket.clone(), path: args.path.clone() };
    let found = host.list(args.backend.as_str(), &location, args.order.into()).await;
    close(&host).await;
    let list = found?.iter().map(item).collect();
    Ok(Report::fine(render::backups(&list), list))
}

/// One backup, in the words of the API.
fn item(status: &Status) -> Value {
    const GIB: f64 = (1u64 << 30) as f64;
    let mut item = json!({
        "id": status.id,
        "classes": status.collections,
        "status": status.state,
        "startedAt": status.started_at,
        "completedAt": status.completed_at,
    });
    if status.state.is_terminal() && status.raw_bytes > 0 {
        item["size"] = json!(status.raw_bytes as f64 / GIB);
    }
    item
}

pub(super) async fn close(host: &Host) {
    if tokio::time::timeout(CLOSE, host.shutdown()).await.is_err() {
        tracing::warn!("an operation has not ended in time; the next run ends what it leaves behind");
    }
}

pub(super) fn open(args: &StateArgs) -> Result<StateFolder> {
    StateFolder::open(args.state_dir.as_deref())
}

/// A host with these backends, configured by the environment as a server's is.
pub(super) async fn host(
    backends: &[&BackendName],
    state: &StateFolder,
    data: &Path,
    source: Arc<dyn SnapshotSource>,
    target: Arc<dyn RestoreTarget>,
) -> Result<Host> {
    let variables = environment();
    let mut settings = HostSettings::from_env(&variables)?;
    let short = |backend: &&BackendName| {
        let name = backend.as_str();
        format!("backup-{}", name.strip_prefix("backup-").unwrap_or(name))
    };
    settings.modules = backends.iter().map(short).collect();
    settings.modules.dedup();
    settings.compile_cache.get_or_insert_with(|| state.compiled());
    // Nobody but this process could cancel, and it does so before the end or not at all.
    settings.publish_after = Duration::ZERO;
    HostBuilder::new(source, target, PathBuf::from(data), settings).environment(variables).build().await
}

/// Runs an accepted operation to its end, with a bar; an interrupt cancels it, a second one gives up waiting.
async fn run(
    host: &Host,
    of: Of,
    place: &PlaceArgs,
    id: &str,
    accepted: impl Future<Output = Result<Status>>,
) -> Result<Report> {
    let begun = Instant::now();
    let mut signals = Signals::listen()?;
    accepted.await?;
    let (backend, location) = (place.backend.as_str(), place.location());
    let bar = Bar::new(format!("{} of `{id}`", of.verb()));
    let end = async {
        match of {
            Of::Backup => host.wait_backup(backend, id, &location).await,
            Of::Restore => host.wait_restore(backend, id, &location).await,
        }
    };
    tokio::pin!(end);
    let mut look = tokio::time::interval(LOOK);
    let mut asked = Asked::No;
    let status = loop {
        tokio::select! {
            status = &mut end => break status?,
            _ = look.tick() => {
                let now = match of {
                    Of::Backup => host.backup_status(backend, id, &location).await,
                    Of::Restore => host.restore_status(backend, id, &location).await,
                };
                // Only a picture: what is wrong is told at the end.
                if let Ok(now) = now {
                    bar.update(now.progress.raw_done, now.progress.raw_total);
                }
            }
            () = signals.next() => {
                if asked == Asked::Yes {
                    return Err(Error::cancelled(of.verb()).with("left", "the next run ends what this one began"));
                }
                asked = Asked::Yes;
                bar.say("cancelling");
                let cancelled = match of {
                    Of::Backup => host.cancel_backup(backend, id, &location).await,
                    Of::Restore => host.cancel_restore(backend, id, &location).await,
                };
                match cancelled {
                    // Too late: it is at its end.
                    Err(e) if e.is(ErrorKind::Conflict) => {}
                    other => other?,
                }
            }
        }
    };
    drop(bar);
    Ok(ended(of, &status, begun.elapsed(), peak::memory()))
}

/// Whether a cancel was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
}
