//! The `siltstone-db` program: the server, and a demonstration that tells for itself.

mod demo;
mod serve;
mod signals;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use siltstone::{Error, ErrorKind, Result};
use tracing_subscriber::EnvFilter;

/// A small database server that embeds Siltstone.
///
/// Collections of JSON objects and vectors, one LSM tree for each collection or tenant, and online backups of all of
/// them through sandboxed storage plugins.
#[derive(Debug, Parser)]
#[command(name = "siltstone-db", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
}

/// How long work that was given up may still run when the program ends.
const LINGER: Duration = Duration::from_secs(5);
/// Exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            if error.is(ErrorKind::Cancelled) { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    log(match cli.command {
        Command::Demo(_) => "warn",
        Command::Serve(_) => "info",
    })?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|e| Error::internal("start", "cannot start the runtime").with_source(e))?;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
        }
    });
    runtime.shutdown_timeout(LINGER);
    result
}

/// Sends logs to standard error; `RUST_LOG` says which.
fn log(default: &str) -> Result<()> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(if wanted.is_empty() { default } else { &wanted })
        .map_err(|e| Error::invalid("start", "RUST_LOG is no list of log filters").with_source(e))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
