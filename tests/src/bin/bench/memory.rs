//! Peak memory of a backup and a restore by the command line, above that of the idle process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::Result;
use crate::data::bytes;
use crate::machine::{Machine, field};
use crate::measure::median;
use crate::report::{Goal, Report, Row, complain, print};
use crate::run::Work;

/// The most memory that `siltstone backup --dir` and `restore --to` ever had (VmHWM), minus that of the same process when
/// it only starts the host and its plugin (`siltstone list --local`), with default settings. Give folders of different
/// sizes: the figure must not depend on it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder to back up; may be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// Runs of each; the figure is the largest.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Where runs write.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
    /// `CompressionLevel` of the backup.
    #[arg(long, default_value = "DefaultCompression")]
    compression: String,
}

/// Arguments of the command line.
#[derive(clap::Args)]
pub(crate) struct CliArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Most MiB above idle.
const MOST_MIB: f64 = 128.0;
/// What the line with the peak begins with.
const PEAK: &str = "peak-bytes ";

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    // The first start compiles the plugin, which takes more memory than all that follows.
    start(&work, &["list", "--local"], None)?;
    let idle = (0..args.runs.max(1))
        .map(|_| start(&work, &["list", "--local"], None))
        .collect::<Result<Vec<_>>>()
        .map(median)?;
    let mut rows = Vec::new();
    for data in &args.data {
        let data = data.canonicalize()?;
        let gib = bytes(&data)? as f64 / f64::from(1 << 30);
        let (mut backup, mut restore) = (0_f64, 0_f64);
        for _ in 0..args.runs.max(1) {
            work.clear("store")?;
            let words = [
                "backup",
                "--id",
                "bench",
                "--collection",
                "Bench",
                "--compression",
                &args.compression,
                "--dir",
            ];
            backup = backup.max(start(&work, &words, Some(&data))?);
            let words = ["restore", "--id", "bench", "--to"];
            restore = restore.max(start(&work, &words, Some(&work.path("restored")))?);
            work.clear("restored")?;
        }
        rows.push(row(format!("backup of {gib:.1} GiB, {}", args.compression), backup, idle));
        rows.push(row(format!("restore of {gib:.1} GiB"), restore, idle));
    }
    Ok(Report::new("memory", machine, rows))
}

fn row(name: String, peak: f64, idle: f64) -> Row {
    Row::new(name)
        .goal("above idle, MiB", peak - idle, Some(Goal::AtMost(MOST_MIB)))
        .figure("idle, MiB", idle)
        .figure("peak, MiB", peak)
}

/// Runs the command line in a process of its own and answers its peak in MiB.
fn start(work: &Work, words: &[&str], folder: Option<&Path>) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["cli", "--", "--json"])
        .args(words)
        .args(folder)
        .env("BACKUP_FILESYSTEM_PATH", work.path("store"))
        .env("SILTSTONE_STATE_DIR", work.path("state"))
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("`siltstone {}` ended with {}: {text}", words.join(" "), output.status).into());
    }
    let peak = text.lines().find_map(|l| l.strip_prefix(PEAK)).ok_or("no peak was told")?;
    Ok(peak.parse::<f64>()? / f64::from(1 << 20))
}

/// Is the command line, and tells its peak at the end.
pub(crate) fn cli(args: &CliArgs) -> ExitCode {
    let code = siltstone::cli::run(std::iter::once("siltstone".into()).chain(args.args.iter().cloned()));
    let told = peak().and_then(|peak| print(&format!("{PEAK}{peak}\n")));
    match told {
        Ok(()) => code,
        Err(error) => {
            complain(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    field(&status, "VmHWM:").ok_or_else(|| "/proc/self/status has no VmHWM".into())
}
