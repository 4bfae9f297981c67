//! What the sandbox costs: the filesystem component against the same host with a storage of its own process.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::child::{Backend, Verb};
use crate::data::{Locked, bytes};
use crate::machine::Machine;
use crate::measure::{Goals, Side, compare};
use crate::report::{Goal, Report, Row};
use crate::run::{Ours, Work};

/// Backups and a restore through the filesystem component, against the same ones without a sandbox.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder to back up; its files are locked in memory.
    #[arg(long)]
    data: PathBuf,
    /// Pairs of runs after the warm-up.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Where runs write.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
    /// Only these: gzip, zstd, none, restore.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Short name, row, compression, most that the component may cost.
const CASES: [(&str, &str, &str, Option<f64>); 3] = [
    ("gzip", "gzip default, component / in process", "DefaultCompression", Some(1.10)),
    ("zstd", "zstd default, component / in process", "ZstdDefaultCompression", None),
    ("none", "NoCompression, component / in process", "NoCompression", None),
];

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let data = args.data.canonicalize()?;
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let _locked = Locked::folder(&data)?;
    let wanted = |short: &str| args.only.is_empty() || args.only.iter().any(|o| o == short);
    let mut rows = Vec::new();
    for (_, name, compression, most) in CASES.iter().filter(|c| wanted(c.0)) {
        let goals = Goals { wall: most.map(Goal::AtMost), bytes: None };
        let mut sandboxed = backup(&work, &data, Backend::Filesystem, compression);
        let mut native = backup(&work, &data, Backend::Native, compression);
        rows.push(compare(name, args.pairs, &mut sandboxed, &mut native, goals)?);
    }
    if wanted("restore") {
        rows.push(restore(&work, &data, args.pairs)?);
    }
    Ok(Report::new("component", machine, rows))
}

fn ours<'a>(
    work: &'a Work,
    verb: Verb,
    folder: &Path,
    backend: Backend,
    compression: &'a str,
    store: &'a str,
) -> Ours<'a> {
    Ours { work, verb, folder: folder.to_path_buf(), store, backend, compression, workers: 2 }
}

fn backup<'a>(work: &'a Work, data: &Path, backend: Backend, compression: &'a str) -> Side<'a> {
    let ours = ours(work, Verb::Backup, data, backend, compression, "store");
    side(work, ours, "store")
}

fn restore(work: &Work, data: &Path, pairs: usize) -> Result<Row> {
    ours(work, Verb::Backup, data, Backend::Native, "DefaultCompression", "kept").run()?;
    let _store = Locked::folder(&work.path("kept"))?;
    let new = work.path("restored");
    let run = |backend| side(work, ours(work, Verb::Restore, &new, backend, "-", "kept"), "restored");
    let goals = Goals::default();
    let (mut sandboxed, mut native) = (run(Backend::Filesystem), run(Backend::Native));
    compare("restore of gzip, component / in process", pairs, &mut sandboxed, &mut native, goals)
}

fn side<'a>(work: &'a Work, ours: Ours<'a>, made: &'a str) -> Side<'a> {
    Side {
        run: Box::new(move || ours.run().map(drop)),
        after: Box::new(move || {
            let size = bytes(&work.path(made))?;
            work.clear(made)?;
            Ok(size)
        }),
    }
}
