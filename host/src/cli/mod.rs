//! The command line: talks to a server, or works on folders straight through a backend's plugin.
//!
//! Everything a command has to say goes to standard output, as text or, with `--json`, as one JSON value. Progress, logs
//! and the line `error: …` go to standard error; with `--json` an error is an object on standard output. Exit codes are
//! those of [`Exit`].

mod args;
mod check;
mod client;
mod component;
mod copy;
mod direct;
mod figures;
mod folder;
mod nothing;
mod peak;
mod plugins;
mod progress;
mod remote;
mod render;
mod report;
mod signals;
mod state;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use crate::error::{Error, Result};
use args::{BackupArgs, Cli, Command, PluginCommand, RestoreArgs};
pub use report::Exit;
use report::Report;

/// Variable that says what is logged.
const LOG: &str = "SILTSTONE_LOG";

/// What is logged when it does not say. How an operation ended is told by the command that ran it.
const LOGGED: &str =
    "warn,siltstone::ops::backup=error,siltstone::ops::restore=error,siltstone::ops::copy=error";

/// Runs the command line with its arguments, the name of the program first, and answers how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) => return usage(&e, args.iter().any(|a| a == "--json")),
    };
    log();
    let ended = runtime().and_then(|runtime| runtime.block_on(dispatch(cli.command)));
    show(ended, cli.json)
}

async fn dispatch(command: Command) -> Result<Report> {
    match command {
        Command::Backup(BackupArgs { dir: Some(folder), collection, what, .. }) => {
            direct::backup(&folder, collection.as_ref(), what).await
        }
        Command::Backup(BackupArgs { dir: None, what, server, wait, .. }) => {
            remote::backup(&server, what, wait).await
        }
        Command::Restore(RestoreArgs { to: Some(folder), what, .. }) => direct::restore(&folder, what).await,
        Command::Restore(RestoreArgs { to: None, what, server, wait, .. }) => {
            remote::restore(&server, what, wait).await
        }
        Command::Status(args) => remote::status(&args).await,
        Command::Cancel(args) => remote::cancel(&args).await,
        Command::List(args) if args.local => direct::list(&args).await,
        Command::List(args) => remote::list(&args).await,
        Command::Verify(args) => direct::verify(&args).await,
        Command::Copy(args) => copy::copy(&args).await,
        Command::Forget(args) => direct::forget(&args).await,
        Command::Plugin(PluginCommand::List(args)) => plugins::list(&args).await,
        Command::Plugin(PluginCommand::Inspect(args)) => plugins::inspect(&args).await,
        Command::Plugin(PluginCommand::Check(args)) => check::check(&args).await,
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::internal("start", "the runtime cannot be started").with_source(e))
}

fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let colours = std::io::stderr().is_terminal();
    // A second call in one process finds the first one's logger and leaves it.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init();
}

fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if !error.use_stderr() || !json {
        // Help and version go to standard output, the rest to standard error; a closed pipe is no concern of ours.
        let _ = error.print();
        return if error.use_stderr() { Exit::Refused.into() } else { Exit::Done.into() };
    }
    let message = one_line(&error.render().to_string());
    say(&json!({ "error": { "kind": "usage", "message": message } }).to_string());
    Exit::Refused.into()
}

/// What clap says before it shows the usage.
fn one_line(text: &str) -> String {
    let head: Vec<&str> = text.lines().take_while(|l| !l.starts_with("Usage:")).map(str::trim).collect();
    head.join(" ").trim().trim_start_matches("error: ").to_owned()
}

/// Prints what came out and answers the exit code.
fn show(ended: Result<Report>, json: bool) -> ExitCode {
    match ended {
        Ok(report) => {
            if json {
                say(&report.json.to_string());
            } else if !report.text.is_empty() {
                say(report.text.trim_end());
            }
            match report.failure {
                None => Exit::Done.into(),
                Some((exit, message)) => {
                    complain(&message);
                    exit.into()
                }
            }
        }
        Err(error) => {
            let exit = Exit::of(&error);
            if json {
                let kind = render::kind(error.kind());
                say(&json!({ "error": { "kind": kind, "message": error.to_string() } }).to_string());
            } else {
                complain(&error.to_string());
            }
            exit.into()
        }
    }
}

/// A reader that went away (`| head`) is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {}", render::plain(message));
}
