//! The commands that talk to a server.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::args::{
    BackupWhat, ListArgs, OrderArg, PlaceArgs, RestoreWhat, SelectionArgs, ServerArgs, TargetArgs,
};
use super::client::{Answer, Call, Client, Of, path, query};
use super::progress::Bar;
use super::render::{self, text};
use super::report::{Exit, Report};
use super::signals::Signals;
use crate::error::{ErrorKind, Result};

/// How often the status is asked for at first, and at most after a while.
const POLL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// Unanswered polls in a row after which waiting is given up.
const PATIENCE: u32 = 30;

/// Starts a backup and, if asked to, waits for its end.
pub(super) async fn backup(server: &ServerArgs, what: BackupWhat, wait: bool) -> Result<Report> {
    let mut config = config(&what.place);
    config.insert("CPUPercentage".to_owned(), json!(what.cpu.cpu_percentage));
    config.insert("CompressionLevel".to_owned(), json!(what.compression.name()));
    if let Some(size) = what.chunk_size {
        config.insert("ChunkSize".to_owned(), json!(size));
    }
    let mut body = selection(&what.selection);
    body.insert("id".to_owned(), json!(what.id));
    if let Some(base) = &what.base {
        body.insert("incremental_base_backup_id".to_owned(), json!(base));
    }
    body.insert("config".to_owned(), Value::Object(config));
    let path = vec![what.place.backend.to_string()];
    start(server, Of::Backup, what.id.as_str(), &what.place, path, body, wait).await
}

/// Starts a restore and, if asked to, waits for its end.
pub(super) async fn restore(server: &ServerArgs, what: RestoreWhat, wait: bool) -> Result<Report> {
    let mut config = config(&what.place);
    config.insert("CPUPercentage".to_owned(), json!(what.cpu.cpu_percentage));
    let mut body = selection(&what.selection);
    if !what.map_node.is_empty() {
        let nodes: Map<String, Value> =
            what.map_node.into_iter().map(|(old, new)| (old, json!(new))).collect();
        body.insert("node_mapping".to_owned(), Value::Object(nodes));
    }
    body.insert("config".to_owned(), Value::Object(config));
    let path = path(&what.place, what.id.as_str(), Of::Restore);
    start(server, Of::Restore, what.id.as_str(), &what.place, path, body, wait).await
}

/// Shows the status of a backup or restore.
pub(super) async fn status(args: &TargetArgs) -> Result<Report> {
    let call = target(Method::GET, args);
    let answer = Client::new(&args.server)?.call(call).await?;
    Ok(Report::fine(status_text(&answer), answer.body))
}

/// Cancels a backup or restore.
pub(super) async fn cancel(args: &TargetArgs) -> Result<Report> {
    let of = operation(args);
    Client::new(&args.server)?.call(target(Method::DELETE, args)).await?;
    let text = format!("asked the server to cancel the {} of `{}`, if it runs", of.verb(), args.id);
    Ok(Report::fine(text, json!({ "id": args.id, "operation": of.verb(), "cancelRequested": true })))
}

/// Lists the backups of a backend.
pub(super) async fn list(args: &ListArgs) -> Result<Report> {
    let order = if args.order == OrderArg::Asc { "asc" } else { "desc" };
    let call = Call {
        method: Method::GET,
        path: vec![args.backend.to_string()],
        query: vec![("order", order.to_owned())],
        body: None,
    };
    let answer = Client::new(&args.server)?.call(call).await?;
    Ok(Report::fine(render::backups(&answer.body), answer.body))
}

async fn start(
    server: &ServerArgs,
    of: Of,
    id: &str,
    place: &PlaceArgs,
    path: Vec<String>,
    body: Map<String, Value>,
    wait: bool,
) -> Result<Report> {
    let client = Client::new(server)?;
    let call = Call { method: Method::POST, path, query: Vec::new(), body: Some(Value::Object(body)) };
    let answer = client.call(call).await?;
    if wait {
        return follow(&client, of, id, place).await;
    }
    let text = format!("{} of `{id}` has started: {}", of.verb(), text(&answer.body, "path"));
    Ok(Report::fine(text, answer.body))
}

/// Waits for the end of an operation. An interrupt ends the waiting, not the operation.
async fn follow(client: &Client, of: Of, id: &str, place: &PlaceArgs) -> Result<Report> {
    let mut signals = Signals::listen()?;
    let bar = Bar::new(format!("{} of `{id}`", of.verb()));
    let call = Call { method: Method::GET, path: path(place, id, of), query: query(place), body: None };
    let (mut pause, mut unanswered) = (POLL.0, 0);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = signals.next() => {
                let flag = if of == Of::Restore { " --restore" } else { "" };
                let message = format!(
                    "no longer waiting; the {} goes on: `siltstone cancel --id {id}{flag}` cancels it", of.verb());
                let json = json!({ "id": id, "waiting": false });
                return Ok(Report::failed(Exit::Cancelled, message, json));
            }
        }
        pause = (pause * 5 / 4).min(POLL.1);
        let answer = match client.call(call.clone()).await {
            // A server that restarts, or a hiccup of the network, does not end a backup.
            Err(e) if e.is(ErrorKind::Unavailable) && unanswered < PATIENCE => {
                unanswered += 1;
                continue;
            }
            other => other?,
        };
        unanswered = 0;
        if let Some((done, total)) = answer.progress {
            bar.update(done, total);
        }
        if matches!(text(&answer.body, "status").as_str(), "SUCCESS" | "FAILED" | "CANCELED") {
            drop(bar);
            return Ok(ended(of, id, answer));
        }
    }
}

/// What is said of an operation that has ended.
fn ended(of: Of, id: &str, answer: Answer) -> Report {
    let verb = of.verb();
    let reason = match text(&answer.body, "error") {
        reason if reason.is_empty() => "no reason was given".to_owned(),
        reason => reason,
    };
    match text(&answer.body, "status").as_str() {
        "SUCCESS" => Report::fine(status_text(&answer), answer.body),
        "CANCELED" => Report::failed(
            Exit::Cancelled,
            format!("the {verb} of `{id}` was cancelled: {reason}"),
            answer.body,
        ),
        _ => Report::failed(Exit::Failed, format!("the {verb} of `{id}` failed: {reason}"), answer.body),
    }
}

fn status_text(answer: &Answer) -> String {
    const ZERO: &str = "0001-";
    let body = &answer.body;
    let mut lines = Vec::new();
    for (name, key) in [
        ("id", "id"),
        ("status", "status"),
        ("path", "path"),
        ("started", "startedAt"),
        ("completed", "completedAt"),
        ("error", "error"),
    ] {
        let value = text(body, key);
        if !value.is_empty() && !value.starts_with(ZERO) {
            lines.push((name, value));
        }
    }
    if let Some(gib) = body["size"].as_f64() {
        lines.push(("size", format!("{gib:.2} GiB before compression")));
    }
    if let Some((done, total)) = answer.progress.filter(|(done, total)| done < total) {
        lines.push(("progress", format!("{} of {}", render::bytes(done), render::bytes(total))));
    }
    render::columns(&lines)
}

fn operation(args: &TargetArgs) -> Of {
    if args.restore { Of::Restore } else { Of::Backup }
}

fn target(method: Method, args: &TargetArgs) -> Call {
    let path = path(&args.place, args.id.as_str(), operation(args));
    Call { method, path, query: query(&args.place), body: None }
}

fn config(place: &PlaceArgs) -> Map<String, Value> {
    let pairs = [("Bucket", &place.bucket), ("Path", &place.path)];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))).collect()
}

fn selection(lists: &SelectionArgs) -> Map<String, Value> {
    let pairs = [("include", &lists.include), ("exclude", &lists.exclude)];
    pairs
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(key, names)| (key.to_owned(), json!(names)))
        .collect()
}
