//! What is said of an operation without a server that has ended: its figures, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Of;
use super::render;
use super::report::{Exit, Report};
use crate::model::State;
use crate::ops::Status;

/// What is said of an operation that has ended.
pub(super) fn ended(of: Of, status: &Status, time: Duration, peak: Option<u64>) -> Report {
    let json = figures(status, time, peak);
    let reason = status.error.as_deref().unwrap_or("no reason was given");
    let (verb, id) = (of.verb(), &status.id);
    match status.state {
        State::Success => {
            let head = match of {
                Of::Backup => format!("backup `{id}` is complete: {}", render::plain(&status.path)),
                Of::Restore => format!("backup `{id}` is restored"),
            };
            Report::fine(format!("{head}\n{}", summary(status, time, peak)), json)
        }
        State::Canceled => {
            Report::failed(Exit::Cancelled, format!("the {verb} of `{id}` was cancelled: {reason}"), json)
        }
        _ => Report::failed(Exit::Failed, format!("the {verb} of `{id}` failed: {reason}"), json),
    }
}

/// Raw bytes: of the backup, or of what was restored of it.
fn raw(status: &Status) -> u64 {
    if status.outcome.is_some() { status.raw_bytes } else { status.progress.raw_done }
}

fn summary(status: &Status, time: Duration, peak: Option<u64>) -> String {
    let raw = raw(status);
    let mut lines = vec![("raw", render::bytes(raw))];
    if let Some(outcome) = &status.outcome {
        let ratio = render::ratio(outcome.stored_bytes, raw);
        lines.push(("stored", format!("{} (ratio {ratio:.3})", render::bytes(outcome.stored_bytes))));
        if outcome.new_bytes != outcome.stored_bytes {
            lines.push(("new", render::bytes(outcome.new_bytes)));
        }
        if outcome.reused_bytes > 0 {
            lines.push(("reused", format!("{} of the raw bytes", render::bytes(outcome.reused_bytes))));
        }
        lines.push(("files", outcome.files.to_string()));
    } else {
        lines.push(("files", status.progress.files_done.to_string()));
    }
    let seconds = time.as_secs_f64();
    lines.push(("time", format!("{seconds:.2} s ({:.0} MB/s)", render::rate(raw, time))));
    if let Some(outcome) = &status.outcome {
        lines.push(("scope", render::scope(outcome.scope).to_owned()));
        lines.push(("pause", format!("{:.2} ms", outcome.pause_us as f64 / 1e3)));
    }
    if let Some(peak) = peak {
        lines.push(("memory", format!("{} at most", render::bytes(peak))));
    }
    for item in status.outcome.iter().flat_map(|o| &o.skipped) {
        lines.push(("skipped", format!("{}: {}", item.what, item.why)));
    }
    render::columns(&lines)
}

fn figures(status: &Status, time: Duration, peak: Option<u64>) -> Value {
    let raw = raw(status);
    let mut json = json!({
        "id": status.id,
        "backend": status.backend,
        "path": status.path,
        "status": status.state,
        "classes": status.collections,
        "startedAt": status.started_at,
        "completedAt": status.completed_at,
        "rawBytes": raw,
        "files": status.progress.files_done,
        "seconds": time.as_secs_f64(),
        "megabytesPerSecond": render::rate(raw, time),
        "peakMemoryBytes": peak,
    });
    if let Some(error) = &status.error {
        json["error"] = json!(error);
    }
    if let Some(outcome) = &status.outcome {
        json["files"] = json!(outcome.files);
        json["storedBytes"] = json!(outcome.stored_bytes);
        json["newBytes"] = json!(outcome.new_bytes);
        json["reusedBytes"] = json!(outcome.reused_bytes);
        json["ratio"] = json!(render::ratio(outcome.stored_bytes, raw));
        json["scope"] = json!(outcome.scope);
        json["pauseMs"] = json!(outcome.pause_us as f64 / 1e3);
        json["skipped"] = json!(outcome.skipped);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Location, Scope, SkippedItem, Timestamp};
    use crate::ops::{BackupOutcome, Progress};

    fn status(state: State) -> Status {
        Status {
            backend: "filesystem".to_owned(),
            id: "nightly".to_owned(),
            path: "/b/nightly".to_owned(),
            location: Location::default(),
            state,
            error: (state != State::Success).then(|| "disk full".to_owned()),
            started_at: Timestamp::ZERO,
            completed_at: Timestamp::ZERO,
            collections: Vec::new(),
            raw_bytes: 4_000_000,
            base: None,
            from_node: None,
            progress: Progress { raw_done: 3_000_000, files_done: 5, ..Progress::default() },
            outcome: None,
        }
    }

    #[test]
    fn a_backup_tells_its_figures() {
        let outcome = BackupOutcome {
            stored_bytes: 1_000_000,
            new_bytes: 500_000,
            reused_bytes: 2 << 20,
            files: 9,
            scope: Scope::Node,
            pause_us: 1_250,
            skipped: vec![SkippedItem { what: "A/t".to_owned(), why: "dropped".to_owned() }],
        };
        let status = Status { outcome: Some(outcome), ..status(State::Success) };
        let report = ended(Of::Backup, &status, Duration::from_secs(2), Some(1 << 20));
        assert!(report.failure.is_none());
        for text in [
            "/b/nightly",
            "(ratio 0.250)",
            "2.00 s (2 MB/s)",
            "1.25 ms",
            "1.00 MiB at most",
            "A/t: dropped",
            "2.00 MiB of the raw",
        ] {
            assert!(report.text.contains(text), "{text}: {}", report.text);
        }
        let figures = [("ratio", 0.25), ("pauseMs", 1.25), ("megabytesPerSecond", 2.0), ("files", 9.0)];
        for (key, value) in figures {
            assert_eq!(report.json[key].as_f64(), Some(value), "{key}");
        }
        assert_eq!(report.json["scope"], "node");
        assert_eq!(report.json["skipped"][0]["what"], "A/t");
    }

    #[test]
    fn a_restore_counts_what_it_wrote() {
        let report = ended(Of::Restore, &status(State::Success), Duration::from_secs(1), None);
        assert!(report.text.contains("3 MB/s") && !report.text.contains("ratio"), "{}", report.text);
        assert_eq!(report.json["rawBytes"], 3_000_000);
    }

    #[test]
    fn failure_and_cancel_set_the_exit_code_and_keep_the_figures() {
        for (state, exit) in [(State::Failed, Exit::Failed), (State::Canceled, Exit::Cancelled)] {
            let report = ended(Of::Backup, &status(state), Duration::from_secs(1), None);
            let (code, message) = report.failure.unwrap();
            assert_eq!(code, exit);
            assert!(message.contains("`nightly`") && message.contains("disk full"), "{message}");
            assert_eq!((&report.json["error"], report.text.as_str()), (&json!("disk full"), ""));
        }
    }
}
