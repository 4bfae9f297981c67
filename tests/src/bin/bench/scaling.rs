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
    let single = work.path("single");
    std::fs::create_dir(&single)?;
    // A symbolic link would not be backed up, and a hard link may not reach this filesystem.
    std::fs::copy(largest, single.join("segment"))?;
    let _single = Locked::folder(&single)?;
    let goals = Goals { wall: Some(Goal::AtLeast(1.8)), bytes: None };
    let mut rows = Vec::new();
    for (name, folder) in [
        ("all files, 1 worker / 2 workers".to_owned(), &data),
        (format!("one file of {} MB, 1 worker / 2 workers", len / 1_000_000), &single),
    ] {
        let mut one = side(&work, folder, 1);
        let mut two = side(&work, folder, 2);
        rows.push(compare(&name, args.pairs, &mut one, &mut two, goals)?);
    }
    Ok(Report::new("scaling", machine, rows))
}

fn side<'a>(work: &'a Work, folder: &Path, workers: usize) -> Side<'a> {
    let ours = Ours {
        work,
        verb: Verb::Backup,
        folder: folder.to_path_buf(),
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
