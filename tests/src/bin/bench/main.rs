//! Benchmarks: what a backup costs against the tools that people would use instead, and against itself.
//!
//! All figures are ratios of runs that alternate in one call, on data that is locked in memory; see `--help` of each
//! command. A realistic data folder of 2 GiB is made by the generator that comes with the project's notes:
//!
//! ```text
//! rustc --edition 2021 -O lsmgen.rs -o lsmgen && ./lsmgen data --size 2GiB
//! cargo run --release -p siltstone-tests --bin bench -- peers --data data --work /var/tmp/bench
//! ```
//!
//! On a virtual machine whose kernel gives free memory back to its host (`/sys/module/page_reporting`), the first write to
//! a page costs ten times what it should and runs differ by a factor of two. Before measuring, let it keep what is free:
//! `echo 60000 > /sys/module/page_reporting/parameters/min_free_ms`, and 11 into `page_reporting_order` beside it.

mod child;
mod component;
mod data;
mod gate;
mod machine;
mod measure;
mod memory;
mod native;
mod peers;
mod plugins;
mod report;
mod run;
mod scaling;
mod start;
mod transport;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Report;

/// What goes wrong in a benchmark is shown and ends it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures siltstone on this machine.
#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Backup and restore against tar with pigz or zstd, and against cp.
    Peers(peers::Args),
    /// Two workers against one.
    Scaling(scaling::Args),
    /// The filesystem component against a storage without a sandbox.
    Component(component::Args),
    /// Peak memory of `siltstone backup --dir` and `restore --to` above the idle process.
    Memory(memory::Args),
    /// How long a cut holds the writers of the reference database.
    Gate(gate::Args),
    /// The S3 component against a client without a sandbox, on a server that this starts.
    Transport(transport::Args),
    /// How much later a host is ready with all transports enabled than with none.
    Start(start::Args),
    /// What loading a plugin costs, and what plugins that misbehave cost the others.
    Plugins(plugins::Args),
    /// One backup or restore in a process of its own; the other commands start it.
    #[command(hide = true)]
    Child(child::Args),
    /// The command line `siltstone`, which then says how much memory it took.
    #[command(hide = true)]
    Cli(memory::CliArgs),
}

fn main() -> ExitCode {
    let bench = Bench::parse();
    let report = match bench.command {
        Command::Peers(args) => peers::run(&args),
        Command::Scaling(args) => scaling::run(&args),
        Command::Component(args) => component::run(&args),
        Command::Memory(args) => memory::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Transport(args) => transport::run(&args),
        Command::Start(args) => start::run(&args),
        Command::Plugins(args) => plugins::run(&args),
        Command::Cli(args) => return memory::cli(&args),
        Command::Child(args) => return end(child::run(&args)),
    };
    end(report.and_then(|report| show(&report, bench.json)))
}

fn show(report: &Report, json: bool) -> Result<()> {
    report::print(&if json { report.json()? } else { report.text() })
}

fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
