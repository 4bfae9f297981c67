//! What loading a plugin costs, and what plugins that misbehave cost the others and the host.

mod faults;
mod hostile;
mod load;
mod neighbours;

use std::path::PathBuf;

use siltstone::Host;
use siltstone_tests::ops_house::Plan;
use tokio::runtime::Runtime;

use crate::Result;
use crate::machine::Machine;
use crate::report::Report;
use crate::run::Work;

/// Loads components, and runs the filesystem plugin beside the hostile one of the tests, all on the runtime of a host.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Components to load; none: the bundled ones.
    #[arg(long)]
    component: Vec<PathBuf>,
    /// Loads of each component, cold and cached.
    #[arg(long, default_value_t = 5)]
    loads: usize,
    /// Rounds of the comparison after the warm-up.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one measurement in a round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Calls that fault.
    #[arg(long, default_value_t = 10_000)]
    faults: u32,
    /// Where runs write: a folder in memory, so that the disk is not what is measured.
    #[arg(long, default_value = "/dev/shm/siltstone-bench")]
    work: PathBuf,
    /// Only these: load, neighbours, faults.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let own = Runtime::new()?;
    // Its runtime is what plugins run on in production, with as many threads.
    let host = own.block_on(host(&work))?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut rows = Vec::new();
    if wanted("load") {
        rows.extend(load::run(&host, &work, &args.component, args.loads)?);
    }
    if wanted("neighbours") {
        rows.extend(neighbours::run(&host, &work, args.rounds, args.seconds)?);
    }
    if wanted("faults") {
        rows.push(faults::run(&host, &work, args.faults)?);
    }
    own.block_on(host.shutdown());
    Ok(Report::new("plugins", machine, rows))
}

async fn host(work: &Work) -> Result<Host> {
    let base = work.path("host");
    std::fs::create_dir_all(&base)?;
    Ok(Plan::new(&base, "bench")?.start().await?.host)
}
