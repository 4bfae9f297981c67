//! The demonstration of the reference database, as its user starts it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::program;

/// Runs the demonstration with its scratch folder in another folder.
fn demo(scratch: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("demo").args(arguments).env("TMPDIR", scratch).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_demo_brings_back_every_object() {
    let scratch = tempfile::tempdir().unwrap();
    let output = demo(scratch.path(), &["--size", "20MB", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let figures: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
    assert_eq!(figures["verified"], true, "{figures}");
    assert_eq!(figures["problems"], serde_json::json!([]));
    let number = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("no `{name}` in {figures}"));
    assert!(number("raw_bytes") >= 20e6, "{figures}");
    assert!(number("stored_bytes") < number("raw_bytes") && number("ratio") < 1.0, "{figures}");
    assert!(number("objects") > 5_000.0 && number("objects") == number("objects_compared"), "{figures}");
    assert!(number("writes_during_backup") > 0.0 && number("writes_in_backup") > 0.0, "{figures}");
    for name in
        ["seconds", "mb_per_s", "restore_seconds", "pause_ms", "max_write_latency_ms", "peak_memory_bytes"]
    {
        assert!(number(name) > 0.0, "{name}: {figures}");
    }
    assert!(["node", "collection", "shard"].iter().any(|scope| figures["scope"] == *scope), "{figures}");
    assert!(is_empty(scratch.path()), "the scratch folder was left behind");
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let child = demo(scratch.path(), &["--size", "200MB"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while is_empty(scratch.path()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(500));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(is_empty(scratch.path()), "the scratch folder was left behind");
}

#[test]
fn wrong_arguments_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (["--size", "lots"], "300MB"),
        (["--compression", "Brotli"], "ZstdBestSpeed"),
        (["--size", "9999999GiB"], "TMPDIR"),
    ] {
        let output = demo(scratch.path(), &arguments).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{}", text(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("error: ") && said.contains(named), "{said}");
    }
    assert!(is_empty(scratch.path()));
}
