//! Peak memory of a backup and a restore above that of the idle process.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::child::{Answer, Backend, Verb};
use crate::data::bytes;
use crate::machine::Machine;
use crate::measure::median;
use crate::report::{Goal, Report, Row};
use crate::run::{Ours, Work};

/// The most memory that a process ever had (VmHWM) minus what it has when the host is ready and idle (VmRSS), with
/// default settings. Give folders of different sizes: the figure must not depend on it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder to back up; may be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// Runs of each; the first ever also fills the cache of compiled plugins and does not count.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Where runs write.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
    /// `CompressionLevel` of the backup.
    #[arg(long, default_value = "DefaultCompression")]
    compression: String,
}

/// Most bytes above idle.
const MOST_MIB: f64 = 128.0;

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let mut rows = Vec::new();
    for data in &args.data {
        let data = data.canonicalize()?;
        let gib = bytes(&data)? as f64 / f64::from(1 << 30);
        let one = |verb, folder: &Path| Ours {
            work: &work,
            verb,
            folder: folder.to_path_buf(),
            only: None,
            store: "store",
            backend: Backend::Filesystem,
            compression: &args.compression,
            workers: 2,
        };
        let (mut backups, mut restores) = (Vec::new(), Vec::new());
        for number in 0..=args.runs {
            work.clear("store")?;
            let backup = one(Verb::Backup, &data).run_settled()?;
            let restore = one(Verb::Restore, &work.path("restored")).run_settled()?;
            work.clear("restored")?;
            if number > 0 {
                backups.push(backup);
                restores.push(restore);
            }
        }
        rows.push(row(format!("backup of {gib:.1} GiB, {}", args.compression), &backups));
        rows.push(row(format!("restore of {gib:.1} GiB"), &restores));
    }
    Ok(Report::new("memory", machine, rows))
}

fn row(name: String, answers: &[Answer]) -> Row {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let of = |figure: &dyn Fn(&Answer) -> u64| median(answers.iter().map(|a| mib(figure(a))).collect());
    Row::new(name)
        .goal("above idle, MiB", of(&|a| a.peak_rss - a.idle_rss), Some(Goal::AtMost(MOST_MIB)))
        .figure("idle, MiB", of(&|a| a.idle_rss))
        .figure("peak, MiB", of(&|a| a.peak_rss))
}
