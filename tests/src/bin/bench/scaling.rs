//! Two workers against one.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::child::{Backend, Verb};
use crate::data::{Locked, bytes, files};
use crate::machine::Machine;
use crate::measure::{Goals, Side, compare};
use crate::report::{Goal, Report};
use crate::run::{Ours, Work};

/// gzip backups with one and with two workers, of the whole folder and of its largest file alone.
///
/// The ratio is the time of one worker over that of two: how many times as fast two are.
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
}

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let data = args.data.canonicalize()?;
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let _locked = Locked::folder(&data)?;
    let (largest, len) = files(&data)?.into_iter().max_by_key(|f| f.1).ok_or("no files")?;
    let largest = largest.strip_prefix(&data)?.to_path_buf();
    let goals = Goals { wall: Some(Goal::AtLeast(1.8)), bytes: None };
    let mut rows = Vec::new();
    for (name, only) in [
        ("all files, 1 worker / 2 workers".to_owned(), None),
        (format!("one file of {} MB, 1 worker / 2 workers", len / 1_000_000), Some(largest)),
    ] {
        let mut one = side(&work, &data, only.clone(), 1);
        let mut two = side(&work, &data, only, 2);
        rows.push(compare(&name, args.pairs, &mut one, &mut two, goals)?);
    }
    Ok(Report::new("scaling", machine, rows))
}

fn side<'a>(work: &'a Work, data: &Path, only: Option<PathBuf>, workers: usize) -> Side<'a> {
    let ours = Ours {
        work,
        verb: Verb::Backup,
        folder: data.to_path_buf(),
        only,
        store: "store",
        backend: Backend::Filesystem,
        compression: "DefaultCompression",
        workers,
    };
    Side {
        run: Box::new(move || ours.run().map(drop)),
        after: Box::new(|| {
            let made = bytes(&work.path("store"))?;
            work.clear("store")?;
            Ok(made)
        }),
    }
}
